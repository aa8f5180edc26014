//! Segment's wire contract.

use serde_json::json;

use crate::house::{House, KEY, basic};

#[tokio::test]
async fn a_track_is_kept_whole() {
    let house = House::new();
    let body = r#"{"userId":"u1","anonymousId":"a1","event":"Order Completed","messageId":"m1",
        "timestamp":"2026-11-23T11:59:50.000Z","sentAt":"2026-11-23T11:59:58.000Z",
        "properties":{"revenue":12.5,"currency":"EUR","big":123456789012345678901234567890},
        "context":{"library":{"name":"analytics.js","version":"2"},"page":{"url":"https://x/y","path":"/y"},
        "device":{"id":"d1"},"os":{"name":"iOS"},"campaign":{"source":"mail"},"locale":"de-DE",
        "location":{"country":"DE","latitude":52.5,"longitude":13.4}}}"#;
    let answer = house.segment("/v1/track", body).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"success": true})));
    let activity = house.activity();
    assert_eq!(activity["message_id"], "m1");
    assert_eq!(activity["event"], "Order Completed");
    assert_eq!(activity["distinct_id"], "u1");
    assert_eq!(activity["project"], "p1");
    // received − (sent − original) = 12:00:00 − 8 s
    assert_eq!(activity["timestamp"], 1_795_435_192_000i64);
    assert_eq!(activity["link"], json!({"kind": "identify", "from": "a1", "into": "u1"}));
    assert_eq!(activity["identified"], true);
    let common = &activity["common"];
    assert_eq!((&common["os"], &common["device_id"], &common["country"]), (&json!("iOS"), &json!("d1"), &json!("DE")));
    assert_eq!((&common["amount"], &common["currency"]), (&json!(12.5), &json!("EUR")));
    assert_eq!((&common["library"], &common["page_path"]), (&json!("analytics.js"), &json!("/y")));
    let payload = String::from_utf8(house.records()[0].payload.clone()).unwrap();
    assert!(payload.contains("123456789012345678901234567890"), "{payload}");
}

