//! Experiments beside each other: what two treatments do together is told apart from what each does alone, and computed anew; and an
//! effect that differs between people is found among many looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use footfall_models_experiment::statistics::sequential_multiplier;
use serde_json::{Value, json};

use crate::gear::{House, house_with};
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Tables};

const HOUR: i64 = 3_600_000;

fn tell(person: &str, event: &'static str, millis: i64, country: &'static str, properties: Value) -> Activity {
    let (user_agent, browser) = ("Mozilla/5.0", "Firefox");
    Activity { person: person.into(), event, millis, amount: None, user_agent, browser, country, properties }
}

fn shown(person: &str, experiment: &str, is_treated: bool, millis: i64, country: &'static str) -> Activity {
    let told = json!({"experimentId": experiment, "variationId": u8::from(is_treated).to_string()});
    tell(person, "Experiment Viewed", millis, country, told)
}

/// 3,000 people in `exp`, most of them in `colour` too, which only helps together with it; `copy` follows the division of `exp`.
fn people() -> Vec<Activity> {
    let mut dice = Dice(17);
    let mut all = Vec::new();
    for number in 0..3_000 {
        let person = format!("person {number}");
        let (treated, coloured) = (dice.roll(2) == 1, dice.roll(2) == 1);
        let country = ["de", "fr", "at"][dice.roll(3) as usize];
        let at = NOON.millis() + dice.roll(48) as i64 * HOUR + 1_000;
        all.push(shown(&person, "exp", treated, at, country));
        if number % 10 < 8 {
            all.push(shown(&person, "colour", coloured, at - HOUR + dice.roll(3) as i64 * HOUR, country));
        }
        let copied = if dice.roll(10) < 6 { treated } else { !treated };
        all.push(shown(&person, "copy", copied, at, country));
        let together = if number % 10 < 8 && treated && coloured { 3 } else { 0 };
        let french = if treated && country == "fr" { 3 } else { 0 };
        for _ in 0..1 + dice.roll(3) + together + french {
            all.push(tell(&person, "bought", at + (dice.roll(20) as i64 - 4) * HOUR, country, json!({})));
        }
    }
    all
}

