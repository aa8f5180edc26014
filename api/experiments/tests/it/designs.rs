//! Clusters and predictions against a naive recomputation over the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use footfall_api_experiments::Facts;
use footfall_models_experiment::statistics::cupac::cross_fitted_by;
use footfall_models_experiment::statistics::{Difference, Effect, Moments, Statistic, Values};
use serde_json::{Value, json};

use crate::gear::{House, house_with};
use crate::results::Dice;
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Tables};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn tell(person: &str, event: &'static str, millis: i64, amount: Option<f64>, properties: Value) -> Activity {
    let (user_agent, browser, country) = ("Mozilla/5.0", "Firefox", "de");
    Activity { person: person.into(), event, millis, amount, user_agent, browser, country, properties }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn near(found: &Value, expected: f64, what: &str) {
    let close = (number(found) - expected).abs() < 1e-9 * (1.0 + expected.abs());
    assert!(close, "{what}: {found} instead of {expected}");
}

fn metric<'a>(report: &'a Value, key: &str) -> &'a Value {
    report["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == key).unwrap()
}

/// 150 companies of 1 to 25 people who buy alike, three of them seen in both variations, and people without a company.
fn companies() -> Vec<Activity> {
    let mut dice = Dice(23);
    let mut all = Vec::new();
    for company in 0..150u64 {
        let (treated, alike) = (dice.roll(2) == 1, dice.roll(6));
        for number in 0..1 + dice.roll(25) {
            let person = format!("person {company} {number}");
            let at = NOON.millis() + dice.roll(72) as i64 * HOUR + 1_000;
            let is_astray = company < 3 && number == 0;
            let shown = u8::from(treated != is_astray).to_string();
            let mut told =
                json!({"experimentId": "exp", "variationId": shown, "company": format!("company {company}")});
            if company == 5 {
                told.as_object_mut().unwrap().remove("company");
            }
            all.push(tell(&person, "Experiment Viewed", at, None, told.clone()));
            // Later the company is not told: it is known from before.
            told.as_object_mut().unwrap().remove("company");
            all.push(tell(&person, "Experiment Viewed", at - 10, None, told));
            for _ in 0..alike + dice.roll(3) + u64::from(treated) {
                let amount = Some(1.0 + dice.roll(40) as f64);
                all.push(tell(&person, "bought", at + dice.roll(20) as i64 * HOUR, amount, json!({})));
            }
            for _ in 0..alike + dice.roll(2) {
                let amount = Some(1.0 + dice.roll(40) as f64);
                all.push(tell(&person, "bought", at - DAY, amount, json!({})));
            }
        }
    }
    all
}

#[derive(Default)]
struct Company {
    arms: BTreeSet<bool>,
    people: BTreeMap<String, i64>,
}

/// Companies by their exposures; people count from their first.
fn told(all: &[Activity]) -> BTreeMap<String, Company> {
    let mut of: BTreeMap<&str, &str> = BTreeMap::new();
    for one in all.iter().filter(|one| one.event == "Experiment Viewed") {
        if let Some(company) = one.properties["company"].as_str() {
            of.insert(&one.person, company);
        }
    }
    let mut found: BTreeMap<String, Company> = BTreeMap::new();
    for one in all.iter().filter(|one| one.event == "Experiment Viewed") {
        let Some(company) = of.get(one.person.as_str()) else { continue };
        let company = found.entry((*company).to_owned()).or_default();
        if one.properties["company"].is_string() {
            company.arms.insert(one.properties["variationId"] == "1");
        }
        let first = company.people.entry(one.person.clone()).or_insert(one.millis);
        *first = one.millis.min(*first);
    }
    found
}

