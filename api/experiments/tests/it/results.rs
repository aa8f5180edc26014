//! Results equal a naive recomputation; nobody is counted twice; guardrails roll back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_pipelines_insights::definition::{Exposures, ExposuresAnswer};
use serde_json::{Value, json};

use crate::gear::{House, house_with};
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection, Tables};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Numbers that look like chance and are the same every time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn activity(person: &str, event: &'static str, millis: i64, properties: Value) -> Activity {
    let amount = properties.get("amount").and_then(Value::as_f64);
    let (user_agent, browser, country) = ("Firefox", "Firefox", "de");
    Activity { person: person.into(), event, millis, amount, user_agent, browser, country, properties }
}

/// 600 people, told of by three SDKs: repeated and late exposures, 20 in both variations, 30 bots, purchases before and after.
fn people(lift: f64) -> Vec<Activity> {
    let mut dice = Dice(7);
    let mut all = Vec::new();
    let start = NOON.millis();
    for number in 0..600u64 {
        let person = format!("person {number}");
        let is_treated = dice.roll(2) == 1;
        let at = start + (dice.roll(5 * 24) as i64) * HOUR + 1_000;
        let shown = |is_treated: bool, at: i64, how: u64| match how {
            0 => activity(
                &person,
                "$feature_flag_called",
                at,
                json!({"$feature_flag": "checkout", "$feature_flag_response": is_treated}),
            ),
            1 => activity(
                &person,
                "Experiment Viewed",
                at,
                json!({"experimentId": "exp", "variationId": u8::from(is_treated).to_string()}),
            ),
            _ => activity(
                &person,
                "Experiment Viewed",
                at,
                json!({"experiment_id": "exp", "variation_id": if is_treated { "treatment" } else { "control" }}),
            ),
        };
        let how = dice.roll(3);
        all.push(shown(is_treated, at, how));
        all.push(shown(is_treated, at + 2 * HOUR, (how + 1) % 3));
        if number < 20 {
            all.push(shown(!is_treated, at + HOUR, how));
        }
        // Of another flag, of another experiment, and before the phase: none of these counts.
        all.push(activity(
            &person,
            "$feature_flag_called",
            at - HOUR,
            json!({"$feature_flag": "colour", "$feature_flag_response": true}),
        ));
        all.push(activity(&person, "Experiment Viewed", at - HOUR, json!({"experimentId": "old", "variationId": "0"})));
        all.push(shown(!is_treated, start - DAY, how));
        for _ in 0..dice.roll(3) {
            let amount = 1.0 + dice.roll(100) as f64;
            all.push(activity(&person, "bought", at - DAY, json!({"amount": amount, "kind": "book"})));
        }
        let more = if is_treated { (lift * 3.0) as u64 } else { 0 };
        for _ in 0..dice.roll(3) + more {
            let amount = 1.0 + dice.roll(100) as f64;
            let kind = ["book", "game"][dice.roll(2) as usize];
            let later = dice.roll(96) as i64 * HOUR;
            all.push(activity(&person, "bought", at + later, json!({"amount": amount, "kind": kind})));
        }
        all.push(activity(&person, "opened", at + dice.roll(6) as i64 * DAY, json!({"price": "not a number"})));
        if number % 20 == 3 {
            all.iter_mut().filter(|one| one.person == person).for_each(|one| one.user_agent = "Googlebot/2.1");
        }
    }
    all
}

