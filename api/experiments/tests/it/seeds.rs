//! What people are hashed with: two things of one name do not divide them alike, and what is older keeps the seed that it has.

use footfall_api_access::statement;
use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::assign::{Evaluator, User};
use serde_json::{Value, json};

use crate::gear::{House, house};
use crate::stage::Stage;

const USERS: usize = 8_000;

async fn furnished(stage: &Stage) -> House {
    let house = house(stage).await;
    house.make("namespaces", "exp", json!({})).await;
    house.experiment(json!({"namespace": {"namespace": "exp", "start": 0.0, "end": 0.5}})).await;
    let rule = json!({"id": "rule-1", "serve": {"rollout": {"value": true, "coverage": 0.5}}});
    for key in ["banner", "search"] {
        house.make("features", key, json!({"value_type": "boolean", "default_value": false, "rules": [rule]})).await;
    }
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    house
}

/// How many take part, have the treatment, have one of two rollouts, and have both.
async fn divided(house: &House) -> [usize; 4] {
    let payloads = house.experiments.payloads().now("shop").await.unwrap();
    let compiled = payloads.environment("production").unwrap();
    let mut counts = [0; 4];
    for number in 0..USERS {
        let user = User::new(FlagValue::from(&json!({"id": format!("user {number}")})));
        let mut evaluator = Evaluator::new(&compiled.payload, &user);
        let answer = evaluator.evaluate("checkout");
        let (takes_part, is_treated) = (answer.assignment.is_some(), answer.is_on());
        let (banner, search) = (evaluator.evaluate("banner").is_on(), evaluator.evaluate("search").is_on());
        for (count, holds) in counts.iter_mut().zip([takes_part, is_treated, banner, banner && search]) {
            *count += usize::from(holds);
        }
    }
    counts
}

#[tokio::test]
async fn things_of_one_name_divide_people_each_for_themselves() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    let [taking_part, treated, one, both] = divided(&house).await.map(|count| count as f64 / USERS as f64);
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.02, "{found} instead of {expected}");
    near(taking_part, 0.5);
    near(treated, 0.25);
    near(one, 0.5);
    near(both, 0.25);
}

#[tokio::test]
async fn what_is_older_keeps_its_seeds() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    // As earlier versions wrote it.
    let older = "UPDATE flag_definitions SET state = '{}' WHERE kind IN ('namespace', 'feature')";
    house.access.database().execute(statement(older)).await.unwrap();
    house.patch("features/banner", json!({"description": "changed since"})).await.good();
    let payloads = house.experiments.payloads().now("shop").await.unwrap();
    let parts = payloads.environment("production").unwrap().parts.clone();
    let seed =
        |feature: &str, pointer: &str| parts["features"][feature].pointer(pointer).cloned().unwrap_or(Value::Null);
    assert_eq!(seed("banner", "/rules/0/seed"), "rule-1");
    assert_eq!(seed("checkout", "/rules/0/filters/0/seed"), "exp");
}