async fn furnished(house: &House) {
    house.make("metrics", "orders", json!({"measure": {"count": {"source": {"event": "bought"}}}})).await;
    house.experiment(json!({"goals": ["orders"]})).await;
    for key in ["colour", "copy"] {
        let arms = json!([{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]);
        let more = json!({"hypothesis": "It helps.", "owner": "olga", "goals": ["bought"], "variations": arms});
        house.make("experiments", key, more).await;
        let rule = json!({"id": "r1", "serve": {"experiment": {"experiment": key, "values": [
            {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}});
        let feature = json!({"value_type": "boolean", "default_value": false, "rules": [rule]});
        house.make("features", &format!("{key}-feature"), feature).await;
    }
    for key in ["exp", "colour", "copy"] {
        house.post(&format!("experiments/{key}/start"), json!({"without_review": true})).await.good();
    }
}

/// Arm and first exposure of everybody in an experiment.
fn exposed<'a>(all: &'a [Activity], experiment: &str) -> BTreeMap<&'a str, (usize, i64)> {
    let mut found: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    let own = |one: &&Activity| one.properties["experimentId"] == experiment && one.millis >= NOON.millis();
    for one in all.iter().filter(own) {
        let arm = usize::from(one.properties["variationId"] == "1");
        let known = found.entry(&one.person).or_insert((arm, one.millis));
        known.1 = known.1.min(one.millis);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_do_together_is_told_and_computed_anew() {
    let stage = Stage::sqlite().await.unwrap();
    let all = people();
    let house = house_with(&stage, Some(Arc::new(Tables::of(&all)))).await;
    furnished(&house).await;
    stage.pass(96 * HOUR);
    let told = house.get("experiments/exp/results/interactions").await.good().json();
    let others = told["others"].as_array().unwrap();
    let of = |key: &str| others.iter().find(|one| one["experiment"] == key).unwrap();
    assert_eq!((others.len(), &told["tests"], &told["left_out"]), (2, &json!(2), &json!(0)), "{told}");

    let (own, other) = (exposed(&all, "exp"), exposed(&all, "colour"));
    let mut cells: [Vec<f64>; 4] = Default::default();
    for (person, (arm, at)) in &own {
        let Some((beside, since)) = other.get(person) else { continue };
        let at = *at.max(since);
        let bought = all.iter().filter(|one| one.person == *person && one.event == "bought" && one.millis >= at);
        cells[2 * arm + beside].push(bought.count() as f64);
    }
    let n = cells.each_ref().map(|cell| cell.len() as f64);
    let mean = cells.each_ref().map(|cell| cell.iter().sum::<f64>() / cell.len() as f64);
    let part = |index: usize| {
        let squares: f64 = cells[index].iter().map(|value| (value - mean[index]).powi(2)).sum();
        squares / (n[index] - 1.0) / n[index]
    };
    let estimate = (mean[3] - mean[2]) - (mean[1] - mean[0]);
    let error = (0..4).map(part).sum::<f64>().sqrt();
    let colour = of("colour");
    let metric = &colour["metrics"][0];
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{metric}"));
    assert_eq!(metric["people"], json!(n));
    assert_eq!(colour["people"], n.iter().sum::<f64>());
    assert!((number(&metric["interaction"]) - estimate).abs() < 1e-9, "{metric} {estimate}");
    assert!((number(&metric["relative"]) - estimate / mean[0]).abs() < 1e-9, "{metric}");
    let half = sequential_multiplier(n.iter().sum(), 0.05, 5_000.0) * error;
    assert!((number(&metric["interval"]["low"]) - (estimate - half)).abs() < 1e-9, "{metric} {half}");
    assert!((number(&metric["interval"]["high"]) - (estimate + half)).abs() < 1e-9, "{metric} {half}");
    assert!(number(&metric["interval"]["low"]) > 0.0, "{metric}");
    assert!(number(&metric["p_value_holm"]) >= number(&metric["p_value"]), "{metric}");
    assert!(number(&colour["p_value_independent"]) > 0.001, "{colour}");
    assert!(colour["reading"].as_str().unwrap().starts_with("Together with treatment of colour"), "{colour}");
    assert!(told["reading"].as_str().unwrap().starts_with("It interacts with colour"), "{told}");

    let copy = of("copy");
    assert!(number(&copy["p_value_independent"]) < 1e-6, "{copy}");
    assert!(copy["reading"].as_str().unwrap().contains("not divided independently"), "{copy}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_excludes_each_other_is_not_compared() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Tables::of(&people())))).await;
    house.make("namespaces", "checkout", json!({})).await;
    furnished(&house).await;
    house.post("experiments/colour/stop", json!({})).await.good();
    stage.pass(HOUR);
    // A new experiment in which only `copy` still runs.
    let share = |start: f64| json!({"namespace": "checkout", "start": start, "end": start + 0.5});
    for (key, start) in [("left", 0.0), ("right", 0.5)] {
        let arms = json!([{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]);
        let more = json!({"hypothesis": "It helps.", "owner": "olga", "goals": ["bought"], "variations": arms, "namespace": share(start)});
        house.make("experiments", key, more).await;
        let rule = json!({"id": "r1", "serve": {"experiment": {"experiment": key, "values": [
            {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}});
        let feature = json!({"value_type": "boolean", "default_value": false, "rules": [rule]});
        house.make("features", &format!("{key}-feature"), feature).await;
        house.post(&format!("experiments/{key}/start"), json!({"without_review": true})).await.good();
    }
    stage.pass(HOUR);
    let told = house.get("experiments/left/results/interactions").await.good().json();
    let named: Vec<&str> =
        told["others"].as_array().unwrap().iter().map(|one| one["experiment"].as_str().unwrap()).collect();
    assert_eq!(
        named,
        ["copy", "exp"],
        "the last that began first, by name; neither what ended nor what excludes it: {told}"
    );
    assert_eq!(told["others"][0]["reading"], "Nobody was exposed to both.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_that_differs_between_people_is_found_among_many_looks() {
    let stage = Stage::sqlite().await.unwrap();
    let all = people();
    let house = house_with(&stage, Some(Arc::new(Tables::of(&all)))).await;
    furnished(&house).await;
    stage.pass(96 * HOUR);
    let told = house.get("experiments/exp/results/differences").await.good().json();
    let all = told["differences"].as_array().unwrap();
    assert_eq!(all.len(), 9, "one goal by nine dimensions");
    assert_eq!((&all[0]["dimension"], &all[0]["greatest"]["level"]), (&json!("country"), &json!("fr")), "{told}");
    assert_eq!(told["tests"], 1, "in the others everybody is alike: {told}");
    let broken = house.get("experiments/exp/results/breakdown?dimension=country").await.good().json();
    // The same sums, which the two answers need not add in the same order.
    let [in_list, in_table] = [&all[0]["p_value"], &broken["metrics"][0]["p_value_alike"]].map(|p| p.as_f64().unwrap());
    assert!((in_list / in_table - 1.0).abs() < 1e-9, "{in_list} and {in_table}");
    assert!(told["reading"].as_str().unwrap().contains("depends on the country: most of all fr"), "{told}");
}
