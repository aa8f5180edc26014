//! The steps of an experiment, and what each does to the payload.

use serde_json::{Value, json};

use crate::gear::{House, house};
use crate::stage::Stage;

async fn rules(house: &House) -> Value {
    let payloads = house.experiments.payloads().now("shop").await.unwrap();
    let parts = &payloads.environment("production").unwrap().parts;
    parts["features"]["checkout"]["rules"].clone()
}

async fn step(house: &House, name: &str, body: Value) -> Result<Value, (u16, String)> {
    let answer = house.post(&format!("experiments/exp/{name}"), body).await;
    if answer.status.is_success() {
        return Ok(answer.json()["state"]["status"].clone());
    }
    let (status, code, _) = answer.refusal();
    Err((status, code))
}

#[tokio::test]
async fn from_draft_to_shipped() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.experiment(json!({"goals": []})).await;
    let impossible = || Err((409, "step_impossible".to_owned()));
    assert_eq!(rules(&house).await, Value::Null);
    assert_eq!(step(&house, "approval", json!({})).await, impossible());
    assert_eq!(step(&house, "start", json!({})).await, impossible());
    assert_eq!(step(&house, "ship", json!({"variation": "treatment"})).await, impossible());
    assert_eq!(step(&house, "review", json!({"reason": "please"})).await, Ok(json!("in_review")));
    assert_eq!(step(&house, "approval", json!({})).await, impossible(), "nobody approves what is their own");
    let unready = step(&house, "start", json!({"without_review": true})).await;
    assert_eq!(unready, Err((422, "definition_invalid".to_owned())), "no goal");
    house.patch("experiments/exp", json!({"goals": ["bought"]})).await.good();
    assert_eq!(step(&house, "start", json!({"without_review": true, "reason": "go"})).await, Ok(json!("running")));

    let running = rules(&house).await;
    assert_eq!(running[0]["variations"], json!([false, true]));
    assert_eq!(
        (&running[0]["seed"], &running[0]["coverage"], &running[0]["phase"]),
        (&json!("exp"), &json!(1.0), &json!("0"))
    );
    let frozen = house.patch("experiments/exp", json!({"coverage": 0.5})).await;
    assert_eq!(frozen.refusal().2, ["/definition/coverage"]);
    house.patch("experiments/exp", json!({"description": "still free"})).await.good();

    stage.pass(3_600_000);
    let phase = json!({"coverage": 0.5, "weights": [0.2, 0.8], "reshuffle": true, "reason": "ramp"});
    assert_eq!(step(&house, "phases", phase).await, Ok(json!("running")));
    let ramped = rules(&house).await;
    assert_eq!(
        (&ramped[0]["weights"], &ramped[0]["seed"], &ramped[0]["phase"]),
        (&json!([0.2, 0.8]), &json!("exp:1"), &json!("1"))
    );
    let state = house.get("experiments/exp").await.json()["state"].clone();
    assert_eq!(state["phases"][0]["ended_at"], state["phases"][1]["started_at"]);
    let for_some = json!({"definition": {"condition": {"id": {"$ne": "olga"}}, "coverage": 0.9}, "reason": "not her"});
    assert_eq!(step(&house, "phases", for_some).await, Ok(json!("running")));
    let targeted = rules(&house).await;
    assert_eq!((&targeted[0]["condition"], &targeted[0]["coverage"]), (&json!({"id": {"$ne": "olga"}}), &json!(0.9)));
    let other_arms = json!({"definition": {"hash_attribute": "distinct_id"}});
    assert_eq!(step(&house, "phases", other_arms).await, Err((422, "definition_invalid".to_owned())));
    let no_definition = json!({"definition": {"goals": 3}});
    assert_eq!(step(&house, "phases", no_definition).await, Err((422, "definition_invalid".to_owned())));
    // It may pause, and goes on with a new phase.
    assert_eq!(step(&house, "stop", json!({})).await, Ok(json!("stopped")));
    let again = json!({"definition": {"condition": null, "coverage": 0.5}, "weights": [0.2, 0.8]});
    assert_eq!(step(&house, "phases", again).await, Ok(json!("running")));

    assert_eq!(step(&house, "stop", json!({})).await, Ok(json!("stopped")));
    assert_eq!(rules(&house).await, Value::Null);
    assert_eq!(step(&house, "ship", json!({"variation": "other"})).await, impossible());
    assert_eq!(step(&house, "ship", json!({"variation": "treatment", "reason": "won"})).await, Ok(json!("shipped")));
    assert_eq!(rules(&house).await, json!([{"id": "r1", "force": true}]));
    assert_eq!(step(&house, "roll-back", json!({})).await, Ok(json!("rolled_back")));
    assert_eq!(rules(&house).await, json!([{"id": "r1", "force": false}]));
}