async fn furnish(house: &House, more: Value) {
    let bought = json!({"event": "bought"});
    let amount = json!("amount");
    let metrics = [
        (
            "revenue",
            json!({"measure": {"sum": {"source": bought, "operand": amount}}, "cap": {"at": 60}, "window": {"hours": 48}}),
        ),
        ("trimmed", json!({"measure": {"sum": {"source": bought, "operand": amount}}, "cap": {"quantile": 0.9}})),
        (
            "books",
            json!({"measure": {"count": {"source": {"event": "bought", "filters": [{"property": "kind", "is": {"one_of": ["book"]}}]}}}}),
        ),
        ("kinds", json!({"measure": {"unique": {"source": bought, "property": "kind"}}})),
        ("order", json!({"measure": {"mean": {"source": bought, "operand": {"property": "amount"}}}})),
        ("p90", json!({"measure": {"quantile": {"source": bought, "operand": amount, "level": 0.9}}})),
        ("back", json!({"measure": {"retention": {"source": {"event": "opened"}, "from_day": 1, "to_day": 4}}})),
        ("nothing", json!({"measure": {"sum": {"source": {"event": "opened"}, "operand": {"property": "price"}}}})),
    ];
    let keys: Vec<&str> = metrics.iter().map(|(key, _)| *key).collect();
    for (key, definition) in &metrics {
        house.make("metrics", key, definition.clone()).await;
    }
    let mut wanted = json!({"secondary": keys, "analysis": {"covariate_days": 7}});
    footfall_api_http::merge(&mut wanted, more);
    house.experiment(wanted).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
}

fn metric<'a>(report: &'a Value, key: &str) -> &'a Value {
    report["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == key).unwrap()
}

/// Who is in which arm since when, by reading the activities one by one.
fn exposed(all: &[Activity]) -> BTreeMap<&str, (bool, i64)> {
    let mut seen: BTreeMap<&str, (BTreeSet<bool>, i64)> = BTreeMap::new();
    for one in all.iter().filter(|one| one.millis >= NOON.millis() && !one.user_agent.contains("bot")) {
        let of = |name: &str| one.properties.get(name);
        let is_treated = match (of("$feature_flag"), of("experimentId"), of("experiment_id")) {
            (Some(flag), ..) if flag == "checkout" => of("$feature_flag_response") == Some(&json!(true)),
            (_, Some(key), _) if key == "exp" => of("variationId") == Some(&json!("1")),
            (_, _, Some(key)) if key == "exp" => of("variation_id") == Some(&json!("treatment")),
            _ => continue,
        };
        let entry = seen.entry(&one.person).or_insert((BTreeSet::new(), i64::MAX));
        entry.0.insert(is_treated);
        entry.1 = entry.1.min(one.millis);
    }
    let once = seen.into_iter().filter(|(_, (arms, _))| arms.len() == 1);
    once.map(|(person, (arms, at))| (person, (arms.contains(&true), at))).collect()
}

/// The values of a metric in each arm.
fn values(all: &[Activity], of: impl Fn(&[&Activity], i64) -> f64) -> [Vec<f64>; 2] {
    let mut arms = [Vec::new(), Vec::new()];
    for (person, (is_treated, at)) in exposed(all) {
        let own: Vec<&Activity> = all.iter().filter(|one| one.person == person).collect();
        arms[usize::from(is_treated)].push(of(&own, at));
    }
    arms
}

fn check(report: &Value, key: &str, arms: &[Vec<f64>; 2], is_share: bool) {
    for (arm, values) in metric(report, key)["arms"].as_array().unwrap().iter().zip(arms) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let variance = if is_share { mean * (1.0 - mean) } else { spread / (n - 1.0) };
        assert_eq!(arm["people"], n, "{key}");
        assert!((arm["mean"].as_f64().unwrap() - mean).abs() < 1e-9 * (1.0 + mean), "{key}: {arm} {mean}");
        assert!(
            (arm["variance"].as_f64().unwrap() - variance).abs() < 1e-9 * (1.0 + variance),
            "{key}: {arm} {variance}"
        );
        assert!((arm["sum"].as_f64().unwrap() - values.iter().sum::<f64>()).abs() < 1e-6, "{key}");
        let moments = &arm["moments"];
        let (first, below) = (moments["means"][0].as_f64().unwrap(), moments["scatter"][0][0].as_f64().unwrap());
        assert!(moments["n"] == n && (first - mean).abs() < 1e-9 * (1.0 + mean), "{key}: {moments}");
        assert!((below - spread).abs() < 1e-6 * (1.0 + spread), "{key}: {moments} {spread}");
    }
}

