//! The activities behind numbers: as many as were counted, each as it stands in the table, and who may see them.

use footfall_ingest_activity::person_id_of;
use footfall_pipelines_store::Store;
use serde_json::{Value, json};

use crate::asking::{DAY, START, at, house, lines, scope, trend};
use crate::gear::PROJECT;
use crate::lake::{self, Line};
use crate::stage::Stage;

fn told(answer: &Value) -> Vec<(String, String)> {
    let listed = answer["answer"]["listed"].as_array().expect("a list");
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    listed.iter().map(|one| (text(one, "distinct_id"), text(one, "message_id"))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(who, message)| ((*who).to_owned(), (*message).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_of_activities_has_them() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    lake.flush().await.expect("flushed");
    let (any, view) = (json!({}), json!({"activities": ["view"]}));
    let day = |day: i64| START + day * DAY + 1;
    let retention = json!({"scope": scope(), "bucket": "day", "kind": "first_time", "start": view, "returning": any});
    let ranking = json!({"scope": scope(), "select": any, "by": "activity", "top": 5});
    let new = json!({"scope": scope(), "bucket": "whole", "series": [{"select": any, "measures": ["new_people"]}]});
    let places = json!({"scope": scope(), "resolution": 7, "latitude": "price", "longitude": "price", "catchment": {"latitude": 4.5, "longitude": 4.5, "rings": 0}});
    let spread = json!({"scope": scope(), "select": any, "of": {"property": "price"}, "edges": [4.0]});
    let first_day = [("ada", "0"), ("ada", "1"), ("bob", "2")];
    let cells = [
        ("trend", trend(), json!({"bucket_ms": day(2)}), vec![("bob", "3"), ("eve", "4")]),
        (
            "trend",
            new,
            json!({"measure": 0}),
            vec![("bob", "3"), ("eve", "4"), first_day[0], first_day[1], first_day[2]],
        ),
        ("retention", retention, json!({"start_ms": day(0), "after": 2}), vec![("bob", "3")]),
        (
            "lifecycle",
            json!({"scope": scope(), "bucket": "day", "select": any}),
            json!({"bucket_ms": day(2), "standing": "resurrecting"}),
            vec![("bob", "3")],
        ),
        (
            "stickiness",
            json!({"scope": scope(), "bucket": "day", "select": view}),
            json!({"buckets": 2}),
            vec![("bob", "3"), ("bob", "2")],
        ),
        (
            "active_people",
            json!({"scope": scope(), "select": any}),
            json!({"day_ms": day(2), "period": "day"}),
            vec![("bob", "3"), ("eve", "4")],
        ),
        ("ranking", ranking, json!({"activity": "buy"}), vec![("ada", "1")]),
        ("distribution", spread.clone(), json!({"bin": 0}), vec![]),
        (
            "distribution",
            spread,
            json!({"bin": 1}),
            vec![("bob", "3"), ("eve", "4"), first_day[0], first_day[1], first_day[2]],
        ),
        (
            "places",
            places,
            json!({"within": {"rings": 0}}),
            vec![("bob", "3"), ("eve", "4"), first_day[0], first_day[1], first_day[2]],
        ),
    ];
    // Of one moment by person, then activity: ids of persons are no names.
    let order = |(who, message): &(String, String)| {
        let (_, event, time, _) = &lines()[message.parse::<usize>().expect("a place")];
        (std::cmp::Reverse(*time), person_id_of(PROJECT, who).to_string(), *event)
    };
    for (kind, question, cell, want) in cells {
        let mut want = pairs(&want);
        want.sort_by_key(order);
        let body = json!({"question": question, "cell": cell});
        let answer = house.post(&owner, &at(&format!("{kind}/activities")), body).await.good().json();
        assert_eq!((told(&answer), &answer["answer"]["activities"]), (want.clone(), &json!(want.len())), "{kind}");
        assert_eq!(answer["answer"]["next"], Value::Null, "{kind}");
    }
    let body = json!({"question": trend(), "cell": {"bucket_ms": day(2)}, "limit": 1});
    let one = house.post(&owner, &at("trend/activities"), body).await.good().json()["answer"]["listed"][0].clone();
    assert_eq!((&one["event"], &one["properties"]["price"]), (&json!("view"), &json!(4.5)), "{one}");
    let wrong = json!({"question": {"scope": {"from_ms": 0, "until_ms": 1, "zone": "Mars/Olympus"}, "bucket": "day", "series": [{"select": {}, "measures": ["count"]}]}});
    for path in ["trend/activities", "trend/people"] {
        let refused = house.post(&owner, &at(path), wrong.clone()).await;
        assert_eq!(refused.json()["errors"][0]["pointer"], json!("/question/scope/zone"), "{}", refused.text);
    }
    let too_many = json!({"question": trend(), "limit": 1_001});
    assert_eq!(house.post(&owner, &at("trend/activities"), too_many).await.status.as_u16(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_saved_cohorts_lead_to_what_they_count() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let views = json!({"select": {"activities": ["view"]}, "from_ms": 0, "until_ms": START + 9 * DAY, "at_least": 2});
    let keen = json!({"key": "keen", "name": "Keen people", "definition": {"did": views}});
    house.post(&owner, &format!("/v1/projects/{PROJECT}/cohorts"), keen).await.good();
    let mut question = trend();
    question["cohorts"] = json!([{"name": "Keen people", "cohort": {"cohort": "keen"}}]);
    let body = json!({"question": question, "cell": {"label": {"cohort": "Keen people"}}});
    let people = house.post(&owner, &at("trend/people"), body.clone()).await.good().json();
    assert_eq!(people["answer"]["listed"], json!([person_id_of(PROJECT, "bob").to_string()]));
    let behind = house.post(&owner, &at("trend/activities"), body).await.good().json();
    assert_eq!(told(&behind), pairs(&[("bob", "3"), ("bob", "2")]));
}

/// Of the same person, name and moment, those are listed that the question took; page by page none twice, none left out.
#[tokio::test(flavor = "multi_thread")]
async fn of_one_moment_those_are_listed_that_were_counted() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    let line = |number: i64| -> Line {
        let properties =
            json!({"plan": if number % 3 == 0 { "pro" } else { "free" }, "price": number % 2, "it's": number});
        ("ada".to_owned(), "buy", START + DAY / 2, properties.to_string())
    };
    lake::publish(&lake, PROJECT, &(0..30).map(line).collect::<Vec<_>>(), 100).await;
    let is = |property: &str, test: Value| json!({"property": {"property": property, "test": test}});
    let select = json!({"condition": {"all": [is("plan", json!({"is": ["pro"]})), is("price", json!({"at_least": 1})), is("it's", json!("set"))]}});
    let question = json!({"scope": scope(), "bucket": "day", "series": [{"select": select, "measures": ["count", {"sum": "price"}]}]});
    let want: Vec<String> = (0..30).filter(|n| n % 3 == 0 && n % 2 == 1).map(|n| format!("{}", 100 + n)).collect();
    for limit in [1, 2, 100] {
        let (mut got, mut after) = (Vec::new(), Value::Null);
        loop {
            let body = json!({"question": question, "cell": {"measure": 1}, "limit": limit, "after": after});
            let answer = house.post(&owner, &at("trend/activities"), body).await.good().json();
            assert_eq!(answer["answer"]["activities"], json!(want.len()));
            got.extend(told(&answer).into_iter().map(|(_, message)| message));
            after = answer["answer"]["next"].clone();
            if after.is_null() {
                break;
            }
        }
        got.sort();
        assert_eq!(got, want, "{limit} a page");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_rows_in_sql_reads_them_here() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let body = || json!({"question": trend()});
    let role = async |name: &str, permissions: &[&str], rows: Value, masks: Value| {
        let permissions: Vec<&str> = ["projects.read"].iter().chain(permissions).copied().collect();
        let draft = json!({"name": name, "permissions": permissions, "rows": rows, "masks": masks});
        let made = house.post(&owner, &format!("/v1/organisations/{organisation}/roles"), draft).await.good();
        house.member(&owner, &organisation, &format!("{name}@example.org"), &made.text("/id"), Some(PROJECT)).await
    };
    let all = json!("everything");
    let german = json!({"is": {"value": {"column": "country"}, "one_of": ["DE"]}});
    let looker = role("looker", &["insights.read"], all.clone(), json!([])).await;
    let analyst = role("reader-of-rows", &["insights.read", "sql.run"], all.clone(), json!([])).await;
    let partly = role("partly", &["insights.read", "sql.run"], german, json!([])).await;
    let masked = role("masked", &["insights.read", "sql.run"], all, json!(["plan"])).await;
    let code = async |who: &str| house.post(who, &at("trend/activities"), body()).await.code();
    assert_eq!(code("").await, "credentials_missing");
    assert_eq!(code(&looker).await, "permission_missing");
    assert_eq!(code(&partly).await, "insight_restricted");
    assert_eq!(code(&masked).await, "insight_restricted");
    house.post(&analyst, &at("trend/activities"), body()).await.good();
    house.post(&looker, &at("trend/people"), body()).await.good();
}
