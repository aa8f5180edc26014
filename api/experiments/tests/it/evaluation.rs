//! "Why did this person get B?": the explanation has the doors' own value, and names what decided and what was lacking.

use footfall_api_access::KeyKind;
use serde_json::{Value, json};

use crate::gear::{House, house};
use crate::stage::Stage;

async fn explained(house: &House, flag: &str, body: Value) -> Value {
    house.post(&format!("features/{flag}/evaluation"), body).await.good().json()
}

/// `(what, outcome)` of each step, and the sentence of `what`.
fn steps(told: &Value) -> Vec<(String, String)> {
    let text = |step: &Value, name: &str| step[name].as_str().unwrap().to_owned();
    told["steps"].as_array().unwrap().iter().map(|step| (text(step, "what"), text(step, "outcome"))).collect()
}

fn why<'a>(told: &'a Value, what: &str) -> &'a str {
    let step = told["steps"].as_array().unwrap().iter().find(|step| step["what"] == what).unwrap();
    step["why"].as_str().unwrap()
}

#[tokio::test]
async fn an_explanation_has_the_value_of_the_doors_and_names_what_decided() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("attributes", "country", json!({"type": "string"})).await;
    house.make("saved-groups", "friends", json!({"attribute": "id", "values": ["person-7"]})).await;
    house.experiment(json!({"coverage": 0.8})).await;
    let rules = json!([
        {"id": "friends", "condition": {"id": {"$inGroup": "friends"}}, "serve": {"force": {"value": true}}},
        {"id": "austria", "condition": {"country": "AT"}, "serve": {"rollout": {"value": true, "coverage": 0.3}}},
        {"id": "r1", "serve": {"experiment": {"experiment": "exp", "values": [
            {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}},
    ]);
    house.patch("features/checkout", json!({"rules": rules})).await.good();
    let draft = explained(&house, "checkout", json!({"id": "person-1"})).await;
    assert_eq!(why(&draft, "r1"), "The experiment exp is draft, and assigns nobody.");
    assert_eq!(why(&draft, "austria"), "The condition is not met (country is not known).");
    assert_eq!(draft["because"], "No rule applies: the default value.");
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();

    let (_, key) = house.key(KeyKind::Client).await;
    let bearer = format!("Bearer {key}");
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for number in 0..200 {
        let id = format!("person-{number}");
        let country = if number % 3 == 0 { "AT" } else { "DE" };
        let told = explained(&house, "checkout", json!({"id": id, "attributes": {"country": country}})).await;
        let context = json!({"context": {"targetingKey": id, "country": country}});
        let by = [("authorization", bearer.as_str())];
        let door = house.raw("POST", "/ofrep/v1/evaluate/flags/checkout", &by, context).await.good().json();
        assert_eq!(told["value"], door["value"], "{told}");
        assert_eq!(told["rule"], door["metadata"]["rule"], "{told}");
        assert_eq!(told["variation"], door["variant"], "{told}");
        let decided: Vec<_> = steps(&told).into_iter().filter(|(_, outcome)| outcome == "decided").collect();
        assert_eq!(decided.len(), 1, "{told}");
        assert_eq!(decided[0].0, told["rule"].as_str().unwrap_or("default"), "{told}");
        *seen.entry(decided[0].0.clone()).or_default() += 1;
        if told["variation"].is_string() {
            let bucket = told["bucket"].as_f64().unwrap();
            assert_eq!(told["variation"], if bucket < 0.5 { "control" } else { "treatment" }, "{told}");
        }
        if decided[0].0 == "default" {
            assert!(why(&told, "r1").starts_with("The hash of the user falls outside of the 80.0000 %"), "{told}");
        }
    }
    assert_eq!(seen.len(), 4, "every rule and the default decided for somebody: {seen:?}");

    let nobody = explained(&house, "checkout", json!({})).await;
    assert_eq!(why(&nobody, "r1"), "The user has no id, by which users are divided.");
    house.ask("PUT", "features/checkout/switch", &[], json!({"is_on": false})).await.good();
    let off = explained(&house, "checkout", json!({"id": "person-7"})).await;
    assert_eq!((&off["value"], steps(&off)[0].1.as_str()), (&json!(false), "decided"), "{off}");
    assert!(steps(&off)[1..].iter().all(|(_, outcome)| outcome == "not_reached"), "{off}");
    assert_eq!(house.post("features/other/evaluation", json!({})).await.refusal().0, 404);
    assert_eq!(house.post("features/checkout/evaluation", json!({"environment": "moon"})).await.refusal().0, 404);
}

#[tokio::test]
async fn an_explanation_says_what_a_design_divides() {
    let told = async |more: Value, attributes: Value| {
        let stage = Stage::sqlite().await.unwrap();
        let house = house(&stage).await;
        house.make("attributes", "company", json!({"type": "string", "identifies": true})).await;
        house.make("attributes", "device", json!({"type": "string"})).await;
        house.experiment(more).await;
        house.post("experiments/exp/start", json!({"without_review": true})).await.good();
        let told = explained(&house, "checkout", json!({"id": "person-1", "attributes": attributes})).await;
        let bucket = told["bucket"].as_f64().unwrap().to_string();
        let because = told["because"].as_str().unwrap().replace(&bucket, "BUCKET");
        because.replace(told["variation"].as_str().unwrap_or("none").to_owned().as_str(), "VARIATION")
    };
    let nothing = json!({});
    assert_eq!(
        told(nothing.clone(), nothing.clone()).await,
        "The experiment exp runs, and the hash of the user, BUCKET, falls to VARIATION."
    );
    let clusters = json!({"design": {"kind": "clusters", "property": "company"}, "hash_attribute": "company"});
    assert_eq!(
        told(clusters, json!({"company": "acme"})).await,
        "The experiment exp divides whole clusters: the hash of company, BUCKET, falls to VARIATION, for everybody who shares it."
    );
    assert_eq!(
        told(json!({"design": {"kind": "switchback", "window_hours": 6}}), nothing.clone()).await,
        "The experiment exp divides times, not users: in this window of 6 h everybody gets VARIATION."
    );
    let contexts = json!([{"key": "mobile", "condition": {"device": "mobile"}}]);
    let bandit = json!({"bandit": {"every_hours": 24, "contexts": contexts}});
    let weights = "control 50.0 %, treatment 50.0 % now, and the hash of the user, BUCKET, falls to VARIATION.";
    for (device, context) in [("mobile", " of the context mobile"), ("desktop", " of users in none of its contexts")] {
        let found = told(bandit.clone(), json!({"device": device})).await;
        let found = found.replace(
            "VARIATION 50.0 %",
            if found.contains("control 50.0 %") { "treatment 50.0 %" } else { "control 50.0 %" },
        );
        assert_eq!(found, format!("The bandit exp runs, the weights{context} are {weights}"));
    }
    let bandit = json!({"bandit": {"every_hours": 24}});
    assert!(told(bandit, nothing).await.starts_with("The bandit exp runs, the weights are "));
}
