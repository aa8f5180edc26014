//! Numbers of gbstats, SciPy, statsmodels and spotify-confidence, case by case (tests/data/README.md).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_models_experiment::check;
use footfall_models_experiment::statistics::bandit::{ArmPosterior, best_arm_probabilities, thompson_choice};
use footfall_models_experiment::statistics::counts::{Count, fisher, score_difference};
use footfall_models_experiment::statistics::heterogeneity::heterogeneity;
use footfall_models_experiment::statistics::srm::{ratio_check, root_cause};
use footfall_models_experiment::statistics::{
    Difference, Effect, Method, Moments, Refusal, Settings, Statistic, Values, analyse, fallback,
};

#[test]
fn the_oracles_cases_pass() {
    let report = check::statistics(include_str!("data/ab_oracle_public.json"));
    let failed: Vec<_> = report.outcomes.iter().filter(|outcome| !outcome.passed).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), report.outcomes.len());
    assert_eq!(report.passed(), 130);
}

#[test]
fn gbstats_on_random_and_degenerate_data_agrees() {
    let report = check::statistics(include_str!("data/gbstats_cases.json"));
    let failed: Vec<_> = report.outcomes.iter().filter(|outcome| !outcome.passed).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), report.outcomes.len());
    assert_eq!(report.passed(), 183);
}

#[test]
fn the_ends_of_data_are_answered_as_by_gbstats_scipy_and_statsmodels() {
    let report = check::statistics(include_str!("data/edge_cases.json"));
    let failed: Vec<_> = report.outcomes.iter().filter(|outcome| !outcome.passed).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), report.outcomes.len());
    assert_eq!(report.passed(), 218);
}

/// A metric without a p-value is no test of the family (the figures are those of the others alone), a level of the false discovery rate may be
/// any, and where less is better the closed form of the chance that there is more is told apart.
#[test]
fn cases_may_leave_out_and_turn_around() {
    let report = check::statistics(
        r#"[{"kind": "multiplicity", "input": {"p_values": [0.01, null, 0.04]}, "expected": {"holm": [0.02, null, 0.04],
            "benjamini_hochberg": [0.02, null, 0.04], "reject_bh_0.025": [true, false, false]}},
        {"kind": "bayesian", "input": {"a": {"n": 5000, "sum": 500}, "b": {"n": 5100, "sum": 590}, "statistic": "proportion"},
            "config": {"difference": "absolute", "alpha": 0.05, "inverse": true}, "tol": {"rel": 1e-7, "abs": 1e-10},
            "expected": {"chance_to_win": 0.0055005623235669, "closed_form": {"chance_to_win": 0.9944994376764331,
            "loss_if_treatment": 1.082459971174381e-05, "loss_if_control": 0.015697099109515666}}}]"#,
    );
    assert_eq!((report.passed(), report.failed()), (2, 0), "{report}");
}

/// `getAdjustedCI` of GrowthBook's `packages/shared` at 8f1db44: an interval that would be wider at one end alone stays, and what is all but 1 is 1.
#[test]
fn intervals_are_widened_as_by_growthbook() {
    let report = check::statistics(
        r#"[{"kind": "adjusted_ci", "input": {"lift": 0.5, "ci": [-0.5, 3], "p_adjusted": 0.5}, "config": {"threshold": 0.05},
            "expected": {"ci_adjusted": [-0.5, 3]}},
        {"kind": "adjusted_ci", "input": {"lift": 0.5, "ci": [-0.5, "Infinity"], "p_adjusted": 0.5}, "config": {"threshold": 0.05},
            "expected": {"ci_adjusted": [-0.5, "Infinity"]}},
        {"kind": "adjusted_ci", "input": {"lift": 0.5, "ci": [-0.5, 3], "p_adjusted": 0.9999995}, "config": {"threshold": 0.05},
            "expected": {"ci_adjusted": ["-Infinity", "Infinity"]}}]"#,
    );
    assert_eq!((report.passed(), report.failed()), (3, 0), "{report}");
}

