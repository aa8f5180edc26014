//! Who takes part: calls of a flag that people make who are in no experiment tell of no variation.

use std::sync::Arc;

use footfall_api_experiments::Facts;
use serde_json::{Value, json};

use crate::gear::{House, house_with};
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection, Tables};

const DAY: i64 = 24 * 3_600_000;
const DEFAULT: &str = "No rule applies";

fn reason(variation: &str) -> String {
    format!("The user falls into variation {variation} of experiment exp")
}

fn called(person: String, response: bool, reason: Option<&str>) -> Activity {
    let mut properties = json!({"$feature_flag": "checkout", "$feature_flag_response": response});
    if let Some(reason) = reason {
        properties["$feature_flag_reason"] = json!(reason);
    }
    let (user_agent, browser, country) = ("Firefox", "Firefox", "de");
    let (event, millis) = ("$feature_flag_called", NOON.millis() + 1_000);
    Activity { person, event, millis, amount: None, user_agent, browser, country, properties }
}

/// 30 of control and 40 of the treatment who say so; 50 who got the default, 60 who got an older rule's `true`; and calls that say no reason,
/// 7 with `false` and 8 with `true`.
fn people() -> Vec<Activity> {
    let (control, treatment) = (reason("control"), reason("treatment"));
    let groups: [(u32, bool, Option<&str>); 6] = [
        (30, false, Some(&control)),
        (40, true, Some(&treatment)),
        (50, false, Some(DEFAULT)),
        (60, true, Some("A rule applies")),
        (7, false, None),
        (8, true, None),
    ];
    let groups = groups.into_iter().enumerate();
    groups
        .flat_map(|(group, (people, response, reason))| {
            (0..people).map(move |number| called(format!("person {group} {number}"), response, reason))
        })
        .collect()
}

fn facts(all: &[Activity]) -> [Arc<dyn Facts>; 2] {
    [Arc::new(Tables::of(all)), Arc::new(Projection(all.to_vec()))]
}

async fn start(house: &House, experiment: Value) {
    house.experiment(experiment).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
}

async fn counted(house: &House) -> [f64; 2] {
    let report = house.get("experiments/exp/results").await.good().json();
    assert_eq!(report["people_in_several"], 0.0);
    [0, 1].map(|arm| report["variations"][arm]["people"].as_f64().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_the_default_is_not_of_control() {
    let all = people();
    for facts in facts(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        start(&house, json!({"coverage": 0.5})).await;
        stage.pass(DAY);
        // Only the experiment gives true; false is the default's too.
        assert_eq!(counted(&house).await, [30.0, 48.0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_everybody_takes_part_calls_need_no_reason() {
    let all = people();
    for facts in facts(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        start(&house, json!({})).await;
        stage.pass(DAY);
        assert_eq!(counted(&house).await, [37.0, 48.0]);
        // A rule before it gives the same value to some: what calls without a reason say is not sure any more.
        let rules = house.get("features/checkout").await.json()["definition"]["rules"].clone();
        let first = json!({"id": "staff", "condition": {"id": "olga"}, "serve": {"force": {"value": true}}});
        house.post("experiments/exp/stop", json!({})).await.good();
        house.patch("features/checkout", json!({"rules": [first, rules[0]]})).await.good();
        assert_eq!(counted(&house).await, [30.0, 40.0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_stay_when_the_flag_is_gone() {
    let all = people();
    for facts in facts(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        start(&house, json!({"coverage": 0.5})).await;
        stage.pass(DAY);
        house.post("experiments/exp/stop", json!({})).await.good();
        house.patch("features/checkout", json!({"rules": []})).await.good();
        assert_eq!(counted(&house).await, [30.0, 40.0]);
    }
}
