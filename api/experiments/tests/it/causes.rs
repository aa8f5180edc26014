//! Where arms lose people, how effects differ between people, and arms that differed before anybody was exposed.

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

/// One who was exposed.
struct Person {
    is_treated: bool,
    browser: &'static str,
    country: &'static str,
    app: &'static str,
    orders: u64,
}

/// What is done to the data.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Most of those whom Safari shows the treatment never tell of it.
    SafariLosesTreatment,
    /// Who bought before is treated more often.
    BuyersAreTreated,
}

/// Answered in SQL, and by the insights engine.
fn both(all: &[Activity]) -> [Arc<dyn Facts>; 2] {
    [Arc::new(Tables::of(all)), Arc::new(Projection(all.to_vec()))]
}

/// 4,000 people over five days; the treatment sells more in France alone.
fn crowd(fault: Fault) -> (Vec<Activity>, Vec<Person>) {
    let mut dice = Dice(11);
    let (mut all, mut people) = (Vec::new(), Vec::new());
    for number in 0..4_000 {
        let browser = ["Chrome", "Chrome", "Chrome", "Safari", "Firefox", ""][dice.roll(6) as usize];
        let country = ["de", "fr"][dice.roll(2) as usize];
        let before = dice.roll(3);
        let mut is_treated = dice.roll(2) == 1;
        if fault == Fault::BuyersAreTreated && before == 2 {
            is_treated |= dice.roll(2) == 1;
        }
        let at = NOON.millis() + dice.roll(5 * 24) as i64 * HOUR + 1_000;
        let person = format!("person {number}");
        let tell = |event: &'static str, millis: i64, browser: &'static str, properties: Value| Activity {
            person: person.clone(),
            event,
            millis,
            amount: None,
            user_agent: "Mozilla/5.0",
            browser,
            country,
            properties,
        };
        let version = ["1.0", "1.1", "2.0", ""][number % 4];
        let mut shown = json!({"experimentId": "exp", "variationId": u8::from(is_treated).to_string()});
        shown["staff"] = json!(number % 9 == 0);
        if !version.is_empty() {
            shown["version"] = json!(version);
        }
        let is_lost = fault == Fault::SafariLosesTreatment && browser == "Safari" && is_treated && dice.roll(10) < 9;
        if !is_lost {
            all.push(tell("Experiment Viewed", at, browser, shown.clone()));
            // The first exposure tells of the browser.
            shown["version"] = json!("3.0");
            all.push(tell("Experiment Viewed", at + HOUR, "Edge", shown));
        }
        all.extend((0..before).map(|_| tell("bought", at - DAY, browser, json!({}))));
        let orders = dice.roll(3) + if is_treated && country == "fr" { 1 + dice.roll(2) } else { 0 };
        all.extend((0..orders).map(|_| tell("bought", at + HOUR, browser, json!({}))));
        if !is_lost {
            let app = ["Shop 1.0", "Shop 1.1", "Shop 2.0", ""][number % 4];
            people.push(Person { is_treated, browser, country, app, orders });
        }
    }
    (all, people)
}

