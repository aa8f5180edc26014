//! A shop run through two SDKs, with sign-ins, resent batches, late activity and a true effect: the result of its experiment is
//! computed anew from the rows of `activity`, person by person, and equals the report for every kind of metric.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::accounts::owner;
use crate::experiment::{of, started};
use crate::gear::{interpreter, script, skip};
use crate::relay::Relay;
use crate::server::Server;

const VISITORS: usize = 700;
const HOUR: i64 = 3_600_000;
const COVARIATE_DAYS: i64 = 7;
/// The metric that must not suffer.
const GUARDRAIL: &str = "kinds";

/// One row of `activity`.
struct Row {
    event: String,
    millis: i64,
    properties: Value,
}

impl Row {
    fn text(&self, name: &str) -> Option<String> {
        match &self.properties[name] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    fn price(&self) -> Option<f64> {
        self.text("price")?.parse().ok()
    }
}

/// The rows of each person, as SQL has them now.
async fn people(server: &Server) -> BTreeMap<String, Vec<Row>> {
    let sql = "SELECT CAST(person_id AS VARCHAR), event, CAST(round(date_part('epoch', timestamp) * 1000) AS BIGINT), properties FROM activity";
    let mut people: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in server.sql(sql).await {
        let text = |index: usize| row[index].as_str().expect("a text").to_owned();
        let properties = serde_json::from_str(&text(3)).expect("JSON");
        let row = Row { event: text(1), millis: row[2].as_i64().expect("milliseconds"), properties };
        people.entry(text(0)).or_default().push(row);
    }
    people
}

/// The arm that a row tells of.
fn arm(row: &Row) -> Option<usize> {
    match row.event.as_str() {
        "$feature_flag_called" if row.text("$feature_flag").as_deref() == Some("checkout") => {
            Some(usize::from(row.text("$feature_flag_response").as_deref() == Some("true")))
        }
        "Experiment Viewed" if row.text("experimentId").as_deref() == Some("exp") => {
            Some(usize::from(row.text("variationId").as_deref() == Some("treatment")))
        }
        _ => None,
    }
}

/// A person who counts: arm, first exposure, rows.
type Exposed<'a> = (usize, i64, &'a [Row]);

/// Who counts, and how many were in both arms.
fn exposed(people: &BTreeMap<String, Vec<Row>>, from: i64, until: i64) -> (Vec<Exposed<'_>>, usize) {
    let (mut once, mut several) = (Vec::new(), 0);
    for rows in people.values() {
        let seen = rows.iter().filter(|row| row.millis >= from && row.millis < until);
        let seen: Vec<(usize, i64)> = seen.filter_map(|row| Some((arm(row)?, row.millis))).collect();
        let arms: BTreeSet<usize> = seen.iter().map(|(arm, _)| *arm).collect();
        let Some(first) = seen.iter().map(|(_, at)| *at).min() else { continue };
        match arms.len() {
            1 => once.push((seen[0].0, first, rows.as_slice())),
            _ => several += 1,
        }
    }
    (once, several)
}

/// `percentile_cont`: between the two values around `(n − 1) · level`.
fn percentile(values: &[f64], level: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = level * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// With n − 1.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>() / (a.len() - 1) as f64
}

