//! A plan is written by whom it concerns, keeps its revisions, is in force in every process, and counts what is otherwise.

use std::sync::Arc;

use footfall_api_app::App;
use footfall_api_data::{TrackingPlans, add};
use footfall_api_http::Built;
use footfall_ingest_activity::{Clock, Limits, Timestamp};
use footfall_ingest_server::{BodyKind, Plans, Setting, parse_body};
use serde_json::{Value, json};

use crate::gear::{House, PROJECT, open, settings};
use crate::stage::Stage;

async fn house(stage: &Stage) -> (House<'_>, TrackingPlans) {
    let access = open(stage).await;
    let clock: Arc<dyn Clock> = stage.clock.clone();
    let plans = TrackingPlans::open(access.clone(), clock.clone()).await.expect("migrated");
    let built = App::build_with(settings(), access.clone(), clock, |site, _| add(site, &plans));
    let Built { router, document, routes } = built.expect("the table is clear");
    let document = document.written().expect("the table is clear");
    (House { stage, access, router, document, routes }, plans)
}

fn plan(more: &str) -> String {
    format!("/v1/projects/{PROJECT}/plan{more}")
}

fn schema() -> Value {
    json!({"type": "object", "required": ["price"], "properties": {"price": {"type": "number", "minimum": 0}}})
}

/// Sends activities past the plan, as the doors do; how many were accepted and how many quarantined.
fn send(plans: &TrackingPlans, items: &Value, at: i64) -> (usize, usize) {
    let (limits, plan) = (Limits::default(), plans.plan(PROJECT));
    let setting = Setting { plan: plan.as_deref(), ..Setting::new(PROJECT, Timestamp::from_millis(at), &limits) };
    let parsed = parse_body(BodyKind::Native, items.to_string().as_bytes(), &setting, 100).expect("a body");
    assert_eq!(parsed.received(), items.as_array().unwrap().len());
    assert_eq!(parsed.records.len(), parsed.received(), "each is in the log, as activity or quarantined");
    plans.violated(PROJECT, parsed.violated);
    (parsed.accepted, parsed.quarantined)
}

fn item(event: &str, id: &str, properties: Value) -> Value {
    json!({"event": event, "distinctId": "ada", "messageId": id, "properties": properties})
}

async fn violations(house: &House<'_>, who: &str) -> Vec<(String, String, String, i64, String)> {
    let listed = house.get(who, &plan("/violations?limit=2")).await.good();
    let mut all = listed.json()["items"].as_array().unwrap().clone();
    let mut next = listed.json()["next_cursor"].as_str().map(str::to_owned);
    while let Some(cursor) = next {
        let page = house.get(who, &plan(&format!("/violations?limit=2&cursor={cursor}"))).await.good().json();
        all.extend(page["items"].as_array().unwrap().clone());
        next = page["next_cursor"].as_str().map(str::to_owned);
    }
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let told = |item: &Value| {
        let times = item["times"].as_i64().unwrap();
        (text(item, "kind"), text(item, "path"), text(item, "fate"), times, text(item, "example_id"))
    };
    all.iter().map(told).collect()
}

mod scenes {
    use super::*;

