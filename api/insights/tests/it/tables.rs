//! Insights as table functions of SQL.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMillisecondType};
use arrow::util::pretty::pretty_format_batches;
use footfall_pipelines_store::query::{Engine, EngineConfig, Policy, Question};
use serde_json::{Map, Value, json};

use crate::asking::{DAY, START, at, house_with_desk, lines, scope, trend};
use crate::gear::PROJECT;
use crate::lake::{self, LakeSnapshots};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn sql_gives_the_answers_of_the_routes() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake, desk) = house_with_desk(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let views = json!({"select": {"activities": ["view"]}, "from_ms": 0, "until_ms": START + 9 * DAY, "at_least": 2});
    let draft = json!({"key": "keen", "name": "keen", "definition": {"did": views}});
    house.post(&owner, &format!("/v1/projects/{PROJECT}/cohorts"), draft).await.good();
    let engine =
        Engine::new(Arc::new(LakeSnapshots(lake.clone())), EngineConfig::new(stage.folder.path().join("spill")));
    let engine = engine.expect("started");
    let project: Arc<str> = PROJECT.into();
    let asked = async |sql: &str, params: serde_json::Value, policy: Policy| {
        let question = Question::new(sql).with_params(params).calling(desk.functions(&project));
        let mut answer =
            engine.query(PROJECT, question.under(Arc::new(policy))).await.map_err(|error| error.to_string())?;
        let mut rows: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = answer.next().await {
            rows.push(batch.map_err(|error| error.to_string())?);
        }
        Ok::<String, String>(pretty_format_batches(&rows).expect("rows").to_string())
    };
    let open = Policy::default;
    let sql = "SELECT bucket::date AS day, value FROM trend($1) WHERE measure = 0 AND value > 0 ORDER BY day";
    let days = asked(sql, json!([trend().to_string()]), open()).await.unwrap();
    // Days begin at midnight of the zone, which is the evening before in UTC.
    assert!(days.contains("| 2025-08-31 | 2.0   |") && days.contains("| 2025-09-02 | 2.0   |"), "{days}");
    let same = asked(&sql.replace("trend($1)", "insight('trend', $1)"), json!([trend().to_string()]), open()).await;
    assert_eq!(same.unwrap(), days);
    let steps = json!([{"activities": ["view"]}, {"activities": ["buy"]}]);
    let funnel = json!({"scope": scope(), "steps": steps, "window_ms": DAY}).to_string();
    let reached = asked("SELECT step, people FROM funnel($1) ORDER BY step", json!([funnel]), open()).await.unwrap();
    assert!(reached.contains("| 1    | 3      |") && reached.contains("| 2    | 1      |"), "{reached}");
    // The people of a cohort beside the rows of the table.
    let sql = "SELECT distinct_id, count(*) AS n FROM activity WHERE person_id IN (SELECT person_id FROM cohort('keen')) GROUP BY 1";
    let rows = asked(sql, json!([]), open()).await.unwrap();
    assert!(rows.contains("| bob         | 2 |") && !rows.contains("ada"), "{rows}");
    for (sql, says) in [
        ("SELECT * FROM trend('{}')", "scope"),
        ("SELECT * FROM insight('tend', '{}')", "there is no kind"),
        ("SELECT * FROM cohort('nobody')", "there is no cohort"),
        ("SELECT * FROM trend(1)", "takes texts"),
    ] {
        let refused = asked(sql, json!([]), open()).await.unwrap_err();
        assert!(refused.contains(says), "{sql}: {refused}");
    }
    // Answers are made of all rows: whoever sees a part of them has no functions.
    let masked = Policy { masked: ["plan".into()].into_iter().collect(), ..Policy::default() };
    assert!(asked("SELECT * FROM cohort('keen')", json!([]), masked).await.is_err());
}

/// Rows as objects; times are milliseconds.
pub fn objects(batches: &[RecordBatch]) -> Vec<Value> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cell = |column: &Arc<dyn Array>| match column.data_type() {
                _ if column.is_null(row) => Value::Null,
                DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(row)),
                DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(row)),
                DataType::Timestamp(_, _) => json!(column.as_primitive::<TimestampMillisecondType>().value(row)),
                DataType::Utf8View => json!(column.as_string_view().value(row)),
                _ => json!(column.as_string::<i32>().value(row)),
            };
            let schema = batch.schema();
            let names = schema.fields().iter().map(|field| field.name().clone());
            rows.push(Value::Object(names.zip(batch.columns().iter().map(cell)).collect::<Map<_, _>>()));
        }
    }
    rows
}

