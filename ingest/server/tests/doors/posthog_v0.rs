//! PostHog capture, version 0.

use base64::Engine;
use serde_json::json;

use crate::house::{House, gzip};

fn event() -> serde_json::Value {
    json!({"api_key": "phc_test", "event": "$pageview", "distinct_id": "u", "uuid": "0190a0d0-0000-7000-8000-000000000001",
        "properties": {"$current_url": "https://x/y", "$os": "Mac OS X", "$device_id": "d", "$lib": "web",
        "$session_id": "s", "$groups": {"company": "k"}, "$set_once": {"first": 1}, "utm_source": "mail"},
        "$set": {"plan": "pro"}, "timestamp": "2026-11-23T11:59:50Z"})
}

#[tokio::test]
async fn events_come_on_every_path_in_every_wrapping() {
    let house = House::new();
    let plain = event().to_string();
    for path in ["/i/v0/e", "/i/v0/e/", "/e", "/e/", "/capture/", "/track/", "/engage/", "/batch/", "/batch"] {
        let answer = house.post(path, &[], plain.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"status": "Ok"})), "{path}");
    }
    let base64 = base64::engine::general_purpose::STANDARD.encode(&plain);
    let form: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("data", &base64).finish();
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("data", &plain).finish();
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let answers = [
        house
            .post("/e/?compression=gzip-js&_=1795435198000", &[("content-type", "text/plain")], gzip(plain.as_bytes()))
            .await,
        house.post("/e/?compression=base64", &kind, form.clone()).await,
        house.post("/e/", &kind, form).await,
        house.post("/e/?compression=base64", &[], base64).await,
        house.get(&format!("/e/?{query}")).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(house.activities().len(), 14);
}

#[tokio::test]
async fn an_event_is_kept_whole() {
    let house = House::new();
    house.post("/e/?_=1795435198000", &[], event().to_string()).await;
    let activity = house.activity();
    assert_eq!((&activity["kind"], &activity["event"]), (&json!("page"), &json!("$pageview")));
    assert_eq!((&activity["distinct_id"], &activity["identified"]), (&json!("u"), &json!(false)));
    // received 12:00:00, sent 11:59:58: the clock is two seconds behind
    assert_eq!(activity["timestamp"], 1_795_435_192_000i64);
    assert_eq!(activity["set"], json!({"plan": "pro"}));
    assert_eq!(activity["set_once"], json!({"first": 1}));
    assert_eq!(activity["groups"], json!({"company": "k"}));
    assert_eq!(
        activity["common"],
        json!({"page_url": "https://x/y", "os": "Mac OS X", "device_id": "d", "library": "web", "session_id": "s",
            "campaign_source": "mail"})
    );
}