fn bought<'a>(own: &'a [&'a Activity], from: i64, until: i64) -> impl Iterator<Item = &'a Activity> {
    own.iter().copied().filter(move |one| one.event == "bought" && one.millis >= from && one.millis < until)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_equals_a_naive_recomputation() {
    let all = people(1.0);
    equals_a_naive_recomputation(&all, Arc::new(Tables::of(&all))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_of_the_insights_engine_equals_a_naive_recomputation() {
    let all = people(1.0);
    equals_a_naive_recomputation(&all, Arc::new(Projection(all.clone()))).await;
}

async fn equals_a_naive_recomputation(all: &[Activity], facts: Arc<dyn Facts>) {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(facts)).await;
    furnish(&house, json!({})).await;
    stage.pass(12 * DAY);
    let now = NOON.millis() + 12 * DAY;
    let report = house.get("experiments/exp/results").await.good().json();
    assert_eq!(report["people_in_several"], 19.0, "of 20 one is a bot");
    let total: f64 = report["variations"].as_array().unwrap().iter().map(|arm| arm["people"].as_f64().unwrap()).sum();
    assert_eq!(total, 600.0 - 30.0 - 19.0);

    let amount = |one: &Activity| one.amount.unwrap_or(0.0);
    check(&report, "bought", &values(all, |own, at| f64::from(u8::from(bought(own, at, now).next().is_some()))), true);
    let capped = |own: &[&Activity], at: i64| bought(own, at, at + 48 * HOUR).map(amount).sum::<f64>().min(60.0);
    check(&report, "revenue", &values(all, capped), false);
    let books =
        |own: &[&Activity], at: i64| bought(own, at, now).filter(|one| one.properties["kind"] == "book").count() as f64;
    check(&report, "books", &values(all, books), false);
    let kinds = |own: &[&Activity], at: i64| {
        bought(own, at, now).map(|one| one.properties["kind"].to_string()).collect::<BTreeSet<_>>().len() as f64
    };
    check(&report, "kinds", &values(all, kinds), false);
    let back = |own: &[&Activity], at: i64| {
        let is_back = |one: &&Activity| one.event == "opened" && one.millis >= at + DAY && one.millis < at + 4 * DAY;
        f64::from(u8::from(own.iter().any(is_back)))
    };
    check(&report, "back", &values(all, back), true);
    check(&report, "nothing", &values(all, |_, _| 0.0), false);

    let spent = values(all, |own, at| bought(own, at, now).map(amount).sum());
    let orders = values(all, |own, at| bought(own, at, now).count() as f64);
    for (index, arm) in metric(&report, "order")["arms"].as_array().unwrap().iter().enumerate() {
        let expected = spent[index].iter().sum::<f64>() / orders[index].iter().sum::<f64>();
        assert!((arm["mean"].as_f64().unwrap() - expected).abs() < 1e-9 * expected, "{arm} {expected}");
    }
    let mut everybody = spent.concat();
    everybody.sort_by(f64::total_cmp);
    let quantile =
        |values: &[f64]| footfall_models_experiment::statistics::capping::percentile(values, 0.9, false).unwrap();
    let cap = quantile(&everybody);
    check(&report, "trimmed", &spent.clone().map(|arm| arm.into_iter().map(|value| value.min(cap)).collect()), false);
    for (arm, values) in metric(&report, "p90")["arms"].as_array().unwrap().iter().zip(&spent) {
        assert!((arm["mean"].as_f64().unwrap() - quantile(values)).abs() < 1e-9, "{arm}");
    }
    let revenue = &metric(&report, "revenue")["comparisons"][0];
    assert!(revenue["interval"]["low"].as_f64().unwrap() > 0.0, "{revenue}");
    assert!(revenue["can_be_said"].as_str().unwrap().starts_with("Treatment is better"));
    assert!(revenue["p_value_holm"].as_f64().unwrap() >= revenue["p_value"].as_f64().unwrap());
    assert_eq!(revenue["curve"].as_array().unwrap().last().unwrap()["people"], total);
    assert_eq!(report["sample_ratio"]["is_off"], false);
    assert!(report["sql"].as_str().unwrap().starts_with("WITH exposures AS"));
    assert!(!report["sql"].as_str().unwrap().contains("bought"), "what people chose is bound");
}

/// The numbers of a result lead to those whom they count, page by page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_people_of_a_number_are_those_that_it_counts() {
    let all = people(1.0);
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Tables::of(&all)))).await;
    furnish(&house, json!({})).await;
    stage.pass(12 * DAY);
    let now = NOON.millis() + 12 * DAY;
    let arms = exposed(&all);
    let has_bought = |person: &str, at: i64| {
        all.iter().any(|one| one.person == person && one.event == "bought" && (at..now).contains(&one.millis))
    };
    for (variation, treated) in [("control", false), ("treatment", true)] {
        let want: Vec<&str> = arms.iter().filter(|(_, arm)| arm.0 == treated).map(|(person, _)| *person).collect();
        let buyers: Vec<&str> = want.iter().copied().filter(|person| has_bought(person, arms[person].1)).collect();
        let at = format!("experiments/exp/results/people?variation={variation}");
        let of = async |more: &str| house.get(&format!("{at}{more}")).await.good().json();
        let told = of("&limit=1000").await;
        assert_eq!((&told["people"], &told["listed"], &told["next"]), (&json!(want.len()), &json!(want), &Value::Null));
        let told = of("&limit=1000&metric=bought").await;
        assert_eq!((&told["people"], &told["listed"]), (&json!(buyers.len()), &json!(buyers)));
        let first = of("&limit=3").await;
        assert_eq!((&first["listed"], &first["next"]), (&json!(want[..3]), &json!(want[2])));
        let second = of(&format!("&limit=3&after={}", want[2].replace(' ', "%20"))).await;
        assert_eq!((&second["people"], &second["listed"]), (&json!(want.len()), &json!(want[3..6])));
    }
    assert_eq!(house.get("experiments/exp/results/people?variation=other").await.status.as_u16(), 404);
    assert_eq!(house.get("experiments/exp/results/people?variation=control&metric=other").await.status.as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_guardrail_rolls_back_with_a_record() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Tables::of(&people(2.0))))).await;
    // More purchases are taken for a harm.
    house
        .make(
            "metrics",
            "load",
            json!({"measure": {"count": {"source": {"event": "bought"}}}, "lower_is_better": true}),
        )
        .await;
    furnish(&house, json!({"guardrails": [{"metric": "load", "tolerance": 0.05, "rolls_back": false}]})).await;
    stage.pass(8 * DAY);
    assert_eq!(house.experiments.watch_guardrails().await.unwrap(), 0, "it only warns");
    house
        .patch("experiments/exp", json!({"guardrails": [{"metric": "load", "tolerance": 0.05, "rolls_back": true}]}))
        .await
        .good();
    assert_eq!(house.experiments.watch_guardrails().await.unwrap(), 1);
    let state = house.get("experiments/exp").await.json()["state"].clone();
    assert_eq!((&state["status"], &state["decision"]["decided_by"]), (&json!("rolled_back"), &json!("system")));
    assert!(state["decision"]["reason"].as_str().unwrap().contains("load is broken by treatment"), "{state}");
    let records = house.access.audit_after(None, 0, 1000).await.unwrap();
    let last = records.iter().rfind(|record| record.action == "experiment.roll_back").expect("a record");
    assert_eq!((last.actor_kind.as_str(), last.object.as_str()), ("system", "exp"));
    assert_eq!(house.experiments.watch_guardrails().await.unwrap(), 0, "once");
}

