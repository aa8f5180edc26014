//! Effects by days since exposure equal a count by hand, and say what wears off.

use std::sync::Arc;

use footfall_api_experiments::Facts;
use serde_json::{Value, json};

use crate::gear::house_with;
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Projection, Tables};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const PEOPLE: usize = 900;
const DAYS: usize = 6;

fn activity(person: &str, event: &'static str, millis: i64, properties: Value) -> Activity {
    let (user_agent, browser, country) = ("Firefox", "Firefox", "de");
    Activity { person: person.into(), event, millis, amount: None, user_agent, browser, country, properties }
}

/// Exposed on three days; everybody buys some of each day, the treated of the first day thrice as many.
fn people() -> (Vec<Activity>, Vec<[f64; DAYS]>) {
    let mut dice = Dice(11);
    let (mut all, mut bought) = (Vec::new(), Vec::new());
    for number in 0..PEOPLE {
        let person = format!("person {number}");
        let at = NOON.millis() + (number % 3) as i64 * DAY + 1_000;
        let shown = json!({"experimentId": "exp", "variationId": (number % 2).to_string()});
        all.push(activity(&person, "Experiment Viewed", at, shown));
        let mut own = [0.0; DAYS];
        for (day, count) in own.iter_mut().enumerate() {
            let most = if number % 2 == 1 && day == 0 { 10 } else { 4 };
            let orders = dice.roll(most);
            *count = orders as f64;
            for order in 0..orders {
                let later = at + day as i64 * DAY + (1 + order as i64) * HOUR;
                all.push(activity(&person, "bought", later, json!({})));
            }
        }
        bought.push(own);
    }
    (all, bought)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_effect_of_each_day_since_exposure_is_that_of_a_count_by_hand() {
    let (all, bought) = people();
    let facts: [Arc<dyn Facts>; 2] = [Arc::new(Tables::of(&all)), Arc::new(Projection(all.clone()))];
    for facts in facts {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        house.make("metrics", "orders", json!({"measure": {"count": {"source": {"event": "bought"}}}})).await;
        house.experiment(json!({"goals": ["orders", "bought"], "analysis": {"covariate_days": 0}})).await;
        house.post("experiments/exp/start", json!({"without_review": true})).await.good();
        // Five days and a half: whoever came on the third day has three whole days behind them.
        stage.pass(5 * DAY + DAY / 2);
        let told = house.get("experiments/exp/results/novelty").await.good().json();
        let orders = &told["goals"][0];
        assert_eq!((&orders["metric"], &orders["days"].as_array().unwrap().len()), (&json!("orders"), &5));
        for (day, seen) in orders["days"].as_array().unwrap().iter().enumerate() {
            // Exposed on the days whose end is so many days and one more before now; midnight ends a day of exposure.
            let early =
                |number: usize| (number % 3) as i64 * DAY + DAY / 2 + (day as i64 + 1) * DAY <= 5 * DAY + DAY / 2;
            let values = |arm: usize| -> Vec<f64> {
                let own = (0..PEOPLE).filter(|number| number % 2 == arm && early(*number));
                own.map(|number| bought[number][day]).collect()
            };
            let [control, treatment] = [values(0), values(1)];
            assert_eq!(seen["people"], (control.len() + treatment.len()) as f64, "day {day}");
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            if control.is_empty() {
                assert_eq!(seen["effect"], Value::Null);
                continue;
            }
            let effect = mean(&treatment) / mean(&control) - 1.0;
            assert!((seen["effect"].as_f64().unwrap() - effect).abs() < 1e-9, "day {day}: {seen} {effect}");
        }
        assert!(orders["p_value_holm"].as_f64().unwrap() < 0.001, "{orders}");
        assert!(orders["reading"].as_str().unwrap().starts_with("The effect wears off"), "{orders}");
        assert!(told["goals"][1]["reading"].as_str().unwrap().contains("effect"), "{told}");
    }
}