#[tokio::test]
async fn who_is_whom() {
    let house = House::new();
    let batch = json!({"api_key": "phc_test", "batch": [
        {"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "a"}},
        {"event": "$create_alias", "distinct_id": "u", "properties": {"alias": "b", "distinct_id": "u"}},
        {"event": "$merge_dangerously", "distinct_id": "u", "properties": {"alias": "c"}},
        {"event": "$groupidentify", "distinct_id": "u",
            "properties": {"$group_type": "company", "$group_key": "k", "$group_set": {"n": 1}}},
        {"event": "e", "properties": {"distinct_id": 42, "$is_identified": true}},
    ]});
    assert_eq!(house.post("/batch/", &[], batch.to_string()).await.status, 200);
    let activities = house.activities();
    let links: Vec<_> = activities.iter().take(3).map(|activity| activity["link"].clone()).collect();
    assert_eq!(links[0], json!({"kind": "identify", "from": "a", "into": "u"}));
    assert_eq!(links[1], json!({"kind": "alias", "from": "b", "into": "u"}));
    assert_eq!(links[2], json!({"kind": "merge", "from": "c", "into": "u"}));
    assert_eq!(activities[3]["groups"], json!({"company": "k"}));
    assert_eq!((&activities[4]["distinct_id"], &activities[4]["identified"]), (&json!("42"), &json!(true)));
}

#[tokio::test]
async fn tokens_are_one_known_project_token() {
    let house = House::new();
    let item = |token: &str| json!({"token": token, "event": "e", "distinct_id": "u"});
    let refused = [
        json!([item("phc_test"), item("ffw_other")]),
        item("phx_personal"),
        item("nobody"),
        json!({"event": "e", "distinct_id": "u"}),
    ];
    for body in refused {
        assert_eq!(house.post("/e/", &[], body.to_string()).await.status, 401, "{body}");
    }
    let in_properties = json!([{"event": "e", "distinct_id": "u", "properties": {"token": "phc_test"}}]);
    assert_eq!(house.post("/e/", &[], in_properties.to_string()).await.status, 200);
    assert_eq!(house.activities().len(), 1);
}

/// An app's own property of that name, in a batch that says its token.
#[tokio::test]
async fn a_property_called_token_is_the_apps_own() {
    let house = House::new();
    let registered =
        json!({"event": "push_registered", "distinct_id": "u", "properties": {"token": "of the device", "n": 1}});
    let other = json!({"event": "e", "distinct_id": "u"});
    let batch = json!({"api_key": "phc_test", "batch": [registered, other]});
    assert_eq!(house.post("/batch/", &[], batch.to_string()).await.status, 200);
    assert_eq!(house.activities()[0]["properties"], json!({"token": "of the device", "n": 1}));
    let other = json!({"api_key": "phc_test", "batch": [{"token": "ffw_other", "event": "e", "distinct_id": "u"}]});
    assert_eq!(house.post("/batch/", &[], other.to_string()).await.status, 401);
}

/// posthog-js puts what it knows of the first visit beside the properties, and what the app says among them.
#[tokio::test]
async fn changes_of_a_person_are_taken_from_both_places() {
    let house = House::new();
    let batch = json!({"api_key": "phc_test", "batch": [
        {"event": "$set", "distinct_id": "u", "properties": {"$set": {"plan": "pro"}, "$set_once": {}},
            "$set_once": {"$initial_referrer": "$direct"}},
        {"event": "e", "distinct_id": "u", "properties": {"$set": {"a": 1, "b": 1}, "$set_once": {"c": 1}},
            "$set": {"b": 2}, "$set_once": {"d": 2}},
        {"event": "e", "distinct_id": "u", "properties": {"$set": {}, "$user_id": ""}, "$set": {}},
    ]});
    assert_eq!(house.post("/batch/", &[], batch.to_string()).await.status, 200);
    let changes: Vec<_> = house
        .activities()
        .iter()
        .map(|activity| json!([activity["set"], activity["set_once"], activity["identified"]]))
        .collect();
    let wanted = [
        json!([{"plan": "pro"}, {"$initial_referrer": "$direct"}, false]),
        json!([{"a": 1, "b": 2}, {"c": 1, "d": 2}, false]),
        json!([null, null, false]),
    ];
    assert_eq!(changes, wanted);
}

#[tokio::test]
async fn what_a_person_is_to_lose_comes_in_every_shape() {
    let house = House::new();
    let event = |inside: serde_json::Value, beside: serde_json::Value| json!({"event": "e", "distinct_id": "u", "properties": {"$unset": inside}, "$unset": beside});
    let batch = [
        event(json!(["a", "b"]), json!(null)),
        event(json!(null), json!(["a"])),
        event(json!({"a": "", "b\"": 1}), json!(null)),
        event(json!(["a"]), json!(["b"])),
        event(json!("a"), json!([])),
    ];
    let batch = json!({"api_key": "phc_test", "batch": batch});
    assert_eq!(house.post("/batch/", &[], batch.to_string()).await.status, 200);
    let lost: Vec<_> = house.activities().iter().map(|activity| activity["unset"].clone()).collect();
    assert_eq!(lost, [json!(["a", "b"]), json!(["a"]), json!(["a", "b\""]), json!(["a", "b"]), json!(null)]);
}

#[tokio::test]
async fn faults_have_the_statuses_that_clients_know() {
    let house = House::new();
    for body in ["", "{", "[]", "3", r#"{"api_key":"phc_test","batch":[]}"#] {
        assert_eq!(house.post("/batch/", &[], body).await.status, 400, "{body:?}");
    }
    let large = format!(r#"{{"api_key":"phc_test","event":"{}"}}"#, "x".repeat(3 << 20));
    assert_eq!(house.post("/e/", &[], large).await.status, 413);
    let nameless = r#"{"api_key":"phc_test","distinct_id":"u"}"#;
    let answer = house.post("/e/", &[], nameless).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].clone()), (400, json!("event_missing")));
    assert_eq!(house.quarantine_reasons(), ["event_missing"]);
}

#[tokio::test]
async fn long_ids_are_cut() {
    let house = House::new();
    let body = json!({"api_key": "phc_test", "event": "e", "distinct_id": "é".repeat(300)});
    assert_eq!(house.post("/e/", &[], body.to_string()).await.status, 200);
    assert_eq!(house.activity()["distinct_id"].as_str().unwrap().chars().count(), 200);
}

#[tokio::test]
async fn clients_start_with_their_configuration() {
    let house = House::new();
    assert_eq!(house.get("/array/phc_test/config").await.json()["hasFeatureFlags"], true);
    let script = house.get("/array/phc_test/config.js").await;
    assert_eq!(script.header("content-type"), "application/javascript");
    assert!(script.text().contains("_POSTHOG_REMOTE_CONFIG[\"phc_test\"]="));
}