/// The public case with a target of which the power is all but there. The figures are those of gbstats' halving, which ends 0.7 % off.
#[test]
fn a_few_users_more_are_those_of_gbstats() {
    let report = check::statistics(
        r#"[{"kind": "mid_experiment_power", "input": {"a": {"n": 500, "sum": 4944.118245, "sum_squares": 53012.306541132646},
            "b": {"n": 800, "sum": 8199.591210999999, "sum_squares": 96114.14929153815}}, "config": {"target_mde": 0.0542, "target_power": 0.8},
            "expected": {"power_now": 0.7994770428762686, "scaling_factor": 0.0013427734375, "additional_users": 1.74560546875,
            "message": "successful", "error": null}, "tol": {"rel": 0.001, "abs": 1e-06}}]"#,
    );
    assert_eq!((report.passed(), report.failed()), (1, 0), "{report}");
}

/// Of a hundred million users, as of a hundred: by both tails of the hypergeometric distribution.
#[test]
fn fishers_p_of_many_users_is_exact() {
    let count = |n: f64, successes: f64| Count::new(n, successes).unwrap();
    let p = |a, b| fisher(a, b).unwrap();
    // SciPy 1.17.
    assert!((p(count(1e8, 1e7), count(1e8, 10_005_000.0)) / 0.238_738_919_085_372 - 1.0).abs() < 1e-6);
    assert_eq!(p(count(1e8, 1e7), count(1e8, 1e7)), 1.0);
    assert!(p(count(1e8, 1e7), count(1e8, 1.1e7)) < 1e-300);
    let (a, b) = (count(1e8, 1e7), count(2e8, 2.003e7));
    assert!((p(a, b) / p(b, a) - 1.0).abs() < 1e-6, "whichever comes first");
}

/// The level whose users are off comes first; the others are cleared.
#[test]
fn the_cause_of_a_mismatch_is_found() {
    let levels = [vec![5_010.0, 4_990.0], vec![900.0, 1_300.0], vec![2_480.0, 2_520.0], vec![0.0, 0.0]];
    let suspects = root_cause(&levels, &[0.5, 0.5]);
    assert_eq!(suspects[0].level, 1);
    assert!(suspects[0].p_value_adjusted < 1e-10 && suspects[1].p_value_adjusted > 0.1);
    assert!((suspects[0].deviations[1] - 200.0 / 1_100.0).abs() < 1e-12);
    let stray = ratio_check(&[500.0, 500.0, 1.0], &[0.5, 0.5, 0.0]);
    assert_eq!((stray.p_value, stray.degrees_of_freedom), (0.0, 1.0));
}

#[test]
fn an_effect_that_differs_between_levels_is_seen() {
    let arm = |successes: f64| Statistic::proportion(10_000.0, successes);
    let same = [(arm(1_000.0), arm(1_100.0)), (arm(2_000.0), arm(2_100.0)), (arm(0.0), arm(0.0))];
    let found = heterogeneity(&same, Difference::Absolute);
    assert_eq!(found.levels.len(), 2);
    assert!(found.p_value > 0.5);
    let different = [(arm(1_000.0), arm(1_200.0)), (arm(2_000.0), arm(1_800.0))];
    assert!(heterogeneity(&different, Difference::Absolute).p_value < 1e-6);
}

