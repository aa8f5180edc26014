//! What has to hold for any input: evaluation never fails, statistics never leave their ranges, parts add up.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_models_experiment::Value;
use footfall_models_experiment::assign::{
    BucketRange, Condition, Evaluator, HashVersion, Payload, SavedGroups, StickyBuckets, UrlTargets, User, bucket,
    bucket_ranges, choose_variation, decrypt, encrypt, merge_queries, redirects,
};
use footfall_models_experiment::check;
use footfall_models_experiment::pattern::Pattern;
use footfall_models_experiment::posthog;
use footfall_models_experiment::statistics::multiplicity::{benjamini_hochberg, bonferroni, holm, hommel};
use footfall_models_experiment::statistics::srm::ratio_check;
use footfall_models_experiment::statistics::{
    Alternative, Difference, Effect, Moments, Sequential, Statistic, Values, fallback, welch,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Any JSON, with the words of conditions and rules among its names.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "$and",
            "$or",
            "$nor",
            "$not",
            "$in",
            "$nin",
            "$ini",
            "$all",
            "$elemMatch",
            "$regex",
            "$gt",
            "$lte",
            "$vgt",
            "$veq",
            "$size",
            "$exists",
            "$type",
            "$inGroup",
            "a",
            "b",
            "a.b",
            "id",
            "force",
            "rules",
            "features",
            "condition",
            "weights",
            "variations",
            "coverage",
            "ranges",
            "namespace",
            "filters",
            "parentConditions",
            "hashVersion",
            "meta",
            "key",
            "defaultValue",
            "experiments",
            "urlPatterns",
            "contextualBanditRef",
            "contextualBandits",
            "contexts",
            "attributes",
            "flags",
            "groups",
            "properties",
            "operator",
            "value",
            "type",
            "rollout_percentage",
            "multivariate",
            "variants",
            "cohorts",
            "active",
            "values",
            "filters",
            "holdout",
        ])
        .prop_map(str::to_owned),
        "[a-c]{1,3}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![Just(0.0), Just(1.0), -3.0..3.0, any::<f64>()].prop_map(Value::Number),
        "[a-c0-9.*+(\\[\\\\^$?é-]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::Array),
            vec((name.clone(), inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_payload_is_evaluated(features in any_json(), rule in any_json(), attributes in any_json(), url in "[a-z:/?&=#.*%]{0,20}") {
        let feature = Value::Object([("rules", Value::Array(vec![rule.clone(), features.clone()]))].into_iter().collect());
        let members = [("features", Value::Object([("a", feature)].into_iter().collect())),
            ("experiments", Value::Array(vec![rule.clone(), features.clone()])), ("savedGroups", features.clone())];
        let payload = Payload::compile(&Value::Object(members.into_iter().collect()));
        let user = User { url: url.clone(), ..User::new(attributes.clone()) };
        let mut buckets = StickyBuckets::default();
        let first = Evaluator::new(&payload, &user).with_sticky_buckets(&mut buckets).with_exposures().evaluate("a").to_value();
        let second = Evaluator::new(&payload, &user).with_sticky_buckets(&mut buckets).evaluate("a").to_value();
        // Sticky buckets change who decided, not what.
        prop_assert_eq!(first.get("value"), second.get("value"));
        redirects(Evaluator::new(&payload, &user));
        Condition::compile(&rule, &SavedGroups::read(&features)).holds(&attributes);
        UrlTargets::read(&rule).include(&url);
        merge_queries(&url, &url);
    }

    #[test]
    fn any_flag_definition_is_evaluated(flag in any_json(), properties in any_json(), cohorts in any_json()) {
        let flag = Value::Object([("key", "f".into()), ("active", true.into()), ("filters", flag)].into_iter().collect());
        let definitions = [("flags", Value::Array(vec![flag])), ("cohorts", cohorts)];
        let flags = posthog::Flags::compile(&Value::Object(definitions.into_iter().collect()));
        let request = Value::Object([("distinct_id", "x".into()), ("person_properties", properties)].into_iter().collect());
        let subject = posthog::Subject::read(&request, true, jiff::Timestamp::UNIX_EPOCH);
        for flag in flags.all() {
            posthog::Evaluator::new(&flags, &subject).evaluate(flag);
        }
    }

    #[test]
    fn any_pattern_is_read_and_any_file_is_checked(pattern in "\\PC{0,24}", text in "\\PC{0,24}", json in any_json()) {
        for ignore_case in [false, true] {
            if let Ok(pattern) = Pattern::compile(&pattern, ignore_case) {
                pattern.is_match(&text);
            }
        }
        check::flags(&json.to_string());
        check::statistics(&json.to_string());
        check::statistics(&pattern);
    }

    #[test]
    fn what_is_encrypted_is_decrypted(plain in "\\PC{0,80}", iv in any::<[u8; 16]>(), noise in "\\PC{0,40}") {
        let key = "Zvwv/+uhpFDznZ6SX28Yjg==";
        let encrypted = encrypt(&plain, key, iv).unwrap();
        prop_assert_eq!(decrypt(&encrypted, key).unwrap(), plain);
        prop_assert!(decrypt(&noise, &noise).is_err());
    }

    #[test]
    fn ranges_cover_what_they_should(weights in vec(0.0f64..1.0, 2..6), coverage in 0.0f64..1.0) {
        let total: f64 = weights.iter().sum();
        prop_assume!(total > 0.1);
        let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let ranges = bucket_ranges(weights.len(), coverage, Some(&weights));
        let covered: f64 = ranges.iter().map(|range| range.end - range.start).sum();
        prop_assert!((covered - coverage).abs() < 1e-9);
        // More coverage moves nobody to another variation.
        let wider = bucket_ranges(weights.len(), 1.0, Some(&weights));
        for step in 0..100 {
            let place = f64::from(step) / 100.0;
            if let Some(variation) = choose_variation(place, &ranges) {
                prop_assert_eq!(Some(variation), choose_variation(place, &wider));
            }
        }
    }

    #[test]
    fn moments_add_up_in_any_order(values in vec((-1e3f64..1e3, -1e3f64..1e3), 3..60), cut in 0usize..60, shift in prop::sample::select(vec![0.0, 1e8])) {
        let units: Vec<[f64; 2]> = values.iter().map(|(x, y)| [x + shift, *y]).collect();
        let (left, right) = units.split_at(cut.min(units.len()));
        let whole = Moments::of(units.iter().copied());
        let (a, b) = (Moments::of(left.iter().copied()), Moments::of(right.iter().copied()));
        for merged in [a.merged(&b), b.merged(&a)] {
            prop_assert_eq!(merged.n, whole.n);
            for i in 0..2 {
                prop_assert!((merged.means[i] - whole.means[i]).abs() <= 1e-6);
                for j in 0..2 {
                    let scale = (whole.scatter[i][i] * whole.scatter[j][j]).sqrt().max(1.0);
                    prop_assert!((merged.scatter[i][j] - whole.scatter[i][j]).abs() < 1e-5 * scale);
                }
            }
        }
    }

    #[test]
    fn tests_stay_in_their_ranges(a in vec(-50.0f64..50.0, 0..30), b in vec(-50.0f64..50.0, 0..30), is_constant in any::<bool>()) {
        let arm = |values: &[f64]| {
            let values = values.iter().map(|value| [if is_constant { 5.0 } else { *value }]);
            Statistic::Mean(Values::new(Moments::of(values)))
        };
        let (a, b) = (arm(&a), arm(&b));
        for difference in [Difference::Absolute, Difference::Relative] {
            match Effect::between(&a, &b, difference) {
                Ok(effect) => {
                    let fixed = welch(&effect, 0.05, Alternative::TwoSided);
                    let always = Sequential::new(0.05, 5_000.0, Alternative::TwoSided).test(&effect).unwrap();
                    for test in [fixed, always] {
                        prop_assert!((0.0..=1.0).contains(&test.p_value));
                        prop_assert!(test.interval.0 <= effect.estimate && effect.estimate <= test.interval.1);
                        // The interval and the p-value say the same.
                        let excludes_zero = test.interval.0 > 1e-9 || test.interval.1 < -1e-9;
                        prop_assert!(!excludes_zero || test.p_value < 0.05 + 1e-6);
                    }
                    // Looking at any time is never cheaper than looking once, at 30 degrees of freedom and above.
                    if effect.degrees_of_freedom > 30.0 {
                        prop_assert!(always.p_value >= fixed.p_value);
                    }
                }
                Err(_) => {
                    if let Some(answer) = fallback::answer(&a, &b, difference, 0.05) {
                        prop_assert!((0.0..=1.0).contains(&answer.p_value));
                    }
                }
            }
        }
    }

    #[test]
    fn adjusted_p_values_keep_their_order(p in vec(0.0f64..1.0, 0..20)) {
        let (bonferroni, holm, hommel, bh) = (bonferroni(&p), holm(&p), hommel(&p), benjamini_hochberg(&p));
        for i in 0..p.len() {
            prop_assert!(p[i] <= bh[i] + 1e-15 && bh[i] <= hommel[i] + 1e-12);
            prop_assert!(hommel[i] <= holm[i] + 1e-12 && holm[i] <= bonferroni[i] + 1e-12);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || (holm[i] <= holm[j] && bh[i] <= bh[j]));
            }
        }
    }

    #[test]
    fn sample_ratio_checks_stay_in_their_ranges(users in vec(0.0f64..1e6, 0..6), weights in vec(-0.1f64..1.0, 6)) {
        let users: Vec<f64> = users.iter().map(|users| users.floor()).collect();
        let found = ratio_check(&users, &weights[..users.len()]);
        prop_assert!((0.0..=1.0).contains(&found.p_value));
        prop_assert!((0.0..=1.0).contains(&found.p_value_always_valid));
    }
}

