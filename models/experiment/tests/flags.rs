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
