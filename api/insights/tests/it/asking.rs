//! Questions as a client asks them.

use std::sync::Arc;

use footfall_api_app::App;
use footfall_api_http::Built;
use footfall_api_insights::{Cohorts, Desk, add};
use footfall_ingest_activity::{Clock, person_id_of};
use footfall_pipelines_insights_feed::{Insights, InsightsOptions};
use footfall_pipelines_store::Store;
use footfall_pipelines_store::lake::Lake;
use footfall_pipelines_store::query::{Engine, EngineConfig, Snapshots};
use serde_json::{Value, json};

use crate::gear::{House, PROJECT, open, settings};
use crate::lake::{self, LakeSnapshots, Line};
use crate::stage::Stage;

pub const DAY: i64 = 86_400_000;
/// 2025-09-01, a Monday.
pub const START: i64 = 1_756_684_800_000;

pub async fn house(stage: &Stage) -> (House<'_>, Arc<Lake>) {
    let (house, lake, _) = house_with_desk(stage).await;
    (house, lake)
}

pub async fn house_with_desk(stage: &Stage) -> (House<'_>, Arc<Lake>, Desk) {
    house_over(stage, |lake| Arc::new(LakeSnapshots(lake))).await
}

/// With snapshots of the lake that come as they like.
pub async fn house_over(
    stage: &Stage,
    snapshots: impl FnOnce(Arc<Lake>) -> Arc<dyn Snapshots>,
) -> (House<'_>, Arc<Lake>, Desk) {
    let access = open(stage).await;
    let clock: Arc<dyn Clock> = stage.clock.clone();
    let lake = lake::open(&stage.folder.path().join("lake"), clock.clone());
    let options = InsightsOptions::new(stage.folder.path().join("insights"));
    let snapshots = snapshots(lake.clone());
    let engine = EngineConfig::new(stage.folder.path().join("spill"));
    let engine = Arc::new(Engine::new(snapshots.clone(), engine).expect("started"));
    let insights = Insights::new(snapshots, clock.clone(), options).expect("started");
    let cohorts = Cohorts::open(access.clone(), clock.clone()).await.expect("migrated");
    let desk = Desk::new(access.clone(), Arc::new(insights), engine, cohorts, PROJECT);
    let built = App::build_with(settings(), access.clone(), clock, |site, _| add(site, desk.clone()));
    let Built { router, document, routes } = built.expect("the table is clear");
    let document = document.written().expect("the table is clear");
    (House { stage, access, router, document, routes }, lake, desk)
}

pub fn at(kind: &str) -> String {
    format!("/v1/projects/{PROJECT}/insights/{kind}?age_ms=0")
}

pub fn scope() -> Value {
    json!({"from_ms": START, "until_ms": START + 7 * DAY, "zone": "Europe/Berlin"})
}

pub fn lines() -> Vec<Line> {
    let line = |who: &str, what, day: i64, plan: &str| -> Line {
        (who.to_owned(), what, START + day * DAY + DAY / 2, json!({"plan": plan, "price": 4.5}).to_string())
    };
    vec![
        line("ada", "view", 0, "pro"),
        line("ada", "buy", 0, "pro"),
        line("bob", "view", 0, "free"),
        line("bob", "view", 2, "free"),
        line("eve", "view", 2, "pro"),
    ]
}

