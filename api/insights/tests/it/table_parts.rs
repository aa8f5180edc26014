//! Parts of answers as tables of their own.

use std::sync::Arc;

use arrow::array::RecordBatch;
use footfall_pipelines_store::query::{Engine, EngineConfig, Question};
use serde_json::{Value, json};

use crate::asking::{DAY, START, at, house_with_desk, scope};
use crate::gear::PROJECT;
use crate::lake::LakeSnapshots;
use crate::stage::Stage;
use crate::tables::{objects, picked};
use crate::told::{self, MINUTE};

/// A kind, a part of its answer, a definition, and the rows.
type Wanted = Vec<(&'static str, &'static str, Value, Vec<Value>)>;

/// How tables name the percentiles of a funnel's times, in the order of answers.
const PERCENTILES: [&str; 7] = ["p0_ms", "p10_ms", "p25_ms", "median_ms", "p75_ms", "p90_ms", "p100_ms"];

fn all(of: &Value) -> Vec<Value> {
    of.as_array().expect("a list").clone()
}

/// Lines of a trend.
fn lines_of(trend: &Value) -> Vec<Value> {
    let mut rows = Vec::new();
    for line in all(&trend["lines"]) {
        for (measure, values) in all(&line["measures"]).iter().enumerate() {
            for (place, value) in all(values).iter().enumerate() {
                rows.push(json!({
                    "series": line["series"],
                    "label": line["label"]["values"][0],
                    "bucket": trend["buckets"][place],
                    "measure": measure,
                    "value": value,
                }));
            }
        }
    }
    rows
}

fn with_times(mut row: Value, times: &Value) -> Value {
    for (place, name) in PERCENTILES.iter().enumerate() {
        row[*name] = times[place].clone();
    }
    row
}

