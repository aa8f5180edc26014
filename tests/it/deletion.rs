//! A person asks what is known of them and to be forgotten: on the real program, over its API, with `kill -9` in between.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hyper::Method;
use serde_json::{Value, json};

use crate::accounts::owner;
use crate::experiment::of;
use crate::http::Answer;
use crate::server::Server;
use crate::store;

const SETTINGS: &[(&str, &str)] = &[
    ("FOOTFALL_STORE_FLUSH_AGE", "50ms"),
    ("FOOTFALL_STORE_REMOVED_GRACE", "0s"),
    ("FOOTFALL_LOG_SEGMENT_BYTES", "16KiB"),
];
const PERSONS: &str = "/v1/projects/default/persons";
const IDS: [&str; 2] = ["ada-lovelace-1815", "ada-s-telephone"];

/// Asks as the operator of the machine.
pub async fn operate(server: &Server, method: Method, path: &str) -> Answer {
    let presence = std::fs::read_to_string(server.data().join("run/operator.json")).expect("it runs");
    let token = serde_json::from_str::<Value>(&presence).expect("JSON")["token"].as_str().expect("a token").to_owned();
    let bearer = format!("Bearer {token}");
    let url = format!("{}{path}", server.url());
    let answer = server.http.send(method, &url, &[("authorization", &bearer)], "").await;
    answer.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Thirty people, one of them with two ids; an item of hers that cannot be read, and one of somebody else.
async fn live(server: &Server) {
    let mut items = Vec::new();
    for n in 0..30 {
        for visit in 0..4 {
            items.push(
                json!({"event": "visit", "distinctId": format!("person-{n}"), "messageId": format!("{n}-{visit}"),
                "properties": {"page": format!("/{visit}"), "filler": "x".repeat(200)}}),
            );
        }
    }
    for visit in 0..5 {
        items.push(json!({"event": "visit", "distinctId": IDS[1], "messageId": format!("anonymous-{visit}")}));
        items.push(json!({"event": "visit", "distinctId": IDS[0], "messageId": format!("known-{visit}"),
            "properties": {"diary": "a secret of hers"}}));
    }
    let sent = server.post(&json!(items)).await;
    assert!((200..300).contains(&sent.status), "{}", sent.text());
    let identify = json!([{"type": "identify", "userId": IDS[0], "anonymousId": IDS[1], "messageId": "who",
        "traits": {"email": "ada@example.org"}}]);
    let sent = server.post(&identify).await;
    assert!((200..300).contains(&sent.status), "{}", sent.text());
    server.until("SELECT count(*) FROM activity", 131).await;
    server.until("SELECT count(*) FROM person_ids", 32).await;
}

/// Has the person of an id forgotten.
pub async fn forget(server: &Server, id: &str) {
    let person = person(server, id).await;
    let asked = operate(server, Method::DELETE, &format!("{PERSONS}/{person}")).await;
    assert_eq!(asked.status, 200, "{}\n{}", asked.text(), server.tracing());
    stays_forgotten(server, id, 0).await;
}

/// One erasure is known and done as far as answers go, and of the id there are so many activities.
pub async fn stays_forgotten(server: &Server, id: &str, later: i64) {
    let told = operate(server, Method::GET, "/v1/projects/default/erasures").await;
    let erasures = told.json()["erasures"].as_array().expect("a list").clone();
    assert_eq!(erasures.len(), 1, "{}", told.text());
    assert_ne!(erasures[0]["state"], "requested", "{}", told.text());
    let sql = format!("SELECT count(*) FROM activity WHERE distinct_id = '{id}'");
    assert_eq!(server.number(&sql).await, later, "{}", told.text());
}

/// An import does not bring back what happened before the erasure: the moment of it is known too.
pub async fn is_not_imported_again(server: &Server, id: &str, name: &str) {
    let line = |of: &str| {
        json!({"event": "import", "distinctId": of, "messageId": format!("{name} {of}"),
        "timestamp": "2026-01-01T00:00:00Z"})
    };
    let lines = format!("{}\n{}\n", line(id), line(name));
    server.run_with_input(&["import", "-"], lines.into_bytes());
    server.until(&format!("SELECT count(*) FROM activity WHERE distinct_id = '{name}'"), 1).await;
    let sql = format!("SELECT count(*) FROM activity WHERE event = 'import' AND distinct_id = '{id}'");
    assert_eq!(server.number(&sql).await, 0, "{name}");
}

async fn person(server: &Server, id: &str) -> String {
    let rows = server.sql(&format!("SELECT person_id FROM person_ids WHERE distinct_id = '{id}'")).await;
    rows[0][0].as_str().expect("a person").to_owned()
}

/// Visits as the engine of insights counts them.
async fn visits_by_insights(server: &Server) -> i64 {
    let now = server.number("SELECT CAST(max(timestamp) AS BIGINT) FROM activity").await;
    let day = 86_400_000;
    let scope = json!({"from_ms": now - day, "until_ms": now + day, "zone": "UTC"});
    let question = json!({"scope": scope, "bucket": "day",
        "series": [{"select": {"activities": ["visit"]}, "measures": ["count"]}]});
    let url = format!("{}/v1/insights/trend?age_ms=0", server.url());
    let bearer = format!("Bearer {}", server.read_key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = server.http.send(Method::POST, &url, &headers, question.to_string()).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let counts = answer.json()["answer"]["lines"][0]["measures"][0].as_array().expect("counts").clone();
    counts.iter().map(|count| count.as_f64().expect("a number") as i64).sum()
}

/// Texts of hers in any file of the data folder, as they stand there.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        {
            found.push(path);
        }
    }
    found
}