fn near(seen: &Value, expected: f64, what: &str) {
    let seen = seen.as_f64().unwrap_or_else(|| panic!("{what}: {seen}"));
    assert!((seen - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{what}: {seen}, computed anew {expected}");
}

fn metrics() -> Vec<(&'static str, Value)> {
    let bought = json!({"event": "bought"});
    let price = json!({"property": "price"});
    let books = json!({"event": "bought", "filters": [{"property": "kind", "is": {"one_of": ["book"]}}]});
    let sum = json!({"source": bought, "operand": price});
    vec![
        ("orders", json!({"measure": {"count": {"source": bought}}})),
        ("books", json!({"measure": {"count": {"source": books}}})),
        ("revenue", json!({"measure": {"sum": sum}})),
        ("capped", json!({"measure": {"sum": sum}, "cap": {"at": 90}, "window": {"hours": 2}})),
        ("trimmed", json!({"measure": {"sum": sum}, "cap": {"quantile": 0.9}})),
        ("kinds", json!({"measure": {"unique": {"source": bought, "property": "kind"}}})),
        ("buyers", json!({"measure": {"conversion": {"source": bought}}})),
        ("price", json!({"measure": {"mean": sum}})),
        (
            "each",
            json!({"measure": {"ratio": {"numerator": {"sum": sum}, "denominator": {"count": {"source": bought}}}}}),
        ),
        ("median", json!({"measure": {"quantile": {"source": bought, "operand": price, "level": 0.5}}})),
        ("p90", json!({"measure": {"quantile": {"source": bought, "operand": price, "level": 0.9}}})),
        ("back", json!({"measure": {"retention": {"source": {"event": "opened"}, "from_day": 0, "to_day": 1}}})),
    ]
}

#[tokio::test]
async fn every_metric_of_a_shop_equals_its_recomputation() {
    if let Err(missing) = interpreter("experiment_shop.cjs") {
        return skip("experiment_shop", &missing);
    }
    let server = Server::start().await;
    let client = server.key("client");
    let team = owner(&server).await;
    let metrics = metrics();
    let goals: Vec<&str> = metrics.iter().map(|(key, _)| *key).filter(|key| *key != GUARDRAIL).collect();
    let more = json!({"analysis": {"covariate_days": COVARIATE_DAYS, "post_stratifies": false}, "goals": goals,
        "guardrails": [{"metric": GUARDRAIL, "tolerance": 0.05}]});
    started(&team, &metrics, more).await;
    let relay = Relay::to(&server.url()).await;
    let (url, count) = (relay.url(), VISITORS.to_string());
    let environment = [
        ("FOOTFALL_URL", url.as_str()),
        ("FOOTFALL_WRITE_KEY", server.write_key()),
        ("FOOTFALL_CLIENT_KEY", client.as_str()),
        ("FOOTFALL_PERSON", "shop"),
        ("FOOTFALL_COUNT", count.as_str()),
    ];
    let account = script("experiment_shop.cjs", &environment).await;
    assert!(relay.exchanges().iter().any(|exchange| exchange.repeated), "no batch was sent twice");
    let sent = account["sent"].as_i64().expect("a count");
    assert_eq!(server.until("SELECT count(*) FROM activity", sent).await, sent, "each once");

    let report = team.get(&of("experiments/exp/results")).await;
    let answers = async |by: &str| server.metric("footfall_experiment_answers_total", by).await;
    assert!(answers("insights").await >= 1.0 && answers("sql").await == 0.0, "{}", server.tracing());
    let millis = |name: &str| {
        let text = report[name].as_str().expect("a time");
        text.parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond()
    };
    let (from, until) = (millis("from"), millis("until"));
    let people = people(&server).await;
    let (exposed, several) = exposed(&people, from, until);
    near(&report["people_in_several"], several as f64, "people in several variations");
    assert!(several > 0, "nobody signed in on two devices of different arms");

    let in_window = |at: i64, row: &Row, hours: Option<i64>| {
        row.millis >= at && row.millis < until && hours.is_none_or(|hours| row.millis < at + hours * HOUR)
    };
    let values = |of: &dyn Fn(&[Row], i64) -> f64| -> [Vec<f64>; 2] {
        let mut arms = [Vec::new(), Vec::new()];
        for (arm, at, rows) in &exposed {
            arms[*arm].push(of(rows, *at));
        }
        arms
    };
    let bought = |rows: &[Row], at: i64, hours: Option<i64>| -> Vec<(Option<f64>, String)> {
        let rows = rows.iter().filter(|row| row.event == "bought" && in_window(at, row, hours));
        rows.map(|row| (row.price(), row.text("kind").unwrap_or_default())).collect()
    };
    let spent = |rows: &[Row], at: i64, hours: Option<i64>| -> f64 {
        bought(rows, at, hours).iter().filter_map(|(price, _)| *price).sum()
    };
    let is = |truth: bool| f64::from(u8::from(truth));
    let orders = values(&|rows, at| bought(rows, at, None).len() as f64);
    let priced = values(&|rows, at| bought(rows, at, None).iter().filter(|(price, _)| price.is_some()).count() as f64);
    let revenue = values(&|rows, at| spent(rows, at, None));
    let cap = percentile(&revenue.concat(), 0.9);
    let plain = [
        ("orders", false, orders.clone()),
        (
            "books",
            false,
            values(&|rows, at| bought(rows, at, None).iter().filter(|(_, kind)| kind == "book").count() as f64),
        ),
        ("revenue", false, revenue.clone()),
        ("capped", false, values(&|rows, at| spent(rows, at, Some(2)).min(90.0))),
        ("trimmed", false, revenue.clone().map(|arm| arm.into_iter().map(|value| value.min(cap)).collect())),
        (
            "kinds",
            false,
            values(&|rows, at| {
                bought(rows, at, None).into_iter().map(|(_, kind)| kind).collect::<BTreeSet<_>>().len() as f64
            }),
        ),
        ("buyers", true, values(&|rows, at| is(!bought(rows, at, None).is_empty()))),
    ];
    let arms_of = |key: &str| -> &Vec<Value> {
        let metrics = report["metrics"].as_array().expect("metrics");
        metrics.iter().find(|metric| metric["key"] == key).expect("the metric")["arms"].as_array().expect("arms")
    };
    for (key, is_share, arms) in &plain {
        for (seen, values) in arms_of(key).iter().zip(arms) {
            let (n, mean) = (values.len() as f64, mean(values));
            let scatter = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            near(&seen["people"], n, key);
            near(&seen["mean"], mean, key);
            near(&seen["variance"], if *is_share { mean * (1.0 - mean) } else { scatter / (n - 1.0) }, key);
            near(&seen["sum"], values.iter().sum(), key);
        }
    }
    // Everybody came within the hours before: nobody's day is over, so nobody counts, and that is told.
    assert!(arms_of("back").iter().all(|arm| arm["people"] == json!(0.0)), "{:?}", arms_of("back"));
    let back = report["metrics"].as_array().expect("metrics").iter().find(|metric| metric["key"] == "back");
    near(&back.expect("the metric")["people_not_mature"], orders.concat().len() as f64, "back");
    for (key, denominator) in [("price", &priced), ("each", &orders)] {
        for (index, seen) in arms_of(key).iter().enumerate() {
            near(&seen["mean"], revenue[index].iter().sum::<f64>() / denominator[index].iter().sum::<f64>(), key);
        }
    }
    for (key, level) in [("median", 0.5), ("p90", 0.9)] {
        for (seen, values) in arms_of(key).iter().zip(&revenue) {
            near(&seen["mean"], percentile(values, level), key);
        }
    }
    // What was bought in the days before exposure, person by person in the same order, takes variance away.
    let before = |of: &dyn Fn(&[&Row]) -> f64| {
        values(&|rows, at| {
            let from = at - COVARIATE_DAYS * 24 * HOUR;
            let earlier = rows.iter().filter(|row| row.event == "bought" && row.millis >= from && row.millis < at);
            of(&earlier.collect::<Vec<_>>())
        })
    };
    let orders_before = before(&|rows| rows.len() as f64);
    let revenue_before = before(&|rows| rows.iter().filter_map(|row| row.price()).sum());
    assert!(orders_before.concat().iter().sum::<f64>() > 100.0, "too few bought before to adjust by");
    let comparison_of = |key: &str| -> &Value {
        let metrics = report["metrics"].as_array().expect("metrics");
        &metrics.iter().find(|metric| metric["key"] == key).expect("the metric")["comparisons"][0]
    };
    for (key, after, before) in [("orders", &orders, &orders_before), ("revenue", &revenue, &revenue_before)] {
        let (y, x) = (after.concat(), before.concat());
        let theta = covariance(&y, &x) / covariance(&x, &x);
        for (arm, seen) in arms_of(key).iter().enumerate() {
            near(&seen["adjusted_mean"], mean(&after[arm]) - theta * mean(&before[arm]), key);
        }
        let adjusted = |arm: usize| mean(&after[arm]) - theta * mean(&before[arm]);
        let control = mean(&after[0]);
        let seen = comparison_of(key);
        near(&seen["effect"], (adjusted(1) - adjusted(0)) / control, key);
        // Σ of what each person adds to the effect, squared: the same variance by another way.
        let slope = mean(&after[1]) / control;
        let of_control: Vec<f64> =
            after[0].iter().zip(&before[0]).map(|(y, x)| (slope * y - theta * x) / control).collect();
        let of_treated: Vec<f64> = after[1].iter().zip(&before[1]).map(|(y, x)| (y - theta * x) / control).collect();
        let variance = [of_control, of_treated].iter().map(|one| covariance(one, one) / one.len() as f64).sum::<f64>();
        near(&seen["standard_error"], variance.sqrt(), key);
        let plain = report["before_exposure"]["comparisons"].as_array().expect("comparisons");
        let plain = plain.iter().find(|one| one["metric"] == key).expect("the metric before");
        near(&plain["difference"], mean(&before[1]) - mean(&before[0]), key);
    }
    assert_eq!(report["before_exposure"]["is_off"], false, "{}", report["before_exposure"]);

    let guardrail = report["metrics"].as_array().expect("metrics").iter().find(|metric| metric["key"] == GUARDRAIL);
    assert_eq!(guardrail.expect("the guardrail")["role"], "guardrail");
    assert_eq!(comparison_of(GUARDRAIL)["p_value_holm"], Value::Null, "it stands outside of the corrections");
    // Holm's correction over the goals, step by step.
    let mut p_values: Vec<(f64, &str)> =
        goals.iter().filter_map(|key| Some((comparison_of(key)["p_value"].as_f64()?, *key))).collect();
    p_values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut bound: f64 = 0.0;
    for (rank, (p_value, key)) in p_values.iter().enumerate() {
        bound = bound.max(p_value * (p_values.len() - rank) as f64).min(1.0);
        near(&comparison_of(key)["p_value_holm"], bound, key);
    }
    assert!(p_values.len() >= 10, "{p_values:?}");
    let effect = (mean(&orders[1]) - mean(&orders[0])) / mean(&orders[0]);
    assert!(effect > 0.2, "the effect that was built in: {effect}");
}
