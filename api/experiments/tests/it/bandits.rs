//! A bandit on its schedule: weights follow the first goal at fixed hours, with a record, and its result stays honest.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use footfall_api_access::KeyKind;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_models_experiment::statistics::distribution::normal_cdf;
use serde_json::{Value, json};

use crate::gear::house_with;
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Tables};

const HOUR: i64 = 3_600_000;
const FLOOR: f64 = 0.05;

/// Tables that grow between questions.
struct Growing(Mutex<Arc<Tables>>);

impl Growing {
    fn hold(&self, all: &[Activity]) {
        *self.0.lock().unwrap() = Arc::new(Tables::of(all));
    }
}

#[async_trait]
impl Facts for Growing {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        let tables = self.0.lock().unwrap().clone();
        tables.query(project, sql, params).await
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
type Counts = [(f64, f64); 2];

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
    let stage = Stage::sqlite().await.unwrap();
    let mut dice = Dice(5);
    let mut all = Vec::new();
    let few = come(&mut dice, &mut all, 0, 150, 5_000, [10, 14]);
    let facts = Arc::new(Growing(Mutex::new(Arc::new(Tables::of(&all)))));
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
    ] {
        let (status, _, pointers) = tried(bandit.clone()).await;
        assert_eq!((status, pointers), (422, vec![format!("/definition/bandit/{member}")]), "{bandit}");
    }
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let (status, _, pointers) = tried(json!({"every_hours": 24})).await;
    assert_eq!((status, pointers), (422, vec!["/definition/bandit".to_owned()]), "not while it runs");
}