pub fn trend() -> Value {
    let select = json!({"activities": ["view"], "condition": {"not": {"property": {"property": "plan", "test": {"is": ["x"]}}}}});
    json!({"scope": scope(), "bucket": "day", "series": [{"select": select, "measures": ["count", "people", {"sum": "price"}]}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_and_sealed_rows_are_counted_once() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let asked = || async { house.post(&owner, &at("trend"), trend()).await.good().json() };
    let fresh = asked().await;
    let measures = &fresh["answer"]["lines"][0]["measures"];
    assert_eq!(measures[0], json!([2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    assert_eq!(measures[1], json!([2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    assert_eq!(measures[2][0], json!(9.0));
    assert_eq!(fresh["rows_read"], json!(4));
    assert!(fresh["clickhouse_sql"].as_str().unwrap().contains("uniqExact(person_id)"));
    lake.flush().await.expect("flushed");
    assert_eq!(asked().await["answer"], fresh["answer"]);
    lake::publish(&lake, PROJECT, &lines()[..1], 5).await;
    assert_eq!(asked().await["answer"]["lines"][0]["measures"][0][0], json!(3.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_has_an_answer() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let any = json!({});
    let view = json!({"activities": ["view"]});
    let buy = json!({"activities": ["buy"]});
    let did = json!({"did": {"select": view, "from_ms": 0, "until_ms": START + 9 * DAY, "at_least": 2}});
    let questions = [
        ("trend", trend(), "/answer/lines/0/measures/0/0", json!(2.0)),
        (
            "funnel",
            json!({"scope": scope(), "steps": [view, buy], "window_ms": DAY}),
            "/answer/groups/0/reached",
            json!([3, 1]),
        ),
        (
            "retention",
            json!({"scope": scope(), "bucket": "day", "kind": "first_time", "start": view, "returning": any}),
            "/answer/cohorts/0/returned/2",
            json!(1),
        ),
        (
            "paths",
            json!({"scope": scope(), "anchor": {"before": "buy"}, "length": 1, "gap_ms": DAY, "top": 5}),
            "/answer/paths",
            json!([]),
        ),
        ("lifecycle", json!({"scope": scope(), "bucket": "day", "select": any}), "/answer/buckets/2/new", json!(1)),
        ("stickiness", json!({"scope": scope(), "bucket": "day", "select": view}), "/answer/people/1", json!(1)),
        ("sessions", json!({"scope": scope(), "bucket": "day"}), "/answer/buckets/0/sessions", json!(2)),
        ("cohort", json!({"cohort": did, "list": 5}), "/answer/people", json!(1)),
        (
            "distribution",
            json!({"scope": scope(), "select": any, "of": {"property": "price"}, "ranks": [0.5]}),
            "/answer/percentiles/0",
            json!(4.5),
        ),
        ("active_people", json!({"scope": scope(), "select": any}), "/answer/days/2/week", json!(3)),
        (
            "time_between",
            json!({"scope": scope(), "from": view, "to": view, "window_ms": 9 * DAY}),
            "/answer/sum_ms",
            json!(2 * DAY),
        ),
        (
            "ranking",
            json!({"scope": scope(), "select": any, "by": "activity", "top": 1}),
            "/answer/rows/0/rows",
            json!(4),
        ),
        (
            "correlation",
            json!({"funnel": {"scope": scope(), "steps": [view, buy], "window_ms": DAY}, "properties": ["plan"], "people_least": 1}),
            "/answer/tested",
            json!(2),
        ),
        (
            "compare",
            json!({"scope": scope(), "segments": [{"name": "often", "cohort": did}, {"name": "all", "cohort": {"not": did}}], "of": {"rows_per_person": any}}),
            "/answer/segments/1/mean",
            json!(1.5),
        ),
        (
            "places",
            json!({"scope": scope(), "resolution": 7, "latitude": "price", "longitude": "price"}),
            "/answer/places/0/people",
            json!(3),
        ),
    ];
    for (kind, body, pointer, want) in questions {
        let answer = house.post(&owner, &at(kind), body).await.good().json();
        assert_eq!(answer.pointer(pointer), Some(&want), "{kind}: {answer}");
        // Of which moment it is, what it took, and the same on ClickHouse; that it is of everybody.
        assert!(answer["as_of"].is_string() && answer["rows_read"].is_u64(), "{kind}: {answer}");
        assert!(answer["took_ms"].is_number() && answer["bytes_read"].is_u64(), "{kind}: {answer}");
        assert!(answer["clickhouse_sql"].as_str().is_some_and(|sql| sql.contains("SELECT ")), "{kind}: {answer}");
        assert_eq!((&answer["is_cached"], &answer["sample"]), (&json!(false), &Value::Null), "{kind}");
    }
    let kinds = house.routes.iter().filter(|route| route.path.contains("/insights/"));
    assert_eq!(kinds.count(), 76, "each kind, its people and activities, with the project in the path or of the key");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_has_its_people() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let id = |who: &str| json!(person_id_of(PROJECT, who).to_string());
    let (any, view) = (json!({}), json!({"activities": ["view"]}));
    let funnel = json!({"scope": scope(), "steps": [view, {"activities": ["buy"]}], "window_ms": DAY, "trend": "day"});
    let retention = json!({"scope": scope(), "bucket": "day", "kind": "first_time", "start": view, "returning": any});
    let lifecycle = json!({"scope": scope(), "bucket": "day", "select": any});
    let sticky = json!({"scope": scope(), "bucket": "day", "select": view});
    let did = json!({"did": {"select": view, "from_ms": 0, "until_ms": START + 9 * DAY, "at_least": 2}});
    let between = json!({"scope": scope(), "from": view, "to": view, "window_ms": 9 * DAY});
    let paths = json!({"scope": scope(), "anchor": "beginning", "length": 2, "gap_ms": DAY, "top": 5});
    let day = |day: i64| START + day * DAY + 1;
    let steps = json!([view, {"activities": ["buy"]}]);
    let entered = json!({"scope": scope(), "steps": steps, "window_ms": DAY});
    let correlation = json!({"funnel": entered, "properties": ["plan"], "people_least": 1});
    let segments = json!([{"name": "often", "cohort": did}, {"name": "others", "cohort": {"not": did}}]);
    let compare = json!({"scope": scope(), "segments": segments, "of": {"rows_per_person": any}});
    let cells = [
        ("trend", trend(), json!({"bucket_ms": day(2)}), vec!["bob", "eve"]),
        ("funnel", funnel.clone(), json!({"step": 1, "standing": "dropped"}), vec!["bob", "eve"]),
        ("funnel", funnel, json!({"step": 2, "bucket_ms": day(0)}), vec!["ada"]),
        ("retention", retention, json!({"start_ms": day(0), "after": 2}), vec!["bob"]),
        ("lifecycle", lifecycle, json!({"bucket_ms": day(2), "standing": "resurrecting"}), vec!["bob"]),
        ("stickiness", sticky, json!({"buckets": 2}), vec!["bob"]),
        ("sessions", json!({"scope": scope(), "bucket": "day"}), json!({"bounced": false}), vec!["ada"]),
        ("cohort", json!({"cohort": did}), json!({}), vec!["bob"]),
        (
            "distribution",
            json!({"scope": scope(), "select": any, "of": "rows_per_person", "edges": [2.0]}),
            json!({"bin": 0}),
            vec!["eve"],
        ),
        (
            "active_people",
            json!({"scope": scope(), "select": any}),
            json!({"day_ms": day(2), "period": "day"}),
            vec!["bob", "eve"],
        ),
        ("time_between", between, json!({"at_least_ms": DAY}), vec!["bob"]),
        (
            "ranking",
            json!({"scope": scope(), "select": any, "by": "activity", "top": 1}),
            json!({"activity": "buy"}),
            vec!["ada"],
        ),
        ("paths", paths, json!({"path": ["buy", "view"]}), vec!["ada"]),
        (
            "places",
            json!({
                "scope": scope(), "resolution": 7, "latitude": "price", "longitude": "price",
                "catchment": {"latitude": 4.5, "longitude": 4.5, "rings": 0},
            }),
            json!({"within": {"rings": 0}}),
            vec!["ada", "bob", "eve"],
        ),
        ("correlation", correlation.clone(), json!({"converted": false}), vec!["bob", "eve"]),
        (
            "correlation",
            correlation,
            json!({"factor": {"property": {"name": "plan", "value": "pro"}}}),
            vec!["ada", "eve"],
        ),
        ("compare", compare, json!({"segment": 1}), vec!["ada", "eve"]),
    ];
    for (kind, question, cell, want) in cells {
        let mut want: Vec<Value> = want.into_iter().map(id).collect();
        want.sort_by_key(Value::to_string);
        let body = json!({"question": question, "cell": cell});
        let answer = house.post(&owner, &at(&format!("{kind}/people")), body).await.good().json();
        assert_eq!(answer["answer"], json!({"people": want.len(), "listed": want, "next": null}), "{kind}");
    }
    // Page by page, and as a group in another question.
    let page = |after: Value| json!({"question": trend(), "cell": {}, "limit": 2, "after": after});
    let first = house.post(&owner, &at("trend/people"), page(Value::Null)).await.good().json();
    assert_eq!((&first["answer"]["people"], first["answer"]["listed"].as_array().unwrap().len()), (&json!(3), 2));
    let second = house.post(&owner, &at("trend/people"), page(first["answer"]["next"].clone())).await.good().json();
    assert_eq!((second["answer"]["listed"].as_array().unwrap().len(), &second["answer"]["next"]), (1, &Value::Null));
    let mut of_two = trend();
    of_two["scope"]["people"] = json!({"in_cell": {"trend": {"question": trend(), "cell": {"bucket_ms": day(2)}}}});
    let answer = house.post(&owner, &at("trend"), of_two).await.good().json();
    assert_eq!(answer["answer"]["lines"][0]["measures"][1][0], json!(1.0), "bob alone of those of day 0");
    let mut sampled = trend();
    sampled["scope"]["sample"] = json!(1.0);
    assert_eq!(house.post(&owner, &at("trend"), sampled).await.good().json()["sample"], json!(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_pointed_at() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, _lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    let mut zone = trend();
    zone["scope"]["zone"] = json!("Mars/Olympus");
    let mut misspelled = trend();
    misspelled["series"][0]["mesures"] = json!([]);
    let mut empty = trend();
    empty["scope"]["until_ms"] = json!(START);
    let deep = (0..40).fold(json!({"all": []}), |inner, _| json!({"not": inner}));
    let mut nested = trend();
    nested["series"][0]["select"]["condition"] = deep;
    let mut by_four = trend();
    by_four["breakdown"] = json!({"properties": ["plan", "plan", "plan", "plan"], "top": 3});
    let mut sampled = trend();
    sampled["scope"]["sample"] = json!(0.0);
    let faults = [
        (by_four, 422, "insight_refused", "/breakdown"),
        (sampled, 422, "insight_refused", "/scope/sample"),
        (zone, 422, "insight_refused", "/scope/zone"),
        (misspelled, 400, "body_invalid", "/series/0/mesures"),
        (empty, 422, "insight_refused", "/scope"),
        (nested, 422, "insight_refused", ""),
    ];
    for (body, status, code, pointer) in faults {
        let answer = house.post(&owner, &at("trend"), body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], json!(pointer), "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_sees_everything_may_ask() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let code = async |who: &str, uri: &str| house.post(who, uri, trend()).await.code();
    assert_eq!(code("", &at("trend")).await, "credentials_missing");
    assert_eq!(code(&owner, "/v1/projects/nowhere/insights/trend").await, "not_found");
    let role = async |name: &str, permission: &str, rows: Value, masks: Value| {
        let draft = json!({"name": name, "permissions": ["projects.read", permission], "rows": rows, "masks": masks});
        let made = house.post(&owner, &format!("/v1/organisations/{organisation}/roles"), draft).await.good();
        house.member(&owner, &organisation, &format!("{name}@example.org"), &made.text("/id"), Some(PROJECT)).await
    };
    let german = json!({"is": {"value": {"column": "country"}, "one_of": ["DE"]}});
    let partly = role("partly", "insights.read", german, json!([])).await;
    let masked = role("masked", "insights.read", json!("everything"), json!(["plan"])).await;
    let other = role("other", "alerts.read", json!("everything"), json!([])).await;
    let wholly = role("wholly", "insights.read", json!("everything"), json!([])).await;
    assert_eq!(code(&partly, &at("trend")).await, "insight_restricted");
    assert_eq!(code(&masked, &at("trend")).await, "insight_restricted");
    assert_eq!(code(&other, &at("trend")).await, "permission_missing");
    house.post(&wholly, &at("trend"), trend()).await.good();
}