/// Where gbstats says "0, p 1", there is an answer.
#[test]
fn degenerate_data_have_an_answer() {
    let constant = |n: f64, value: f64| Statistic::mean_of_sums(n, n * value, n * value * value);
    let (a, b) = (constant(40.0, 5.0), constant(40.0, 6.0));
    assert_eq!(Effect::between(&a, &b, Difference::Absolute), Err(Refusal::ZeroNegativeVariance));
    let answer = fallback::answer(&a, &b, Difference::Absolute, 0.05).unwrap();
    // 2 / (80 over 40).
    assert!((answer.p_value / 1.860_340_365_603_6e-23 - 1.0).abs() < 1e-9);
    assert_eq!((answer.estimate, answer.interval), (1.0, None));
    // 1 / (22 over 10): arms of different sizes cannot change places. SciPy's Fisher test of 0 of 10 and 12 of 12 says the same.
    let answer = fallback::answer(&constant(10.0, 5.0), &constant(12.0, 6.0), Difference::Absolute, 0.05).unwrap();
    let exact = fisher(Count::new(10.0, 0.0).unwrap(), Count::new(12.0, 12.0).unwrap()).unwrap();
    assert!((answer.p_value / 1.546_441_174_924_147e-6 - 1.0).abs() < 1e-9, "{answer:?}");
    assert!((exact / answer.p_value - 1.0).abs() < 1e-9, "{exact} {answer:?}");

    let (a, b) = (Statistic::proportion(500.0, 0.0), Statistic::proportion(500.0, 6.0));
    let answer = fallback::answer(&a, &b, Difference::Absolute, 0.05).unwrap();
    assert!((answer.p_value - 0.030_782_192_201).abs() < 1e-9);
    let (low, high) = answer.interval.unwrap();
    assert!(low > 0.0 && low < 0.012 && high > 0.012 && high < 0.03);

    // Sums lose everything at a mean of 1e8; centred moments do not.
    let values = |shift: f64| (0..1_000).map(move |i| [1e8 + shift + f64::from(i % 7)]);
    let arms = [0.0, 0.5].map(|shift| Statistic::Mean(Values::new(Moments::of(values(shift)))));
    let effect = Effect::between(&arms[0], &arms[1], Difference::Absolute).unwrap();
    assert!((effect.estimate - 0.5).abs() < 1e-6 && (effect.standard_error / 0.089_4 - 1.0).abs() < 0.01);
}

/// Miettinen and Nurminen's interval covers: the score statistic at its ends is z (checked against their own table's case).
#[test]
fn the_score_interval_is_miettinen_and_nurminens() {
    let (a, b) = (Count::new(50.0, 40.0).unwrap(), Count::new(50.0, 50.0).unwrap());
    let (low, high) = score_difference(a, b, 0.05);
    assert!((low - 0.112_108_826).abs() < 1e-8 && high > 0.32 && high < 0.35);
    let (low, high) = score_difference(b, a, 0.05);
    assert!((high + 0.112_108_826).abs() < 1e-8 && low < -0.32);
}

/// Thompson's draws choose each arm as often as it is the best.
#[test]
fn thompsons_choices_follow_the_chances() {
    let arms = [(1.0, 0.2), (1.1, 0.1), (0.7, 0.3)].map(|(mean, deviation)| ArmPosterior { mean, deviation });
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let mut counts = [0.0; 3];
    for _ in 0..20_000 {
        counts[thompson_choice(&arms, false, &mut uniform).unwrap()] += 1.0;
    }
    for (count, chance) in counts.iter().zip(best_arm_probabilities(&arms, false)) {
        assert!((count / 20_000.0 - chance).abs() < 0.015, "{counts:?}");
    }
}

/// The words say what the numbers say, and no more.
#[test]
fn an_analysis_reads_itself() {
    let arms = |successes: f64| (Statistic::proportion(20_000.0, 2_000.0), Statistic::proportion(20_000.0, successes));
    let better = analyse(&[arms(2_400.0)], &Settings::default());
    assert!(
        better.can_be_said.starts_with("Treatment is better: the difference is between +"),
        "{}",
        better.can_be_said
    );
    assert!(better.can_be_said.contains("whenever one looks") && better.posterior.unwrap().chance_to_win > 0.999);
    let worse = analyse(&[arms(2_400.0)], &Settings { lower_is_better: true, ..Settings::default() });
    assert!(worse.can_be_said.starts_with("Treatment is worse"));
    assert!(worse.posterior.unwrap().chance_to_win < 0.001);
    let open = analyse(&[arms(2_010.0)], &Settings { method: Method::FixedHorizon, ..Settings::default() });
    assert!(open.can_be_said.contains("if this is the only look") && open.cannot_be_said.contains("which is better"));
    let none = (Statistic::proportion(500.0, 0.0), Statistic::proportion(500.0, 6.0));
    let thin = analyse(&[none], &Settings { difference: Difference::Absolute, ..Settings::default() });
    assert!(thin.method.starts_with("Fisher") && thin.can_be_said.contains("p = 3.08e-2"), "{thin:?}");
    let empty = analyse(&[], &Settings::default());
    assert_eq!((empty.method, empty.can_be_said.as_str()), ("none", "Nothing yet."));
}