/// 400 people in each arm; of the treatment every fifth has a failure, of control nobody.
fn failures() -> Vec<Activity> {
    let at = NOON.millis() + 1_000;
    let of = |number: usize| {
        let person = format!("person {number}");
        let shown = json!({"experimentId": "exp", "variationId": (number % 2).to_string()});
        let failed = (number % 10 == 1).then(|| activity(&person, "failed", at + 60_000, json!({})));
        [Some(activity(&person, "Experiment Viewed", at, shown)), failed]
    };
    (0..800).flat_map(of).flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardrail_that_control_has_nothing_of_is_broken_all_the_same() {
    let all = failures();
    for method in ["sequential", "fixed_horizon"] {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(Arc::new(Projection(all.clone())))).await;
        let failed = json!({"measure": {"conversion": {"source": {"event": "failed"}}}, "lower_is_better": true});
        house.make("metrics", "failed", failed).await;
        let guardrail = json!({"metric": "failed", "tolerance": 0.5, "rolls_back": true});
        furnish(&house, json!({"guardrails": [guardrail], "analysis": {"method": method}})).await;
        stage.pass(DAY);
        let report = house.get("experiments/exp/results").await.good().json();
        let compared = &metric(&report, "failed")["comparisons"][0];
        assert_eq!(compared["effect"], Value::Null, "{compared}");
        assert!((compared["absolute"]["estimate"].as_f64().unwrap() - 0.2).abs() < 1e-9, "{compared}");
        assert!(compared["can_be_said"].as_str().unwrap().contains("Treatment is worse"), "{compared}");
        assert_eq!(house.experiments.watch_guardrails().await.unwrap(), 1, "{method}");
    }
}