    pub async fn violators_are_counted_or_refused(stage: &Stage) {
        let (house, plans) = house(stage).await;
        let (owner, _) = house.owner().await;
        let buy =
            json!({"activity": "buy / now", "description": "Money came in.", "owner": "shop team", "schema": schema()});
        let made = house.post(&owner, &plan("/activities"), buy.clone()).await.good();
        assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"r1\""));
        let at = made.header("location").to_owned();
        assert_eq!(house.post(&owner, &plan("/activities"), buy).await.code(), "activity_planned_already");
        let items = json!([
            item("buy / now", "1", json!({"price": 2})),
            item("buy / now", "2", json!({"price": "secret"})),
            item("buy / now", "3", json!({})),
            item("buy / now", "4", json!({"price": -1})),
            item("buy / now", "5", json!({"price": -2})),
            item("other", "6", json!({})),
        ]);
        assert_eq!(send(&plans, &items, 1_000), (6, 0), "by default they are taken");
        plans.flush().await.expect("written");
        let fate = || "accepted".to_owned();
        let one = |kind: &str, times, id: &str| (kind.to_owned(), "/price".to_owned(), fate(), times, id.to_owned());
        assert_eq!(
            violations(&house, &owner).await,
            [one("minimum", 2, "5"), one("required", 1, "3"), one("type", 1, "2")]
        );
        let told = house.get(&owner, &plan("/violations")).await.good();
        assert!(!told.text.contains("secret"), "an example is an id, never a value: {}", told.text);

        let refusing = json!({"description": "Money came in.", "schema": schema(), "on_violation": "refuse"});
        let stale = house.ask(&owner, "PUT", &at, &[("if-match", "\"r9\"")], refusing.clone()).await;
        assert_eq!(stale.code(), "revision_stale");
        let changed = house.ask(&owner, "PUT", &at, &[("if-match", "\"r1\"")], refusing).await.good();
        assert_eq!((changed.header("etag"), changed.json()["owner"].clone()), ("\"r2\"", json!("")));
        assert_eq!(send(&plans, &items, 2_000), (2, 4));
        // Another process sees the same plan, and its counts are added.
        let other = TrackingPlans::open(house.access.clone(), stage.clock.clone()).await.expect("opened");
        assert_eq!(send(&other, &items, 3_000), (2, 4));
        plans.flush().await.expect("written");
        other.flush().await.expect("written");
        let told = violations(&house, &owner).await;
        let refused: Vec<_> =
            told.iter().filter(|(.., fate, _, _)| fate == "quarantined").map(|(.., times, _)| *times).collect();
        assert_eq!((told.len(), refused), (6, vec![4, 2, 2]));

        let whole =
            house.ask(&owner, "PUT", &plan(""), &[("if-match", "*")], json!({"unplanned": "refuse"})).await.good();
        assert_eq!(whole.json()["unplanned"], "refuse");
        other.refresh().await.expect("read");
        assert_eq!(send(&other, &items, 4_000), (1, 5));
        let commands = json!([item("$pageview", "7", json!({}))]);
        assert_eq!(send(&other, &commands, 4_000), (1, 0), "what clients name themselves is always taken");

        house.ask(&owner, "DELETE", &format!("{at}/violations"), &[], Value::Null).await.good();
        assert_eq!(violations(&house, &owner).await.len(), 0);
        house.ask(&owner, "DELETE", &at, &[("if-match", "\"r2\"")], Value::Null).await.good();
        assert_eq!(house.get(&owner, &at).await.code(), "planned_activity_unknown");
        let history = house.get(&owner, &format!("{at}/revisions")).await.good().json();
        let told: Vec<_> = history["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["revision"].clone(), item["content"]["on_violation"].clone()))
            .collect();
        assert_eq!(told, [(json!(3), Value::Null), (json!(2), json!("refuse")), (json!(1), json!("count"))]);
        let again = house.post(&owner, &plan("/activities"), json!({"activity": "buy / now"})).await.good();
        assert_eq!(again.header("etag"), "\"r4\"", "revisions go on");
    }

    pub async fn names_that_no_database_keeps_are_counted(stage: &Stage) {
        let (house, plans) = house(stage).await;
        let (owner, _) = house.owner().await;
        let buy = json!({"activity": "buy", "schema": {"type": "object", "additionalProperties": false}});
        house.post(&owner, &plan("/activities"), buy).await.good();
        let items = json!([item("buy", "1", json!({"a\u{0}b": 1})), item("buy", "2\u{0}", json!({"c": 1}))]);
        assert_eq!(send(&plans, &items, 1_000), (2, 0));
        plans.flush().await.expect("written");
        let told = violations(&house, &owner).await;
        let paths: Vec<&str> = told.iter().map(|(_, path, ..)| path.as_str()).collect();
        assert_eq!(paths, ["/a\u{fffd}b", "/c"]);
        let examples: Vec<&str> = told.iter().map(|(.., example)| example.as_str()).collect();
        assert_eq!(examples, ["1", "2\u{fffd}"]);
    }

    pub async fn names_are_as_long_as_they_may_be_in_whatever_letters(stage: &Stage) {
        let (house, _plans) = house(stage).await;
        let (owner, _) = house.owner().await;
        for name in ["a".repeat(200), "\u{8cb7}".repeat(200), "a\tb".to_owned()] {
            let made = house.post(&owner, &plan("/activities"), json!({"activity": name})).await.good();
            let at = made.header("location").to_owned();
            assert_eq!(house.get(&owner, &at).await.good().json()["activity"], json!(name));
            let said = json!({"description": "Said."});
            house.ask(&owner, "PUT", &at, &[("if-match", "\"r1\"")], said).await.good();
            let revisions = house.get(&owner, &format!("{at}/revisions")).await.good().json();
            assert_eq!(revisions["items"].as_array().unwrap().len(), 2);
            house.ask(&owner, "DELETE", &at, &[("if-match", "*")], Value::Null).await.good();
            assert_eq!(house.get(&owner, &at).await.code(), "planned_activity_unknown");
        }
        assert_eq!(house.get(&owner, &plan(&format!("/activities/{}", "a".repeat(201)))).await.code(), "path_invalid");
    }

    pub async fn of_those_who_change_a_plan_at_once_one_does(stage: &Stage) {
        let (house, _plans) = house(stage).await;
        let (owner, _) = house.owner().await;
        let put = |tag: &'static str, unplanned: &'static str| {
            let (house, owner) = (&house, owner.clone());
            async move { house.ask(&owner, "PUT", &plan(""), &[("if-match", tag)], json!({ "unplanned": unplanned })).await }
        };
        put("\"r0\"", "count").await.good();
        for tag in ["\"r1\"", "\"r2\"", "\"r3\"", "\"r4\""] {
            let (one, two, three, four) =
                tokio::join!(put(tag, "allow"), put(tag, "count"), put(tag, "refuse"), put(tag, "count"));
            let answers = [one, two, three, four];
            assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1, "{tag}");
            for lost in answers.iter().filter(|answer| !answer.status.is_success()) {
                assert!(["plan_changed_meanwhile", "revision_stale"].contains(&lost.code().as_str()), "{}", lost.text);
            }
        }
        let (one, two) = tokio::join!(put("*", "allow"), put("*", "count"));
        assert!(one.status.is_success() && two.status.is_success(), "who does not mind is not refused");
    }
}

