//! What a definition must not say, and what it is never kept from: being switched off, stopped and rolled back.

use footfall_api_access::statement;
use serde_json::{Value, json};

use crate::gear::{House, house};
use crate::stage::Stage;

fn boolean(rules: Value) -> Value {
    json!({"value_type": "boolean", "default_value": false, "rules": rules})
}

fn rule(id: &str, condition: Value) -> Value {
    json!({"id": id, "condition": condition, "serve": {"force": {"value": true}}})
}

/// The details of a refusal's faults.
fn details(answer: &crate::gear::Answer) -> Vec<String> {
    let body = answer.json();
    body["errors"].as_array().unwrap().iter().map(|fault| fault["detail"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn conditions_that_hold_for_nobody_are_refused_with_their_rule() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    for (key, kind) in [("country", "string"), ("age", "number"), ("tags", "string_list"), ("app", "version")] {
        house.make("attributes", key, json!({"type": kind})).await;
    }
    let make = async |rules: Value| house.post("features", json!({"key": "f", "definition": boolean(rules)})).await;
    let sound = rule(
        "all",
        json!({"age": {"$gte": 18}, "tags": {"$in": ["beta"]}, "app": {"$vgt": "1.2.0"}, "country": {"$regex": "^D[EK]$"}}),
    );
    let broken = make(json!([sound, rule("summer-sale", json!({"country": {"$regex": "^(DE|AT"}}))])).await;
    let (status, code, pointers) = broken.refusal();
    assert_eq!((status, code.as_str()), (422, "definition_invalid"));
    assert_eq!(pointers, ["/definition/rules/1/condition/country/$regex"]);
    let told = &details(&broken)[0];
    assert!(told.contains("rule summer-sale") && told.contains("a parenthesis is not closed"), "{told}");
    let contrary =
        make(json!([rule("r", json!({"age": {"$in": ["18"]}, "country": {"$size": 2}, "tags": "beta"}))])).await;
    assert_eq!(contrary.refusal().2.len(), 3, "{}", contrary.text);
    make(json!([sound])).await.good();

    // Of experiments and of contexts as well.
    house.experiment(json!({})).await;
    let condition = json!({"condition": {"country": {"$regexi": "["}}});
    let refused = house.patch("experiments/exp", condition).await.refusal();
    assert_eq!(refused.2, ["/definition/condition/country/$regexi"]);
    // Another type of an attribute breaks what asks for it.
    let changed = house.patch("attributes/age", json!({"type": "string"})).await;
    changed.good();
    let changed = house.patch("attributes/tags", json!({"type": "number"})).await;
    assert_eq!(changed.refusal().2, ["/definition"]);
    assert!(changed.text.contains("breaks feature f") && changed.text.contains("rule all"), "{}", changed.text);
}

/// Writes a definition as it may have been accepted once.
async fn as_once(house: &House, kind: &str, key: &str, pointer: &str, value: Value) {
    let collection = if kind == "feature" { "features" } else { "experiments" };
    let mut definition = house.get(&format!("{collection}/{key}")).await.good().json()["definition"].clone();
    *definition.pointer_mut(pointer).unwrap() = value;
    let write = "UPDATE flag_definitions SET definition = $1 WHERE kind = $2 AND item_key = $3";
    let write = statement(write).bind(definition.to_string()).bind(kind.to_owned()).bind(key.to_owned());
    house.access.database().execute(write).await.unwrap();
}

#[tokio::test]
async fn what_was_accepted_once_is_switched_off_stopped_and_rolled_back() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("attributes", "country", json!({"type": "string"})).await;
    house.experiment(json!({"condition": {"country": "DE"}})).await;
    house.make("features", "old", boolean(json!([rule("r", json!({"country": "DE"}))]))).await;
    as_once(&house, "feature", "old", "/rules/0/condition", json!({"country": {"$regex": "("}})).await;
    assert_eq!(house.patch("features/old", json!({"owner": "ada"})).await.status, 422, "what is written is checked");
    house.ask("PUT", "features/old/switch", &[], json!({"is_on": false})).await.good();
    assert_eq!(house.get("features/old").await.json()["definition"]["off_in"], json!(["production"]));
    let moon = house.ask("PUT", "features/old/switch", &[], json!({"is_on": false, "environments": ["moon"]})).await;
    assert_eq!(moon.refusal().2, ["/definition/off_in/0"]);

    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    as_once(&house, "experiment", "exp", "/condition", json!({"country": {"$regex": "("}})).await;
    house.post("experiments/exp/stop", json!({})).await.good();
    let again = house.post("experiments/exp/phases", json!({})).await;
    assert_eq!(again.refusal().2, ["/definition/condition/country/$regex"], "what begins is checked");
    house.post("experiments/exp/roll-back", json!({})).await.good();
    // What was broken before is not laid to the change of something else.
    house.patch("attributes/country", json!({"description": "by address"})).await.good();
}

#[tokio::test]
async fn prerequisites_are_features_that_sdks_get() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("features", "base", json!({"value_type": "boolean", "default_value": true})).await;
    house.make("features", "mode", json!({"value_type": "string", "default_value": "new"})).await;
    let filters = json!({"groups": [{"properties": [], "rollout_percentage": 100}]});
    house
        .make(
            "features",
            "native",
            json!({"value_type": "boolean", "default_value": false, "posthog_filters": filters}),
        )
        .await;
    let needs =
        |feature: &str, condition: Value| json!({"prerequisites": [{"feature": feature, "condition": condition}]});
    let met = json!({"value": true});
    let make = async |key: &str, more: Value| {
        let mut definition = json!({"value_type": "boolean", "default_value": true});
        footfall_api_http::merge(&mut definition, more);
        house.post("features", json!({"key": key, "definition": definition})).await
    };
    let pointers = async |more: Value| make("child", more).await.refusal().2;
    assert_eq!(pointers(needs("native", met.clone())).await, ["/definition/prerequisites/0/feature"]);
    assert_eq!(pointers(needs("gone", met.clone())).await, ["/definition/prerequisites/0/feature"]);
    assert_eq!(
        pointers(needs("mode", json!({"value": {"$eq": true}}))).await,
        ["/definition/prerequisites/0/condition/value/$eq"]
    );
    assert_eq!(pointers(needs("mode", json!({"mode": "new"}))).await, ["/definition/prerequisites/0/condition/mode"]);
    make("child", needs("base", met.clone())).await.good();

    // What is needed is not archived under those who need it; who is archived needs nothing.
    let kept = house.patch("features/base", json!({"is_archived": true})).await;
    assert_eq!(kept.refusal().2, ["/definition"]);
    assert!(kept.text.contains("breaks feature child: /prerequisites/0/feature"), "{}", kept.text);
    let retyped = house.patch("features/base", json!({"value_type": "string", "default_value": "on"})).await;
    retyped.good();
    let condition = json!({"prerequisites": [{"feature": "base", "condition": {"value": {"$eq": "on"}}}]});
    house.patch("features/child", condition).await.good();
    let retyped = house.patch("features/base", json!({"value_type": "boolean", "default_value": true})).await;
    assert!(retyped.text.contains("breaks feature child"), "{}", retyped.text);
    house.patch("features/child", json!({"is_archived": true})).await.good();
    house.patch("features/base", json!({"is_archived": true})).await.good();
    let again = house.patch("features/child", json!({"is_archived": false})).await;
    assert_eq!(again.refusal().2, ["/definition/prerequisites/0/feature"]);
    house.patch("features/base", json!({"is_archived": false})).await.good();
    house.patch("features/child", json!({"is_archived": false})).await.good();
}