#[tokio::test]
async fn holdouts_namespaces_and_prerequisites_are_compiled_as_the_evaluator_reads_them() {
    use footfall_models_experiment::Value as FlagValue;
    use footfall_models_experiment::assign::{Evaluator, User};

    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("holdouts", "autumn", json!({"share": 0.1})).await;
    house.make("namespaces", "all", json!({})).await;
    house.experiment(json!({"holdout": "autumn", "namespace": {"namespace": "all", "start": 0.0, "end": 0.5}})).await;
    house
        .make(
            "features",
            "gated",
            json!({"value_type": "boolean", "default_value": true, "prerequisites": [{"feature": "checkout"}]}),
        )
        .await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let payloads = house.experiments.payloads().now("shop").await.unwrap();
    let compiled = payloads.environment("production").unwrap();
    let (mut held, mut exposed, mut on) = (0, 0, 0);
    for number in 0..20_000 {
        let attributes: FlagValue = FlagValue::from(&json!({"id": format!("user {number}")}));
        let user = User::new(attributes);
        let mut evaluator = Evaluator::new(&compiled.payload, &user);
        let holdout = evaluator.evaluate("$holdout:autumn").value.clone();
        let answer = evaluator.evaluate("checkout");
        let (is_on, is_exposed) = (answer.is_on(), answer.assignment.is_some());
        if holdout.as_str() == Some("holdoutcontrol") {
            held += 1;
            assert!(!is_exposed && !is_on);
        }
        exposed += i32::from(is_exposed);
        on += i32::from(is_on);
        assert_eq!(evaluator.evaluate("gated").is_on(), is_on, "the gate follows");
    }
    assert!((1_800..2_200).contains(&held), "{held}");
    assert!((8_600..9_400).contains(&exposed), "{exposed}");
    assert!((4_200..4_800).contains(&on), "{on}");
}

#[tokio::test]
async fn what_is_shipped_is_kept_from_who_is_held_out() {
    use footfall_models_experiment::Value as FlagValue;
    use footfall_models_experiment::assign::{Evaluator, User};

    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("holdouts", "autumn", json!({"share": 0.1})).await;
    let pages = json!({"pages": [{"by": "simple", "pattern": "https://shop.example/*"}],
        "addresses": {"treatment": "https://shop.example/new"}, "keeps_query": true});
    house.experiment(json!({"holdout": "autumn", "redirects": pages})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    house.post("experiments/exp/ship", json!({"variation": "treatment"})).await.good();
    let payloads = house.experiments.payloads().now("shop").await.unwrap();
    let compiled = payloads.environment("production").unwrap();
    let (mut held, mut on) = (0, 0);
    for number in 0..4_000 {
        let user = User::new(FlagValue::from(&json!({"id": format!("user {number}")})));
        let mut evaluator = Evaluator::new(&compiled.payload, &user);
        let is_held = evaluator.evaluate("$holdout:autumn").value.as_str() == Some("holdoutcontrol");
        let is_on = evaluator.evaluate("checkout").is_on();
        assert_ne!(is_held, is_on, "user {number}");
        held += i32::from(is_held);
        on += i32::from(is_on);
    }
    assert!((300..500).contains(&held) && on > 3_000, "{held} {on}");
    let parents = &compiled.parts["experiments"][0]["parentConditions"];
    assert_eq!(parents[0]["id"], "$holdout:autumn", "{parents}");
    house.post("experiments/exp/roll-back", json!({})).await.good();
    assert_eq!(rules(&house).await, json!([{"id": "r1", "force": false}]));
}

#[tokio::test]
async fn a_feature_gives_what_it_gives_while_its_experiment_runs() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("environments", "staging", json!({})).await;
    house.make("features", "basis", json!({"value_type": "boolean", "default_value": true})).await;
    house.experiment(json!({})).await;
    let rule = house.get("features/checkout").await.json()["definition"]["rules"][0].clone();
    let with = |more: Value| {
        let mut changed = rule.clone();
        footfall_api_http::merge(&mut changed, more);
        changed
    };
    let staff = json!({"id": "staff", "condition": {"id": "olga"}, "serve": {"force": {"value": true}}});
    let turned = json!({"serve": {"experiment": {"values": [
        {"variation": "control", "value": true}, {"variation": "treatment", "value": false}]}}});
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    for rules in [
        json!([with(json!({"condition": {"id": {"$ne": "olga"}}}))]),
        json!([with(json!({"prerequisites": [{"feature": "basis"}]}))]),
        json!([with(json!({"environments": ["staging"]}))]),
        json!([with(json!({"is_off": true}))]),
        json!([with(turned)]),
        json!([staff, rule]),
        json!([]),
    ] {
        let refused = house.patch("features/checkout", json!({"rules": rules})).await.refusal();
        assert_eq!((refused.0, refused.2), (422, vec!["/definition/rules".to_owned()]), "{rules}");
    }
    let needs = house.patch("features/checkout", json!({"prerequisites": [{"feature": "basis"}]})).await;
    assert_eq!(needs.refusal().2, ["/definition/prerequisites"]);
    // What is said of it, what comes after it and what is switched off is free; and so is the switch.
    let off = with(json!({"id": "off", "is_off": true, "serve": {"experiment": null, "force": {"value": true}}}));
    let after = json!([off, with(json!({"description": "the short one"})), staff]);
    house.patch("features/checkout", json!({"rules": after})).await.good();
    house.ask("PUT", "features/checkout/switch", &[], json!({"is_on": false})).await.good();
    house.post("experiments/exp/stop", json!({})).await.good();
    house.patch("features/checkout", json!({"rules": [staff, rule]})).await.good();
    house.post("experiments/exp/phases", json!({})).await.good();
}

#[tokio::test]
async fn who_is_divided_anew_is_forgotten_by_sdks_that_remember() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.experiment(json!({})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let version = async || rules(&house).await[0]["bucketVersion"].clone();
    assert_eq!(version().await, Value::Null);
    house.post("experiments/exp/phases", json!({"coverage": 0.9})).await.good();
    assert_eq!(version().await, Value::Null, "the same people have the same");
    house.post("experiments/exp/phases", json!({"reshuffle": true})).await.good();
    assert_eq!(version().await, 1);
    let own = json!({"reshuffle": true, "definition": {"sticky": {"bucket_version": 7}}});
    house.post("experiments/exp/phases", own).await.good();
    assert_eq!(version().await, 7, "as was wanted");
}
