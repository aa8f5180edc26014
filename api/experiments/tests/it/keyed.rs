//! OFREP's targeting key: missed where the value goes by it, and nowhere else.

use footfall_api_access::KeyKind;
use serde_json::{Value, json};

use crate::gear::{House, house};
use crate::stage::Stage;

const FLAGS: &str = "/ofrep/v1/evaluate/flags";

struct Asker<'a> {
    house: &'a House,
    key: String,
}

impl Asker<'_> {
    async fn one(&self, flag: &str, context: Value) -> (u16, Value) {
        let by = [("x-api-key", self.key.as_str())];
        let answer = self.house.raw("POST", &format!("{FLAGS}/{flag}"), &by, json!({"context": context})).await;
        (answer.status.as_u16(), answer.json())
    }

    /// The value, or the code of the error.
    async fn told(&self, flag: &str, context: Value) -> Value {
        let (status, body) = self.one(flag, context.clone()).await;
        let told = if status == 200 { body["value"].clone() } else { body["errorCode"].clone() };
        // One flag and all flags say the same.
        let by = [("x-api-key", self.key.as_str())];
        let all = self.house.raw("POST", FLAGS, &by, json!({"context": context})).await.good().json();
        let same = all["flags"].as_array().unwrap().iter().find(|one| one["key"] == flag).unwrap().clone();
        assert_eq!((&same["value"], &same["errorCode"]), (&body["value"], &body["errorCode"]), "{flag}");
        told
    }
}

#[tokio::test]
async fn a_key_is_missing_where_the_value_goes_by_it() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("attributes", "country", json!({"type": "string"})).await;
    let company = json!({"type": "string", "identifies": true, "group_type_index": 0});
    house.make("attributes", "company", company).await;
    let flag = |rules: Value| json!({"value_type": "boolean", "default_value": false, "rules": rules});
    let rollout = |id: &str, attribute: &str, more: Value| {
        let mut rule =
            json!({"id": id, "serve": {"rollout": {"value": true, "coverage": 1.0, "hash_attribute": attribute}}});
        footfall_api_http::merge(&mut rule, more);
        rule
    };
    let german = json!({"condition": {"country": "DE"}});
    let force = json!({"id": "all", "serve": {"force": {"value": true}}});
    house.make("features", "by-company", flag(json!([rollout("r", "company", json!({}))]))).await;
    house.make("features", "by-id", flag(json!([rollout("r", "id", json!({}))]))).await;
    house.make("features", "german", flag(json!([rollout("r", "distinct_id", german.clone()), force]))).await;
    house.make("features", "first-for-all", flag(json!([force, rollout("r", "id", json!({}))]))).await;
    let needs = json!({"value_type": "boolean", "default_value": true, "prerequisites": [{"feature": "by-id"}]});
    house.make("features", "needs", needs).await;
    house.make("features", "off", flag(json!([rollout("r", "id", json!({}))]))).await;
    house.ask("PUT", "features/off/switch", &[], json!({"is_on": false})).await.good();
    let filters = |more: Value| {
        let mut filters = json!({"groups": [{"properties": [], "rollout_percentage": 100}]});
        footfall_api_http::merge(&mut filters, more);
        json!({"value_type": "boolean", "default_value": false, "posthog_filters": filters})
    };
    house.make("features", "of-people", filters(json!({}))).await;
    house.make("features", "of-companies", filters(json!({"aggregation_group_type_index": 0}))).await;
    let clusters = json!({"kind": "clusters", "property": "company"});
    house.experiment(json!({"design": clusters, "hash_attribute": "company"})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();

    let (_, key) = house.key(KeyKind::Client).await;
    let asker = Asker { house: &house, key };
    let missing = json!("TARGETING_KEY_MISSING");
    // By another attribute nobody has to have a targeting key, and a targeting key alone does not help.
    assert_eq!(asker.told("by-company", json!({"company": "acme"})).await, true);
    assert_eq!(asker.told("by-company", json!({})).await, false);
    assert_eq!(asker.told("by-company", json!({"targetingKey": "ada"})).await, false);
    let split = asker.one("checkout", json!({"company": "acme"})).await.1;
    assert_eq!((&split["reason"], &split["metadata"]["experiment"]), (&json!("SPLIT"), &json!("exp")));
    assert_eq!(asker.told("of-companies", json!({"company": "acme"})).await, true);
    // By the id it is missed, unless the id is there under its own name.
    assert_eq!(asker.told("by-id", json!({})).await, missing);
    assert_eq!(asker.told("by-id", json!({"targetingKey": ""})).await, missing);
    assert_eq!(asker.told("by-id", json!({"id": "ada"})).await, true);
    assert_eq!(asker.told("of-people", json!({})).await, missing);
    let (status, body) = asker.one("by-id", json!({"company": "acme"})).await;
    assert_eq!((status, &body["key"]), (400, &json!("by-id")));
    // Rules that are for others, that come later or that are switched off need nothing.
    assert_eq!(asker.told("german", json!({"country": "FR"})).await, true);
    assert_eq!(asker.told("german", json!({"country": "DE"})).await, missing, "a share of Germans decides first");
    assert_eq!(asker.told("first-for-all", json!({})).await, true);
    assert_eq!(asker.told("off", json!({})).await, false);
    // What it needs to know goes by the id.
    assert_eq!(asker.told("needs", json!({})).await, missing);
    assert_eq!(asker.told("needs", json!({"targetingKey": "ada"})).await, true);
}
