//! Evaluation beyond GrowthBook's suite: exposures, sticky buckets over time, deep and wide prerequisites, refusals.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_models_experiment::Value;
use footfall_models_experiment::assign::{
    EncryptionError, Evaluator, Payload, PayloadError, Source, StickyBuckets, User, decrypt, encrypt,
};

fn payload(json: &str) -> Payload {
    Payload::parse(json, None).unwrap()
}

fn user(json: &str) -> User {
    User::read(&Value::parse(json).unwrap())
}

#[test]
fn an_exposure_is_noted_once() {
    let payload = payload(
        r#"{"features": {
            "a": {"rules": [{"key": "exp", "variations": [0, 1]}]},
            "b": {"rules": [{"key": "exp", "variations": [0, 1]}]},
            "forced": {"rules": [{"key": "other", "variations": [0, 1]}]}}}"#,
    );
    let user = user(r#"{"attributes": {"id": "u1"}, "forcedVariations": {"other": 1}}"#);
    let mut evaluator = Evaluator::new(&payload, &user).with_exposures();
    for feature in ["a", "b", "a", "forced", "nothing"] {
        evaluator.evaluate(feature);
    }
    // Who was forced is no evidence, and not exposed.
    let keys: Vec<_> = evaluator.exposures().iter().map(|exposure| &*exposure.experiment.key).collect();
    assert_eq!(keys, ["exp"]);
}

#[test]
fn who_was_assigned_stays_when_coverage_shrinks() {
    let rule = |coverage: f64| {
        payload(&format!(
            r#"{{"features": {{"f": {{"defaultValue": "off", "rules": [{{"key": "exp", "coverage": {coverage},
                "variations": ["x", "y"], "meta": [{{"key": "x"}}, {{"key": "y"}}]}}]}}}}}}"#
        ))
    };
    let (wide, narrow) = (rule(1.0), rule(0.0));
    for number in 0..50 {
        let user = user(&format!(r#"{{"attributes": {{"id": "u{number}"}}}}"#));
        let mut buckets = StickyBuckets::default();
        let before = Evaluator::new(&wide, &user).with_sticky_buckets(&mut buckets).evaluate("f").value.clone();
        let after = Evaluator::new(&narrow, &user).with_sticky_buckets(&mut buckets).evaluate("f");
        assert_eq!(*after.value, before);
        assert!(after.assignment.unwrap().sticky_used);
        assert_eq!(*Evaluator::new(&narrow, &user).evaluate("f").value, Value::from("off"));
    }
}

/// Sixty layers in which each feature needs both of the next layer: 2^60 evaluations if nothing were remembered.
#[test]
fn shared_prerequisites_are_evaluated_once() {
    let mut features = String::from(r#""l60-0": {"defaultValue": true}, "l60-1": {"defaultValue": true}"#);
    for layer in 0..60 {
        for side in 0..2 {
            let next = layer + 1;
            features += &format!(
                r#", "l{layer}-{side}": {{"defaultValue": false, "rules": [{{"force": true, "parentConditions": [
                    {{"id": "l{next}-0", "condition": {{"value": true}}}}, {{"id": "l{next}-1", "condition": {{"value": true}}}}]}}]}}"#
            );
        }
    }
    let payload = payload(&format!(r#"{{"features": {{{features}}}}}"#));
    let user = User::default();
    assert_eq!(*Evaluator::new(&payload, &user).evaluate("l0-0").value, Value::Bool(true));
}

#[test]
fn circles_and_endless_chains_end() {
    let chain: Vec<String> = (0..5_000)
        .map(|number| {
            format!(
                r#""f{number}": {{"defaultValue": 1, "rules": [{{"force": 2, "parentConditions": [{{"id": "f{}", "condition": {{}}}}]}}]}}"#,
                (number + 1) % 5_000
            )
        })
        .collect();
    let payload = payload(&format!(r#"{{"features": {{{}}}}}"#, chain.join(",")));
    let user = User::default();
    let evaluation = Evaluator::new(&payload, &user).evaluate("f0");
    assert_eq!((evaluation.source, evaluation.is_on()), (Source::CyclicPrerequisite, false));
}

#[test]
fn forced_features_reach_prerequisites() {
    let payload = payload(
        r#"{"features": {"parent": {"defaultValue": "no"}, "child": {"defaultValue": 0, "rules": [
            {"force": 1, "parentConditions": [{"id": "parent", "condition": {"value": "yes"}, "gate": true}]}]}}}"#,
    );
    let plain = User::default();
    assert_eq!(Evaluator::new(&payload, &plain).evaluate("child").source, Source::Prerequisite);
    let forced = user(r#"{"forcedFeatures": [["parent", "yes"]]}"#);
    assert_eq!(*Evaluator::new(&payload, &forced).evaluate("child").value, Value::Number(1.0));
}

