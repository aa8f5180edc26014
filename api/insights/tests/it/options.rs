//! Options of questions over HTTP: breakdowns by what is not a property of the row, filters of sessions and paths, shares of
//! active people, times of funnels. `told.rs` has the rows.

use serde_json::{Value, json};

use crate::asking::{DAY, START, at, house};
use crate::gear::House;
use crate::stage::Stage;
use crate::told::{self, MINUTE};

fn scope() -> Value {
    json!({"from_ms": START, "until_ms": START + 7 * DAY, "zone": "UTC"})
}

fn named(name: &str) -> Value {
    json!({ "activities": [name] })
}

async fn ask(house: &House<'_>, owner: &str, kind: &str, question: Value) -> Value {
    house.post(owner, &at(kind), question).await.good().json()["answer"].clone()
}

/// A label as one text: what is missing is `-`.
fn label(label: &Value) -> String {
    match &label["values"] {
        Value::Array(values) => {
            values.iter().map(|value| value.as_str().unwrap_or("-")).collect::<Vec<_>>().join(" / ")
        }
        _ => label.as_str().unwrap_or_default().to_owned(),
    }
}

fn sum(numbers: &Value) -> f64 {
    numbers.as_array().unwrap().iter().filter_map(Value::as_f64).sum()
}

/// What breakdowns of views are by, and the views of each value, in the order of answers.
fn breakdowns() -> Vec<(Value, Vec<(&'static str, f64)>)> {
    let session = |property: &str, bounds: &[i64]| json!({"session": {"property": property, "bounds": bounds}});
    vec![
        (json!({"person": {"property": "plan"}}), vec![("-", 1.0), ("free", 3.0), ("pro", 1.0)]),
        (json!({"person": {"property": "age", "bounds": [35]}}), vec![("-", 1.0), ("< 35", 1.0), (">= 35", 3.0)]),
        (json!({"session": {"property": "entry"}}), vec![("view", 5.0)]),
        (json!({"session": {"property": "exit"}}), vec![("buy", 1.0), ("save", 1.0), ("view", 3.0)]),
        (session("rows", &[2]), vec![("< 2", 1.0), (">= 2", 4.0)]),
        (
            session("duration_ms", &[5 * MINUTE, 15 * MINUTE]),
            vec![("300000 to 900000", 2.0), ("< 300000", 1.0), (">= 900000", 2.0)],
        ),
        (json!({"group": {"group": "company"}}), vec![("-", 1.0), ("acme", 2.0), ("zoo", 2.0)]),
        (json!({"group": {"group": "company", "property": "plan"}}), vec![("-", 1.0), ("gold", 2.0), ("tin", 2.0)]),
        (json!({"group": {"group": "company", "property": "size", "bounds": [10]}}), vec![("-", 3.0), (">= 10", 2.0)]),
        (
            json!({"property": {"property": "price", "bounds": [10, 20]}}),
            vec![("-", 1.0), ("10 to 20", 1.0), ("< 10", 1.0), (">= 20", 2.0)],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn breakdowns_by_persons_sessions_groups_and_bins() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    told::publish(&lake).await;
    for (by, want) in breakdowns() {
        let series = json!([{"select": named("view"), "measures": ["count"]}]);
        let question =
            json!({"scope": scope(), "bucket": "day", "series": series, "breakdown": {"properties": [by], "top": 9}});
        let answer = ask(&house, &owner, "trend", question).await;
        let lines = answer["lines"].as_array().unwrap().iter();
        let got: Vec<(String, f64)> = lines.map(|line| (label(&line["label"]), sum(&line["measures"][0]))).collect();
        let want: Vec<(String, f64)> = want.into_iter().map(|(label, count)| (label.to_owned(), count)).collect();
        assert_eq!(got, want, "by {by}");
    }
    // Two at once, and the rest together.
    let by = json!([{"person": {"property": "plan"}}, {"group": {"group": "company"}}]);
    let series = json!([{"select": named("view"), "measures": ["count", "people"]}]);
    let question =
        json!({"scope": scope(), "bucket": "month", "series": series, "breakdown": {"properties": by, "top": 1}});
    let answer = ask(&house, &owner, "trend", question).await;
    let lines = answer["lines"].as_array().unwrap().iter();
    let got: Vec<(String, f64, f64)> =
        lines.map(|line| (label(&line["label"]), sum(&line["measures"][0]), sum(&line["measures"][1]))).collect();
    assert_eq!(got, [("free / zoo".to_owned(), 2.0, 1.0), ("other".to_owned(), 3.0, 3.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn funnels_retention_and_sessions_are_told_apart_by_them_too() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    told::publish(&lake).await;
    let funnels = [
        (json!({"person": {"property": "plan"}}), json!([["-", [1, 0]], ["free", [1, 0]], ["pro", [1, 1]]])),
        (json!({"session": {"property": "exit"}}), json!([["buy", [1, 1]], ["save", [1, 0]], ["view", [1, 0]]])),
        (json!({"group": {"group": "company", "property": "plan"}}), json!([["gold", [2, 1]], ["tin", [1, 0]]])),
    ];
    for (by, want) in funnels {
        let breakdown = json!({"property": by, "step": 1, "attribution": "first_touch"});
        let steps = json!([named("view"), named("buy")]);
        let question = json!({"scope": scope(), "steps": steps, "window_ms": DAY, "breakdown": breakdown});
        let answer = ask(&house, &owner, "funnel", question).await;
        let groups = answer["groups"].as_array().unwrap().iter();
        let got: Vec<Value> = groups.map(|group| json!([label(&group["label"]), group["reached"]])).collect();
        assert_eq!(json!(got), want, "by {by}");
    }
    let by = json!({"properties": [{"person": {"property": "plan"}}], "top": 9});
    let question = json!({"scope": scope(), "bucket": "day", "kind": "first_time", "start": named("view"), "returning": {}, "breakdown": by});
    let answer = ask(&house, &owner, "retention", question).await;
    let groups = answer["groups"].as_array().unwrap().iter();
    let got: Vec<Value> = groups
        .map(|group| {
            let people: f64 =
                group["cohorts"].as_array().unwrap().iter().filter_map(|one| one["people"].as_f64()).sum();
            json!([label(&group["label"]), people, group["cohorts"][0]["returned"][2]])
        })
        .collect();
    assert_eq!(json!(got), json!([["-", 1.0, 0], ["free", 1.0, 1], ["pro", 1.0, 0]]));
    let sessions = [
        (json!({"session": {"property": "rows", "bounds": [2]}}), json!([["< 2", 1.0], [">= 2", 3.0]])),
        (json!({"person": {"property": "plan"}}), json!([["-", 1.0], ["free", 2.0], ["pro", 1.0]])),
        (
            json!({"property": {"property": "price", "bounds": [10]}}),
            json!([["-", 1.0], ["< 10", 1.0], [">= 10", 2.0]]),
        ),
    ];
    for (by, want) in sessions {
        let question = json!({"scope": scope(), "bucket": "day", "breakdown": {"properties": [by], "top": 9}});
        let answer = ask(&house, &owner, "sessions", question).await;
        let groups = answer["groups"].as_array().unwrap().iter();
        let got: Vec<Value> = groups
            .map(|group| {
                let buckets = group["buckets"].as_array().unwrap().iter();
                json!([label(&group["label"]), buckets.filter_map(|one| one["sessions"].as_f64()).sum::<f64>()])
            })
            .collect();
        assert_eq!(json!(got), want, "by {by}");
    }
    let wrong = json!({"properties": [{"session": {"property": "rows"}}], "top": 9});
    let question = json!({"scope": scope(), "bucket": "day", "breakdown": wrong});
    let refused = house.post(&owner, &at("sessions"), question).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "insight_refused"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_paths_of_some_rows_alone() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    told::publish(&lake).await;
    for (select, want) in
        [(json!({}), [4, 7]), (named("save"), [1, 2]), (named("buy"), [1, 2]), (named("view"), [4, 7])]
    {
        let question = json!({"scope": scope(), "bucket": "month", "select": select});
        let answer = ask(&house, &owner, "sessions", question).await;
        let bucket = &answer["buckets"][0];
        assert_eq!(json!([bucket["sessions"], bucket["rows"]]), json!(want), "with {select}");
    }
    let condition = json!({"session": {"property": "exit", "test": {"is": ["save"]}}});
    let series = json!([{"select": {"activities": ["view"], "condition": condition}, "measures": ["count"]}]);
    let answer = ask(&house, &owner, "trend", json!({"scope": scope(), "bucket": "month", "series": series})).await;
    assert_eq!(sum(&answer["lines"][0]["measures"][0]), 1.0, "views of sessions that end with saving");

    let priced = |least: i64| {
        let condition = json!({"property": {"property": "price", "test": {"at_least": least}}});
        json!({"after": {"activities": ["view"], "condition": condition}})
    };
    let after = json!({"after": "view"});
    let paths = [
        (after.clone(), json!({}), json!([[["buy"], 1], [["save"], 1], [["view"], 1]])),
        (after.clone(), json!({"without": named("buy")}), json!([[["save"], 1], [["view"], 1]])),
        (after, json!({"select": {"activities": ["view", "save"]}}), json!([[["save"], 1], [["view"], 1]])),
        (priced(10), json!({}), json!([[["view"], 1]])),
        (priced(20), json!({}), json!([])),
    ];
    for (anchor, options, want) in paths {
        let mut question = json!({"scope": scope(), "anchor": anchor, "length": 1, "gap_ms": 30 * MINUTE, "top": 9});
        for (name, value) in options.as_object().unwrap() {
            question[name] = value.clone();
        }
        let answer = ask(&house, &owner, "paths", question.clone()).await;
        let found = answer["paths"].as_array().unwrap().iter();
        let got: Vec<Value> = found.map(|path| json!([path["activities"], path["count"]])).collect();
        assert_eq!(json!(got), want, "{question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_of_active_people_and_times_of_funnels() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    told::publish(&lake).await;
    let answer = ask(&house, &owner, "active_people", json!({"scope": scope(), "select": named("view")})).await;
    let of = |day: usize| {
        let day = &answer["days"][day];
        let names = ["day", "week", "month", "day_per_week", "day_per_month", "week_per_month"];
        json!(names.map(|name| day[name].clone()))
    };
    assert_eq!(of(0), json!([2, 2, 3, 1.0, 2.0 / 3.0, 2.0 / 3.0]));
    assert_eq!(of(1), json!([0, 2, 3, 0.0, 0.0, 2.0 / 3.0]));
    assert_eq!(of(2), json!([2, 3, 4, 2.0 / 3.0, 0.5, 0.75]));
    let nobody = ask(&house, &owner, "active_people", json!({"scope": scope(), "select": named("never")})).await;
    assert_eq!(nobody["days"][0]["day_per_week"], Value::Null, "a share of nobody is none");

    let funnel = |times: Value| json!({"scope": scope(), "steps": [named("view"), named("buy")], "window_ms": DAY, "times": times});
    let group =
        ask(&house, &owner, "funnel", funnel(json!({"bounds_ms": [MINUTE, 11 * MINUTE]}))).await["groups"][0].clone();
    let ten = 10 * MINUTE;
    assert_eq!(group["mean_ms"], json!(ten as f64));
    let step = json!({"mean_ms": ten as f64, "times_ms": [ten, ten, ten, ten, ten, ten, ten]});
    let want = json!({"bounds_ms": [MINUTE, 11 * MINUTE], "histogram": [0, 1, 0], "steps": [step]});
    assert_eq!(group["times"], want);
    let group = ask(&house, &owner, "funnel", funnel(json!({}))).await["groups"][0].clone();
    // 1, 2, 4 … seconds as far as the window; ten minutes lie between 512 and 1,024 seconds.
    let histogram = group["times"]["histogram"].as_array().unwrap();
    assert_eq!((histogram.len(), histogram.iter().position(|count| *count == json!(1))), (18, Some(10)));
    let unordered = json!({"scope": scope(), "steps": [named("buy"), named("view")], "window_ms": DAY, "order": "unordered", "times": {}});
    let group = ask(&house, &owner, "funnel", unordered).await["groups"][0].clone();
    assert_eq!((&group["reached"], &group["times"]["steps"]), (&json!([3, 1]), &json!([])), "there is no next step");
    // Nothing lies between steps without an order.
    let exclusions = json!([{"select": named("save"), "after": 1, "before": 2}]);
    let excluding = json!({"scope": scope(), "steps": [named("buy"), named("view")], "window_ms": DAY, "order": "unordered", "exclusions": exclusions});
    let refused = house.post(&owner, &at("funnel"), excluding).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "insight_refused"), "{}", refused.text);
    assert_eq!(refused.json()["errors"][0]["pointer"], json!("/exclusions"), "{}", refused.text);
}
