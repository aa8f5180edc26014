//! Where input ends: conditions that mean nothing, shares that sum to nothing, every operator with every type, answered as
//! `@growthbook/growthbook` answers them.

use std::process::Command;

use footfall_models_experiment::check;

use crate::sdks::{cache, program_of};

#[test]
fn edges_are_evaluated_as_the_sdk_evaluates_them() {
    let script = "flag_edges.cjs";
    let Some(program) = program_of(script) else { return };
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sdk").join(script);
    let output = Command::new(program).arg(path).env("NODE_PATH", cache().join("node/node_modules")).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = check::flags(&String::from_utf8(output.stdout).expect("text"));
    assert!(report.outcomes.len() > 90_000, "{} cases", report.outcomes.len());
    let failed = report.outcomes.iter().filter(|outcome| !outcome.passed);
    let told: Vec<String> = failed.take(20).map(|outcome| format!("{}: {}", outcome.name, outcome.detail)).collect();
    assert!(told.is_empty(), "{} of {} differ:\n{}", report.failed(), report.outcomes.len(), told.join("\n"));
}
