//! Post-stratification equals a computation from the people one by one, day by day; who is not mature, and what another environment tells, does not count.

use std::collections::BTreeMap;
use std::sync::Arc;

use footfall_api_experiments::Facts;
use serde_json::{Value, json};

use crate::gear::{House, house_with};
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection, Tables};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Of a stratum: its share of everybody, control's mean, the difference, and how these vary.
type Part = (f64, f64, f64, [f64; 3]);

fn both(all: &[Activity]) -> [Arc<dyn Facts>; 2] {
    [Arc::new(Tables::of(all)), Arc::new(Projection(all.to_vec()))]
}

/// One who was exposed: what they did after, and in the seven days before.
#[derive(Clone)]
struct Person {
    arm: usize,
    day: String,
    country: &'static str,
    is_active: bool,
    after: f64,
    before: f64,
}

fn tell(person: &str, event: &'static str, millis: i64, country: &'static str, properties: Value) -> Activity {
    let (user_agent, browser) = ("Mozilla/5.0", "Firefox");
    let amount = properties.get("amount").and_then(Value::as_f64);
    Activity { person: person.into(), event, millis, amount, user_agent, browser, country, properties }
}

/// 1,200 people over five days. Half were there before, and do more; some of these only looked. A country has a handful of people.
fn crowd() -> (Vec<Activity>, Vec<Person>) {
    let mut dice = Dice(23);
    let (mut all, mut people) = (Vec::new(), Vec::new());
    for number in 0..1_200 {
        let name = format!("person {number}");
        let country = if number % 60 == 7 { "li" } else { ["de", "fr"][dice.roll(2) as usize] };
        let arm = usize::from(dice.roll(4) == 0);
        let at = NOON.millis() + dice.roll(5 * 24) as i64 * HOUR + 1_000;
        let is_old = dice.roll(2) == 1;
        let before = if is_old { dice.roll(4) } else { 0 };
        let looks = u64::from(is_old) * dice.roll(2);
        let after = dice.roll(3) + before + if is_old { 2 } else { 0 } + arm as u64 * dice.roll(2);
        all.push(tell(
            &name,
            "Experiment Viewed",
            at,
            country,
            json!({"experimentId": "exp", "variationId": arm.to_string()}),
        ));
        all.extend((0..before).map(|_| tell(&name, "bought", at - DAY, country, json!({}))));
        all.extend((0..looks).map(|_| tell(&name, "looked", at - 2 * DAY, country, json!({}))));
        // Longer ago than is looked at.
        all.push(tell(&name, "looked", at - 9 * DAY, country, json!({})));
        all.extend((0..after).map(|_| tell(&name, "bought", at + HOUR, country, json!({}))));
        let day = jiff::Timestamp::from_millisecond(at).unwrap().to_string()[..10].to_owned();
        let (after, is_active, before) = (after as f64, before + looks > 0, before as f64);
        people.push(Person { arm, day, country, is_active, after, before });
    }
    (all, people)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn covariance(x: &[f64], y: &[f64]) -> f64 {
    let (mean_x, mean_y) = (mean(x), mean(y));
    x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / (x.len() as f64 - 1.0)
}

/// Relative effect and its standard error: within each stratum less θ times what was before, strata weighed by their people.
fn naive(strata: &[Vec<Person>]) -> (f64, f64) {
    let all: f64 = strata.iter().map(|stratum| stratum.len() as f64).sum();
    let mut parts = Vec::new();
    for stratum in strata {
        let of = |arm: Option<usize>, value: fn(&Person) -> f64| -> Vec<f64> {
            stratum.iter().filter(|one| arm.is_none_or(|arm| one.arm == arm)).map(value).collect()
        };
        let (y, x) = (of(None, |one| one.after), of(None, |one| one.before));
        let spread = covariance(&x, &x);
        let theta = if spread > 0.0 { covariance(&x, &y) / spread } else { 0.0 };
        let rest = |arm: usize| -> Vec<f64> {
            let (after, before) = (of(Some(arm), |one| one.after), of(Some(arm), |one| one.before));
            after.iter().zip(before).map(|(after, before)| after - theta * before).collect()
        };
        let (control, [ra, rb]) = (of(Some(0), |one| one.after), [rest(0), rest(1)]);
        let (na, nb) = (ra.len() as f64, rb.len() as f64);
        let matrix = [
            covariance(&control, &control) / na,
            -covariance(&control, &ra) / na,
            covariance(&ra, &ra) / na + covariance(&rb, &rb) / nb,
        ];
        parts.push((stratum.len() as f64 / all, mean(&control), mean(&rb) - mean(&ra), matrix));
    }
    let sum = |of: &dyn Fn(&Part) -> f64| parts.iter().map(of).sum::<f64>();
    let (control, effect) = (sum(&|part| part.0 * part.1), sum(&|part| part.0 * part.2));
    let apart = |part: &Part| [part.1 - control, part.2 - effect];
    let entry = |place: usize, left: usize, right: usize| {
        sum(&|part| part.0 * part.0 * part.3[place] + part.0 * apart(part)[left] * apart(part)[right] / all)
    };
    let gradient = [-effect / control.powi(2), 1.0 / control];
    let variance = gradient[0].powi(2) * entry(0, 0, 0)
        + 2.0 * gradient[0] * gradient[1] * entry(1, 0, 1)
        + gradient[1].powi(2) * entry(2, 1, 1);
    (effect / control, variance.sqrt())
}

fn by(people: &[Person], name: impl Fn(&Person) -> String) -> Vec<Vec<Person>> {
    let mut strata: BTreeMap<String, Vec<Person>> = BTreeMap::new();
    for person in people {
        strata.entry(name(person)).or_default().push(person.clone());
    }
    strata.into_values().collect()
}

async fn furnish(house: &House, analysis: Value) {
    let counts = |event: &str| json!({"measure": {"count": {"source": {"event": event}}}});
    house.make("metrics", "orders", counts("bought")).await;
    house.make("metrics", "looks", counts("looked")).await;
    let mut alone = counts("bought");
    alone["post_stratifies"] = json!(false);
    house.make("metrics", "alone", alone).await;
    house.experiment(json!({"goals": ["orders"], "secondary": ["looks", "alone"], "analysis": analysis})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
}

fn metric<'a>(report: &'a Value, key: &str) -> &'a Value {
    report["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == key).unwrap()
}

fn close(found: &Value, expected: f64) {
    let value = found.as_f64().unwrap_or_else(|| panic!("{found}"));
    assert!((value - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{value} {expected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_were_there_before_are_compared_among_themselves() {
    let (all, people) = crowd();
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        furnish(&house, json!({"covariate_days": 7})).await;
        stage.pass(8 * DAY);
        let report = house.get("experiments/exp/results").await.good().json();
        let found = &metric(&report, "orders")["comparisons"][0];
        let (effect, error) = naive(&by(&people, |one| one.is_active.to_string()));
        close(&found["effect"], effect);
        close(&found["standard_error"], error);
        assert_eq!(found["method"], "confidence sequence, post-stratified");
        let told = &found["post_stratified"];
        let names: Vec<&Value> = told["strata"].as_array().unwrap().iter().map(|one| &one["stratum"]).collect();
        assert_eq!(names, [&json!("not active before"), &json!("active before")]);
        let count = |is_active: bool, arm: usize| {
            people.iter().filter(|one| one.is_active == is_active && one.arm == arm).count() as f64
        };
        assert_eq!(told["strata"][1]["people"], json!([count(true, 0), count(true, 1)]));
        assert_eq!(told["strata"][1]["moments"][0]["n"], count(true, 0));
        let (_, error_at_once) = naive(std::slice::from_ref(&people));
        let left = told["variance_left"].as_f64().unwrap();
        assert!(left < 0.9 && error < error_at_once, "who was there before does more: {left}");
        // Day by day the same, of those exposed so far; the last day is the result.
        let curve = found["curve"].as_array().unwrap();
        for point in curve {
            let so_far: Vec<Person> =
                people.iter().filter(|one| one.day.as_str() <= point["day"].as_str().unwrap()).cloned().collect();
            let strata = by(&so_far, |one| one.is_active.to_string());
            let is_small =
                |stratum: &Vec<Person>| (0..2).any(|arm| stratum.iter().filter(|one| one.arm == arm).count() < 20);
            let strata = if strata.iter().any(is_small) { vec![so_far.clone()] } else { strata };
            close(&point["effect"], naive(&strata).0);
            assert_eq!(point["people"], so_far.len() as f64);
        }
        let last = curve.last().unwrap();
        assert_eq!((&last["effect"], &last["interval"]), (&found["effect"], &found["interval"]));
        // A metric may do without.
        let alone = &metric(&report, "alone")["comparisons"][0];
        close(&alone["effect"], naive(std::slice::from_ref(&people)).0);
        assert_eq!((&alone["post_stratified"], &alone["method"]), (&Value::Null, &json!("confidence sequence")));
        // And an experiment.
        house.patch("experiments/exp", json!({"analysis": {"post_stratifies": false}})).await.good();
        let report = house.get("experiments/exp/results").await.good().json();
        let found = &metric(&report, "orders")["comparisons"][0];
        close(&found["effect"], naive(std::slice::from_ref(&people)).0);
        assert_eq!(found["post_stratified"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strata_of_a_dimension_are_those_of_each_day_as_well() {
    let (all, people) = crowd();
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        furnish(&house, json!({"covariate_days": 7, "stratified_by": "country"})).await;
        stage.pass(8 * DAY);
        let report = house.get("experiments/exp/results").await.good().json();
        let found = &metric(&report, "orders")["comparisons"][0];
        // Liechtenstein has too few people for a stratum: they join the largest.
        let strata = found["post_stratified"]["strata"].as_array().unwrap();
        assert_eq!(strata.len(), 4, "{strata:?}");
        let size = |one: &Value| one["people"][0].as_f64().unwrap() + one["people"][1].as_f64().unwrap();
        let total: f64 = strata.iter().map(size).sum();
        assert_eq!(total, people.len() as f64, "nobody is lost");
        let name = |one: &Person| format!("{} {}", one.country, one.is_active);
        let mut large: Vec<Vec<Person>> =
            by(&people, name).into_iter().filter(|stratum| stratum[0].country != "li").collect();
        let most = large.iter_mut().max_by_key(|stratum| stratum.len()).unwrap();
        most.extend(people.iter().filter(|one| one.country == "li").cloned());
        let (effect, error) = naive(&large);
        close(&found["effect"], effect);
        close(&found["standard_error"], error);
        let last = found["curve"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["effect"], &last["interval"]), (&found["effect"], &found["interval"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_mature_does_not_count_for_a_retention() {
    let mut dice = Dice(5);
    let (mut all, mut people) = (Vec::new(), Vec::new());
    for number in 0..900 {
        let name = format!("person {number}");
        let arm = number % 2;
        let at = NOON.millis() + (number % 6) as i64 * DAY + 1_000;
        all.push(tell(
            &name,
            "Experiment Viewed",
            at,
            "de",
            json!({"experimentId": "exp", "variationId": arm.to_string()}),
        ));
        let returns = dice.roll(3) == 0;
        if returns {
            all.push(tell(&name, "opened", at + 2 * DAY, "de", json!({})));
        }
        people.push((arm, at, returns));
    }
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        let back = json!({"measure": {"retention": {"source": {"event": "opened"}, "from_day": 1, "to_day": 4}}});
        house.make("metrics", "back", back).await;
        house.experiment(json!({"secondary": ["back"], "analysis": {"covariate_days": 0}})).await;
        house.post("experiments/exp/start", json!({"without_review": true})).await.good();
        stage.pass(6 * DAY);
        let now = NOON.millis() + 6 * DAY;
        let report = house.get("experiments/exp/results").await.good().json();
        let found = metric(&report, "back");
        let is_mature = |at: i64| at + 4 * DAY <= now;
        for arm in 0..2 {
            let own: Vec<f64> = people
                .iter()
                .filter(|(of, at, _)| *of == arm && is_mature(*at))
                .map(|(_, _, returns)| f64::from(u8::from(*returns)))
                .collect();
            assert_eq!(found["arms"][arm]["people"], own.len() as f64);
            close(&found["arms"][arm]["mean"], mean(&own));
            close(&found["arms"][arm]["variance"], mean(&own) * (1.0 - mean(&own)));
        }
        let early = people.iter().filter(|(_, at, _)| !is_mature(*at)).count();
        assert!(early > 300);
        assert_eq!(found["people_not_mature"], early as f64);
        let said = found["comparisons"][0]["cannot_be_said"].as_str().unwrap();
        assert!(said.contains(&format!("{early} people of the experiment are not yet mature")), "{said}");
        let last = found["comparisons"][0]["curve"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["people"], (people.len() - early) as f64);
        assert_eq!(last["effect"], found["comparisons"][0]["effect"]);
        // Of other metrics everybody counts.
        assert_eq!(metric(&report, "bought")["arms"][0]["people"], 450.0);
        assert_eq!(metric(&report, "bought")["people_not_mature"], Value::Null);
        stage.pass(5 * DAY);
        let report = house.get("experiments/exp/results").await.good().json();
        assert_eq!(metric(&report, "back")["people_not_mature"], 0.0);
        assert_eq!(metric(&report, "back")["arms"][1]["people"], 450.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_environments_are_other_experiments() {
    let mut all = Vec::new();
    let at = NOON.millis() + 1_000;
    // A hundred people of production, thirty of staging, ten who were in both and in different variations.
    for number in 0..140 {
        let name = format!("person {number}");
        let arm = number % 2;
        let mut show = |arm: usize, environment: Option<&str>| {
            let mut shown = json!({"experimentId": "exp", "variationId": arm.to_string()});
            if let Some(environment) = environment {
                shown["$environment"] = json!(environment);
            }
            all.push(tell(&name, "Experiment Viewed", at, "de", shown));
        };
        let named = (number % 3 == 0).then_some("production");
        match number {
            0..100 => show(arm, named),
            100..130 => show(arm, Some("staging")),
            _ => {
                show(arm, named);
                show(1 - arm, Some("staging"));
            }
        }
        if number % 4 < 2 {
            all.push(tell(&name, "bought", at + HOUR, "de", json!({})));
        }
        all.push(tell(&name, "bought", at + HOUR, "de", json!({"$environment": "staging"})));
    }
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        house.experiment(json!({"analysis": {"covariate_days": 0}})).await;
        house.post("experiments/exp/start", json!({"without_review": true})).await.good();
        stage.pass(DAY);
        let people = |report: &Value| {
            let arms = report["variations"].as_array().unwrap();
            (arms.iter().map(|arm| arm["people"].as_f64().unwrap()).sum::<f64>(), report["people_in_several"].clone())
        };
        let report = house.get("experiments/exp/results").await.good().json();
        assert_eq!(people(&report), (110.0, json!(0.0)), "of production by default, named or not");
        let unknown = house.patch("experiments/exp", json!({"analysis": {"environment": "staging"}})).await.refusal();
        assert_eq!(unknown.2, ["/definition/analysis/environment"]);
        house.make("environments", "staging", json!({})).await;
        let report = house.get("experiments/exp/results").await.good().json();
        let bought = |report: &Value, arm: usize| metric(report, "bought")["arms"][arm]["sum"].clone();
        let counted = |arm: usize, of: &dyn Fn(usize) -> bool| {
            (0..140usize).filter(|number| of(*number) && number % 2 == arm && number % 4 < 2).count() as f64
        };
        let of_production = |number: usize| !(100..130).contains(&number);
        for arm in 0..2 {
            // Purchases of staging are not of production.
            close(&bought(&report, arm), counted(arm, &of_production));
        }
        house.patch("experiments/exp", json!({"analysis": {"environment": "staging"}})).await.good();
        let report = house.get("experiments/exp/results").await.good().json();
        assert_eq!(people(&report), (40.0, json!(0.0)));
        // Each of them bought in staging.
        close(&bought(&report, 0), 20.0);
        let used = house.ask("DELETE", "environments/staging", &[("if-match", "*")], Value::Null).await;
        assert_eq!(used.refusal().1, "in_use");
    }
}
