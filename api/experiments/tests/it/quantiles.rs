//! A quantile of the numbers of all activities, with people as the units, equals a computation by hand.

use std::sync::Arc;

use async_trait::async_trait;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_models_experiment::statistics::capping::percentile;
use footfall_pipelines_insights::definition::{Exposures, ExposuresAnswer};
use serde_json::{Value, json};

use crate::gear::house_with;
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection, Tables};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// SQL rounds the place between two values to a millionth.
const NEAR: f64 = 1e-5;
const Z: f64 = 1.959_963_984_540_054;

/// What the insights engine answers, and SQL beside it.
struct Both(Projection, Tables);

#[async_trait]
impl Facts for Both {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        self.1.query(project, sql, params).await
    }

    async fn exposures(&self, project: &str, asked: &Exposures) -> Result<Option<ExposuresAnswer>, ExperimentError> {
        self.0.exposures(project, asked).await
    }
}

/// Waits of people who are fast or slow; the fast ones come more often. Some wait for nothing, and some numbers are none.
fn waits() -> (Vec<Activity>, [Vec<Vec<f64>>; 2]) {
    let mut dice = Dice(3);
    let (mut all, mut of) = (Vec::new(), [Vec::new(), Vec::new()]);
    for number in 0..700 {
        let person = format!("person {number}");
        let arm = number % 2;
        let at = NOON.millis() + (number % 5) as i64 * HOUR + 1_000;
        let mut tell = |event: &'static str, millis: i64, properties: Value| {
            let (user_agent, browser, country) = ("Mozilla/5.0", "Firefox", "de");
            let person = person.clone();
            all.push(Activity { person, event, millis, amount: None, user_agent, browser, country, properties });
        };
        tell("Experiment Viewed", at, json!({"experimentId": "exp", "variationId": arm.to_string()}));
        tell("loaded", at - HOUR, json!({"ms": 9_999}));
        let own = 50 + dice.roll(400);
        let times = dice.roll(9) * 500 / (own + 100);
        let mut values = Vec::new();
        for time in 0..times {
            let wait = (own + dice.roll(100) + arm as u64 * 30) as f64 + dice.roll(1_000) as f64 / 1_000.0;
            tell("loaded", at + time as i64 * 60_000, json!({"ms": wait}));
            values.push(wait);
        }
        tell("loaded", at + HOUR, json!({"ms": "quickly"}));
        of[arm].push(values);
    }
    (all, of)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quantile_of_activities_allows_for_what_one_person_does() {
    let (all, of) = waits();
    let facts: [Arc<dyn Facts>; 2] =
        [Arc::new(Tables::of(&all)), Arc::new(Both(Projection(all.clone()), Tables::of(&all)))];
    for facts in facts {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        let ms = |of: &str, level: f64| {
            let operand = json!({"property": "ms"});
            json!({"measure": {"quantile": {"source": {"event": "loaded"}, "operand": operand, "level": level, "of": of}}, "lower_is_better": true})
        };
        house.make("metrics", "wait", ms("event", 0.9)).await;
        house.make("metrics", "middle", ms("event", 0.5)).await;
        house.make("metrics", "all_waits", ms("person", 0.9)).await;
        let metrics =
            json!({"goals": ["wait", "middle"], "secondary": ["all_waits"], "analysis": {"method": "fixed_horizon"}});
        house.experiment(metrics).await;
        house.post("experiments/exp/start", json!({"without_review": true})).await.good();
        stage.pass(DAY);
        let report = house.get("experiments/exp/results").await.good().json();
        for (key, level) in [("wait", 0.9), ("middle", 0.5)] {
            let metric = report["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == key).unwrap();
            let mut told = Vec::new();
            for (arm, people) in of.iter().enumerate() {
                let mut values: Vec<f64> = people.iter().flatten().copied().collect();
                values.sort_by(f64::total_cmp);
                let n = values.len() as f64;
                let half = Z * (level * (1.0 - level) / n).sqrt();
                let at = |level: f64| percentile(&values, level, false).unwrap();
                let (value, low, high) = (at(level), at(level - half), at(level + half));
                assert!(
                    (metric["arms"][arm]["mean"].as_f64().unwrap() - value).abs() < NEAR * value,
                    "{key}: {metric}"
                );
                let density = ((high - low) / (2.0 * Z)).powi(2) / (level * (1.0 - level) / n);
                // Of the share of numbers that are not above: a ratio over people.
                let active: Vec<&Vec<f64>> = people.iter().filter(|own| !own.is_empty()).collect();
                let count = active.len() as f64;
                let below = |own: &&Vec<f64>| own.iter().filter(|wait| **wait <= value).count() as f64;
                let share = active.iter().map(below).sum::<f64>() / n;
                let apart = active.iter().map(|own| (below(own) - share * own.len() as f64).powi(2)).sum::<f64>();
                let variance = density * (apart / (count - 1.0)) / (count * (n / count).powi(2)) * (n - 1.0) / n;
                told.push((value, variance));
            }
            let ([control, of_control], [treated, of_treated]) = ([told[0].0, told[0].1], [told[1].0, told[1].1]);
            let error = (of_treated / control.powi(2) + of_control * treated.powi(2) / control.powi(4)).sqrt();
            let found = &metric["comparisons"][0];
            let close = |name: &str, expected: f64| {
                let value = found[name].as_f64().unwrap_or_else(|| panic!("{key}: {found}"));
                assert!((value / expected - 1.0).abs() < NEAR, "{key} {name}: {value} {expected}");
            };
            close("effect", treated / control - 1.0);
            close("standard_error", error);
        }
        let sql = house.get("metrics/wait/sql?days=28").await.good().json();
        assert!(sql["sql"].as_str().unwrap().contains("percentile_cont(0.9)"), "{sql}");
    }
}
