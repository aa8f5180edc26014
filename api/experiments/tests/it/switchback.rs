//! A switchback on its schedule: everybody has the variation of the window, and pairs of windows are computed anew.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use footfall_api_access::KeyKind;
use footfall_api_experiments::{ExperimentError, Facts, Rows, arm_of_window};
use footfall_models_experiment::statistics::sequential_multiplier;
use serde_json::{Value, json};

use crate::gear::house_with;
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Tables};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const WINDOW: i64 = 2 * HOUR;
const PAIRS: usize = 25;

/// Tables that come to be known later.
struct Later(Mutex<Arc<Tables>>);

#[async_trait]
impl Facts for Later {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        let tables = self.0.lock().unwrap().clone();
        tables.query(project, sql, params).await
    }
}

fn tell(person: &str, event: &'static str, millis: i64, amount: Option<f64>, properties: Value) -> Activity {
    let (user_agent, browser, country) = ("Mozilla/5.0", "Firefox", "de");
    Activity { person: person.into(), event, millis, amount, user_agent, browser, country, properties }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_has_the_variation_of_the_window_and_pairs_are_compared() {
    let stage = Stage::sqlite().await.unwrap();
    let facts = Arc::new(Later(Mutex::new(Arc::new(Tables::of(&[tell("nobody", "opened", 0, None, json!({}))])))));
    let house = house_with(&stage, Some(facts.clone())).await;
    house.make("metrics", "rides", json!({"measure": {"count": {"source": {"event": "ride"}}}})).await;
    let fare = json!({"measure": {"mean": {"source": {"event": "ride"}, "operand": "amount"}}});
    house.make("metrics", "fare", fare).await;
    let design = json!({"kind": "switchback", "window_hours": 2, "carry_over_minutes": 10});
    house.experiment(json!({"design": design, "goals": ["rides", "fare"]})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let (_, key) = house.key(KeyKind::Client).await;
    let path = format!("/api/features/{key}");
    let shown = async || {
        let payload = house.raw("GET", &path, &[], Value::Null).await.good().json();
        let weights = payload["features"]["checkout"]["rules"][0]["weights"].clone();
        usize::from(weights == json!([0.0, 1.0]))
    };
    let arm = |window: usize| arm_of_window("exp", window);

    // What people do while the windows pass: rates that drift, a treatment that makes rides more.
    let mut dice = Dice(41);
    let mut all = Vec::new();
    let mut switches = 0;
    let (mut people, mut off) = (0.0, 0.0);
    for window in 0..2 * PAIRS + 1 {
        assert_eq!(shown().await, arm(window), "window {window}");
        let start = NOON.millis() + window as i64 * WINDOW;
        let drift = 2 + (window / 2) as u64 % 6;
        for number in 0..20 {
            let person = format!("person {}", dice.roll(200) * 100 + number);
            let at = start + dice.roll(110) as i64 * MINUTE + 1_000;
            let astray = dice.roll(25) == 0;
            let told = (arm(window) == 1) != astray;
            let exposure = json!({"experimentId": "exp", "variationId": u8::from(told).to_string()});
            all.push(tell(&person, "Experiment Viewed", at, None, exposure));
            let counts = at >= start + 10 * MINUTE;
            let rides = dice.roll(drift) + if arm(window) == 1 { 2 + dice.roll(2) } else { 0 };
            if counts {
                people += 1.0;
                off += f64::from(u8::from(astray));
            }
            for _ in 0..rides {
                let (later, amount) = (at + dice.roll(180) as i64 * MINUTE, 5.0 + dice.roll(20) as f64);
                all.push(tell(&person, "ride", later, Some(amount), json!({})));
            }
        }
        stage.pass(WINDOW);
        switches += house.experiments.switch_windows().await.unwrap();
        assert_eq!(house.experiments.switch_windows().await.unwrap(), 0, "once");
    }
    let changes = (0..2 * PAIRS + 1).filter(|&window| arm(window) != arm(window + 1)).count();
    assert_eq!(switches, changes);
    // Of each window people, and their rides and fares from their exposure to the end of the window.
    let window_of = |millis: i64| ((millis - NOON.millis()) / WINDOW) as usize;
    let mut windows = vec![[0.0f64; 3]; 2 * PAIRS + 1];
    for shown in all.iter().filter(|one| one.event == "Experiment Viewed") {
        let window = window_of(shown.millis);
        if shown.millis < NOON.millis() + window as i64 * WINDOW + 10 * MINUTE {
            continue;
        }
        windows[window][0] += 1.0;
        let own = all.iter().filter(|one| one.event == "ride" && one.person == shown.person);
        for ride in own.filter(|one| one.millis >= shown.millis && window_of(one.millis) == window) {
            windows[window][1] += 1.0;
            windows[window][2] += ride.amount.unwrap();
        }
    }
    *facts.0.lock().unwrap() = Arc::new(Tables::of(&all));
    let report = house.get("experiments/exp/results").await.good().json();
    assert_eq!(
        (&report["switchback"]["windows"], &report["switchback"]["pairs"]),
        (&json!(2 * PAIRS + 1), &json!(PAIRS))
    );
    let near = |found: &Value, expected: f64, what: &str| {
        let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {report}"));
        assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{what}: {found} instead of {expected}");
    };
    near(&report["switchback"]["off_schedule"], off / people, "off schedule");

    for (place, name) in ["rides", "fare"].into_iter().enumerate() {
        let rate = |window: usize| match place {
            0 => windows[window][1] / windows[window][0],
            _ => windows[window][2] / windows[window][1],
        };
        let pairs: Vec<[f64; 2]> = (0..PAIRS)
            .map(|pair| {
                let treated = 2 * pair + usize::from(arm(2 * pair) == 0);
                [rate(4 * pair + 1 - treated), rate(treated)]
            })
            .filter(|pair: &[f64; 2]| pair.iter().all(|rate| rate.is_finite()))
            .collect();
        let n = pairs.len() as f64;
        let mean = |side: usize| pairs.iter().map(|pair| pair[side]).sum::<f64>() / n;
        let (control, treated) = (mean(0), mean(1));
        // The delta method on pairs: what each pair moves the quotient by.
        let moved =
            pairs.iter().map(|pair| (pair[1] - treated) / control - (pair[0] - control) * treated / control.powi(2));
        let error = (moved.map(|one| one * one).sum::<f64>() / (n - 1.0) / n).sqrt();
        let comparison = &report["metrics"][place]["comparisons"][0];
        near(&comparison["effect"], treated / control - 1.0, name);
        near(&comparison["standard_error"], error, name);
        let half = sequential_multiplier(n, 0.05, 100.0) * error;
        near(&comparison["interval"]["low"], treated / control - 1.0 - half, name);
        assert!(comparison["p_value_by_division"].as_f64().unwrap() <= 1.0);
        assert_eq!(comparison["curve"].as_array().unwrap().len(), PAIRS);
        let counted: f64 = windows[..2 * PAIRS].iter().map(|sums| sums[0]).sum();
        assert_eq!(comparison["curve"][PAIRS - 1]["people"], counted);
        assert_eq!(comparison["curve"][10]["interval"], Value::Null, "of 11 pairs nothing is told at any time");
        let of_arm = |side: usize| {
            let own = (0..2 * PAIRS).filter(|&window| arm(window) == side);
            own.fold([0.0; 3], |sum, window| [0, 1, 2].map(|index| sum[index] + windows[window][index]))
        };
        for side in 0..2 {
            let [people, rides, fares] = of_arm(side);
            let expected = if place == 0 { rides / people } else { fares / rides };
            near(&report["metrics"][place]["arms"][side]["mean"], expected, name);
        }
    }
    let rides = &report["metrics"][0]["comparisons"][0];
    assert!(rides["can_be_said"].as_str().unwrap().starts_with("Treatment is better"), "{rides}");
    assert!(rides["p_value_by_division"].as_f64().unwrap() < 0.01, "{rides}");
    let refused = house.get("experiments/exp/results/breakdown?dimension=country").await.refusal();
    assert_eq!(refused.1, "definition_unknown");
    let refused = house.get("experiments/exp/results/people?variation=control").await.refusal();
    assert_eq!(refused.1, "definition_unknown", "everybody gets both in turn");
    let others = house.get("experiments/exp/results/interactions").await.good().json();
    assert_eq!(others["others"], json!([]));
}
