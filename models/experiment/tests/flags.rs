//! GrowthBook's own SDK suite, case by case (tests/data/README.md).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_models_experiment::check;

#[test]
fn growthbooks_suite_passes() {
    let report = check::flags(include_str!("data/growthbook_cases.json"));
    let failed: Vec<_> = report.outcomes.iter().filter(|outcome| !outcome.passed).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), report.outcomes.len());
    assert_eq!(report.passed(), 517);
}

/// As `@growthbook/growthbook` 1.8.0 answers them: what is no text is hashed as the text that JavaScript makes of it, `parseInt` reads
/// hexadecimal digits, and nothing said of coverage is all of it.
#[test]
fn what_javascript_reads_is_read() {
    let cases = r#"{
        "hash": [["seed", 12, 1, 0.579], ["seed", 12, 2, 0.7551]],
        "inNamespace": [["a number", 12, ["ns", 0.9, 1], true]],
        "getQueryStringOverride": [["hexadecimal", "exp", "http://x/?exp=0x1", 2, 1], ["an end", "exp", "http://x/?exp=0X1g", 2, 1],
            ["no digits", "exp", "http://x/?exp=0x", 2, null]],
        "getBucketRange": [["two", [2], [[0, 0.5], [0.5, 1]]], ["null", [2, null], [[0, 0], [0.5, 0.5]]]]
    }"#;
    let report = check::flags(cases);
    assert_eq!((report.passed(), report.failed()), (8, 0), "{report}");
}
