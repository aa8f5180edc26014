//! A bandit on its schedule: weights follow the first goal at fixed hours, with a record, and its result stays honest.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use footfall_api_access::KeyKind;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_models_experiment::statistics::distribution::normal_cdf;
use footfall_pipelines_insights::definition::{Exposures, ExposuresAnswer};
use serde_json::{Value, json};

use crate::gear::house_with;
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection, Tables};

const HOUR: i64 = 3_600_000;
const FLOOR: f64 = 0.05;

/// Activities that grow between questions, answered by the insights engine alone, or in SQL alone.
pub struct Growing {
    held: Mutex<Vec<Activity>>,
    is_engine: bool,
}

impl Growing {
    pub fn of(all: &[Activity], is_engine: bool) -> Arc<Growing> {
        Arc::new(Growing { held: Mutex::new(all.to_vec()), is_engine })
    }

    fn hold(&self, all: &[Activity]) {
        *self.held.lock().unwrap() = all.to_vec();
    }

    fn now(&self) -> Vec<Activity> {
        self.held.lock().unwrap().clone()
    }
}

#[async_trait]
impl Facts for Growing {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        assert!(!self.is_engine, "asked in SQL: {sql}");
        Tables::of(&self.now()).query(project, sql, params).await
    }

    async fn exposures(&self, project: &str, asked: &Exposures) -> Result<Option<ExposuresAnswer>, ExperimentError> {
        match self.is_engine {
            true => Projection(self.now()).exposures(project, asked).await,
            false => Ok(None),
        }
    }
}

fn tell(person: &str, event: &'static str, millis: i64, properties: Value) -> Activity {
    let (user_agent, browser, country) = ("Mozilla/5.0", "Firefox", "de");
    Activity { person: person.into(), event, millis, amount: None, user_agent, browser, country, properties }
}

fn shown(person: &str, is_treated: bool, millis: i64) -> Activity {
    tell(
        person,
        "Experiment Viewed",
        millis,
        json!({"experimentId": "exp", "variationId": u8::from(is_treated).to_string()}),
    )
}

/// People and buyers of each arm.
pub type Counts = [(f64, f64); 2];

/// People who come from an hour on, so many in ten thousand of them treated, and buy with these chances in a hundred.
fn come(dice: &mut Dice, all: &mut Vec<Activity>, from_hour: i64, people: u64, treated: u64, buy: [u64; 2]) -> Counts {
    let mut counts = Counts::default();
    for number in 0..people {
        let person = format!("person {from_hour} {number}");
        let is_treated = dice.roll(10_000) < treated;
        let at = NOON.millis() + from_hour * HOUR + 1_000 + dice.roll(600) as i64 * 60_000;
        let arm = &mut counts[usize::from(is_treated)];
        arm.0 += 1.0;
        all.push(shown(&person, is_treated, at));
        if dice.roll(100) < buy[usize::from(is_treated)] {
            arm.1 += 1.0;
            all.push(tell(&person, "bought", at + 1_000, json!({})));
        }
    }
    counts
}