/// A twelfth of 500 people buy with control, and nobody with the treatment.
fn no_sales() -> Vec<Activity> {
    let at = NOON.millis() + 1_000;
    let of = |number: usize| {
        let person = format!("person {number}");
        let shown = json!({"experimentId": "exp", "variationId": (number % 2).to_string()});
        let bought = number.is_multiple_of(24).then(|| activity(&person, "bought", at + 60_000, json!({})));
        [Some(activity(&person, "Experiment Viewed", at, shown)), bought]
    };
    (0..1_000).flat_map(of).flatten().collect()
}

/// The metric is a goal as well, which it may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardrail_that_the_treatment_has_nothing_of_is_broken() {
    let all = no_sales();
    let facts: [Arc<dyn Facts>; 2] = [Arc::new(Tables::of(&all)), Arc::new(Projection(all.clone()))];
    for facts in facts {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        let guardrail = json!({"metric": "bought", "tolerance": 0.05, "rolls_back": true});
        furnish(&house, json!({"guardrails": [guardrail], "secondary": []})).await;
        stage.pass(DAY);
        let report = house.get("experiments/exp/results").await.good().json();
        let compared = &metric(&report, "bought")["comparisons"][0];
        assert!((compared["effect"].as_f64().unwrap() + 1.0).abs() < 1e-9, "{compared}");
        assert!(compared["can_be_said"].as_str().unwrap().starts_with("Treatment is worse"), "{compared}");
        assert_eq!(house.experiments.watch_guardrails().await.unwrap(), 1);
    }
}

/// Of purchases the treatment has a little more: one look would say so, a hundred looks would say so of chance as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardrail_is_not_broken_by_what_one_look_alone_would_bear() {
    let at = NOON.millis() + 1_000;
    let buys = |number: usize| if number % 2 == 1 { number % 20 < 13 } else { number % 20 < 10 };
    let of = |number: usize| {
        let person = format!("person {number}");
        let shown = json!({"experimentId": "exp", "variationId": (number % 2).to_string()});
        let bought = buys(number).then(|| activity(&person, "bought", at + 60_000, json!({})));
        [Some(activity(&person, "Experiment Viewed", at, shown)), bought]
    };
    let all: Vec<Activity> = (0..1_000).flat_map(of).flatten().collect();
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Projection(all)))).await;
    let load = json!({"measure": {"conversion": {"source": {"event": "bought"}}}, "lower_is_better": true});
    house.make("metrics", "load", load).await;
    let guardrail = json!({"metric": "load", "tolerance": 0.0, "rolls_back": true});
    furnish(&house, json!({"guardrails": [guardrail], "analysis": {"method": "fixed_horizon"}})).await;
    stage.pass(DAY);
    let report = house.get("experiments/exp/results").await.good().json();
    let compared = &metric(&report, "load")["comparisons"][0];
    let p_value = compared["p_value"].as_f64().unwrap();
    assert!(p_value < 0.05 && compared["interval"]["low"].as_f64().unwrap() > 0.0, "{compared}");
    assert_eq!(house.experiments.watch_guardrails().await.unwrap(), 0);
}

