//! Guardrails of several experiments: nobody waits for another, and not all are asked at one time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_pipelines_insights::definition::{Exposures, ExposuresAnswer};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::gear::{House, house_with};
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection};

const DAY: i64 = 24 * 3_600_000;

/// 300 people in each arm of every experiment, of whom those of the treatment fail.
fn failures(experiments: usize) -> Vec<Activity> {
    let at = NOON.millis() + 1_000;
    let mut all = Vec::new();
    for number in 0..600 {
        let person = format!("person {number}");
        let tell = |event: &'static str, millis: i64, properties: Value| {
            let (user_agent, browser, country) = ("Mozilla/5.0", "Firefox", "de");
            let person = person.clone();
            Activity { person, event, millis, amount: None, user_agent, browser, country, properties }
        };
        for experiment in 0..experiments {
            let shown = json!({"experimentId": format!("exp{experiment}"), "variationId": (number % 2).to_string()});
            all.push(tell("Experiment Viewed", at, shown));
        }
        if number % 2 == 1 {
            all.push(tell("failed", at + 60_000, json!({})));
        }
    }
    all
}

async fn furnish(house: &House, experiments: usize) {
    let failed = json!({"measure": {"conversion": {"source": {"event": "failed"}}}, "lower_is_better": true});
    house.make("metrics", "failed", failed).await;
    for number in 0..experiments {
        let key = format!("exp{number}");
        let definition = json!({
            "hypothesis": "It does no harm.", "owner": "olga", "goals": ["failed"],
            "guardrails": [{"metric": "failed", "tolerance": 0.05, "rolls_back": true}],
            "variations": [{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}],
        });
        house.make("experiments", &key, definition).await;
        let rule = json!({"id": "r1", "serve": {"experiment": {"experiment": key, "values": [
            {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}});
        let feature = json!({"value_type": "boolean", "default_value": false, "rules": [rule]});
        house.make("features", &format!("flag{number}"), feature).await;
        house.post(&format!("experiments/{key}/start"), json!({"without_review": true})).await.good();
    }
}

/// Answers when two are being asked, not before.
struct Together(Projection, Barrier);

#[async_trait]
impl Facts for Together {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        self.0.query(project, sql, params).await
    }

    async fn exposures(&self, project: &str, asked: &Exposures) -> Result<Option<ExposuresAnswer>, ExperimentError> {
        self.1.wait().await;
        self.0.exposures(project, asked).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_experiment_does_not_wait_for_another() {
    let stage = Stage::sqlite().await.unwrap();
    let facts = Arc::new(Together(Projection(failures(2)), Barrier::new(2)));
    let house = house_with(&stage, Some(facts)).await;
    furnish(&house, 2).await;
    stage.pass(DAY);
    assert_eq!(house.experiments.watch_guardrails().await.unwrap(), 2);
}

/// Counts how many ask at one time.
struct Counting {
    facts: Projection,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Facts for Counting {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        self.facts.query(project, sql, params).await
    }

    async fn exposures(&self, project: &str, asked: &Exposures) -> Result<Option<ExposuresAnswer>, ExperimentError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let answer = self.facts.exposures(project, asked).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_are_looked_at_at_one_time_and_not_all() {
    let stage = Stage::sqlite().await.unwrap();
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let facts = Arc::new(Counting { facts: Projection(failures(7)), now, most });
    let house = house_with(&stage, Some(facts.clone())).await;
    furnish(&house, 7).await;
    stage.pass(DAY);
    assert_eq!(house.experiments.watch_guardrails().await.unwrap(), 7);
    let most = facts.most.load(Ordering::SeqCst);
    assert!(most <= 4, "{most}");
}
