//! The fate of odd input (docs/ingest-fates.md), and of requests when the log does not take them.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use footfall_ingest_log::LogError;
use footfall_ingest_server::DoorsConfig;
use serde_json::json;

use crate::house::{House, KEY};

async fn reason_of(item: &str) -> String {
    let house = House::new();
    let answer = house.native("", format!("[{item}]")).await.json();
    match answer["items"][0]["reason"].as_str() {
        Some(reason) => format!("{}: {reason}", answer["items"][0]["fate"].as_str().unwrap()),
        None => format!("accepted: {}", answer["accepted"]),
    }
}

fn nested(levels: usize) -> String {
    format!(r#"{{"event":"e","userId":"u","properties":{{"x":{}{}}}}}"#, "[".repeat(levels), "]".repeat(levels))
}

#[tokio::test]
async fn odd_items_have_their_fates() {
    let long = "x".repeat(401);
    let cases = [
        (nested(62), "accepted: 1"),
        (nested(63), "quarantined: too_deep"),
        (nested(200_000), "quarantined: too_deep"),
        (
            format!(r#"{{"event":"e","userId":"u","properties":{{"x":"{}"}}}}"#, "x".repeat(1 << 20)),
            "rejected: too_large",
        ),
        (r#"{"event":"e\u0000","userId":"u"}"#.into(), "quarantined: nul_character"),
        (r#"{"event":"e","userId":"\u0000"}"#.into(), "quarantined: nul_character"),
        (r#"{"event":"e","userId":"u","properties":{"x":"\u0000"}}"#.into(), "accepted: 1"),
        (r#"{"event":"e","userId":"u\ud800"}"#.into(), "quarantined: malformed"),
        (r#"{"event":"e","userId":"u","properties":{"x":"\ud800","\udfff":1}}"#.into(), "accepted: 1"),
        (r#"{"event":"e","userId":"u","properties":{"x":1e999,"value":1e999}}"#.into(), "accepted: 1"),
        (r#"{"event":"e","userId":"u","timestamp":"9999-12-31T23:59:59Z"}"#.into(), "accepted: 1"),
        (r#"{"event":"e","userId":"u","timestamp":"0001-01-01T00:00:00Z"}"#.into(), "quarantined: timestamp_too_early"),
        (r#"{"event":"e","userId":"u","timestamp":"yesterday"}"#.into(), "quarantined: timestamp_invalid"),
        (r#"{"event":"e","userId":"u","timestamp":{}}"#.into(), "quarantined: timestamp_invalid"),
        (r#"{"event":"e","userId":"u","timestamp":1795435200}"#.into(), "accepted: 1"),
        (r#"{"event":"a","event":"e","userId":"u"}"#.into(), "accepted: 1"),
        (r#"{"event":["e"],"userId":"u"}"#.into(), "quarantined: malformed"),
        (r#"{"event":"e","userId":{}}"#.into(), "quarantined: malformed"),
        (r#"{"event":"e","userId":12345678901234567890123}"#.into(), "accepted: 1"),
        (r#"{"event":"e","userId":"u","properties":[1]}"#.into(), "quarantined: not_an_object"),
        (r#"{"event":"e","userId":"u","properties":null,"context":null}"#.into(), "accepted: 1"),
        (r#"{"event":"e","userId":"  "}"#.into(), "quarantined: distinct_id_missing"),
        (r#"{"event":"e"}"#.into(), "quarantined: distinct_id_missing"),
        (r#"{"userId":"u"}"#.into(), "quarantined: event_missing"),
        (r#"{"type":"dance","userId":"u"}"#.into(), "quarantined: unknown_type"),
        (r#"{"type":"alias","userId":"u"}"#.into(), "quarantined: alias_incomplete"),
        (format!(r#"{{"event":"{long}","userId":"u"}}"#), "quarantined: event_too_long"),
        (format!(r#"{{"event":"e","userId":"{long}"}}"#), "quarantined: distinct_id_too_long"),
        (format!(r#"{{"event":"e","userId":"u","messageId":"{long}"}}"#), "quarantined: message_id_too_long"),
        ("7".into(), "quarantined: malformed"),
        ("null".into(), "quarantined: malformed"),
    ];
    for (item, fate) in cases {
        let shown: String = item.chars().take(100).collect();
        assert_eq!(reason_of(&item).await, fate, "{shown}");
    }
}

/// What an item is given, or has written as a text, is not in its own brackets.
#[tokio::test]
async fn nothing_nests_deeper_by_a_detour() {
    let deep = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let house = House::new();
    let batch = |context: &str, own: &str| {
        format!(r#"{{"context":{context},"batch":[{{"type":"track","event":"e","userId":"u"{own}}}]}}"#)
    };
    for own in ["", r#","context":{"y":1}"#] {
        house.segment("/v1/batch", batch(&deep(62), own)).await;
        house.segment("/v1/batch", batch(&deep(100_000), own)).await;
    }
    for levels in [62, 100_000] {
        let event = json!({"api_key": KEY, "event": "e", "distinct_id": "u", "properties": deep(levels)});
        house.post("/e/", &[], event.to_string()).await;
    }
    assert_eq!(house.activities().len(), 3);
    assert_eq!(house.quarantine_reasons(), ["too_deep"; 3]);
}

#[tokio::test]
async fn far_future_times_become_the_time_of_receipt() {
    let house = House::new();
    house.native("", r#"{"event":"e","userId":"u","timestamp":"2027-01-01T00:00:00Z"}"#).await;
    let activity = house.activity();
    assert_eq!(activity["timestamp"], activity["received_at"]);
    assert_eq!(activity["original_timestamp"], 1_798_761_600_000i64);
}

#[tokio::test]
async fn numbers_and_duplicates_are_kept_as_text() {
    let house = House::new();
    house.native("", r#"{"event":"e","userId":9007199254740993,"properties":{"x":1e999,"x":-0.10}}"#).await;
    let payload = String::from_utf8(house.records()[0].payload.clone()).unwrap();
    assert!(payload.contains(r#""properties":{"x":1e999,"x":-0.10}"#), "{payload}");
    assert!(payload.contains(r#""user_id":"9007199254740993""#), "{payload}");
}

#[tokio::test]
async fn bodies_as_a_whole() {
    let house = House::with(DoorsConfig { items_max: 3, ..DoorsConfig::default() });
    let item = r#"{"event":"e","userId":"u"}"#;
    let cases: [(Vec<u8>, u16, &str); 5] = [
        (b"  ".to_vec(), 400, "empty_body"),
        (b"{\"event\":\"\xff\"}".to_vec(), 400, "not_utf8"),
        (b"{\"a\":1,}".to_vec(), 400, "not_json"),
        (b"{\"a\":\"\x00\"}".to_vec(), 400, "not_json"),
        (format!("[{item},{item},{item},{item}]").into_bytes(), 400, "too_many_items"),
    ];
    for (body, status, code) in cases {
        let answer = house.native("", body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str().unwrap()), (status, code));
    }
    assert_eq!(
        house.native("", "[]").await.json(),
        json!({"accepted": 0, "quarantined": 0, "rejected": 0, "items": []})
    );
    assert_eq!(house.native("", format!("\u{FEFF}{item}")).await.json()["accepted"], 1);
    assert_eq!(house.native("", "3").await.json()["quarantined"], 1);
}

#[tokio::test]
async fn content_types_are_hints_only() {
    let house = House::new();
    let item = r#"{"event":"e","userId":"u"}"#;
    for kind in ["text/html", "application/octet-stream", "application/x-www-form-urlencoded", "application/x-ndjson"] {
        let headers = [("x-write-key", KEY), ("content-type", kind)];
        assert_eq!(house.post("/v1/activity", &headers, item).await.json()["accepted"], 1, "{kind}");
    }
}

#[tokio::test]
async fn when_the_log_refuses_clients_are_told_to_retry() {
    let house = House::new();
    let item = r#"{"event":"e","userId":"u"}"#;
    let saturated = LogError::Saturated { waiting_bytes: 1 };
    for (refusal, seconds) in [(LogError::DiskFull, "5"), (saturated, "1"), (LogError::Closed, "1")] {
        house.refuse_appends(Some(refusal));
        let posthog = r#"{"api_key":"phc_test","event":"e","distinct_id":"u"}"#;
        let answers = [
            house.native("", item).await,
            house.segment("/v1/track", item).await,
            house.post("/e/", &[], posthog).await,
        ];
        for answer in answers {
            assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, seconds));
            assert!(!answer.text().contains("waiting"), "{}", answer.text());
        }
    }
    house.refuse_appends(None);
    assert_eq!(house.native("", item).await.status, 200);
}

#[tokio::test]
async fn bodies_that_do_not_arrive_are_408() {
    let house = House::with(DoorsConfig { body_timeout: Duration::from_millis(50), ..DoorsConfig::default() });
    let stalled = futures::stream::pending::<Result<Bytes, std::io::Error>>();
    let answer = tokio::time::timeout(Duration::from_secs(240), house.native("", Body::from_stream(stalled))).await;
    assert_eq!(answer.unwrap().status, 408);
}
