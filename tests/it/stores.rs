//! The same activities into the lake and into ClickHouse: every table equal, and the answers to questions equal.
//!
//! 20,000 generated activities, 100,000 with `FOOTFALL_TEST_STORE=clickhouse` (`FOOTFALL_TEST_ACTIVITIES` for another number), with people who sign in, merge and come back, and the
//! sample of the public commits.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::gear::{root, skip};
use crate::http::Answer;
use crate::seed::Seed;
use crate::server::Server;
use crate::store;

/// Questions in SQL whose answers must be equal, byte for byte.
pub const QUESTIONS: &[&str] = &[
    "SELECT message_id, event, kind, person_id, distinct_id, user_id, anonymous_id, timestamp, original_timestamp, os, locale, country, library, amount, groups, properties, context, dialect FROM activity ORDER BY message_id",
    "SELECT * FROM persons ORDER BY person_id",
    "SELECT distinct_id, person_id, own_person_id, identified, activities FROM person_ids ORDER BY distinct_id",
    "SELECT sequence, merge_id, kind, from_distinct_id, into_distinct_id, timestamp, outcome, undone FROM person_merges ORDER BY sequence",
    "SELECT * FROM sessions ORDER BY session_id",
    "SELECT dialect, reason, detail, raw FROM quarantine ORDER BY raw, detail, reason, dialect",
    "SELECT count(*) FROM activity",
    "SELECT count(*) FROM activity WHERE event = 'view' AND timestamp >= '2026-02-10T00:00:00Z' AND country IN ('DE', 'FR')",
    "SELECT event, country, count(*), sum(amount) FROM activity WHERE amount IS NOT NULL GROUP BY event, country ORDER BY event, country",
    "SELECT properties->>'plan' AS plan, count(DISTINCT person_id) FROM activity GROUP BY plan ORDER BY plan",
    "SELECT event FROM activity WHERE event <> 'view' OR country IS NULL ORDER BY event, message_id LIMIT 100",
];

/// Lines of NDJSON. Numbers of people follow from that of the activities.
fn generated(count: u64, seed: &mut Seed) -> String {
    const DAY: u64 = 86_400;
    let mut text = String::new();
    for n in 0..count {
        let person = seed.below(count / 20 + 3);
        let second = seed.below(40 * DAY);
        let (day, rest) = (second / DAY, second % DAY);
        let at = format!(
            "2026-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            2 + day / 28,
            1 + day % 28,
            rest / 3600,
            rest / 60 % 60,
            rest % 60,
            seed.below(1000)
        );
        let event = ["view", "save", "buy", "it's \"odd\" \\ 🙂", "open"][seed.below(5) as usize];
        let mut line = json!({
            "type": "track", "event": event, "messageId": format!("m{n}"), "timestamp": at,
            "properties": {"plan": (["free", "pro", "it's"][seed.below(3) as usize]), "n": seed.below(50), "deep": {"a": [1, null, "x"]}},
            "context": {"locale": (["de-DE", "en-US"][seed.below(2) as usize]), "os": {"name": "iOS"}},
        });
        let fields = line.as_object_mut().expect("an object");
        match seed.below(4) {
            0 => drop(fields.insert("anonymousId".to_owned(), json!(format!("anonymous-{person}")))),
            _ => drop(fields.insert("userId".to_owned(), json!(format!("user-{person}")))),
        }
        match seed.below(40) {
            0 => {
                fields.insert("type".to_owned(), json!("identify"));
                fields.insert("userId".to_owned(), json!(format!("user-{person}")));
                fields.insert("anonymousId".to_owned(), json!(format!("anonymous-{person}")));
                fields.insert(
                    "traits".to_owned(),
                    json!({"plan": (["free", "pro"][seed.below(2) as usize]), "age": seed.below(90)}),
                );
                fields.remove("event");
            }
            1 => {
                fields.insert("type".to_owned(), json!("alias"));
                fields.insert("userId".to_owned(), json!(format!("user-{person}")));
                fields.insert("previousId".to_owned(), json!(format!("anonymous-{}", seed.below(count / 20 + 3))));
                fields.remove("event");
            }
            2 => drop(fields.insert("timestamp".to_owned(), json!("no time"))),
            _ => {}
        }
        let _ = writeln!(text, "{line}");
    }
    text
}

