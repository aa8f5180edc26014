//! Who signs in keeps the flags that they had while anonymous, where a flag says so: on both databases, within a bound, until forgotten.

use footfall_api_access::KeyKind;
use footfall_api_experiments::{SignIn, forget_sign_ins, sign_ins_of};
use footfall_models_experiment::posthog::bucket;
use serde_json::{Value, json};

use crate::gear::{House, PROJECT, house};
use crate::stage::{NOON, Stage};

/// A flag with two variants of the same share.
pub fn half(key: &str, keeps: bool) -> Value {
    let variants =
        json!({"variants": [{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]});
    let filters = json!({"groups": [{"properties": [], "rollout_percentage": 100}], "multivariate": variants});
    let feature =
        json!({"value_type": "string", "default_value": "", "posthog_filters": filters, "keeps_at_sign_in": keeps});
    json!({"key": key, "definition": feature})
}

/// Which of them an id falls to.
pub fn variant(flag: &str, id: &str) -> &'static str {
    if bucket(flag, id, "variant") < 0.5 { "a" } else { "b" }
}

/// The flags of somebody, who was another until just now if `before` says so.
async fn flags(house: &House, key: &str, id: &str, before: Option<&str>) -> Value {
    let mut asked = json!({"token": key, "distinct_id": id});
    if let Some(before) = before {
        asked["$anon_distinct_id"] = json!(before);
    }
    let answer = house.raw("POST", "/flags/?v=2", &[], asked).await.good().json();
    assert_eq!(answer["errorsWhileComputingFlags"], false);
    answer["flags"].clone()
}

mod scenes {
    use super::*;

    pub async fn a_flag_stays_at_sign_in_and_later_for_good(stage: &Stage) {
        let house = house(stage).await;
        house.post("features", half("plain", false)).await.good();
        let (_, key) = house.key(KeyKind::Write).await;
        flags(&house, &key, "ada", Some("anon")).await;
        let database = house.access.database();
        let known = async |id: &str| sign_ins_of(database, PROJECT, &[id.to_owned()]).await.unwrap();
        assert_eq!(known("ada").await, [], "nothing is remembered that no flag needs");
        house.post("features", half("kept", true)).await.good();

        let mut flipped = [0, 0];
        for number in 0..40 {
            let (anonymous, id) = (format!("anon-{number}"), format!("person-{number}"));
            let before = flags(&house, &key, &anonymous, None).await;
            let after = flags(&house, &key, &id, Some(&anonymous)).await;
            assert_eq!(before["kept"]["variant"], variant("kept", &anonymous));
            assert_eq!(after["kept"]["variant"], before["kept"]["variant"], "{id}");
            assert_eq!(after["plain"]["variant"], variant("plain", &id));
            flipped[0] += u8::from(before["plain"]["variant"] != after["plain"]["variant"]);
            flipped[1] += u8::from(variant("kept", &anonymous) != variant("kept", &id));
            // Elsewhere, as another anonymous visitor first: what is remembered counts.
            let elsewhere = flags(&house, &key, &id, Some("anon-elsewhere")).await;
            assert_eq!(elsewhere["kept"]["variant"], before["kept"]["variant"]);
            assert_eq!(flags(&house, &key, &id, None).await["kept"]["variant"], before["kept"]["variant"]);
            let by = [("x-api-key", key.as_str())];
            let context = json!({"context": {"targetingKey": id}});
            let other = house.raw("POST", "/ofrep/v1/evaluate/flags/kept", &by, context).await.good().json();
            assert_eq!(other["variant"], before["kept"]["variant"], "{other}");
            let why = house.post("features/kept/evaluation", json!({"id": id})).await.good().json();
            assert_eq!(why["variation"], before["kept"]["variant"], "{why}");
        }
        assert!(flipped.iter().all(|flipped| *flipped > 5), "{flipped:?}: it would have flipped for many");
        // A second process has it too: it is in the database.
        let clock: std::sync::Arc<dyn footfall_ingest_activity::Clock> = stage.clock.clone();
        let other = footfall_api_experiments::Experiments::open(house.access.clone(), clock, None).await.unwrap();
        let doors = footfall_api_experiments::doors(&other, Default::default(), None);
        let other = House { router: doors, experiments: other, ..house };
        let there = flags(&other, &key, "person-7", None).await;
        assert_eq!(there["kept"]["variant"], variant("kept", "anon-7"));
    }