/// Both hashes spread units evenly: no share of a tenth is off by more than five standard errors.
#[test]
fn buckets_are_uniform() {
    const UNITS: usize = 100_000;
    for version in [HashVersion::One, HashVersion::Two] {
        let mut counts = [0usize; 10];
        for unit in 0..UNITS {
            let place = bucket("seed", &format!("user-{unit}"), version).unwrap();
            counts[(place * 10.0) as usize] += 1;
        }
        let error = (UNITS as f64 * 0.1 * 0.9).sqrt();
        assert!(counts.iter().all(|count| (*count as f64 - UNITS as f64 / 10.0).abs() < 5.0 * error), "{counts:?}");
    }
    let whole = BucketRange { start: 0.0, end: 1.0 };
    assert!(whole.contains(0.9999) && !whole.contains(1.0));
}

/// A damaged expectation is noticed, whatever the kind.
#[test]
fn damaged_files_fail() {
    let flags = include_str!("data/growthbook_cases.json");
    assert!(check::flags(&flags.replacen("\"treatment\"", "\"other\"", 3)).failed() > 0);
    assert_eq!(check::flags("[]").failed(), 1);
    let unknown = check::flags(r#"{"newSection": [["a case", 1]]}"#);
    assert_eq!((unknown.passed(), unknown.failed()), (0, 1));
    assert!(unknown.to_string().ends_with("0 passed, 1 failed"));

    let file = Value::parse(include_str!("data/gbstats_cases.json")).unwrap();
    let mut unnoticed = Vec::new();
    for case in file.get("cases").and_then(Value::as_array).unwrap() {
        let expected = case.get("expected").and_then(Value::as_object).unwrap();
        if expected.get("error").is_some_and(|error| !error.is_null()) {
            continue;
        }
        for name in ["point_estimate", "ci", "p_value", "stderr", "chance_to_win", "risk", "power_now"] {
            // A zero may be a placeholder, and where the oracle has no number there is nothing to damage.
            let is_figure =
                |value: &&Value| !value.is_null() && value.as_number() != Some(0.0) && value.as_str().is_none();
            let Some(value) = expected.get(name).filter(is_figure) else { continue };
            let (mut damaged, mut wrong) = (case.as_object().unwrap().clone(), expected.clone());
            wrong.insert(name, shifted(value));
            damaged.insert("expected", wrong);
            if check::statistics(&Value::Array(vec![damaged.into()]).to_string()).failed() == 0 {
                unnoticed.push(format!("{name} of {case}"));
            }
        }
    }
    assert!(unnoticed.is_empty(), "{} unnoticed: {unnoticed:#?}", unnoticed.len());
    let nan = r#"[{"kind": "mean_ttest", "input": {"a": {"n": 5, "sum": NaN, "sum_squares": 1}, "b": {"n": 5, "sum": 1,
        "sum_squares": Infinity}}, "config": {}, "expected": {"point_estimate": NaN, "p_value": NaN, "error": null}}]"#;
    assert_eq!(check::statistics(nan).failed(), 0);
    assert_eq!(check::statistics(r#"[{"kind": "astrology", "input": {}, "expected": {}}]"#).failed(), 1);
}

fn shifted(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(number * 1.01 + 1e-3),
        Value::Array(items) => Value::Array(items.iter().map(shifted).collect()),
        other => other.clone(),
    }
}
