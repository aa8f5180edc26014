//! PostHog capture, version 1.

use serde_json::{Value, json};

use crate::house::{Answer, House, NOW, gzip};

const REQUEST: &str = "0190a0d0-0000-7000-8000-0000000000aa";
const HEADERS: [(&str, &str); 6] = [
    ("authorization", "Bearer phc_test"),
    ("content-type", "application/json"),
    ("posthog-sdk-info", "posthog-node/5.0.0"),
    ("posthog-attempt", "1"),
    ("posthog-request-id", REQUEST),
    ("posthog-request-timestamp", NOW),
];

fn id(n: usize) -> String {
    format!("0190a0d0-0000-7000-8000-{n:012}")
}

fn event(n: usize) -> Value {
    json!({"event": "e", "uuid": id(n), "distinct_id": "u", "timestamp": NOW, "session_id": "s", "options": {},
        "properties": {"a": 1}})
}

async fn send(house: &House, batch: Value) -> Answer {
    let body = json!({"created_at": NOW, "batch": batch}).to_string();
    house.post("/i/v1/analytics/events", &HEADERS, body).await
}

#[tokio::test]
async fn every_uuid_has_its_result() {
    let house = House::new();
    let mut nameless = event(2);
    nameless["event"] = json!("");
    let mut nameful = event(3);
    nameful["uuid"] = json!("no-uuid");
    let answer = send(&house, json!([event(1), nameless, nameful])).await;
    assert_eq!((answer.status.as_u16(), answer.header("posthog-request-id")), (200, REQUEST));
    let results = answer.json()["results"].clone();
    assert_eq!(results[id(1)], json!({"result": "ok"}));
    assert_eq!(results[id(2)]["result"], "drop");
    assert_eq!(results["no-uuid"]["result"], "drop");
    let activity = house.activity();
    assert_eq!(activity["message_id"], json!(id(1)));
    assert_eq!(activity["common"], json!({"session_id": "s", "library": "posthog-node", "library_version": "5.0.0"}));
    assert_eq!(house.quarantine_reasons(), ["event_missing", "message_id_invalid"]);
}

#[tokio::test]
async fn a_repeated_uuid_is_an_error_of_the_whole() {
    let house = House::new();
    let answer = send(&house, json!([event(1), event(1)])).await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"].clone()), (400, json!("message_id_invalid")));
    assert!(house.records().is_empty());
}

#[tokio::test]
async fn headers_are_required() {
    let house = House::new();
    for missing in ["posthog-sdk-info", "posthog-attempt", "posthog-request-id", "posthog-request-timestamp"] {
        let headers: Vec<_> = HEADERS.into_iter().filter(|(name, _)| *name != missing).collect();
        let answer = house.post("/i/v1/analytics/events", &headers, "{}").await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"].clone()),
            (400, json!("header_invalid")),
            "{missing}"
        );
    }
    let changed = |name: &'static str, value: &'static str| {
        HEADERS.map(|(known, old)| if known == name { (known, value) } else { (known, old) })
    };
    let body = json!({"batch": [event(1)]}).to_string();
    for (name, value, status) in [
        ("content-type", "text/plain", 415),
        ("authorization", "Bearer nobody", 401),
        ("posthog-attempt", "0", 400),
        ("posthog-request-id", "7", 400),
    ] {
        let answer = house.post("/i/v1/analytics/events", &changed(name, value), body.clone()).await;
        assert_eq!(answer.status, status, "{name}");
    }
    let mut encoded = HEADERS.to_vec();
    encoded.push(("content-encoding", "lzma"));
    assert_eq!(house.post("/i/v1/analytics/events", &encoded, body.clone()).await.status, 415);
    encoded.pop();
    encoded.push(("content-encoding", "gzip"));
    assert_eq!(house.post("/i/v1/analytics/events", &encoded, gzip(body.as_bytes())).await.status, 200);
}

#[tokio::test]
async fn the_clock_is_left_alone_when_asked() {
    let house = House::new();
    let mut item = event(1);
    item["timestamp"] = json!("2026-11-23T10:00:00Z");
    item["options"] = json!({"disable_skew_correction": true});
    let headers = HEADERS.map(|(name, value)| match name {
        "posthog-request-timestamp" => (name, "2026-11-23T11:00:00Z"),
        _ => (name, value),
    });
    let body = json!({"batch": [item]}).to_string();
    house.post("/i/v1/analytics/events", &headers, body).await;
    assert_eq!(house.activity()["timestamp"], house.activity()["original_timestamp"]);
}