#[tokio::test]
async fn a_running_experiment_keeps_its_flag_and_by_whose_id_it_falls() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.experiment(json!({})).await;
    house.patch("features/checkout", json!({"is_archived": true})).await.good();
    let nobody = house.post("experiments/exp/start", json!({"without_review": true})).await;
    assert!(nobody.status == 422 && nobody.text.contains("nobody would be assigned"), "{}", nobody.text);
    house.patch("features/checkout", json!({"is_archived": false})).await.good();
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    for (change, pointer) in [
        (json!({"keeps_at_sign_in": true}), "/definition/keeps_at_sign_in"),
        (json!({"is_archived": true}), "/definition/is_archived"),
    ] {
        let (status, code, pointers) = house.patch("features/checkout", change).await.refusal();
        assert_eq!((status, code.as_str(), pointers), (422, "definition_invalid", vec![pointer.to_owned()]));
    }
    house.post("experiments/exp/stop", json!({})).await.good();
    house.patch("features/checkout", json!({"keeps_at_sign_in": true})).await.good();
    house.post("experiments/exp/phases", json!({})).await.good();
    let back = house.patch("features/checkout", json!({"keeps_at_sign_in": false})).await;
    assert_eq!(back.refusal().2, ["/definition/keeps_at_sign_in"]);
}