on_both!(
    violators_are_counted_or_refused,
    names_that_no_database_keeps_are_counted,
    names_are_as_long_as_they_may_be_in_whatever_letters,
    of_those_who_change_a_plan_at_once_one_does,
);

#[tokio::test(flavor = "multi_thread")]
async fn analysts_describe_and_developers_check() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, _plans) = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    let analyst = house.member(&owner, &organisation, "a@example.org", "analyst", Some(PROJECT)).await;
    let developer = house.member(&owner, &organisation, "d@example.org", "developer", Some(PROJECT)).await;
    let viewer = house.member(&owner, &organisation, "v@example.org", "viewer", Some(PROJECT)).await;
    let described = json!({"activity": "view", "description": "Somebody looked."});
    assert_eq!(house.post(&viewer, &plan("/activities"), described.clone()).await.code(), "permission_missing");
    house.post(&analyst, &plan("/activities"), described).await.good();
    let one = plan("/activities/view");
    let put = |who: &str, body: Value| {
        let (who, one) = (who.to_owned(), one.clone());
        let house = &house;
        async move { house.ask(&who, "PUT", &one, &[("if-match", "*")], body).await }
    };
    assert_eq!(put(&analyst, json!({"schema": schema()})).await.code(), "permission_missing");
    assert_eq!(put(&analyst, json!({"on_violation": "refuse"})).await.code(), "permission_missing");
    put(&developer, json!({"description": "Looked.", "schema": schema()})).await.good();
    put(&analyst, json!({"description": "Looked at it.", "schema": schema()})).await.good();
    assert_eq!(
        house.ask(&analyst, "DELETE", &one, &[("if-match", "*")], Value::Null).await.code(),
        "permission_missing"
    );
    let refuse = json!({"unplanned": "refuse"});
    assert_eq!(
        house.ask(&analyst, "PUT", &plan(""), &[("if-match", "*")], refuse.clone()).await.code(),
        "permission_missing"
    );
    house.ask(&developer, "PUT", &plan(""), &[("if-match", "\"r3\"")], refuse).await.good();
    let more = json!({"activity": "new"});
    assert_eq!(
        house.post(&analyst, &plan("/activities"), more).await.code(),
        "permission_missing",
        "it would let in what is refused"
    );
    assert_eq!(house.get(&viewer, &one).await.good().json()["description"], "Looked at it.");
    let remote = json!({"schema": {"properties": {"a": {"$ref": "https://example.org/s"}}}});
    let refused = put(&developer, remote).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "schema_invalid"));
    assert!(refused.text.contains("/schema/properties/a/$ref"), "{}", refused.text);
    let audit = house.get(&owner, &format!("/v1/organisations/{organisation}/audit?limit=200")).await.good();
    for action in ["plan.activity.create", "plan.activity.change", "plan.change"] {
        assert!(audit.text.contains(action), "{action}: {}", audit.text);
    }
}