/// The members of an object under other names, those that are not there as null.
pub fn picked(from: &Value, names: &[(&str, &str)]) -> Value {
    let pick = |&(name, pointer): &(&str, &str)| (name.to_owned(), from.pointer(pointer).cloned().unwrap_or_default());
    Value::Object(names.iter().map(pick).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_correlation_compare_and_places_are_the_answers_of_http() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake, desk) = house_with_desk(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let engine =
        Engine::new(Arc::new(LakeSnapshots(lake.clone())), EngineConfig::new(stage.folder.path().join("spill")));
    let engine = engine.expect("started");
    let project: Arc<str> = PROJECT.into();
    let table = async |kind: &str, body: &Value| {
        let sql = format!("SELECT * FROM {kind}($1)");
        let question = Question::new(&sql).with_params(json!([body.to_string()])).calling(desk.functions(&project));
        let mut answer = engine.query(PROJECT, question).await.expect("a statement");
        let mut rows: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = answer.next().await {
            rows.push(batch.expect("rows"));
        }
        objects(&rows)
    };
    let http = async |kind: &str, body: &Value| {
        house.post(&owner, &at(kind), body.clone()).await.good().json()["answer"].clone()
    };
    let (view, buy) = (json!({"activities": ["view"]}), json!({"activities": ["buy"]}));

    let funnel = json!({"scope": scope(), "steps": [view, buy], "window_ms": DAY});
    let asked = json!({"funnel": funnel, "properties": ["plan"], "people_least": 1});
    let answer = http("correlation", &asked).await;
    let factor = |factor: &Value| {
        let mut row = picked(
            factor,
            &[
                ("name", "/of/property/name"),
                ("value", "/of/property/value"),
                ("converted_with", "/converted_with"),
                ("dropped_with", "/dropped_with"),
                ("converted_without", "/converted_without"),
                ("dropped_without", "/dropped_without"),
                ("odds_ratio", "/odds_ratio"),
                ("p", "/p"),
                ("q", "/q"),
                ("test", "/test"),
            ],
        );
        (row["factor"], row["tested"]) = (json!("property"), answer["tested"].clone());
        row
    };
    let want: Vec<Value> = answer["factors"].as_array().unwrap().iter().map(factor).collect();
    assert_eq!((want.len(), table("correlation", &asked).await), (2, want));

    let did = json!({"did": {"select": view, "from_ms": 0, "until_ms": START + 9 * DAY, "at_least": 2}});
    let segments = json!([{"name": "others", "cohort": {"not": did}}, {"name": "often", "cohort": did}]);
    let asked = json!({"scope": scope(), "segments": segments, "of": {"rows_per_person": {}}});
    let answer = http("compare", &asked).await;
    let rows = table("compare", &asked).await;
    for (place, row) in rows.iter().enumerate() {
        let own = picked(
            &answer["segments"][place],
            &[
                ("segment", "/name"),
                ("people", "/people"),
                ("mean", "/mean"),
                ("standard_deviation", "/standard_deviation"),
            ],
        );
        own.as_object().unwrap().iter().for_each(|(name, value)| assert_eq!(&row[name], value, "{name} of {row}"));
        assert_eq!(row["in_both"], answer["in_both"]);
        for of in ["absolute", "relative"] {
            let names = [("", "/estimate"), ("_low", "/interval/0"), ("_high", "/interval/1"), ("_p", "/p")];
            for (name, pointer) in names {
                let want = answer[of].pointer(pointer).cloned().unwrap_or_default();
                // The difference stands beside the second.
                let want = if place == 0 { Value::Null } else { want };
                assert_eq!(row[format!("{of}{name}")], want, "{of}{name} of {row}");
            }
        }
    }
    assert_eq!((rows.len(), &rows[1]["method"]), (2, &answer["absolute"]["method"]));

    let around = json!({"latitude": 4.5, "longitude": 4.5, "rings": 1});
    let asked =
        json!({"scope": scope(), "resolution": 7, "latitude": "price", "longitude": "price", "catchment": around});
    let answer = http("places", &asked).await;
    let columns =
        ["cell", "latitude", "longitude", "rows", "people", "visits", "people_again", "dwell_ms", "ring", "cells"];
    let row = |of: &Value| Value::Object(columns.map(|name| (name.to_owned(), of[name].clone())).into_iter().collect());
    let mut want: Vec<Value> = answer["places"].as_array().unwrap().iter().map(row).collect();
    for (ring, within) in answer["catchment"].as_array().unwrap().iter().enumerate() {
        let mut within = row(within);
        within["ring"] = json!(ring);
        want.push(within);
    }
    assert_eq!((want.len(), table("places", &asked).await), (3, want));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_breakdowns_and_shares_have_what_the_answers_have() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake, desk) = house_with_desk(&stage).await;
    let (_owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let engine =
        Engine::new(Arc::new(LakeSnapshots(lake.clone())), EngineConfig::new(stage.folder.path().join("spill")));
    let engine = engine.expect("started");
    let project: Arc<str> = PROJECT.into();
    let asked = async |sql: &str, body: Value| {
        let question = Question::new(sql).with_params(json!([body.to_string()])).calling(desk.functions(&project));
        let mut answer = engine.query(PROJECT, question).await.expect("a statement");
        let mut rows: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = answer.next().await {
            rows.push(batch.expect("rows"));
        }
        objects(&rows)
    };
    let by_plan = json!({"properties": ["plan"], "top": 1});
    let view = json!({"activities": ["view"]});
    let body = json!({"scope": scope(), "bucket": "day", "kind": "first_time", "start": view, "returning": {}, "breakdown": by_plan});
    let sql = "SELECT label, sum(people) AS people FROM retention($1) WHERE period = 0 GROUP BY label ORDER BY label NULLS FIRST";
    let want = json!([{"label": null, "people": 3}, {"label": "$other", "people": 1}, {"label": "pro", "people": 2}]);
    assert_eq!(json!(asked(sql, body).await), want);
    // Of two values with as many sessions the first by name.
    let body = json!({"scope": scope(), "bucket": "day", "breakdown": by_plan});
    let sql = "SELECT label, sum(sessions) AS n FROM sessions($1) GROUP BY label ORDER BY label NULLS FIRST";
    let want = json!([{"label": null, "n": 4}, {"label": "$other", "n": 2}, {"label": "free", "n": 2}]);
    assert_eq!(json!(asked(sql, body).await), want);
    // On the third day two of the three of the week are there.
    let sql = "SELECT day_per_week FROM active_people($1) WHERE day_people = 2 AND week_people = 3";
    let shares = asked(sql, json!({"scope": scope(), "select": {}})).await;
    assert_eq!(shares.len(), 1, "{shares:?}");
    assert_eq!(shares[0]["day_per_week"], json!(2.0 / 3.0));
}

/// Of a table that has a row for each item of a list: columns, and where they are in the item.
type Columns = &'static [(&'static str, &'static str)];

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_every_other_kind_is_the_answer_of_http() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake, desk) = house_with_desk(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let engine =
        Engine::new(Arc::new(LakeSnapshots(lake.clone())), EngineConfig::new(stage.folder.path().join("spill")));
    let engine = engine.expect("started");
    let project: Arc<str> = PROJECT.into();
    let table = async |kind: &str, body: &Value| {
        let sql = format!("SELECT * FROM {kind}($1)");
        let question = Question::new(&sql).with_params(json!([body.to_string()])).calling(desk.functions(&project));
        let mut answer = engine.query(PROJECT, question).await.expect("a statement");
        let mut rows: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = answer.next().await {
            rows.push(batch.expect("rows"));
        }
        objects(&rows)
    };
    let view = json!({"activities": ["view"]});
    let daily = json!({"scope": scope(), "bucket": "day", "select": view});
    let all = |of: &Value| of.as_array().expect("a list").clone();
    let listed: [(&str, Value, &str, Columns); 4] = [
        (
            "lifecycle",
            json!({"scope": scope(), "bucket": "day", "select": {}}),
            "/buckets",
            &[
                ("bucket", "/start_ms"),
                ("new", "/new"),
                ("returning", "/returning"),
                ("resurrecting", "/resurrecting"),
                ("dormant", "/dormant"),
            ],
        ),
        (
            "sessions",
            json!({"scope": scope(), "bucket": "day"}),
            "/buckets",
            &[
                ("bucket", "/start_ms"),
                ("sessions", "/sessions"),
                ("duration_ms", "/duration_ms"),
                ("bounces", "/bounces"),
                ("rows", "/rows"),
                ("label", "/nothing"),
            ],
        ),
        (
            "active_people",
            json!({"scope": scope(), "select": {}}),
            "/days",
            &[
                ("day", "/start_ms"),
                ("day_people", "/day"),
                ("week_people", "/week"),
                ("month_people", "/month"),
                ("day_per_week", "/day_per_week"),
                ("day_per_month", "/day_per_month"),
                ("week_per_month", "/week_per_month"),
            ],
        ),
        (
            "ranking",
            json!({"scope": scope(), "select": {}, "by": "activity_and_person", "top": 9}),
            "/rows",
            &[("event", "/activity"), ("person_id", "/person"), ("rows", "/rows")],
        ),
    ];
    let mut wanted: Vec<(&str, Value, Vec<Value>)> = Vec::new();
    let http = async |kind: &str, body: &Value| {
        house.post(&owner, &at(kind), body.clone()).await.good().json()["answer"].clone()
    };
    for (kind, body, list, columns) in listed {
        let items = all(http(kind, &body).await.pointer(list).expect("a list"));
        wanted.push((kind, body, items.iter().map(|item| picked(item, columns)).collect()));
    }

    let body = json!({"scope": scope(), "anchor": "beginning", "length": 2, "gap_ms": 9 * DAY, "top": 5});
    let path = |path: &Value| {
        let names: Vec<String> =
            all(&path["activities"]).iter().map(|name| name.as_str().expect("a name").to_owned()).collect();
        json!({"path": names.join(" > "), "count": path["count"]})
    };
    let paths = all(&http("paths", &body).await["paths"]).iter().map(path).collect();
    wanted.push(("paths", body, paths));

    let people = all(&http("stickiness", &daily).await["people"]);
    let people = people.iter().enumerate().map(|(n, people)| json!({"buckets": n + 1, "people": people})).collect();
    wanted.push(("stickiness", daily, people));

    let body =
        json!({"scope": scope(), "select": {}, "of": {"property": "price"}, "edges": [4.0], "ranks": [0.5, 1.0]});
    let spread = http("distribution", &body).await;
    let place = |place: usize| json!({"place": place, "count": spread["histogram"][place], "percentile": spread["percentiles"][place]});
    wanted.push(("distribution", body, (0..2).map(place).collect()));

    let body = json!({"scope": scope(), "from": view, "to": view, "window_ms": 9 * DAY});
    let between = http("time_between", &body).await;
    let names = [("count", "/count"), ("people", "/people"), ("sum_ms", "/sum_ms")];
    wanted.push(("time_between", body, vec![picked(&between, &names)]));

    let body = json!({"scope": scope(), "steps": [view, {"activities": ["buy"]}], "window_ms": DAY});
    let group = http("funnel", &body).await["groups"][0].clone();
    let step = |step: usize| {
        let is_last = step == 1;
        let (median, mean) = (&group["converted_ms"][3], &group["mean_ms"]);
        let beside = |value: &Value| if is_last { value.clone() } else { Value::Null };
        json!({"value": null, "step": step + 1, "people": group["reached"][step], "median_ms": beside(median), "mean_ms": beside(mean)})
    };
    wanted.push(("funnel", body, (0..2).map(step).collect()));

    let body = json!({"scope": scope(), "bucket": "day", "kind": "first_time", "start": view, "returning": {}});
    let mut returned = Vec::new();
    for cohort in all(&http("retention", &body).await["cohorts"]) {
        for (period, people) in all(&cohort["returned"]).iter().enumerate() {
            returned.push(json!({"cohort": cohort["start_ms"], "people": cohort["people"], "period": period, "returned": people, "label": null}));
        }
    }
    wanted.push(("retention", body, returned));

    for (kind, body, want) in wanted {
        assert!(!want.is_empty(), "{kind}: there is something to compare");
        assert_eq!(table(kind, &body).await, want, "{kind}");
    }
}