/// A prior belongs to a metric, and has a mean: the posterior is that of both, weighed by their precision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_thought_of_a_metric_before_moves_its_posterior_alone() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Projection(people(0.0))))).await;
    let bought = |more: Value| {
        let mut metric = json!({"measure": {"count": {"source": {"event": "bought"}}}});
        footfall_api_http::merge(&mut metric, more);
        metric
    };
    let refused = bought(json!({"prior": {"mean": 11, "deviation": 0}}));
    let refused = house.post("metrics", json!({"key": "x", "definition": refused})).await;
    assert!((400..=422).contains(&refused.status.as_u16()), "{}", refused.text);
    for (key, more) in [
        ("open", json!({})),
        ("hoped", json!({"prior": {"mean": 0.5, "deviation": 0.1}})),
        ("doubted", json!({"prior": {"deviation": 0.01}})),
    ] {
        house.make("metrics", key, bought(more)).await;
    }
    furnish(&house, json!({"secondary": ["open", "hoped", "doubted"], "analysis": {"covariate_days": 0}})).await;
    stage.pass(12 * DAY);
    let report = house.get("experiments/exp/results").await.good().json();
    let told = |key: &str, name: &str| metric(&report, key)["comparisons"][0][name].as_f64().unwrap();
    let middle = |key: &str| {
        let interval = &metric(&report, key)["comparisons"][0]["credible_interval"];
        (interval["low"].as_f64().unwrap() + interval["high"].as_f64().unwrap()) / 2.0
    };
    let (effect, deviation) = (told("open", "effect"), told("open", "standard_error"));
    assert!((middle("open") - effect).abs() < 1e-9);
    for (key, mean, own) in [("hoped", 0.5, 0.1), ("doubted", 0.0, 0.01)] {
        assert_eq!(told(key, "effect"), effect, "the data are the same");
        let [seen, thought] = [deviation, own].map(|deviation: f64| deviation.powi(-2));
        let expected = (effect * seen + mean * thought) / (seen + thought);
        assert!((middle(key) - expected).abs() < 1e-9, "{key}: {} {expected}", middle(key));
    }
    assert!(middle("hoped") > effect.max(middle("doubted")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_without_tables_or_people() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Tables::of(&people(0.0)[..1])))).await;
    house.experiment(json!({})).await;
    assert_eq!(house.get("experiments/exp/results").await.refusal().1, "definition_unknown", "it was not started");
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let report = house.get("experiments/exp/results").await.good().json();
    assert_eq!(metric(&report, "bought")["comparisons"][0]["effect"], Value::Null);
    let other = Stage::sqlite().await.unwrap();
    let house = house_with(&other, None).await;
    house.experiment(json!({})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let answer = house.get("experiments/exp/results").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "10"));
}

/// Tables that are being read.
struct Unready;

#[async_trait]
impl Facts for Unready {
    async fn query(&self, _: &str, sql: &str, _: Value) -> Result<Rows, ExperimentError> {
        Err(ExperimentError::Facts(format!("nobody waits for {sql}")))
    }

    async fn exposures(&self, _: &str, _: &Exposures) -> Result<Option<ExposuresAnswer>, ExperimentError> {
        Err(ExperimentError::Preparing { rows_done: 3_000_000, rows_all: 30_000_000 })
    }
}

#[tokio::test]
async fn who_asks_while_the_activity_is_read_is_told_how_far_it_is() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Unready))).await;
    furnish(&house, json!({})).await;
    stage.pass(8 * DAY);
    let answer = house.get("experiments/exp/results").await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (503, Some("facts_unavailable")));
    assert!(answer.text.contains("3000000 of 30000000 rows are there"), "{}", answer.text);
    assert_eq!(answer.headers["retry-after"], "5");
}
