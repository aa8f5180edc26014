//! `footfall flags check` and `footfall stats check` on files of cases with known answers: right ones, a wrong one, none.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::gear::root;
use crate::server::binary;

fn check(kind: &str, file: &PathBuf) -> (Output, String) {
    let output = Command::new(binary()).args([kind, "check"]).arg(file).output().expect("footfall runs");
    let last = String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned();
    (output, last)
}

fn data(name: &str) -> PathBuf {
    root().join("models/experiment/tests/data").join(name)
}

#[test]
fn every_public_case_passes() {
    for (kind, file, passed) in [("flags", "growthbook_cases.json", 517), ("stats", "ab_oracle_public.json", 130)] {
        let (output, last) = check(kind, &data(file));
        assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(last, format!("{passed} passed, 0 failed"));
    }
}

#[test]
fn a_wrong_answer_is_noticed_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(data("growthbook_cases.json")).unwrap();
    let mut cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    cases["inNamespace"][0][3] = serde_json::json!(!cases["inNamespace"][0][3].as_bool().unwrap());
    let file = folder.path().join("wrong.json");
    std::fs::write(&file, cases.to_string()).unwrap();
    let (output, last) = check("flags", &file);
    assert_eq!((output.status.code(), last.as_str()), (Some(1), "516 passed, 1 failed"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("FAIL inNamespace[0]"));
}

#[test]
fn no_file_and_no_json_are_said_so() {
    let (missing, _) = check("stats", &PathBuf::from("/nowhere/cases.json"));
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("/nowhere/cases.json"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noise.json");
    std::fs::write(&file, "noise").unwrap();
    for kind in ["stats", "flags"] {
        let (output, last) = check(kind, &file);
        assert_eq!((output.status.code(), last.as_str()), (Some(1), "0 passed, 1 failed"), "{kind}");
    }
}