async fn is_nowhere_in_answers(server: &Server, when: &str) {
    let ids: Vec<String> = IDS.iter().map(|id| format!("'{id}'")).collect();
    let ids = ids.join(", ");
    for (table, column) in [
        ("activity", "distinct_id"),
        ("person_ids", "distinct_id"),
        ("person_merges", "from_distinct_id"),
        ("person_merges", "into_distinct_id"),
    ] {
        let left = server.number(&format!("SELECT count(*) FROM {table} WHERE {column} IN ({ids})")).await;
        assert_eq!(left, 0, "{table}.{column} {when}");
    }
    assert_eq!(server.number("SELECT count(*) FROM persons").await, 30, "{when}");
    assert_eq!(server.number("SELECT count(*) FROM activity").await, 120, "{when}");
    assert_eq!(server.number("SELECT sum(activities) FROM sessions").await, 120, "{when}");
    assert_eq!(server.number("SELECT count(*) FROM persons WHERE activities = 4").await, 30, "others {when}");
    assert_eq!(visits_by_insights(server).await, 120, "insights {when}");
}

fn is_done(answer: &Answer) -> bool {
    answer.json()["erasures"].as_array().is_some_and(|all| all.len() == 1 && all[0]["state"] == "done")
}

#[tokio::test]
async fn a_person_is_told_everything_and_forgotten() {
    let mut server = Server::start_with(SETTINGS).await;
    if let Some((_, url)) = store::setting(server.data()) {
        store::drop_parts_soon(&url).await;
    }
    live(&server).await;
    let ada = person(&server, IDS[0]).await;
    assert_eq!(visits_by_insights(&server).await, 130);
    let exported = operate(&server, Method::POST, &format!("{PERSONS}/{ada}/export")).await;
    assert_eq!(exported.status, 200, "{}", exported.text());
    let text = exported.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |table: &str| lines.iter().filter(|line| line["table"] == table).count();
    assert_eq!((of("persons"), of("person_ids"), of("activity")), (1, 2, 11), "{text}");
    assert!(of("person_merges") >= 1 && of("sessions") >= 1 && text.contains("ada@example.org"));
    assert_eq!(lines.last().map(|line| line["rows"].clone()), Some(json!(lines.len() - 1)));
    assert!(!text.contains("person-1"), "nobody else's");

    let stranger = operate(&server, Method::DELETE, &format!("{PERSONS}/00000000-0000-8000-8000-000000000000")).await;
    assert_eq!(stranger.status, 404);
    let asked = operate(&server, Method::DELETE, &format!("{PERSONS}/{ada}")).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    is_nowhere_in_answers(&server, "at once").await;
    server.kill();
    server.restart().await;
    is_nowhere_in_answers(&server, "after kill -9").await;
    server
        .eventually("it is done", || async {
            is_done(&operate(&server, Method::GET, "/v1/projects/default/erasures").await)
        })
        .await;
    for id in IDS {
        let left: Vec<PathBuf> = server.folders().into_iter().flat_map(|folder| files_with(folder, id)).collect();
        assert!(left.is_empty(), "{id} in {left:?}");
    }
    // Everything is read again from the log, as a restored backup does.
    server.kill();
    match store::setting(server.data()) {
        None => std::fs::remove_dir_all(server.data().join("lake")).expect("a lake"),
        Some((_, url)) => {
            // A topic keeps what it has until its retention, and the list of who is forgotten hides it.
            let kept: &[&str] = if store::is_services() { &["erasures", "migrations"] } else { &["migrations"] };
            for table in store::tables_but(&url, kept).await {
                store::told(&url, &format!("TRUNCATE TABLE {table}")).await;
            }
        }
    }
    server.restart().await;
    // Not even for a moment: a topic still has hers, and whoever fills the tables knows of it before.
    let hers = format!("SELECT count(*) FROM activity WHERE distinct_id IN ('{}')", IDS.join("', '"));
    server
        .eventually("all others are back", || async {
            assert_eq!(server.number(&hers).await, 0, "from the log alone");
            server.number("SELECT count(*) FROM activity").await == 120
        })
        .await;
    is_nowhere_in_answers(&server, "from the log alone").await;

    // The same activity again is known; a new one with the id is a new person's.
    let again = json!([{"event": "visit", "distinctId": IDS[0], "messageId": "afterwards"}]);
    assert!((200..300).contains(&server.post(&again).await.status));
    server.until("SELECT count(*) FROM activity", 121).await;
    let sql = format!("SELECT activities FROM persons WHERE person_id = '{}'", person(&server, IDS[0]).await);
    assert_eq!(server.sql(&sql).await, [[json!(1)]]);
}