async fn started(house: &House, more: Value) {
    let revenue = json!({"measure": {"sum": {"source": {"event": "bought"}, "operand": "amount"}}, "cap": {"at": 90}});
    house.make("metrics", "revenue", revenue).await;
    let order = json!({"measure": {"mean": {"source": {"event": "bought"}, "operand": "amount"}}});
    house.make("metrics", "order", order).await;
    let mut wanted = json!({"goals": ["bought", "revenue", "order"]});
    footfall_api_http::merge(&mut wanted, more);
    house.experiment(wanted).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_are_the_units_where_they_are_divided() {
    let stage = Stage::sqlite().await.unwrap();
    let all = companies();
    let house = house_with(&stage, Some(Arc::new(Tables::of(&all)))).await;
    house.make("attributes", "company", json!({"type": "string", "identifies": true})).await;
    let design = json!({"kind": "clusters", "property": "company"});
    started(&house, json!({"design": design, "hash_attribute": "company", "analysis": {"covariate_days": 7}})).await;
    stage.pass(6 * DAY);
    let report = house.get("experiments/exp/results").await.good().json();

    let bought = |person: &str, from: i64, until: i64| -> Vec<f64> {
        let own = all.iter().filter(|one| one.person == person && one.event == "bought");
        own.filter(|one| one.millis >= from && one.millis < until).map(|one| one.amount.unwrap()).collect()
    };
    // Of each company: capped revenue and people, then the same before; and buyers, orders.
    let mut arms: [Vec<[f64; 7]>; 2] = Default::default();
    let (mut several, companies) = (0.0, told(&all));
    for company in companies.values() {
        if company.arms.len() > 1 {
            several += company.people.len() as f64;
            continue;
        }
        let mut sums = [0.0; 7];
        for (person, at) in &company.people {
            let (after, before) = (bought(person, *at, i64::MAX), bought(person, at - 7 * DAY, *at));
            let sum = |values: &[f64]| values.iter().sum::<f64>();
            let one = [
                sum(&after).min(90.0),
                1.0,
                sum(&before).min(90.0),
                f64::from(u8::from(!after.is_empty())),
                sum(&after),
                after.len() as f64,
                0.0,
            ];
            sums.iter_mut().zip(one).for_each(|(sum, value)| *sum += value);
        }
        arms[usize::from(company.arms.contains(&true))].push(sums);
    }
    assert!(several > 10.0, "{several}");
    assert_eq!(report["people_in_several"], several, "{report}");
    let without = all.iter().filter(|one| one.person.starts_with("person 5 ")).map(|one| &one.person);
    assert_eq!(report["people_without_cluster"], without.collect::<BTreeSet<_>>().len() as f64);
    for (arm, clusters) in report["variations"].as_array().unwrap().iter().zip(&arms) {
        assert_eq!(arm["clusters"], clusters.len() as f64);
        assert_eq!(arm["people"], clusters.iter().map(|sums| sums[1]).sum::<f64>());
    }
    assert_eq!(report["sample_ratio"]["is_off"], false);
    assert_eq!(report["sample_ratio"]["suspects"], json!([]));

    // Revenue for each person: a ratio whose units are companies, by the delta method written out.
    let plain = |arm: &[[f64; 7]], top: usize, bottom: usize| {
        let n = arm.len() as f64;
        let mean = |place: usize| arm.iter().map(|one| one[place]).sum::<f64>() / n;
        let (m, d) = (mean(top), mean(bottom));
        let spread =
            |x: usize, y: usize| arm.iter().map(|one| (one[x] - mean(x)) * (one[y] - mean(y))).sum::<f64>() / (n - 1.0);
        let variance = spread(top, top) / d.powi(2) + spread(bottom, bottom) * m.powi(2) / d.powi(4)
            - 2.0 * spread(top, bottom) * m / d.powi(3);
        (m / d, variance)
    };
    for (key, top, bottom) in [("revenue", 0, 1), ("bought", 3, 1), ("order", 4, 5)] {
        for (arm, clusters) in metric(&report, key)["arms"].as_array().unwrap().iter().zip(&arms) {
            let (mean, variance) = plain(clusters, top, bottom);
            near(&arm["mean"], mean, key);
            near(&arm["variance"], variance, key);
        }
    }
    // With what was before exposure, by the model's formulas over these rows.
    let adjusted = |arm: &[[f64; 7]]| Statistic::AdjustedRatio {
        values: Values::new(Moments::of(arm.iter().map(|one| [one[0], one[1], one[2], one[1]]))),
        theta: 0.0,
    };
    let effect = Effect::between(&adjusted(&arms[0]), &adjusted(&arms[1]), Difference::Relative).unwrap();
    let comparison = &metric(&report, "revenue")["comparisons"][0];
    near(&comparison["effect"], effect.estimate, "effect");
    near(&comparison["standard_error"], effect.standard_error, "standard error");
    assert!(number(&metric(&report, "revenue")["adjusted_by"]["variance_left"]) < 0.9);
    // As if each person were a unit, the error would be told much too small.
    let (a, b) = (plain(&arms[0], 0, 1), plain(&arms[1], 0, 1));
    let clustered = (b.1 / arms[1].len() as f64 + a.1 / arms[0].len() as f64).sqrt();
    let single = |arm: bool| {
        let own = companies.values().filter(|company| company.arms.len() == 1 && company.arms.contains(&arm));
        let people = own.flat_map(|company| &company.people);
        let values = people.map(|(person, at)| [bought(person, *at, i64::MAX).iter().sum::<f64>().min(90.0)]);
        let values: Moments<1> = Moments::of(values);
        values.variance(0) / values.n
    };
    assert!((single(false) + single(true)).sqrt() < 0.6 * clustered, "{clustered}");
}

/// 900 people who buy after exposure as they did before it, more than one number of theirs can tell.
fn regulars() -> Vec<Activity> {
    let mut dice = Dice(31);
    let mut all = Vec::new();
    for number in 0..900u64 {
        let person = format!("person {number}");
        let (treated, zeal, thrift) = (dice.roll(2) == 1, dice.roll(6), 1 + dice.roll(4));
        let at = NOON.millis() + dice.roll(72) as i64 * HOUR + 1_000;
        let told = json!({"experimentId": "exp", "variationId": u8::from(treated).to_string()});
        all.push(tell(&person, "Experiment Viewed", at, None, told));
        for _ in 0..zeal + dice.roll(2) {
            all.push(tell(&person, "opened", at - 1 - dice.roll(13 * 24) as i64 * HOUR, None, json!({})));
        }
        if dice.roll(3) == 0 {
            let amount = Some((10 * thrift) as f64);
            all.push(tell(&person, "bought", at - 1 - dice.roll(13 * 24) as i64 * HOUR, amount, json!({})));
        }
        for _ in 0..(zeal + dice.roll(3)) / 2 + u64::from(treated && dice.roll(3) == 0) {
            let amount = Some((10 * thrift + dice.roll(5)) as f64);
            all.push(tell(&person, "bought", at + dice.roll(40) as i64 * HOUR, amount, json!({})));
        }
    }
    all
}

/// Facts before exposure, the three metrics after it and before it, whether treated, and the fold.
type Person = (Vec<f64>, [f64; 3], [f64; 3], bool, usize);

/// What is known of a person before exposure, as the documents say it.
fn facts(own: &[&Activity], at: i64, days: i64) -> Vec<f64> {
    let before: Vec<&&Activity> = own.iter().filter(|one| one.millis < at && one.millis >= at - days * DAY).collect();
    let lately = before.iter().filter(|one| one.millis >= at - (days + 3) / 4 * DAY).count();
    let active: BTreeSet<i64> = before.iter().map(|one| one.millis.div_euclid(DAY)).collect();
    let bought = before.iter().filter(|one| one.event == "bought").count();
    let logarithm = |count: usize| (1.0 + count as f64).ln();
    vec![logarithm(before.len()), active.len() as f64, logarithm(lately), logarithm(bought)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prediction_of_other_peoples_models_takes_variance_away() {
    const DAYS: i64 = 14;
    let stage = Stage::sqlite().await.unwrap();
    let all = regulars();
    let tables = Arc::new(Tables::of(&all));
    let house = house_with(&stage, Some(tables.clone())).await;
    started(&house, json!({"analysis": {"covariate_days": DAYS, "post_stratifies": false}})).await;
    stage.pass(6 * DAY);
    let plain = house.get("experiments/exp/results").await.good().json();
    house.patch("experiments/exp", json!({"analysis": {"covariate": "prediction"}})).await.good();
    let report = house.get("experiments/exp/results").await.good().json();

    let folds =
        "SELECT DISTINCT person_id, ascii(right(md5(person_id), 1)) % 5 AS fold FROM activity ORDER BY person_id";
    let folds = tables.query("shop", folds, json!({})).await.unwrap().rows;
    let mut people: Vec<Person> = Vec::new();
    for row in &folds {
        let (person, fold) = (row[0].as_str().unwrap(), number(&row[1]) as usize);
        let own: Vec<&Activity> = all.iter().filter(|one| one.person == person).collect();
        let shown = own.iter().find(|one| one.event == "Experiment Viewed").unwrap();
        let values = |from: i64, until: i64| {
            let amounts = own.iter().filter(|one| one.event == "bought" && one.millis >= from && one.millis < until);
            let amounts: Vec<f64> = amounts.map(|one| one.amount.unwrap()).collect();
            let sum: f64 = amounts.iter().sum();
            [f64::from(u8::from(!amounts.is_empty())), sum.min(90.0), sum]
        };
        let at = shown.millis;
        let treated = shown.properties["variationId"] == "1";
        people.push((facts(&own, at, DAYS), values(at, i64::MAX), values(at - DAYS * DAY, at), treated, fold));
    }
    let dealt: Vec<usize> = people.iter().map(|one| one.4).collect();
    for (index, key) in ["bought", "revenue"].into_iter().enumerate() {
        let with_own = |one: &(Vec<f64>, [f64; 3], [f64; 3], bool, usize)| [one.0.as_slice(), &[one.2[index]]].concat();
        let features: Vec<Vec<f64>> = people.iter().map(with_own).collect();
        let outcomes: Vec<f64> = people.iter().map(|one| one.1[index]).collect();
        let predictions = cross_fitted_by(&features, &outcomes, (&dealt, 5), 1.0).unwrap();
        let arm = |treated: bool| {
            let own = people.iter().zip(&predictions).filter(|(one, _)| one.3 == treated);
            let values = Moments::of(own.map(|(one, prediction)| [one.1[index], *prediction]));
            Statistic::Adjusted {
                values: Values { moments: values, is_proportion: [key == "bought", false] },
                theta: 0.0,
            }
        };
        let effect = Effect::between(&arm(false), &arm(true), Difference::Relative).unwrap();
        let comparison = &metric(&report, key)["comparisons"][0];
        let near = |found: &Value, expected: f64| {
            assert!((number(found) - expected).abs() < 1e-7 * expected.abs(), "{key}: {found} instead of {expected}");
        };
        near(&comparison["effect"], effect.estimate);
        near(&comparison["standard_error"], effect.standard_error);
        let left = |report: &Value| number(&metric(report, key)["adjusted_by"]["variance_left"]);
        assert_eq!(metric(&report, key)["adjusted_by"]["covariate"], "prediction");
        assert!(left(&report) < 0.9 * left(&plain), "{key}: {} {}", left(&report), left(&plain));
    }
    // Means stay what they are, and by dimension as by day a prediction is a covariate like another.
    assert_eq!(metric(&report, "revenue")["arms"][1]["mean"], metric(&plain, "revenue")["arms"][1]["mean"]);
    assert!(number(&metric(&report, "order")["adjusted_by"]["variance_left"]) < 1.0);
    let curve = metric(&report, "revenue")["comparisons"][0]["curve"].as_array().unwrap().clone();
    assert_eq!(curve.last().unwrap()["effect"], metric(&report, "revenue")["comparisons"][0]["effect"]);
    let broken = house.get("experiments/exp/results/breakdown?dimension=country").await.good().json();
    assert_eq!(broken["metrics"][1]["levels"][0]["people"].as_array().unwrap().iter().map(number).sum::<f64>(), 900.0);
}

#[tokio::test]
async fn designs_that_do_not_hold_together_are_refused() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, None).await;
    house
        .make(
            "metrics",
            "p90",
            json!({"measure": {"quantile": {"source": {"event": "bought"}, "operand": "amount", "level": 0.9}}}),
        )
        .await;
    house.experiment(json!({})).await;
    let tried = async |more: Value| house.patch("experiments/exp", more).await.refusal();
    let clusters = |property: &str| json!({"kind": "clusters", "property": property});
    for (more, pointer) in [
        (json!({"design": clusters("company")}), "/definition/design"),
        (json!({"design": {"kind": "switchback", "window_hours": 0}}), "/definition/design/window_hours"),
        (
            json!({"design": {"kind": "switchback", "window_hours": 1, "carry_over_minutes": 60}}),
            "/definition/design/carry_over_minutes",
        ),
        (
            json!({"design": {"kind": "switchback", "window_hours": 1}, "bandit": {"every_hours": 1}}),
            "/definition/design",
        ),
        (json!({"design": {"kind": "switchback", "window_hours": 1}, "secondary": ["p90"]}), "/definition/design"),
        (json!({"analysis": {"covariate": "prediction", "covariate_days": 0}}), "/definition/analysis/covariate"),
    ] {
        let (status, _, pointers) = tried(more.clone()).await;
        assert_eq!((status, pointers), (422, vec![pointer.to_owned()]), "{more}");
    }
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let (status, _, pointers) = tried(json!({"design": {"kind": "switchback", "window_hours": 1}})).await;
    assert_eq!((status, pointers), (422, vec!["/definition/design".to_owned()]), "not while it runs");
}
