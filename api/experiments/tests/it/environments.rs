//! The environment of keys, and keys that do not go with a switchback.

use footfall_api_access::KeyKind;
use footfall_api_experiments::KeyEnvironments;
use serde_json::{Value, json};

use crate::gear::{House, house};
use crate::stage::Stage;

async fn connect(house: &House, key: &str, wanted: Value) -> crate::gear::Answer {
    house.ask("PUT", &format!("sdk-connections/{key}"), &[], wanted).await
}

#[tokio::test]
async fn a_key_is_of_the_environment_that_it_is_served() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("environments", "staging", json!({})).await;
    let (staging, _) = house.key(KeyKind::Write).await;
    let (plain, _) = house.key(KeyKind::Write).await;
    let environments = KeyEnvironments::open(house.access.database().clone()).await;
    assert_eq!(environments.of(&staging), None);
    connect(&house, &staging, json!({"environment": "staging"})).await.good();
    connect(&house, &plain, json!({"environment": "production"})).await.good();
    environments.refresh().await.unwrap();
    assert_eq!((environments.of(&staging).as_deref(), environments.of(&plain)), (Some("staging"), None));
    connect(&house, &staging, json!({"environment": "production"})).await.good();
    environments.refresh().await.unwrap();
    assert_eq!(environments.of(&staging), None);
}

#[tokio::test]
async fn a_switchback_has_no_keys_for_which_the_server_tells_exposures() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    let (key, _) = house.key(KeyKind::Client).await;
    let [told, silent] = [true, false].map(|tells| json!({"environment": "production", "records_exposures": tells}));
    connect(&house, &key, told.clone()).await.good();
    let design = json!({"kind": "switchback", "window_hours": 2, "carry_over_minutes": 10});
    house.experiment(json!({})).await;
    let switched = house.patch("experiments/exp", json!({"design": design})).await;
    let text = switched.text.clone();
    let (status, code, pointers) = switched.refusal();
    assert_eq!((status, code.as_str(), pointers), (422, "definition_invalid", vec!["/definition/design".to_owned()]));
    assert!(text.contains(&key) && text.contains("set records_exposures to false"), "{text}");

    connect(&house, &key, silent.clone()).await.good();
    house.patch("experiments/exp", json!({"design": design})).await.good();
    let refused = connect(&house, &key, told.clone()).await;
    assert!(refused.text.contains("is a switchback"), "{}", refused.text);
    assert_eq!((refused.refusal().0, refused.refusal().2), (422, vec!["/records_exposures".to_owned()]));
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    assert_eq!(connect(&house, &key, told.clone()).await.status.as_u16(), 422);

    // One that is over needs nobody any more; a new phase of it would.
    house.post("experiments/exp/stop", json!({})).await.good();
    connect(&house, &key, told).await.good();
    let again = house.post("experiments/exp/phases", json!({})).await;
    assert_eq!(again.refusal().2, ["/definition/design"], "{}", again.text);
    connect(&house, &key, silent).await.good();
    house.post("experiments/exp/phases", json!({})).await.good();
}
