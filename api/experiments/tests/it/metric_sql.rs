//! The SQL of a metric before any experiment gives, over everybody, what the arms of the engine's report have together.

use std::sync::Arc;

use footfall_api_experiments::Facts;
use serde_json::{Value, json};

use crate::gear::house_with;
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection, Tables};

const HOUR: i64 = 3_600_000;

fn activity(person: u64, event: &'static str, millis: i64, properties: Value) -> Activity {
    let amount = properties.get("amount").and_then(Value::as_f64);
    let (user_agent, browser, country) = ("Firefox", "Firefox", "de");
    Activity { person: format!("person {person}"), event, millis, amount, user_agent, browser, country, properties }
}

/// 300 people; the first thing that each does is to see the experiment.
fn people() -> Vec<Activity> {
    let mut dice = Dice(5);
    let mut all = Vec::new();
    for person in 0..300 {
        let at = NOON.millis() + 1_000 + dice.roll(48) as i64 * HOUR;
        let shown = json!({"experimentId": "exp", "variationId": dice.roll(2).to_string()});
        all.push(activity(person, "Experiment Viewed", at, shown));
        for _ in 0..dice.roll(5) {
            let kind = ["book", "game"][dice.roll(2) as usize];
            let properties = json!({"amount": 1.0 + dice.roll(100) as f64, "kind": kind});
            all.push(activity(person, "bought", at + dice.roll(96) as i64 * HOUR, properties));
        }
        all.push(activity(person, "opened", at + dice.roll(6) as i64 * 24 * HOUR, json!({})));
    }
    all
}

fn metrics() -> Vec<(&'static str, Value)> {
    let (bought, amount) = (json!({"event": "bought"}), json!("amount"));
    let books = json!({"event": "bought", "filters": [{"property": "kind", "is": {"one_of": ["book"]}}]});
    let sum = json!({"sum": {"source": bought, "operand": amount}});
    vec![
        ("revenue", json!({"measure": sum, "cap": {"at": 60}, "window": {"hours": 48, "delay_hours": 2}})),
        ("trimmed", json!({"measure": sum, "cap": {"quantile": 0.9}})),
        ("books", json!({"measure": {"count": {"source": books}}})),
        ("kinds", json!({"measure": {"unique": {"source": bought, "property": "kind"}}})),
        ("order", json!({"measure": {"mean": {"source": bought, "operand": {"property": "amount"}}}})),
        (
            "share",
            json!({"measure": {"ratio": {"numerator": {"count": {"source": books}}, "denominator": {"count": {"source": bought}}}}}),
        ),
        ("back", json!({"measure": {"retention": {"source": {"event": "opened"}, "from_day": 1, "to_day": 4}}})),
        ("p90", json!({"measure": {"quantile": {"source": bought, "operand": amount, "level": 0.9}}})),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sql_of_a_metric_runs_and_is_what_the_engine_measures() {
    let all = people();
    let tables = Tables::of(&all);
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Projection(all.clone())))).await;
    let metrics = metrics();
    for (key, definition) in &metrics {
        house.make("metrics", key, definition.clone()).await;
    }
    let keys: Vec<&str> = metrics.iter().map(|(key, _)| *key).collect();
    house.experiment(json!({"secondary": keys, "analysis": {"covariate_days": 0}})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    stage.pass(12 * 24 * HOUR);
    let report = house.get("experiments/exp/results").await.good().json();

    let mut spent = std::collections::BTreeMap::<&str, f64>::new();
    for one in &all {
        *spent.entry(&one.person).or_default() += one.amount.unwrap_or(0.0);
    }
    let spent: Vec<f64> = spent.into_values().collect();
    let p90 = footfall_models_experiment::statistics::capping::percentile(&sorted(spent), 0.9, false).unwrap();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * (1.0 + b.abs());
    for key in keys.into_iter().chain(["bought"]) {
        let told = house.get(&format!("metrics/{key}/sql?days=14")).await.good().json();
        assert!(!told["sql"].as_str().unwrap().contains("bought"), "what people chose is bound: {told}");
        let rows = tables.query("shop", told["sql"].as_str().unwrap(), told["params"].clone()).await.unwrap();
        let names: Vec<&str> =
            told["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
        assert_eq!((rows.columns, rows.rows.len()), (names.iter().map(|name| name.to_string()).collect(), 1), "{told}");
        let of = |name: &str| {
            let place = names.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{key} has no {name}"));
            rows.rows[0][place].as_f64().unwrap_or_else(|| panic!("{key}: {:?}", rows.rows))
        };
        let metric = report["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == key).unwrap();
        let arms = metric["arms"].as_array().unwrap();
        let people: f64 = arms.iter().map(|arm| arm["people"].as_f64().unwrap()).sum();
        assert_eq!((of("people"), people), (300.0, 300.0), "{key}");
        if key == "p90" {
            assert!(near(of("quantile"), p90), "{told}");
            continue;
        }
        // The sum over all people of the value, or of a part of a ratio.
        let sum = |part: usize| -> f64 {
            let moments = arms.iter().map(|arm| &arm["moments"]);
            moments.map(|of| of["n"].as_f64().unwrap() * of["means"][part].as_f64().unwrap()).sum()
        };
        assert!(sum(0) > 0.0, "{key}");
        match names.contains(&"numerator") {
            true => {
                assert!(near(of("numerator"), sum(0)) && near(of("denominator"), sum(1)), "{key}: {:?}", rows.rows);
                assert!(near(of("mean"), sum(0) / sum(1)), "{key}");
            }
            false => assert!(near(of("sum"), sum(0)) && near(of("mean"), sum(0) / people), "{key}: {:?}", rows.rows),
        }
    }
    assert_eq!(house.get("metrics/nothing/sql").await.refusal().0, 404);
    assert_eq!(house.get("metrics/books/sql?days=0").await.refusal().0, 400);
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}
