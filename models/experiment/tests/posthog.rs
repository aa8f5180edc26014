//! Parity with posthog-python's local evaluation on 100,000 ids (tests/golden/posthog_flags.py made the golden file).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use footfall_models_experiment::Value;
use footfall_models_experiment::posthog::{Evaluator, Flags, Subject, bucket};
use footfall_models_experiment::value::Object;
use jiff::Timestamp;
use sha1::{Digest, Sha1};

fn mixed(number: u64, lane: u64) -> u64 {
    let mut x = (number * 2_654_435_761 + lane * 40_503 + 12_345) & 0xFFFF_FFFF;
    x ^= x >> 15;
    x = (x * 2_246_822_519) & 0xFFFF_FFFF;
    x ^ (x >> 13)
}

fn pick(number: u64, lane: u64, items: &str) -> Value {
    let items = Value::parse(items).unwrap();
    let items = items.as_array().unwrap();
    items[(mixed(number, lane) % items.len() as u64) as usize].clone()
}

/// The twin of `subject()` in the script.
fn subject(number: u64, now: Timestamp) -> Subject {
    let mail = pick(number, 4, r#"["Example.com", "posthog.com", "mail.EXAMPLE.org"]"#);
    let mut properties = Object::default();
    properties.insert("country", pick(number, 1, r#"["DE", "de", "FR", "US", "JP"]"#));
    properties.insert("age", pick(number, 2, r#"[17, 18, 35, "42", "n/a", 64.5]"#));
    properties.insert("premium", pick(number, 3, r#"[true, false, "true", "False", "yes"]"#));
    properties.insert("email", format!("User{}@{}", number % 997, mail.as_str().unwrap()));
    properties.insert("version", pick(number, 5, r#"["1.2.3","v2.0.0","1.10","0.3.1-rc.1","2","01.2.3","x"]"#));
    let dates = r#"["2026-03-30","2026-01-15T10:00:00Z","2025-02-28 08:00:00","2020-06-01T00:00:00+02:00","never"]"#;
    properties.insert("signed_up", pick(number, 6, dates));
    properties.insert("tags", pick(number, 7, r#"[["a", "b"], [], ["true"], null]"#));
    properties.insert("$feature_enrollment/early", pick(number, 8, r#"[true, "true", false, "no"]"#));
    let some = ["country", "age", "email", "version", "signed_up", "$feature_enrollment/early"];
    for (lane, name) in some.into_iter().enumerate() {
        if mixed(number, 20 + lane as u64).is_multiple_of(10) {
            properties.remove(name);
        }
    }
    let (mut groups, mut group_properties) = (BTreeMap::new(), BTreeMap::new());
    if !mixed(number, 40).is_multiple_of(3) {
        groups.insert("company".into(), format!("company-{}", mixed(number, 41) % 500));
        if !mixed(number, 42).is_multiple_of(10) {
            let plan = pick(number, 43, r#"["free", "pro", "enterprise"]"#);
            group_properties.insert("company".into(), Value::Object([("plan", plan)].into_iter().collect()));
        }
    }
    Subject {
        distinct_id: format!("id-{:x}-{number}", mixed(number, 50)),
        device_id: (!mixed(number, 44).is_multiple_of(5)).then(|| format!("device-{}", number % 777)),
        hash_id: None,
        properties: Value::Object(properties),
        groups,
        group_properties,
        static_cohorts: Default::default(),
        is_complete: false,
        now,
    }
}

#[test]
fn flags_agree_with_posthog_python_on_100_000_ids() {
    let flags = Flags::compile(&Value::parse(include_str!("data/posthog_definitions.json")).unwrap());
    let golden = Value::parse(include_str!("data/posthog_golden.json")).unwrap();
    let now: Timestamp = golden.get("now").and_then(Value::as_str).unwrap().parse().unwrap();
    let rows = golden.get("rows").and_then(Value::as_array).unwrap();
    let mut hashes: Vec<Sha1> = flags.all().iter().map(|_| Sha1::new()).collect();
    for number in 0..golden.get("subjects").and_then(Value::as_number).unwrap() as u64 {
        let subject = subject(number, now);
        let mut evaluator = Evaluator::new(&flags, &subject);
        for (index, flag) in flags.all().iter().enumerate() {
            let answer = evaluator.evaluate(flag).map(|answer| answer.value.to_value().to_text().into_owned());
            let value = answer.unwrap_or_else(|| "?".into());
            if let Some(row) = rows.get(number as usize).and_then(Value::as_array) {
                assert_eq!(row[0].as_str(), Some(subject.distinct_id.as_str()));
                assert_eq!(row[index + 1].as_str(), Some(value.as_str()), "{} for {subject:?}", flag.key);
            }
            hashes[index].update(format!("{}={value}\n", subject.distinct_id));
        }
    }
    for (flag, hash) in flags.all().iter().zip(hashes) {
        let expected = golden.get("flags").and_then(|all| all.get(&flag.key)?.get("sha1")).and_then(Value::as_str);
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Some(found.as_str()), expected, "{}", flag.key);
    }
}

#[test]
fn a_complete_subject_leaves_nothing_open() {
    let flags = Flags::compile(&Value::parse(include_str!("data/posthog_definitions.json")).unwrap());
    let now: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
    for number in 0..500 {
        let mut subject = Subject { is_complete: true, ..subject(number, now) };
        subject.device_id.get_or_insert_default();
        for flag in flags.all() {
            assert!(Evaluator::new(&flags, &subject).evaluate(flag).is_some(), "{}", flag.key);
        }
    }
}

#[test]
fn values_carry_reason_and_payload() {
    let flags = Flags::compile(&Value::parse(include_str!("data/posthog_definitions.json")).unwrap());
    let subject = subject(4, "2026-03-31T12:00:00Z".parse().unwrap());
    let answer = |key: &str| Evaluator::new(&flags, &subject).evaluate(flags.get(key).unwrap()).unwrap();
    let arms = answer("three-arms");
    let payload = flags.get("three-arms").unwrap().payload(&arms.value.to_value().to_text());
    assert_eq!(arms.payload, payload);
    assert_eq!(answer("off").reason.code(), "flag_disabled");
    assert_eq!(answer("all-held-out").reason.code(), "holdout_condition_value");
    assert_eq!(answer("no-conditions").reason.code(), "no_condition_match");
    assert_eq!(answer("everyone").reason.condition_index(), Some(0));
}

#[test]
fn who_signed_in_falls_by_the_earlier_id_where_a_flag_keeps_it() {
    let filters = r#"{"groups": [{"properties": [{"key": "distinct_id", "value": ["ADA"]}], "rollout_percentage": 100}],
        "multivariate": {"variants": [{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]}}"#;
    let flag = |key: &str, keeps: bool| {
        format!(r#"{{"key": "{key}", "active": true, "ensure_experience_continuity": {keeps}, "filters": {filters}}}"#)
    };
    let definitions = format!(r#"{{"flags": [{}, {}]}}"#, flag("kept", true), flag("plain", false));
    let flags = Flags::compile(&Value::parse(&definitions).unwrap());
    let request = Value::parse(r#"{"distinct_id": "ada", "person_properties": {"distinct_id": "ada"}}"#).unwrap();
    let now: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
    let variant = |key: &str, hash_id: Option<String>| {
        let subject = Subject { hash_id, ..Subject::read(&request, true, now) };
        let value = Evaluator::new(&flags, &subject).evaluate(flags.get(key).unwrap()).unwrap().value.to_value();
        value.to_text().into_owned()
    };
    let expected = |key: &str, id: &str| if bucket(key, id, "variant") < 0.5 { "a" } else { "b" };
    for number in 0..50 {
        let anonymous = format!("anon-{number}");
        assert_eq!(
            variant("kept", Some(anonymous.clone())),
            expected("kept", &anonymous),
            "conditions see who it is now"
        );
        assert_eq!(variant("plain", Some(anonymous)), expected("plain", "ada"));
    }
    assert_eq!(variant("kept", None), expected("kept", "ada"));
}

#[test]
fn a_cohort_of_many_ids_holds_those_and_no_others() {
    let ids: Vec<String> = (0..5_000).map(|number| format!("\"Person {number}\"")).collect();
    let definitions = format!(
        r#"{{"flags": [{{"key": "beta", "active": true, "filters": {{"groups": [{{"properties": [
            {{"key": "id", "type": "cohort", "value": "list", "operator": "in"}}]}}]}}}}],
            "cohorts": {{"list": {{"type": "OR", "values": [{{"type": "AND", "values": [
            {{"key": "distinct_id", "type": "person", "operator": "exact", "value": [{}]}}]}}]}}}}}}"#,
        ids.join(",")
    );
    let flags = Flags::compile(&Value::parse(&definitions).unwrap());
    let now: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
    for (id, is_in) in [("Person 0", true), ("Person 4999", true), ("Person 5000", false), ("", false)] {
        let request = format!(r#"{{"distinct_id": "x", "person_properties": {{"distinct_id": "{id}"}}}}"#);
        let subject = Subject::read(&Value::parse(&request).unwrap(), true, now);
        let answer = Evaluator::new(&flags, &subject).evaluate(flags.get("beta").unwrap()).unwrap();
        assert_eq!(answer.value.is_on(), is_in, "{id}");
    }
}
