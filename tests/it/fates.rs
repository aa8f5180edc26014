//! Every item has a fate, told in the answer, and what is quarantined becomes activity after a fix.

use serde_json::{Value, json};

use crate::server::Server;

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!("leaf"), |inner, _| json!({ "in": inner }))
}

#[tokio::test]
async fn each_item_is_accepted_quarantined_or_rejected() {
    let server = Server::start().await;
    let lines = [
        r#"{"event":"good","distinctId":"ada"}"#.to_owned(),
        r#"{"event":"nobody"}"#.to_owned(),
        "this is no JSON".to_owned(),
        json!({"event": "deep", "distinctId": "ada", "properties": nested(80)}).to_string(),
        json!({"event": "x".repeat(300), "distinctId": "ada"}).to_string(),
        r#"{"event":"good","distinctId":"bob"}"#.to_owned(),
    ];
    let answer = server.send("/v1/activity", &[("content-type", "application/x-ndjson")], lines.join("\n")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let account = answer.json();
    assert_eq!([&account["accepted"], &account["quarantined"], &account["rejected"]], [2, 3, 1], "{account}");
    let fate = |index: u64| {
        let items = account["items"].as_array().unwrap();
        let item =
            items.iter().find(|item| item["index"] == index).unwrap_or_else(|| panic!("no item {index}: {account}"));
        (item["fate"].as_str().unwrap().to_owned(), item["reason"].as_str().unwrap().to_owned())
    };
    assert_eq!(fate(1), ("quarantined".into(), "distinct_id_missing".into()));
    assert_eq!(fate(2), ("rejected".into(), "not_json".into()));
    assert_eq!(fate(3), ("quarantined".into(), "too_deep".into()));
    assert_eq!(fate(4), ("quarantined".into(), "event_too_long".into()));

    server.until("SELECT count(*) FROM activity", 2).await;
    server.until("SELECT count(*) FROM quarantine", 3).await;
    let reasons = server.counts("SELECT reason, count(*) FROM quarantine GROUP BY reason").await;
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    let raw = server.sql("SELECT raw FROM quarantine WHERE reason = 'distinct_id_missing'").await;
    assert_eq!(serde_json::from_str::<Value>(raw[0][0].as_str().unwrap()).unwrap()["event"], "nobody");

    let received = server.metric("footfall_received_total", "").await;
    let fates = ["accepted", "quarantined", "rejected"].map(|fate| format!("footfall_{fate}_total"));
    let mut told = 0.0;
    for fate in &fates {
        told += server.metric(fate, "").await;
    }
    assert_eq!((received, told), (6.0, 6.0), "received = accepted + quarantined + rejected");
}

#[tokio::test]
async fn the_quarantined_become_activity_after_the_limit_is_raised() {
    let mut server = Server::start().await;
    let item = json!({"event": "deep", "distinctId": "ada", "messageId": "deep-1", "properties": nested(80)});
    assert_eq!(server.post(&json!([item, {"event": "nobody"}])).await.json()["quarantined"], 2);
    server.until("SELECT count(*) FROM quarantine", 2).await;
    server.stop().await;
    server.set("FOOTFALL_DOORS_DEPTH", "100");
    server.restart().await;

    let replay = server.run(&["replay"]);
    assert!(replay.status.success(), "replay: {}", String::from_utf8_lossy(&replay.stderr));
    server.until("SELECT count(*) FROM activity WHERE event = 'deep'", 1).await;
    server.until("SELECT count(*) FROM quarantine WHERE resolved_at IS NOT NULL", 1).await;
    assert_eq!(server.number("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL").await, 1);
    assert!(server.run(&["replay"]).status.success());
    assert_eq!(server.number("SELECT count(*) FROM activity").await, 1, "a second replay changes nothing");
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_nothing_breaks() {
    let server = Server::start().await;
    let bomb = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    let json_type = ("content-type", "application/json");
    let cases = [
        ("/v1/activity", bomb.clone(), vec![json_type, ("content-encoding", "gzip")], 413),
        ("/v1/batch", bomb, vec![json_type, ("content-encoding", "gzip")], 400),
        ("/v1/activity", b"[".repeat(200_000), vec![json_type], 400),
        ("/v1/activity", vec![0xff; 64], vec![json_type], 400),
        ("/v1/activity", b"{}".to_vec(), vec![json_type, ("content-encoding", "lzma")], 415),
    ];
    for (path, body, headers, status) in cases {
        let answer = server.send(path, &headers, body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    assert_eq!(server.post(&json!({"event": "after", "distinctId": "ada"})).await.status, 200);
    server.until("SELECT count(*) FROM activity", 1).await;
}
