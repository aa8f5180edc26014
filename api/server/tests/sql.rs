//! Questions over the real engine: every format, every sort of error.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use axum::body::Body;
use http::{Method, StatusCode};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use server::{Answer, Server, request};

const SQL: &str = "SELECT 1 AS n, 'a,\"b' AS word, CAST(NULL AS BIGINT) AS nothing";

async fn ask(server: &Server, body: serde_json::Value, accept: &str) -> Answer {
    let request = request(Method::POST, "/v1/sql", Some(&server.read_key)).header("accept", accept);
    let request = request.header("content-type", "application/json");
    server.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn an_answer_comes_in_the_format_asked_for() {
    let server = Server::start().await;
    let json = ask(&server, json!({ "sql": SQL }), "*/*").await;
    assert_eq!(json.header("content-type"), "application/json");
    assert_eq!(json.json()["columns"][1], json!({ "name": "word", "type": "string" }));
    assert_eq!(json.json()["rows"], json!([[1, "a,\"b", null]]));

    let csv = ask(&server, json!({ "sql": SQL }), "text/csv").await;
    assert_eq!(csv.text().lines().collect::<Vec<_>>(), ["n,word,nothing", "1,\"a,\"\"b\","]);

    let lines = ask(&server, json!({ "sql": SQL }), "application/x-ndjson").await;
    assert_eq!(lines.json(), json!({ "n": 1, "word": "a,\"b", "nothing": null }));

    let arrow = ask(&server, json!({ "sql": SQL }), "application/vnd.apache.arrow.stream").await;
    let batches: Vec<_> = arrow::ipc::reader::StreamReader::try_new(&arrow.body[..], None).unwrap().collect();
    assert_eq!(batches[0].as_ref().unwrap().num_rows(), 1);

    let parquet = ask(&server, json!({ "sql": SQL }), "application/vnd.apache.parquet").await;
    let mut batches = ParquetRecordBatchReaderBuilder::try_new(parquet.body.clone()).unwrap().build().unwrap();
    assert_eq!(batches.next().unwrap().unwrap().num_columns(), 3);
}

#[tokio::test]
async fn an_address_asks_the_same() {
    let server = Server::start().await;
    let ask = |path: &str| {
        let request = request(Method::GET, path, Some(&server.read_key)).header("accept", "text/csv");
        let (server, request) = (&server, request.body(Body::empty()).unwrap());
        async move { server.send(request).await }
    };
    let bound = "sql=SELECT%20%24n%20%2B%201%20AS%20n&params=%7B%22n%22%3A%201%7D";
    for path in ["/v1/sql", "/v1/projects/one/sql"] {
        let answer = ask(&format!("{path}?{bound}")).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "n\n2\n".to_owned()), "{path}");
    }
    assert_eq!(ask("/v1/sql?sql=SELECT%201&params=%7B").await.code(), "params_invalid");
    assert_eq!(ask("/v1/sql?sql=DROP%20TABLE%20activity").await.code(), "not_read_only");
    assert_eq!(ask("/v1/sql").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_tables_are_there_before_the_first_activity() {
    let server = Server::start().await;
    let described = server.call(Method::GET, "/v1/tables", Some(&server.read_key), "").await.json();
    let names: Vec<&str> =
        described["tables"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["activity", "persons", "person_ids", "person_merges", "sessions", "quarantine", "audit"]);
    for name in names.into_iter().filter(|name| *name != "audit") {
        let answer = ask(&server, json!({ "sql": format!("SELECT count(*) FROM {name}") }), "*/*").await;
        assert_eq!(answer.json()["rows"], json!([[0]]), "{name}");
    }
}

#[tokio::test]
async fn the_questions_of_the_page_are_understood() {
    let server = Server::start().await;
    let since = json!({ "since": "2026-01-01T00:00:00.000Z", "today": "2026-01-01T00:00:00.000Z" });
    for sql in [
        "SELECT count(*) AS activities, min(timestamp) AS first, max(timestamp) AS last FROM activity",
        "SELECT date_trunc('week', timestamp) AS at, count(*) AS activities, count(DISTINCT person_id) AS people
         FROM activity WHERE timestamp >= $since GROUP BY 1 ORDER BY 1",
        "SELECT event, count(*) AS activities FROM activity WHERE timestamp >= $since GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 9",
        "SELECT count(*) AS all_time, count(*) FILTER (WHERE \"end\" >= $today) AS today FROM sessions",
        "SELECT event, distinct_id, received_at, page_path, screen FROM activity
         WHERE received_at >= $since ORDER BY received_at DESC LIMIT 25",
        "SELECT date_part('hour', timestamp) AS hour_utc, count(*) AS activities FROM activity GROUP BY hour_utc ORDER BY hour_utc",
        "SELECT properties->>'plan' AS plan, count(*) AS activities FROM activity GROUP BY plan ORDER BY activities DESC LIMIT 20",
        "SELECT person_id, properties, activities, first_seen, last_seen FROM persons ORDER BY activities DESC LIMIT 20",
        "SELECT start, duration_seconds, activities, entry_event, exit_event, person_id FROM sessions ORDER BY duration_seconds DESC LIMIT 20",
        "SELECT received_at, dialect, reason, detail FROM quarantine ORDER BY received_at DESC LIMIT 20",
    ] {
        let answer = ask(&server, json!({ "sql": sql, "params": since }), "*/*").await;
        assert_eq!(answer.status, StatusCode::OK, "{sql}\n{}", answer.text());
    }
}

#[tokio::test]
async fn parameters_are_values() {
    let server = Server::start().await;
    let named = ask(&server, json!({ "sql": "SELECT $word AS word", "params": { "word": "'; --" } }), "*/*").await;
    assert_eq!(named.json()["rows"], json!([["'; --"]]));
    let listed = ask(&server, json!({ "sql": "SELECT $1 + $2 AS sum", "params": [1, 2] }), "*/*").await;
    assert_eq!(listed.json()["rows"], json!([[3]]));
}

#[tokio::test]
async fn errors_say_what_and_where() {
    let server = Server::start().await;
    let cases = [
        ("SELECT", "sql_syntax", 400),
        ("SELECT evnt FROM activity", "unknown_column", 400),
        ("SELECT 1 FROM nowhere", "unknown_table", 400),
        ("DELETE FROM activity", "not_read_only", 400),
        ("SELECT 1; SELECT 2", "too_many_statements", 400),
        ("SELECT $missing", "parameter_missing", 400),
        ("SELECT CAST('x' AS BIGINT)", "invalid_value", 422),
    ];
    for (sql, code, status) in cases {
        let answer = ask(&server, json!({ "sql": sql }), "text/csv").await;
        assert_eq!(
            (answer.json()["code"].as_str(), answer.status.as_u16()),
            (Some(code), status),
            "{sql}: {}",
            answer.text()
        );
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let placed = ask(&server, json!({ "sql": "SELECT event,\n  evnt FROM activity" }), "*/*").await.json();
    assert_eq!((placed["line"].as_u64(), placed["column"].as_u64()), (Some(2), Some(3)), "{placed}");
}

#[tokio::test]
async fn bodies_and_formats_that_cannot_be() {
    let server = Server::start().await;
    let refused = ask(&server, json!({ "sql": SQL }), "text/html").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (StatusCode::NOT_ACCEPTABLE, Some("not_acceptable")));
    let other = server.call(Method::POST, "/v1/sql", Some(&server.read_key), "SELECT 1").await;
    assert_eq!((other.status, other.json()["code"].as_str()), (StatusCode::BAD_REQUEST, Some("body_syntax")));
    let large = format!("{{\"sql\": \"SELECT 1 {}\"}}", " ".repeat(1 << 20));
    let large = server.call(Method::POST, "/v1/sql", Some(&server.read_key), &large).await;
    assert_eq!((large.status, large.json()["code"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("body_too_large")));
}

#[tokio::test]
async fn the_audit_is_a_table_for_those_who_may_read_it() {
    let server = Server::start().await;
    let body = json!({ "sql": "SELECT action, object_kind, at > '2001-01-01' FROM audit WHERE action = 'key.create'" });
    let ask = |token: String| {
        let (server, body) = (&server, body.to_string());
        async move { server.call(Method::POST, "/v1/projects/one/sql", Some(&token), &body).await }
    };
    let owner = ask(server.owner.clone()).await;
    assert_eq!(
        owner.json()["rows"],
        json!([["key.create", "key", true], ["key.create", "key", true]]),
        "{}",
        owner.text()
    );
    assert_eq!(ask(server::OPERATOR.to_owned()).await.json()["row_count"], 2);
    assert_eq!(ask(server.read_key.clone()).await.code(), "unknown_table");
    let named =
        server.call(Method::POST, "/v1/projects/one/sql", Some(&server.owner), r#"{"sql": "SHOW TABLES"}"#).await;
    assert!(named.text().contains("audit"), "{}", named.text());
}