fn rate((people, buyers): (f64, f64)) -> f64 {
    buyers / people
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_follow_the_goal_at_fixed_hours() {
    for is_engine in [false, true] {
        follow_the_goal(is_engine).await;
    }
}

async fn follow_the_goal(is_engine: bool) {
    let stage = Stage::sqlite().await.unwrap();
    let mut dice = Dice(5);
    let mut all = Vec::new();
    let few = come(&mut dice, &mut all, 0, 150, 5_000, [10, 14]);
    let facts = Growing::of(&all, is_engine);
    let house = house_with(&stage, Some(facts.clone())).await;
    let bandit = json!({"every_hours": 24, "people_min": 100, "floor": FLOOR});
    house.experiment(json!({"bandit": bandit, "analysis": {"covariate_days": 0}})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    stage.pass(23 * HOUR);
    assert_eq!(house.experiments.turn_bandits().await.unwrap(), 0, "its time has not come");
    stage.pass(HOUR);
    assert_eq!(house.experiments.turn_bandits().await.unwrap(), 0, "an arm has fewer than 100 people: {few:?}");
    let more = come(&mut dice, &mut all, 11, 1_000, 5_000, [10, 14]);
    // Somebody who was moved later counts where they were first.
    let first = come(&mut dice, &mut all, 5, 1, 0, [0, 0]);
    all.push(shown("person 5 0", true, NOON.millis() + 23 * HOUR));
    facts.hold(&all);
    house.get("experiments/exp/results").await.good();
    assert_eq!(house.experiments.turn_bandits().await.unwrap(), 1);

    // Computed anew: the chance that one normal posterior is above the other, and a floor for each.
    let sum = |arm: usize| {
        let parts = [few[arm], more[arm], first[arm]];
        parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    };
    let one = [sum(0), sum(1)];
    let variance = |(people, buyers): (f64, f64)| rate((people, buyers)) * (1.0 - rate((people, buyers))) / people;
    let chance = normal_cdf((rate(one[1]) - rate(one[0])) / (variance(one[0]) + variance(one[1])).sqrt());
    let expected = FLOOR + (1.0 - 2.0 * FLOOR) * chance;
    let shown_now = house.get("experiments/exp").await.good().json();
    let period = shown_now["state"]["phases"][0]["periods"][0].clone();
    let weight = period["weights"][1].as_f64().unwrap();
    assert!((weight - expected).abs() < 1e-6, "{period} {expected}");
    assert!(weight > 0.6, "{period}");
    assert_eq!(shown_now["definition"]["variations"][1]["weight"], 0.5, "what was planned stays to be read");
    let (_, key) = house.key(KeyKind::Client).await;
    let payload = house.raw("GET", &format!("/api/features/{key}"), &[], Value::Null).await.good().json();
    assert_eq!(payload["features"]["checkout"]["rules"][0]["weights"], period["weights"], "{payload}");
    let revisions = house.get("experiments/exp/revisions").await.good().json();
    let last = &revisions["items"][0];
    assert!(last["reason"].as_str().unwrap().starts_with("bandit by bought: chances to be best"), "{revisions}");
    let records = house.access.audit_after(None, 0, 1000).await.unwrap();
    let record = records.iter().rfind(|record| record.action == "experiment.reweigh").expect("a record");
    assert_eq!((record.actor_kind.as_str(), record.object.as_str()), ("system", "exp"));

    assert_eq!(house.experiments.turn_bandits().await.unwrap(), 0, "once a day");
    stage.pass(24 * HOUR);
    assert_eq!(house.experiments.turn_bandits().await.unwrap(), 0, "nobody has come, nothing changes");

    // The day after everybody buys more: who pools the days takes that for an effect.
    let two = come(&mut dice, &mut all, 26, 2_000, (weight * 10_000.0) as u64, [30, 34]);
    facts.hold(&all);
    let report = house.get("experiments/exp/results").await.good().json();
    assert_eq!(report["sample_ratio"]["is_off"], false, "{}", report["sample_ratio"]);
    for (arm, people) in [one[0].0 + two[0].0, one[1].0 + two[1].0].iter().enumerate() {
        assert_eq!(report["variations"][arm]["people"], *people);
    }
    assert_eq!(report["people_in_several"], 0.0);
    let users = |counts: &Counts| counts[0].0 + counts[1].0;
    let share = users(&one) / (users(&one) + users(&two));
    let mean = |arm: usize| share * rate(one[arm]) + (1.0 - share) * rate(two[arm]);
    let comparison = &report["metrics"][0]["comparisons"][0];
    let effect = comparison["effect"].as_f64().unwrap();
    assert!((effect - (mean(1) / mean(0) - 1.0)).abs() < 1e-9, "{comparison} {}", mean(1) / mean(0) - 1.0);
    let pooled = |arm: usize| (one[arm].1 + two[arm].1) / (one[arm].0 + two[arm].0);
    assert!(pooled(1) / pooled(0) - 1.0 > effect + 0.1, "pooled it would be {}", pooled(1) / pooled(0) - 1.0);
    assert!(comparison["cannot_be_said"].as_str().unwrap().contains("weights followed"), "{comparison}");
    assert_eq!(comparison["curve"].as_array().unwrap().len(), 2);
    assert_eq!(comparison["curve"][1]["effect"], comparison["effect"]);
}

/// As `/flags` gives it.
fn reason_in_context(is_treated: bool, leaf: &str) -> String {
    let variation = if is_treated { "treatment" } else { "control" };
    format!("The user falls into variation {variation} of experiment exp, context {leaf}")
}

/// Of one context, as [`come`]; the exposure tells the leaf, unless it is told as PostHog's SDKs do.
pub fn come_in_context(
    dice: &mut Dice,
    all: &mut Vec<Activity>,
    (from_hour, people, leaf): (i64, u64, &str),
    treated: u64,
    buy: [u64; 2],
) -> Counts {
    let mut counts = Counts::default();
    for number in 0..people {
        let person = format!("person {from_hour} {leaf} {number}");
        let is_treated = dice.roll(10_000) < treated;
        let at = NOON.millis() + from_hour * HOUR + 1_000 + dice.roll(600) as i64 * 60_000;
        let arm = &mut counts[usize::from(is_treated)];
        arm.0 += 1.0;
        let (event, told) = match number % 3 {
            0 => (
                "$feature_flag_called",
                json!({"$feature_flag": "checkout", "$feature_flag_response": is_treated,
                    "$feature_flag_reason": reason_in_context(is_treated, leaf)}),
            ),
            1 => (
                "Experiment Viewed",
                json!({"experimentId": "exp", "variationId": u8::from(is_treated).to_string(),
                "leafId": leaf.parse::<i64>().unwrap()}),
            ),
            _ => (
                "Experiment Viewed",
                json!({"experimentId": "exp", "variationId": u8::from(is_treated).to_string(),
                "leaf_id": leaf}),
            ),
        };
        all.push(tell(&person, event, at, told));
        if dice.roll(100) < buy[usize::from(is_treated)] {
            arm.1 += 1.0;
            all.push(tell(&person, "bought", at + 1_000, json!({})));
        }
    }
    counts
}

/// The weight of the second arm by its chance to be better.
fn weight_of(counts: &Counts) -> f64 {
    let variance = |one: (f64, f64)| rate(one) * (1.0 - rate(one)) / one.0;
    let (apart, spread) = (rate(counts[1]) - rate(counts[0]), variance(counts[0]) + variance(counts[1]));
    FLOOR + (1.0 - 2.0 * FLOOR) * normal_cdf(apart / spread.sqrt())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_context_has_weights_of_its_own_and_results_compare_within_it() {
    for is_engine in [false, true] {
        compare_within_contexts(is_engine).await;
    }
}

async fn compare_within_contexts(is_engine: bool) {
    let stage = Stage::sqlite().await.unwrap();
    let mut dice = Dice(11);
    let mut all = Vec::new();
    // Who is mobile wants the treatment, who is not does not; of tablets little is known.
    let mobile = come_in_context(&mut dice, &mut all, (1, 900, "1"), 5_000, [10, 18]);
    let tablet = come_in_context(&mut dice, &mut all, (1, 90, "2"), 5_000, [10, 10]);
    let others = come_in_context(&mut dice, &mut all, (1, 900, "-1"), 5_000, [20, 12]);
    for number in 0..7 {
        all.push(shown(&format!("untold {number}"), number % 2 == 0, NOON.millis() + HOUR));
    }
    let facts = Growing::of(&all, is_engine);
    let house = house_with(&stage, Some(facts.clone())).await;
    house.make("attributes", "device", json!({"type": "string"})).await;
    let contexts = json!([{"key": "mobile", "condition": {"device": "mobile"}}, {"key": "tablet", "condition": {"device": "tablet"}}]);
    let bandit = json!({"every_hours": 24, "people_min": 100, "floor": FLOOR, "contexts": contexts});
    house.experiment(json!({"bandit": bandit, "analysis": {"covariate_days": 0}})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    stage.pass(24 * HOUR);
    assert_eq!(house.experiments.turn_bandits().await.unwrap(), 1);

    let state = house.get("experiments/exp").await.good().json()["state"].clone();
    let period = state["phases"][0]["periods"][0].clone();
    let weight = |weights: &Value| weights[1].as_f64().unwrap();
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found} {expected} {period}");
    near(weight(&period["contexts"][0]["weights"]), weight_of(&mobile));
    near(weight(&period["weights"]), weight_of(&others));
    assert!(weight(&period["contexts"][0]["weights"]) > 0.8 && weight(&period["weights"]) < 0.2, "{period}");
    assert_eq!(period["contexts"][1], json!({"weights": [0.5, 0.5], "chances": []}), "90 people are too few");
    let revisions = house.get("experiments/exp/revisions").await.good().json();
    let reason = revisions["items"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("bandit by bought: mobile: chances") && reason.contains("all others: "), "{reason}");
    assert!(!reason.contains("tablet"), "{reason}");

    // What SDKs read, and what the doors answer.
    let (_, key) = house.key(KeyKind::Client).await;
    let payload = house.raw("GET", &format!("/api/features/{key}"), &[], Value::Null).await.good().json();
    let rule = &payload["features"]["checkout"]["rules"][0];
    assert_eq!((&rule["contextualBanditRef"], &rule["variations"]), (&json!("exp"), &Value::Null), "{payload}");
    assert_eq!((&rule["contextualVariations"], &rule["weights"]), (&json!([false, true]), &period["weights"]));
    let leaves = json!({"exp": {"banditVersion": 1, "contexts": [
        {"leafId": 1, "condition": {"device": "mobile"}, "weights": period["contexts"][0]["weights"]},
        {"leafId": 2, "condition": {"device": "tablet"}, "weights": [0.5, 0.5]}]}});
    assert_eq!(payload["contextualBandits"], leaves);
    let mut treated = [0u32; 2];
    for number in 0..300 {
        for (place, device) in ["mobile", "desktop"].into_iter().enumerate() {
            let context = json!({"context": {"targetingKey": format!("{number}"), "device": device}});
            let headers = [("x-api-key", key.as_str())];
            let answer = house.raw("POST", "/ofrep/v1/evaluate/flags/checkout", &headers, context).await.good().json();
            assert_eq!(answer["metadata"]["leafId"], ["1", "-1"][place], "{answer}");
            treated[place] += u32::from(answer["value"] == true);
        }
    }
    assert!(treated[0] > 230 && treated[1] < 70, "{treated:?}");
    let asked = json!({"token": key, "distinct_id": "1", "person_properties": {"device": "mobile"}});
    let flags = house.raw("POST", "/flags?v=2", &[], asked).await.good().json();
    let told = &flags["flags"]["checkout"]["reason"]["description"];
    let is_treated = flags["flags"]["checkout"]["enabled"] == true;
    assert_eq!(told, &reason_in_context(is_treated, "1"));
    let settled = json!({"attributes": {"id": "1", "device": "mobile"}});
    let settled = house.raw("POST", &format!("/api/eval/{key}"), &[], settled).await.good().json();
    assert_eq!(settled["features"]["checkout"]["rules"][0]["tracks"][0]["result"]["leafId"], 1, "{settled}");

    // The day after more of the mobile come: who pools contexts takes that for an effect.
    let share = |weights: &Value| (weight(weights) * 10_000.0) as u64;
    let contexts = &period["contexts"];
    let mobile_later = come_in_context(&mut dice, &mut all, (26, 1_500, "1"), share(&contexts[0]["weights"]), [10, 18]);
    let others_later = come_in_context(&mut dice, &mut all, (26, 300, "-1"), share(&period["weights"]), [20, 12]);
    facts.hold(&all);
    stage.pass(14 * HOUR);
    let report = house.get("experiments/exp/results").await.good().json();
    assert_eq!(report["people_without_context"], 7.0);
    assert_eq!(report["sample_ratio"]["is_off"], false, "{}", report["sample_ratio"]);
    // Periods of a context in which an arm tells no spread join the next, or the one before.
    let is_thin = |counts: &Counts| counts.iter().any(|(people, buyers)| *buyers == 0.0 || buyers == people);
    let join = |a: &Counts, b: &Counts| [0, 1].map(|arm| (a[arm].0 + b[arm].0, a[arm].1 + b[arm].1));
    let mut parts = vec![mobile, mobile_later, tablet];
    assert!(is_thin(&others_later), "{others_later:?}");
    parts.push(join(&others, &others_later));
    assert!(!parts.iter().any(is_thin), "{parts:?}");
    let people = |counts: &Counts| counts[0].0 + counts[1].0;
    let whole: f64 = parts.iter().map(people).sum();
    let mean = |arm: usize| parts.iter().map(|part| people(part) / whole * rate(part[arm])).sum::<f64>();
    let comparison = &report["metrics"][0]["comparisons"][0];
    near(comparison["effect"].as_f64().unwrap(), mean(1) / mean(0) - 1.0);
    assert_eq!(comparison["curve"].as_array().unwrap().len(), 2, "a point for each period");
    assert_eq!(comparison["curve"][1]["effect"], comparison["effect"]);
    let of_mobile = &report["contexts"][0];
    assert_eq!((&of_mobile["context"], &of_mobile["leaf"]), (&json!("mobile"), &json!("1")));
    assert_eq!(of_mobile["arms"][1]["people"], mobile[1].0 + mobile_later[1].0);
    // Its later period has fewer than 100 people in an arm, and joins the first.
    assert!(mobile_later[0].0 < 100.0, "{mobile_later:?}");
    near(of_mobile["arms"][0]["mean"].as_f64().unwrap(), rate(join(&mobile, &mobile_later)[0]));
    assert_eq!(report["contexts"][1]["arms"][0]["mean"], Value::Null, "of tablets too little is known");
    assert_eq!((&report["contexts"][2]["context"], &report["contexts"][2]["leaf"]), (&Value::Null, &json!("-1")));

    let (status, _, pointers) = house.patch("experiments/exp", json!({"bandit": {"contexts": []}})).await.refusal();
    assert_eq!((status, pointers), (422, vec!["/definition/bandit".to_owned()]), "not while it runs");
    let refused = house.ask("DELETE", "attributes/device", &[("if-match", "*")], Value::Null).await;
    assert_eq!(refused.status.as_u16(), 409, "a context asks for it: {}", refused.text);
}

#[tokio::test]
async fn what_makes_no_bandit_is_refused() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, None).await;
    house.experiment(json!({})).await;
    let tried = async |bandit: Value| house.patch("experiments/exp", json!({"bandit": bandit})).await.refusal();
    for (bandit, member) in [
        (json!({"every_hours": 0}), "every_hours"),
        (json!({"every_hours": 1, "people_min": 5}), "people_min"),
        (json!({"every_hours": 1, "floor": 0.3}), "floor"),
        (
            json!({"every_hours": 1, "contexts": [{"key": "a", "condition": {"plan": "x"}}]}),
            "contexts/0/condition/plan",
        ),
    ] {
        let (status, _, pointers) = tried(bandit.clone()).await;
        assert_eq!((status, pointers), (422, vec![format!("/definition/bandit/{member}")]), "{bandit}");
    }
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let (status, _, pointers) = tried(json!({"every_hours": 24})).await;
    assert_eq!((status, pointers), (422, vec!["/definition/bandit".to_owned()]), "not while it runs");
}