#[tokio::test]
async fn every_call_has_its_event_and_meaning() {
    let house = House::new();
    let batch = json!({"writeKey": KEY, "batch": [
        {"type": "identify", "userId": "u", "traits": {"plan": "pro"}},
        {"type": "page", "userId": "u", "name": "Home", "properties": {"url": "https://x/"}},
        {"type": "screen", "userId": "u", "name": "Main"},
        {"type": "group", "userId": "u", "groupId": "g", "traits": {"size": 3}},
        {"type": "alias", "userId": "u", "previousId": "old"},
    ]});
    let answer = house.post("/v1/batch", &[], batch.to_string()).await;
    assert_eq!(answer.status, 200);
    let activities = house.activities();
    let events: Vec<_> = activities.iter().map(|activity| activity["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["$identify", "$pageview", "$screen", "$groupidentify", "$create_alias"]);
    assert_eq!(activities[0]["set"], json!({"plan": "pro"}));
    assert_eq!(activities[1]["common"]["page_title"], "Home");
    assert_eq!(activities[2]["common"]["screen"], "Main");
    assert_eq!(activities[3]["groups"], json!({"group": "g"}));
    assert_eq!(activities[3]["properties"], json!({"size": 3}));
    assert_eq!(activities[4]["link"], json!({"kind": "alias", "from": "old", "into": "u"}));
}

/// What the browser's `analytics.alias("ada")` sends.
#[tokio::test]
async fn an_alias_without_a_previous_id_means_the_visitor() {
    let house = House::new();
    house.segment("/v1/alias", r#"{"type":"alias","userId":"ada","anonymousId":"a"}"#).await;
    house.segment("/v1/alias", r#"{"type":"alias","userId":"ada","anonymousId":"a","previousId":"old"}"#).await;
    house.segment("/v1/alias", r#"{"type":"alias","anonymousId":"a","previousId":"old"}"#).await;
    let links: Vec<_> = house.activities().iter().map(|activity| activity["link"].clone()).collect();
    let wanted = ["a", "old"].map(|from| json!({"kind": "alias", "from": from, "into": "ada"}));
    assert_eq!(links, wanted);
    assert_eq!(house.quarantine_reasons(), ["alias_incomplete"]);
}

#[tokio::test]
async fn short_paths_take_plain_text_with_the_key_in_the_body() {
    let house = House::new();
    for (path, event) in [("t", "e"), ("i", "$identify"), ("p", "$pageview"), ("s", "$screen"), ("g", "$groupidentify")]
    {
        let body = json!({"writeKey": KEY, "anonymousId": "a", "event": "e", "groupId": "g"}).to_string();
        let answer = house.post(&format!("/v1/{path}"), &[("content-type", "text/plain")], body).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(house.activities().last().unwrap()["event"], if path == "t" { "e" } else { event });
    }
    let batch = json!({"writeKey": KEY, "batch": [{"type": "track", "anonymousId": "a", "event": "e"}]}).to_string();
    assert_eq!(house.post("/v1/b", &[("content-type", "text/plain")], batch).await.status, 200);
    assert_eq!(house.post("/v1/m", &[], "{}").await.status, 200);
    assert_eq!(house.activities().len(), 6);
}

#[tokio::test]
async fn the_batchs_context_is_merged_under_the_items_own() {
    let house = House::new();
    let batch = json!({"batch": [{"type": "track", "event": "e", "userId": "u", "context": {"locale": "fr"}}, 7],
        "context": {"locale": "en", "timezone": "UTC"}});
    house.segment("/v1/batch", batch.to_string()).await;
    let activity = house.activity();
    assert_eq!(activity["context"], json!({"locale": "fr", "timezone": "UTC"}));
    assert_eq!((&activity["common"]["locale"], &activity["common"]["timezone"]), (&json!("fr"), &json!("UTC")));
    assert_eq!(house.quarantine_reasons(), ["malformed"]);
}

#[tokio::test]
async fn what_is_quarantined_can_be_read_on_its_own() {
    let house = House::new();
    house.segment("/v1/track", r#"{"userId":"u"}"#).await;
    let batch = json!({"batch": [{"type": "nope", "userId": "u", "context": {"a": 1}}], "context": {"b": 2}});
    house.segment("/v1/batch", batch.to_string()).await;
    let quarantined = house.quarantined();
    assert_eq!(quarantined[0]["reason"], "event_missing");
    let raw: serde_json::Value = serde_json::from_str(quarantined[0]["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw, json!({"type": "track", "userId": "u"}));
    assert_eq!(quarantined[1]["reason"], "unknown_type");
    let raw: serde_json::Value = serde_json::from_str(quarantined[1]["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw["context"], json!({"b": 2, "a": 1}));
}

#[tokio::test]
async fn keys_come_as_basic_bearer_or_in_the_body() {
    let house = House::new();
    let item = r#"{"event":"e","userId":"u"}"#;
    for authorization in [basic(KEY), format!("Bearer {KEY}")] {
        assert_eq!(house.post("/v1/track", &[("authorization", &authorization)], item).await.status, 200);
    }
    let unknown = house.post("/v1/track", &[("authorization", &basic("nobody"))], item).await;
    assert_eq!((unknown.status.as_u16(), unknown.json()["code"].clone()), (401, json!("key_unknown")));
    assert_eq!(house.post("/v1/track", &[], item).await.status, 401);
    assert_eq!(house.activities().len(), 2);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_400_and_never_413() {
    let house = House::new();
    for body in ["", "{", "nonsense", r#"{"batch":3}"#, "[]", "{}"] {
        assert_eq!(house.segment("/v1/batch", body).await.status, 400, "{body:?}");
    }
    let large = format!(r#"{{"batch":[],"x":"{}"}}"#, "x".repeat(5 << 20));
    assert_eq!(house.segment("/v1/batch", large).await.status, 400);
    assert_eq!(house.segment("/v1/batch", r#"{"batch":[]}"#).await.status, 200);
    assert!(house.records().is_empty());
}

#[tokio::test]
async fn settings_lead_the_browser_client_here() {
    let house = House::new();
    let request = http::Request::get(format!("/v1/projects/{KEY}/settings")).header("host", "127.0.0.1:8080");
    let answer = house.send(request.body(axum::body::Body::empty()).unwrap()).await;
    let segment = answer.json()["integrations"]["Segment.io"].clone();
    assert_eq!((&segment["apiHost"], &segment["apiKey"]), (&json!("127.0.0.1:8080/v1"), &json!(KEY)));
    assert_eq!(segment["protocol"], "http");
    assert_eq!(answer.header("cache-control"), "no-store", "the host is whatever the asker says");
    assert_eq!(house.get("/v1/projects/nobody/settings").await.status, 404);
}

#[tokio::test]
async fn settings_are_given_by_a_process_without_the_other_doors_too() {
    let house = House::of_settings();
    let request = http::Request::get(format!("/v1/projects/{KEY}/settings"))
        .header("host", "127.0.0.1:8080")
        .header("origin", "https://app.example");
    let answer = house.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["integrations"]["Segment.io"]["apiHost"], "127.0.0.1:8080/v1");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(house.get("/v1/projects/nobody/settings").await.json()["code"], "key_unknown");
    assert_eq!(house.segment("/v1/t", "{}").await.status, 404);
}
