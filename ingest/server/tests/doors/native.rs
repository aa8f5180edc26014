//! The native dialect.

use serde_json::json;

use crate::house::{House, KEY, NOW, OPERATOR};

#[tokio::test]
async fn an_object_an_array_and_lines_are_taken() {
    let house = House::new();
    let item = r#"{"event":"e","distinctId":"u"}"#;
    let bodies = [item.to_owned(), format!("[{item},{item}]"), format!("{item}\n{item}\n\n{item}\n")];
    for (body, count) in bodies.into_iter().zip(1..) {
        let answer = house.native("", body).await;
        assert_eq!(answer.json(), json!({"accepted": count, "quarantined": 0, "rejected": 0, "items": []}));
    }
    assert_eq!(house.activities().len(), 6);
}

/// Each from a device of its own, as one device's clock is known after the first request.
#[tokio::test]
async fn a_clock_is_corrected_however_the_items_are_written() {
    let house = House::new();
    let item = |device: &str| {
        json!({"event": "e", "distinctId": device, "timestamp": "2026-11-23T11:59:50Z", "sentAt": "2026-11-23T11:59:58Z"})
            .to_string()
    };
    for body in [item("a"), format!("[{},{}]", item("b"), item("b")), format!("{}\n{}", item("c"), item("c"))] {
        assert_eq!(house.native("", body).await.status, 200);
    }
    let times: Vec<_> = house.activities().iter().map(|activity| activity["timestamp"].clone()).collect();
    assert_eq!(times, vec![json!(1_795_435_192_000i64); 5], "12:00:00 less 8 s");
}

#[tokio::test]
async fn every_items_fate_is_told() {
    let house = House::new();
    let lines = [
        r#"{"event":"e","userId":"u","messageId":"m0"}"#.as_bytes(),
        br#"{"userId":"u","messageId":"m1"}"#,
        b"{nonsense",
        b"{\"event\":\"\xff\",\"userId\":\"u\"}",
        br#"{"event":"e"}"#,
    ];
    let answer = house.native("", lines.join(&b'\n')).await.json();
    assert_eq!(
        answer,
        json!({"accepted": 1, "quarantined": 2, "rejected": 2, "items": [
            {"index": 1, "fate": "quarantined", "reason": "event_missing",
                "detail": "a track needs an event name", "message_id": "m1"},
            {"index": 2, "fate": "rejected", "reason": "not_json", "detail": "the line is not JSON"},
            {"index": 3, "fate": "rejected", "reason": "not_utf8", "detail": "the line is not UTF-8"},
            {"index": 4, "fate": "quarantined", "reason": "distinct_id_missing",
                "detail": "send a user id or an anonymous id"},
        ]})
    );
    let verbose = house.native("?verbose=true", r#"{"event":"e","userId":"u","messageId":"m9"}"#).await.json();
    assert_eq!(verbose["items"], json!([{"index": 0, "fate": "accepted", "message_id": "m9"}]));
}

#[tokio::test]
async fn all_fields_reach_the_record() {
    let house = House::new();
    let body = json!({"event": "e", "distinctId": "d", "anonymousId": "a", "messageId": "m", "timestamp": NOW,
        "properties": {"x": 1, "value": "3.5"}, "context": {"os": "Linux", "device_id": "dev", "country": "DE"},
        "set": {"a": 1}, "setOnce": {"b": 2}, "unset": ["c"], "groups": {"company": "k"}});
    house.native("", body.to_string()).await;
    let activity = house.activity();
    assert_eq!(activity["distinct_id"], "d");
    assert_eq!(activity["set"], json!({"a": 1}));
    assert_eq!(activity["set_once"], json!({"b": 2}));
    assert_eq!(activity["unset"], json!(["c"]));
    assert_eq!(activity["groups"], json!({"company": "k"}));
    assert_eq!(activity["common"], json!({"os": "Linux", "device_id": "dev", "country": "DE", "amount": 3.5}));
}

#[tokio::test]
async fn ids_follow_from_content_where_there_is_a_time() {
    let house = House::new();
    let timed = format!(r#"{{"event":"e","userId":"u","timestamp":"{NOW}"}}"#);
    for body in [&*timed, &*timed, r#"{"event":"e","userId":"u"}"#, r#"{"event":"e","userId":"u"}"#] {
        house.native("", body.to_owned()).await;
    }
    let ids: Vec<_> = house.activities().iter().map(|activity| activity["message_id"].clone()).collect();
    assert!(ids[0].as_str().unwrap().starts_with("c-"));
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[2], ids[3]);
}

#[tokio::test]
async fn problems_are_problem_details_with_a_code() {
    let house = House::new();
    let bad = house.native("", "{").await;
    assert_eq!((bad.status.as_u16(), bad.header("content-type")), (400, "application/problem+json"));
    assert_eq!((&bad.json()["code"], &bad.json()["status"]), (&json!("not_json"), &json!(400)));
    let nobody = house.post("/v1/activity", &[("x-write-key", "nobody")], "{}").await;
    assert_eq!((nobody.status.as_u16(), nobody.json()["code"].clone()), (401, json!("key_unknown")));
    assert_eq!(house.post("/v1/activity", &[], "{}").await.json()["code"], "key_missing");
    let large = house.native("", vec![b' '; 21 << 20]).await;
    assert_eq!((large.status.as_u16(), large.json()["code"].clone()), (413, json!("body_too_large")));
}

#[tokio::test]
async fn operators_tag_imports_choose_projects_and_give_commands() {
    let house = House::new();
    let operator = [("x-write-key", OPERATOR), ("x-footfall-project", "chosen")];
    let body = r#"{"event":"e","distinct_id":"u","properties":{"$os":"Mac"},"timestamp":"2020-01-01T00:00:00Z"}
        {"type":"track","event":"f","userId":"u"}"#;
    house.post("/v1/activity?import=run1", &operator, body).await;
    let activities = house.activities();
    assert_eq!((&activities[0]["import"], &activities[0]["project"]), (&json!("run1"), &json!("chosen")));
    assert_eq!((&activities[0]["common"]["os"], &activities[1]["event"]), (&json!("Mac"), &json!("f")));
    let commands = r#"[{"type":"unmerge","mergeId":"x"},{"type":"resolve","quarantineId":"y"}]"#;
    let answer = house.post("/v1/activity", &operator, commands).await;
    assert_eq!(answer.json()["accepted"], 2);
    let kinds: Vec<_> = house.records().iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [1, 1, 4, 3]);
    let refused = house.native("?import=run1", r#"{"type":"unmerge","mergeId":"x"}"#).await.json();
    assert_eq!((&refused["rejected"], &refused["items"][0]["reason"]), (&json!(1), &json!("operator_only")));
    let headers = [("x-write-key", KEY), ("x-footfall-project", "chosen")];
    house.post("/v1/activity?import=run1", &headers, r#"{"event":"e","userId":"u"}"#).await;
    let last = house.activities().pop().unwrap();
    assert_eq!((&last["project"], last.get("import")), (&json!("p1"), None));
}