#[test]
fn an_encrypted_payload_is_read_with_its_key_alone() {
    let (key, other) = ("Zvwv/+uhpFDznZ6SX28Yjg==", "UQD0Qqw7fM1bhfKKPH8TGw==");
    let features = encrypt(r#"{"f": {"defaultValue": 7}}"#, key, [9; 16]).unwrap();
    let json = format!(r#"{{"encryptedFeatures": "{features}"}}"#);
    let user = User::default();
    let read = Payload::parse(&json, Some(key)).unwrap();
    assert_eq!(*Evaluator::new(&read, &user).evaluate("f").value, Value::Number(7.0));
    assert!(Payload::parse(&json, Some(other)).is_err());
    assert!(matches!(
        Payload::parse(&json, None),
        Err(PayloadError::Encrypted { part: "features", error: EncryptionError::Key })
    ));
    assert!(matches!(Payload::parse("[1]", None), Err(PayloadError::NotAnObject)));
    assert_eq!(decrypt("no dot", key), Err(EncryptionError::Format));
}

/// A saved group of 100,000 ids is a set, shared by the rules that name it.
#[test]
fn large_saved_groups_are_looked_up() {
    let ids: Vec<String> = (0..100_000).map(|number| format!("\"id-{number}\"")).collect();
    let rules: Vec<String> = (0..200)
        .map(|number| format!(r#"{{"condition": {{"id": {{"$inGroup": "g"}}, "n": {number}}}, "force": {number}}}"#))
        .collect();
    let payload = payload(&format!(
        r#"{{"savedGroups": {{"g": [{}]}}, "features": {{"f": {{"defaultValue": -1, "rules": [{}]}}}}}}"#,
        ids.join(","),
        rules.join(",")
    ));
    let inside = user(r#"{"attributes": {"id": "id-99999", "n": 199}}"#);
    let outside = user(r#"{"attributes": {"id": "id-100000", "n": 199}}"#);
    assert_eq!(*Evaluator::new(&payload, &inside).evaluate("f").value, Value::Number(199.0));
    assert_eq!(*Evaluator::new(&payload, &outside).evaluate("f").value, Value::Number(-1.0));
}

/// JavaScript writes a number with the fewest digits that read back as it, and SDKs hash that text: a digit read wrongly is another
/// bucket.
#[test]
fn fractional_ids_fall_where_their_shortest_text_does() {
    let payload =
        payload(r#"{"features": {"f": {"rules": [{"key": "exp", "variations": [0, 1], "hashVersion": 2}]}}}"#);
    let bucket = |id: &str| {
        let user = user(&format!(r#"{{"attributes": {{"id": {id}}}}}"#));
        Evaluator::new(&payload, &user).evaluate("f").assignment.unwrap().bucket.unwrap()
    };
    let known =
        ["0.1", "0.30000000000000004", "1.7976931348623157", "9007199254740993.5", "0.000001", "1234.5678901234567"];
    for id in known {
        let number: f64 = id.parse().unwrap();
        assert_eq!(bucket(id), bucket(&format!("\"{number}\"")), "{id}");
    }
    let mut bits = 1u64;
    for _ in 0..20_000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Between 2⁻¹⁰ and 2⁵⁰, where JavaScript and Rust write the same text.
        let number = f64::from_bits((1013 + (bits >> 58) % 60) << 52 | (bits >> 6 & ((1 << 52) - 1)));
        let text = number.to_string();
        assert_eq!(bucket(&text), bucket(&format!("\"{text}\"")), "{text}");
    }
}