/// Percentiles, trend, histogram and steps of a funnel.
fn tables_of(funnel: &Value) -> [Vec<Value>; 4] {
    let [mut percentiles, mut trend, mut times, mut steps]: [Vec<Value>; 4] = Default::default();
    for group in all(&funnel["groups"]) {
        let value = &group["value"];
        percentiles.push(with_times(json!({"value": value}), &group["converted_ms"]));
        for bucket in all(&group["trend"]) {
            for (step, people) in all(&bucket["reached"]).iter().enumerate() {
                let start = &bucket["start_ms"];
                trend.push(json!({"value": value, "bucket": start, "step": step + 1, "people": people}));
            }
        }
        let bounds = &group["times"]["bounds_ms"];
        for (bin, people) in all(&group["times"]["histogram"]).iter().enumerate() {
            let least = bin.checked_sub(1).map(|bin| bounds[bin].clone());
            times.push(json!({"value": value, "at_least_ms": least, "below_ms": bounds[bin], "people": people}));
        }
        for (step, spread) in all(&group["times"]["steps"]).iter().enumerate() {
            let row = json!({"value": value, "step": step + 1, "mean_ms": spread["mean_ms"]});
            steps.push(with_times(row, &spread["times_ms"]));
        }
    }
    [percentiles, trend, times, steps]
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_answers_are_those_of_http() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake, desk) = house_with_desk(&stage).await;
    let (owner, _) = house.owner().await;
    told::publish(&lake).await;
    let engine =
        Engine::new(Arc::new(LakeSnapshots(lake.clone())), EngineConfig::new(stage.folder.path().join("spill")));
    let engine = engine.expect("started");
    let project: Arc<str> = PROJECT.into();
    let asked = async |sql: &str, body: &Value| {
        let question = Question::new(sql).with_params(json!([body.to_string()])).calling(desk.functions(&project));
        let mut answer = engine.query(PROJECT, question).await.map_err(|error| error.to_string())?;
        let mut rows: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = answer.next().await {
            rows.push(batch.map_err(|error| error.to_string())?);
        }
        Ok::<Vec<Value>, String>(objects(&rows))
    };
    let http = async |kind: &str, body: &Value| {
        house.post(&owner, &at(kind), body.clone()).await.good().json()["answer"].clone()
    };
    let (view, buy) = (json!({"activities": ["view"]}), json!({"activities": ["buy"]}));
    let mut wanted: Wanted = Vec::new();

    // Two days, and the two before, in which others did other things too.
    let span = json!({"from_ms": START + 2 * DAY, "until_ms": START + 4 * DAY});
    let series = json!([{"select": {}, "measures": ["count", "people"]}]);
    let by_name = json!({"properties": ["activity.event"], "top": 9});
    let body = json!({"scope": span, "bucket": "day", "series": series, "breakdown": by_name, "previous": true});
    let answer = http("trend", &body).await;
    let before = lines_of(&answer["previous"]);
    assert!(before.iter().any(|row| row["value"] == json!(3.0)) && before != lines_of(&answer));
    wanted.push(("trend", "previous", body, before));

    let steps = json!([view, buy]);
    let times = json!({"bounds_ms": [MINUTE, 11 * MINUTE]});
    let by_plan = json!({"property": {"person": {"property": "plan"}}, "step": 1, "attribution": "first_touch"});
    let body = json!({"scope": scope(), "steps": steps, "window_ms": DAY, "trend": "day", "times": times, "breakdown": by_plan});
    let tables = tables_of(&http("funnel", &body).await);
    assert!(tables[0].iter().any(|row| row["p90_ms"] == json!(10 * MINUTE)));
    for (part, rows) in ["percentiles", "trend", "times", "steps"].into_iter().zip(tables) {
        wanted.push(("funnel", part, body.clone(), rows));
    }

    let body = json!({"scope": scope(), "anchor": "beginning", "length": 2, "gap_ms": 30 * MINUTE, "top": 9});
    let edge = [("place", "/place"), ("event", "/from"), ("next_event", "/to"), ("count", "/count")];
    let edges = all(&http("paths", &body).await["edges"]);
    wanted.push(("paths", "edges", body, edges.iter().map(|one| picked(one, &edge)).collect()));

    let body = json!({"scope": scope(), "bucket": "day"});
    let answer = http("sessions", &body).await;
    for part in ["entries", "exits"] {
        let rows = all(&answer[part]).iter().map(|one| json!({"event": one[0], "sessions": one[1]})).collect();
        wanted.push(("sessions", part, body.clone(), rows));
    }

    let body = json!({"scope": scope(), "from": view, "to": {}, "window_ms": DAY, "ranks": [0.5, 1.0]});
    let times = http("time_between", &body).await["percentiles_ms"].clone();
    let row = |place: usize| json!({"place": place, "rank": body["ranks"][place], "percentile_ms": times[place]});
    wanted.push(("time_between", "percentiles", body.clone(), vec![row(0), row(1)]));

    let funnel = json!({"scope": scope(), "steps": steps, "window_ms": DAY});
    let of_price = json!({"property": "price"});
    let totals = [
        ("correlation", json!({"funnel": funnel, "people_least": 1}), &["entered", "converted", "tested"][..]),
        (
            "distribution",
            json!({"scope": scope(), "select": {}, "of": of_price, "edges": [10.0]}),
            &["count", "sum", "minimum", "maximum"][..],
        ),
        (
            "places",
            json!({"scope": scope(), "resolution": 3, "latitude": "price", "longitude": "price"}),
            &["rows", "rows_elsewhere", "cells"][..],
        ),
    ];
    for (kind, body, names) in totals {
        let answer = http(kind, &body).await;
        let row = names.iter().map(|name| ((*name).to_owned(), answer[*name].clone())).collect();
        wanted.push((kind, "totals", body, vec![Value::Object(row)]));
    }

    for (kind, part, body, want) in wanted {
        assert!(!want.is_empty(), "{kind} {part}: there is something to compare");
        for sql in
            [format!("SELECT * FROM {kind}($1, '{part}')"), format!("SELECT * FROM insight('{kind}', $1, '{part}')")]
        {
            assert_eq!(asked(&sql, &body).await.as_ref(), Ok(&want), "{sql}");
        }
    }

    for (sql, says) in [
        ("SELECT * FROM funnel($1, 'trend')", "has to ask for this part"),
        ("SELECT * FROM funnel($1, 'steps')", "has to ask for this part"),
        ("SELECT * FROM funnel($1, 'edges')", "there are trend, percentiles, times, steps"),
        ("SELECT * FROM insight('cohort', $1, 'people')", "without parts"),
        ("SELECT * FROM funnel($1, 'trend', 'times')", "at most the name of a part"),
    ] {
        let refused = asked(sql, &funnel).await.unwrap_err();
        assert!(refused.contains(says), "{sql}: {refused}");
    }
    // Before its values are known a statement has the columns of the part.
    let open = Question::new("SELECT * FROM paths($1, 'edges')").calling(desk.functions(&project));
    let described = engine.describe(PROJECT, open, Vec::new()).await.expect("described");
    let names: Vec<&str> = described.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["place", "event", "next_event", "count"]);
}
