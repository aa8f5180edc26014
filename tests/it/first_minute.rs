//! What a newcomer does first: a key, one curl, one question.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::Server;
use crate::store;

#[tokio::test]
async fn an_activity_is_answered_by_sql_within_a_second() {
    let server = Server::start().await;
    // The quickest of some: what else the machine does only adds to a time, a wait of our own is in each.
    let mut quickest = Duration::MAX;
    for turn in 1..=20 {
        let activity = json!({"event": "signed up", "distinctId": "ada", "properties": {"plan": "free"}});
        let answer = server.post(&activity).await;
        let acknowledged = Instant::now();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["accepted"], 1, "{}", answer.text());
        server.until("SELECT count(*) FROM activity WHERE event = 'signed up'", turn).await;
        quickest = quickest.min(acknowledged.elapsed());
        let rows = server.sql("SELECT person_id, distinct_id, event, properties->>'plan' FROM activity").await;
        assert_eq!(rows.len() as i64, turn);
        assert_eq!(rows[0][1..], [json!("ada"), json!("signed up"), json!("free")]);
        if quickest < Duration::from_secs(1) {
            return;
        }
    }
    panic!("visible after {quickest:?} at the soonest");
}

#[tokio::test]
async fn the_fixed_columns_and_answers_are_there() {
    let server = Server::start().await;
    let fixed = "person_id, distinct_id, event, timestamp, received_at, message_id, properties";
    let answer = server.try_sql(&format!("SELECT {fixed} FROM activity")).await.json();
    let names: Vec<_> = answer["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names.join(", "), fixed);
    assert!(answer["columns"].as_array().unwrap().iter().all(|column| column["type"].is_string()), "{answer}");
    assert_eq!(answer["rows"], json!([]));

    assert_eq!(server.get("/healthz").await.status, 200);
    let body = json!({"sql": "SELECT 1"}).to_string();
    let url = format!("{}/v1/sql", server.url());
    let without_key = server.http.send(hyper::Method::POST, &url, &[("content-type", "application/json")], body).await;
    assert_eq!(without_key.unwrap().status, 401);
    let write = server.send("/v1/sql", &[("content-type", "application/json")], r#"{"sql": "SELECT 1"}"#).await;
    assert!([401, 403].contains(&write.status), "a write key must not read: {}", write.status);
    let wrong = server.try_sql("SELECT nothing FROM activity").await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
}

#[tokio::test]
async fn a_stopped_server_starts_with_everything_it_had() {
    let mut server = Server::start().await;
    let items: Vec<_> = (0..500).map(|n| json!({"event": "visit", "distinctId": format!("p{}", n % 50)})).collect();
    assert_eq!(server.post(&json!(items)).await.json()["accepted"], 500);
    server.stop().await;
    server.restart().await;
    assert_eq!(server.until("SELECT count(*) FROM activity", 500).await, 500);
    assert_eq!(server.number("SELECT count(*) FROM persons").await, 50);
}

#[tokio::test]
async fn the_environment_is_checked_by_name() {
    let server = Server::prepare(std::env::temp_dir().join("footfall-never"), &[("FOOTFALL_LISTN", "127.0.0.1:1")]);
    let output = server.run(&["config"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.to_lowercase().contains("listen"), "{said}");
}

#[tokio::test]
async fn a_key_made_while_it_runs_works_at_once() {
    let server = Server::start().await;
    let key = server.key("write");
    let url = format!("{}/v1/activity", server.url());
    let headers = [("authorization", format!("Bearer {key}")), ("content-type", "application/json".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let body = json!({"event": "x", "distinctId": "ada"}).to_string();
    if store::is_services() {
        // Another process than the one that made it knows it a moment later.
        let empty = || server.http.send(hyper::Method::POST, &url, &headers, "[]");
        server
            .eventually("the key is known", || async { empty().await.is_ok_and(|answer| answer.status != 401) })
            .await;
    }
    let answer = server.http.send(hyper::Method::POST, &url, &headers, body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}
