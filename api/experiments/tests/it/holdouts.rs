//! Holdouts: who is held out beside who is not, counted by hand.

use std::sync::Arc;

use footfall_api_experiments::Facts;
use serde_json::{Value, json};

use crate::gear::house_with;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection, Tables};

const DAY: i64 = 24 * 3_600_000;

fn activity(number: u32, event: &'static str, millis: i64, properties: Value) -> Activity {
    let (user_agent, browser, country) = ("Firefox", "Firefox", "de");
    let person = format!("person {number}");
    Activity { person, event, millis, amount: None, user_agent, browser, country, properties }
}

/// 400 held out, of whom 80 buy; 400 beside them, of whom 160 do.
fn people() -> Vec<Activity> {
    let at = NOON.millis() + 1_000;
    let of = |number: u32| {
        let group = if number.is_multiple_of(2) { "holdoutcontrol" } else { "holdouttreatment" };
        let shown = json!({"experimentId": "$holdout:autumn", "variationId": group});
        let buys = matches!(number % 10, 0 | 1 | 3);
        let bought = buys.then(|| activity(number, "bought", at + 60_000, json!({})));
        [Some(activity(number, "Experiment Viewed", at, shown)), bought]
    };
    (0..800).flat_map(of).flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_out_people_are_compared_with_those_who_are_not() {
    let all = people();
    let facts: [Arc<dyn Facts>; 2] = [Arc::new(Tables::of(&all)), Arc::new(Projection(all.clone()))];
    for facts in facts {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        let none = json!({"key": "autumn", "definition": {"share": 0.1, "metrics": ["sold"]}});
        assert_eq!(house.post("holdouts", none).await.refusal().2, ["/definition/metrics/0"]);
        house.make("metrics", "sold", json!({"measure": {"conversion": {"source": {"event": "bought"}}}})).await;
        house.make("holdouts", "autumn", json!({"share": 0.1})).await;
        assert_eq!(house.get("holdouts/autumn/results").await.refusal().0, 404, "it names no metrics");
        house.patch("holdouts/autumn", json!({"metrics": ["sold"]})).await.good();
        let kept = house.ask("DELETE", "metrics/sold", &[("if-match", "*")], Value::Null).await;
        assert!(kept.status == 409 && kept.text.contains("holdout autumn"), "{}", kept.text);
        stage.pass(DAY);
        let report = house.get("holdouts/autumn/results").await.good().json();
        let people = [0, 1].map(|arm| report["variations"][arm]["people"].as_f64().unwrap());
        assert_eq!(people, [400.0, 400.0]);
        let compared = &report["metrics"][0]["comparisons"][0];
        assert!((compared["effect"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{compared}");
        assert_eq!(report["sample_ratio"]["is_off"], false);
    }
}