async fn looked_at(stage: &Stage, facts: Arc<dyn Facts>) -> House {
    let house = house_with(stage, Some(facts)).await;
    house.make("metrics", "orders", json!({"measure": {"count": {"source": {"event": "bought"}}}})).await;
    house.experiment(json!({"secondary": ["orders"], "analysis": {"covariate_days": 7}})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    stage.pass(8 * DAY);
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_that_loses_a_variation_is_named() {
    let (all, people) = crowd(Fault::SafariLosesTreatment);
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = looked_at(&stage, facts).await;
        let ratio = house.get("experiments/exp/results").await.good().json()["sample_ratio"].clone();
        assert_eq!(ratio["is_off"], true, "{ratio}");
        let first = &ratio["suspects"][0];
        assert_eq!((&first["dimension"], &first["level"]), (&json!("browser"), &json!("Safari")), "{ratio}");
        let safari = |is_treated: bool| {
            people.iter().filter(|one| one.browser == "Safari" && one.is_treated == is_treated).count() as f64
        };
        assert_eq!(first["people"], safari(false) + safari(true));
        let deviation = safari(true) / ((safari(false) + safari(true)) / 2.0) - 1.0;
        assert!((first["deviations"][1].as_f64().unwrap() - deviation).abs() < 1e-12, "{first} {deviation}");
        assert!(first["p_value_of_rest"].as_f64().unwrap() > 0.01, "{first}");
        let reading = ratio["reading"].as_str().unwrap();
        let expected = format!("where browser is Safari: treatment has {:.0} % fewer people", -100.0 * deviation);
        assert!(
            reading.contains(&expected) && reading.contains("Without these people the arms are as planned"),
            "{reading}"
        );
        let innocent = |one: &Value| one["level"] == "Chrome" || one["level"] == "(unknown)";
        assert!(!ratio["suspects"].as_array().unwrap().iter().any(innocent), "{ratio}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_suspected_where_nothing_is_lost() {
    let (all, _) = crowd(Fault::None);
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = looked_at(&stage, facts).await;
        let report = house.get("experiments/exp/results").await.good().json();
        assert_eq!(
            (&report["sample_ratio"]["is_off"], &report["sample_ratio"]["suspects"]),
            (&json!(false), &json!([]))
        );
        assert_eq!(report["before_exposure"]["is_off"], false, "{}", report["before_exposure"]);
        assert_eq!(report["before_exposure"]["comparisons"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arms_that_differed_before_are_told() {
    let (all, _) = crowd(Fault::BuyersAreTreated);
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = looked_at(&stage, facts).await;
        let before = house.get("experiments/exp/results").await.good().json()["before_exposure"].clone();
        assert_eq!(before["is_off"], true, "{before}");
        let orders = before["comparisons"].as_array().unwrap().iter().find(|one| one["metric"] == "orders").unwrap();
        assert!(
            orders["difference"].as_f64().unwrap() > 0.1 && orders["p_value_holm"].as_f64().unwrap() < 0.01,
            "{orders}"
        );
        assert!(before["reading"].as_str().unwrap().contains("already differed"), "{before}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_by_dimension_equal_a_naive_recomputation() {
    let (all, people) = crowd(Fault::None);
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = looked_at(&stage, facts).await;
        let of = async |dimension: &str| {
            let path = format!("experiments/exp/results/breakdown?dimension={dimension}");
            let answer = house.get(&path).await.good().json();
            answer["metrics"].as_array().unwrap().iter().find(|one| one["metric"] == "orders").unwrap().clone()
        };
        let check = |found: &Value, level_of: &dyn Fn(&Person) -> &'static str| {
            let mut naive: BTreeMap<&str, [Vec<u64>; 2]> = BTreeMap::new();
            for one in &people {
                naive.entry(level_of(one)).or_default()[usize::from(one.is_treated)].push(one.orders);
            }
            let levels = found["levels"].as_array().unwrap();
            assert_eq!(levels.len(), naive.len());
            for level in levels {
                let name = level["level"].as_str().unwrap();
                let arms = &naive[if name == "(unknown)" { "" } else { name }];
                for (arm, orders) in arms.iter().enumerate() {
                    let mean = orders.iter().sum::<u64>() as f64 / orders.len() as f64;
                    assert_eq!(level["people"][arm], orders.len() as f64, "{name}");
                    assert!((level["means"][arm].as_f64().unwrap() - mean).abs() < 1e-9, "{level} {mean}");
                }
            }
        };
        let country = of("country").await;
        check(&country, &|one| one.country);
        assert!(country["p_value_alike_adjusted"].as_f64().unwrap() < 1e-6, "{country}");
        assert!(country["reading"].as_str().unwrap().contains("depends on the country: most of all fr"), "{country}");
        let browser = of("browser").await;
        check(&browser, &|one| one.browser);
        assert!(browser["p_value_alike_adjusted"].as_f64().unwrap() > 0.05, "{browser}");
        assert!(browser["reading"].as_str().unwrap().starts_with("Nothing says"), "{browser}");
        // Of two properties.
        check(&of("app_version").await, &|one| one.app);
        let refused = house.get("experiments/exp/results/breakdown?dimension=shoe_size").await;
        assert_eq!(refused.status.as_u16(), 400, "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_ones_own_are_left_out() {
    let (all, people) = crowd(Fault::None);
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        house.experiment(json!({"analysis": {"internal_property": "staff"}})).await;
        house.post("experiments/exp/start", json!({"without_review": true})).await.good();
        stage.pass(8 * DAY);
        let report = house.get("experiments/exp/results").await.good().json();
        for (arm, is_treated) in [false, true].into_iter().enumerate() {
            let own = people.iter().enumerate().filter(|(number, one)| number % 9 != 0 && one.is_treated == is_treated);
            assert_eq!(report["variations"][arm]["people"], own.count() as f64, "{}", report["variations"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strata_are_compared_each_for_itself() {
    let (all, people) = crowd(Fault::None);
    for facts in both(&all) {
        let stage = Stage::sqlite().await.unwrap();
        let house = house_with(&stage, Some(facts)).await;
        house.make("metrics", "orders", json!({"measure": {"count": {"source": {"event": "bought"}}}})).await;
        let analysis = json!({"covariate_days": 0, "stratified_by": "country"});
        house.experiment(json!({"secondary": ["orders"], "analysis": analysis})).await;
        house.post("experiments/exp/start", json!({"without_review": true})).await.good();
        stage.pass(8 * DAY);
        let report = house.get("experiments/exp/results").await.good().json();
        let orders = report["metrics"].as_array().unwrap().iter().find(|one| one["key"] == "orders").unwrap();
        let found = &orders["comparisons"][0];
        let mean = |is_treated: bool| -> f64 {
            ["de", "fr"]
                .map(|country| {
                    let of = |one: &&Person| one.country == country;
                    let share = people.iter().filter(of).count() as f64 / people.len() as f64;
                    let own: Vec<u64> = people
                        .iter()
                        .filter(of)
                        .filter(|one| one.is_treated == is_treated)
                        .map(|one| one.orders)
                        .collect();
                    share * own.iter().sum::<u64>() as f64 / own.len() as f64
                })
                .iter()
                .sum()
        };
        let effect = mean(true) / mean(false) - 1.0;
        assert!((found["effect"].as_f64().unwrap() - effect).abs() < 1e-9, "{found} {effect}");
        assert!(found["can_be_said"].as_str().unwrap().contains("weighed over strata"), "{found}");
        let plain = |is_treated: bool| {
            let own: Vec<u64> =
                people.iter().filter(|one| one.is_treated == is_treated).map(|one| one.orders).collect();
            own.iter().sum::<u64>() as f64 / own.len() as f64
        };
        assert!((plain(true) / plain(false) - 1.0 - effect).abs() > 1e-6, "strata change something");
        let bandit = json!({"bandit": {"every_hours": 24}, "analysis": {"stratified_by": "country"}});
        let mut definition = house.get("experiments/exp").await.good().json()["definition"].clone();
        footfall_api_http::merge(&mut definition, bandit);
        let refused = house.post("experiments", json!({"key": "exp2", "definition": definition})).await.refusal();
        assert_eq!((refused.0, refused.2), (422, vec!["/definition/analysis/stratified_by".to_owned()]));
    }
}