#[tokio::test]
async fn a_kill_at_any_moment_ends_the_same() {
    for wait_millis in [0, 3, 15, 60] {
        let mut server = Server::start_with(SETTINGS).await;
        live(&server).await;
        let ada = person(&server, IDS[0]).await;
        let path = format!("{PERSONS}/{ada}");
        let asking = operate(&server, Method::DELETE, &path);
        let answered = tokio::time::timeout(std::time::Duration::from_millis(wait_millis), asking).await;
        server.kill();
        server.restart().await;
        server.until("SELECT count(*) FROM activity", 120).await;
        let noted = !operate(&server, Method::GET, "/v1/projects/default/erasures").await.json()["erasures"]
            .as_array()
            .expect("a list")
            .is_empty();
        assert!(noted || answered.is_err(), "who was told that it is done is told so again");
        if noted {
            if store::is_clickhouse() {
                // Nobody was told that it is done: whoever fills the tables does it soon after the start.
                server.until("SELECT 120 - count(*) FROM activity", 0).await;
            }
            is_nowhere_in_answers(&server, "after kill -9").await;
        } else {
            assert_eq!(server.number("SELECT count(*) FROM activity").await, 131, "all or nothing");
        }
    }
}

#[tokio::test]
async fn keys_that_read_do_not_erase() {
    let server = Server::start().await;
    live(&server).await;
    let ada = person(&server, IDS[0]).await;
    let bearer = format!("Bearer {}", server.read_key());
    let mut statuses = BTreeSet::new();
    for (method, path) in
        [(Method::DELETE, format!("{PERSONS}/{ada}")), (Method::POST, format!("{PERSONS}/{ada}/export"))]
    {
        let url = format!("{}{path}", server.url());
        let answer = server.http.send(method, &url, &[("authorization", &bearer)], "").await.expect("an answer");
        statuses.insert(answer.status);
    }
    assert!(statuses.iter().all(|status| [401, 403, 404].contains(status)), "{statuses:?}");
    assert_eq!(server.number("SELECT count(*) FROM activity").await, 131);
}

#[tokio::test]
async fn by_which_id_flags_fell_is_told_and_forgotten_with_the_person() {
    let server = Server::start_with(SETTINGS).await;
    let team = owner(&server).await;
    let filters = json!({"groups": [{"properties": [], "rollout_percentage": 50}]});
    let feature =
        json!({"value_type": "boolean", "default_value": false, "posthog_filters": filters, "keeps_at_sign_in": true});
    team.post(&of("features"), json!({"key": "kept", "definition": feature})).await;
    // Another process than the one that was asked gives it out a moment later.
    let is_given_out = async || {
        let asked = json!({"token": server.write_key(), "distinct_id": "somebody"});
        server.send("/flags/?v=2", &[], asked.to_string()).await.json()["flags"]["kept"].is_object()
    };
    server.eventually("the flag is given out", is_given_out).await;
    live(&server).await;
    let signs_in = json!({"token": server.write_key(), "distinct_id": IDS[0], "$anon_distinct_id": IDS[1]});
    let answer = server.send("/flags/?v=2", &[], signs_in.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = async || {
        let ada = person(&server, IDS[0]).await;
        let exported = operate(&server, Method::POST, &format!("{PERSONS}/{ada}/export")).await.text();
        let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.last().map(|line| line["rows"].clone()), Some(json!(lines.len() - 1)));
        let rows = lines.into_iter().filter(|line| line["table"] == "flag_sign_ins");
        rows.map(|line| [line["row"]["distinct_id"].clone(), line["row"]["hash_id"].clone()]).collect::<Vec<_>>()
    };
    assert_eq!(told().await, [[json!(IDS[0]), json!(IDS[1])]]);
    let ada = person(&server, IDS[0]).await;
    assert_eq!(operate(&server, Method::DELETE, &format!("{PERSONS}/{ada}")).await.status, 200);
    let again = json!([{"event": "visit", "distinctId": IDS[0], "messageId": "afterwards"}]);
    assert!((200..300).contains(&server.post(&again).await.status));
    server.until("SELECT count(*) FROM activity", 121).await;
    assert_eq!(told().await, Vec::<[Value; 2]>::new());
}