pub async fn csv(server: &Server, sql: &str) -> String {
    let bearer = format!("Bearer {}", server.read_key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("accept", "text/csv")];
    let url = format!("{}/v1/sql", server.url());
    let answer =
        server.http.send(hyper::Method::POST, &url, &headers, json!({ "sql": sql }).to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{sql}: {}\n{}", answer.text(), server.tracing());
    answer.text()
}

pub async fn insight(server: &Server, kind: &str, question: &Value) -> Value {
    let bearer = format!("Bearer {}", server.read_key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("{}/v1/insights/{kind}?age_ms=0", server.url());
    let answer = server.http.send(hyper::Method::POST, &url, &headers, question.to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{kind}: {}\n{}", answer.text(), server.tracing());
    answer.json()["answer"].clone()
}

pub fn insights() -> Vec<(&'static str, Value)> {
    let scope = json!({"from_ms": 1_769_900_000_000i64, "until_ms": 1_774_000_000_000i64, "zone": "Europe/Berlin"});
    let of = |name: &str| json!({"activities": [name]});
    let pro = json!({"activities": ["view"], "condition": {"person": {"property": "plan", "test": {"is": ["pro"]}}}});
    vec![
        (
            "trend",
            json!({"scope": scope, "bucket": "day", "breakdown": {"properties": ["plan", "activity.os"], "top": 3},
            "series": [{"select": of("view"), "measures": ["count", "people", "sessions", {"sum": "n"}]}, {"select": pro, "measures": ["people"]}]}),
        ),
        ("funnel", json!({"scope": scope, "window_ms": 604_800_000, "steps": [of("view"), of("save"), of("buy")]})),
        (
            "retention",
            json!({"scope": scope, "bucket": "week", "kind": "first_time", "start": of("view"), "returning": {}}),
        ),
        ("lifecycle", json!({"scope": scope, "bucket": "week", "select": of("save")})),
        ("sessions", json!({"scope": scope, "bucket": "day"})),
        ("ranking", json!({"scope": scope, "select": {}, "by": "person", "top": 50})),
    ]
}

fn imported(server: &Server, path: &Path) -> String {
    let output = server.run(&["import", path.to_str().expect("a path in UTF-8")]);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "import: {stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    stdout.lines().last().unwrap_or_default().to_owned()
}

async fn equal_in_both(path: &Path) {
    let url = store::database("both", path);
    let folder = tempfile::tempdir().unwrap();
    let files = format!("file:{}", folder.path().join("lake").display());
    let mut lake = Server::start_with(&[("FOOTFALL_STORE_URL", &files)]).await;
    let mut database = Server::start_with(&[("FOOTFALL_STORE_URL", &url)]).await;
    // Of a running server's import the batches come in any order, and the first of two claims decides.
    lake.stop().await;
    database.stop().await;
    assert_eq!(imported(&lake, path), imported(&database, path));
    lake.restart().await;
    database.restart().await;
    for sql in QUESTIONS {
        let (left, right) = (csv(&lake, sql).await, csv(&database, sql).await);
        let differ = left.lines().zip(right.lines()).find(|(left, right)| left != right);
        let sizes = (left.lines().count(), right.lines().count());
        assert!(left == right, "{sql}: {sizes:?} lines, first different: {differ:#?}");
    }
    for (kind, question) in insights() {
        assert_eq!(insight(&lake, kind, &question).await, insight(&database, kind, &question).await, "{kind}");
    }
}

/// Asks in ClickHouse's own dialect.
async fn native(server: &Server, sql: &str) -> Answer {
    let bearer = format!("Bearer {}", server.read_key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("{}/v1/sql", server.url());
    let body = json!({"sql": sql, "dialect": "clickhouse"}).to_string();
    server.http.send(hyper::Method::POST, &url, &headers, body).await.unwrap()
}

#[tokio::test]
async fn its_own_dialect_reads_one_project_and_nothing_else() {
    let server = Server::start().await;
    let items: Vec<_> = (0..30).map(|n| json!({"event": (["view", "save"][n % 2]), "distinctId": format!("p{}", n % 5), "messageId": format!("m{n}")})).collect();
    assert_eq!(server.post(&json!(items)).await.json()["accepted"], 30);
    server.until("SELECT count(*) FROM activity", 30).await;
    let counted = native(&server, "SELECT event, count() AS n FROM activity GROUP BY event ORDER BY event").await;
    if !store::is_clickhouse() {
        assert_eq!(
            (counted.status, counted.json()["code"].as_str()),
            (400, Some("not_supported")),
            "{}",
            counted.text()
        );
        return;
    }
    assert_eq!(counted.status, 200, "{}\n{}", counted.text(), server.tracing());
    assert_eq!(counted.json()["rows"], json!([["save", 15], ["view", 15]]), "{}", counted.text());
    let funnel = "SELECT countIf(level >= 1) AS one FROM (SELECT person_id, windowFunnel(1000)(toUInt64(1), event = 'view') AS level FROM activity GROUP BY person_id)";
    assert_eq!(native(&server, funnel).await.json()["rows"], json!([[5]]));
    assert_eq!(native(&server, "SELECT count() FROM persons").await.json()["rows"], json!([[5]]));
    assert_eq!(native(&server, "SELECT sum(activities) FROM sessions").await.json()["rows"], json!([[30]]));
    assert_eq!(native(&server, "SELECT event FROM activity WHERE event = 'never'").await.json()["rows"], json!([]));
    for (sql, code) in [
        ("SELECT * FROM system.tables", "unknown_table"),
        ("SELECT * FROM identities", "sql_invalid"),
        ("DROP TABLE activity", "not_read_only"),
        ("SELECT 1 SETTINGS max_threads = 1", "not_read_only"),
        ("SELECT file('/etc/passwd')", "unknown_function"),
        ("SELECT * FROM url('http://127.0.0.1')", "unknown_function"),
        ("SELECT 1; SELECT 2", "too_many_statements"),
        ("SELECT nothing FROM activity", "sql_invalid"),
        ("SELECT (1", "sql_syntax"),
    ] {
        let refused = native(&server, sql).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (400, Some(code)), "{sql}: {}", refused.text());
    }
    // What insights say to ask there can be asked there.
    for (kind, question) in insights() {
        let bearer = format!("Bearer {}", server.read_key());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let url = format!("{}/v1/insights/{kind}?age_ms=0", server.url());
        let answer = server.http.send(hyper::Method::POST, &url, &headers, question.to_string()).await.unwrap();
        for sql in
            answer.json()["clickhouse_sql"].as_str().unwrap_or_default().split(";\n").filter(|sql| !sql.is_empty())
        {
            let asked = native(&server, sql).await;
            assert_eq!(asked.status, 200, "{sql}: {}", asked.text());
        }
    }
}

#[tokio::test]
async fn generated_activities_are_equal_in_both_stores() {
    if let Err(why) = store::can_be_had() {
        return skip("both stores", &why);
    }
    let usual = if store::is_clickhouse() { 100_000 } else { 20_000 };
    let count = std::env::var("FOOTFALL_TEST_ACTIVITIES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.ndjson");
    std::fs::write(&path, generated(count, &mut Seed::announced("both stores"))).unwrap();
    equal_in_both(&path).await;
}

#[tokio::test]
async fn public_commits_are_equal_in_both_stores() {
    if let Err(why) = store::can_be_had() {
        return skip("both stores, the commits", &why);
    }
    equal_in_both(&root().join("tests/data/commits_sample.ndjson.gz")).await;
}