    pub async fn what_many_share_is_nobodys_and_the_oldest_are_forgotten(stage: &Stage) {
        let house = house(stage).await;
        house.post("features", half("kept", true)).await.good();
        let (_, key) = house.key(KeyKind::Write).await;
        let database = house.access.database();
        let known = async |id: &str| sign_ins_of(database, PROJECT, &[id.to_owned()]).await.unwrap();
        let long = "x".repeat(201);
        let shared =
            [("ada", "anonymous"), ("null", "anon"), ("ada", "ada"), ("ada", ""), ("ada", &*long), ("ada", "a\0")];
        for (id, before) in shared {
            flags(&house, &key, id, Some(before)).await;
            assert_eq!(known(id).await, [], "{id} {before:?}");
        }
        for number in 0..10 {
            stage.pass(1_000);
            flags(&house, &key, &format!("person-{number}"), Some(&format!("anon-{number}"))).await;
        }
        // Who signs in as another while signed in had the value of who they were.
        flags(&house, &key, "other", Some("person-9")).await;
        let of_other = known("other").await;
        assert_eq!(of_other.iter().map(|it| it.hash_id.as_str()).collect::<Vec<_>>(), ["anon-9"]);
        assert_eq!(house.experiments.forget_oldest_sign_ins(11).await.unwrap(), 0);
        // Two of the eleven are of one moment; both stay.
        assert_eq!(house.experiments.forget_oldest_sign_ins(4).await.unwrap(), 7);
        assert_eq!((known("person-6").await, known("person-7").await.len()), (vec![], 1));

        let at = NOON.plus_millis(10_000);
        let told = known("anon-9").await;
        let of = |id: &str| SignIn { distinct_id: id.into(), hash_id: "anon-9".into(), at };
        assert_eq!(told, [of("other"), of("person-9")]);
        assert_eq!(forget_sign_ins(database, "elsewhere", &["anon-9".into()]).await.unwrap(), 0);
        assert_eq!(forget_sign_ins(database, PROJECT, &["person-9".into(), "anon-9".into()]).await.unwrap(), 2);
        assert_eq!(known("anon-9").await, []);
        let after = flags(&house, &key, "person-9", None).await;
        assert_eq!(after["kept"]["variant"], variant("kept", "person-9"));
    }
}

on_both!(a_flag_stays_at_sign_in_and_later_for_good, what_many_share_is_nobodys_and_the_oldest_are_forgotten);

/// An experiment divides by the id of before as well, so that nobody is seen in two of its variations.
#[tokio::test]
async fn an_experiment_keeps_its_variation_and_all_its_features_say_so() {
    use footfall_models_experiment::assign::{HashVersion, bucket};
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.experiment(json!({})).await;
    house.patch("features/checkout", json!({"keeps_at_sign_in": true})).await.good();
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let rule = json!({"id": "r1", "serve": {"experiment": {"experiment": "exp", "values": [
        {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}});
    let other = json!({"value_type": "boolean", "default_value": false, "rules": [rule]});
    let refused = house.post("features", json!({"key": "banner", "definition": other})).await.refusal();
    assert_eq!((refused.0, refused.2), (422, vec!["/definition/keeps_at_sign_in".to_owned()]));
    let (_, key) = house.key(KeyKind::Write).await;
    let mut flipped = 0;
    for number in 0..60 {
        let (anonymous, id) = (format!("anon-{number}"), format!("person-{number}"));
        let is_treated = |id: &str| bucket("exp", id, HashVersion::Two).unwrap() >= 0.5;
        let before = flags(&house, &key, &anonymous, None).await["checkout"].clone();
        let after = flags(&house, &key, &id, Some(&anonymous)).await["checkout"].clone();
        assert_eq!(before["enabled"], is_treated(&anonymous));
        assert_eq!((&after["enabled"], &after["reason"]), (&before["enabled"], &before["reason"]), "{id}");
        flipped += u32::from(is_treated(&anonymous) != is_treated(&id));
    }
    assert!(flipped > 10, "{flipped}: it would have flipped for many");
}

/// The door by which GrowthBook's SDKs let the server evaluate, and OpenFeature's: both know who signed in, and both may be told.
#[tokio::test]
async fn remote_evaluation_keeps_what_they_had() {
    use footfall_models_experiment::assign::{HashVersion, bucket};
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.experiment(json!({})).await;
    house.patch("features/checkout", json!({"keeps_at_sign_in": true})).await.good();
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let half = json!({"id": "half", "serve": {"rollout": {"value": true, "coverage": 0.5}}});
    let plain = json!({"value_type": "boolean", "default_value": false, "rules": [half]});
    house.make("features", "plain", plain).await;
    let (_, key) = house.key(KeyKind::Client).await;
    let path = format!("/api/eval/{key}");
    let evaluated = async |attributes: Value| {
        house.raw("POST", &path, &[], json!({"attributes": attributes})).await.good().json()["features"].clone()
    };
    let is_treated = |id: &str| bucket("exp", id, HashVersion::Two).unwrap() >= 0.5;
    let is_in = |id: &str| bucket("rollout:plain:half", id, HashVersion::Two).unwrap() <= 0.5;
    let mut flipped = 0;
    for number in 0..60 {
        let (anonymous, id) = (format!("anon-{number}"), format!("person-{number}"));
        let before = evaluated(json!({"id": anonymous})).await;
        assert_eq!(before["checkout"]["defaultValue"], is_treated(&anonymous));
        let first = json!({"id": id, "$anon_distinct_id": anonymous});
        if number % 2 == 0 {
            evaluated(first).await;
        } else {
            // Told at OpenFeature's door.
            let by = [("x-api-key", key.as_str())];
            let context = json!({"context": {"targetingKey": id, "$anon_distinct_id": anonymous}});
            let flag = house.raw("POST", "/ofrep/v1/evaluate/flags/checkout", &by, context).await.good().json();
            assert_eq!(flag["value"], is_treated(&anonymous));
        }
        let after = evaluated(json!({"id": id})).await;
        assert_eq!(after["checkout"]["defaultValue"], before["checkout"]["defaultValue"], "{id}");
        let track = &after["checkout"]["rules"][0]["tracks"][0];
        assert_eq!(track["result"]["hashValue"], anonymous, "{track}");
        assert_eq!(after["plain"]["defaultValue"], is_in(&id), "which does not keep");
        flipped += u32::from(is_treated(&anonymous) != is_treated(&id));
    }
    assert!(flipped > 10, "{flipped}: it would have flipped for many");
}
