//! RudderStack's own ways in.

use serde_json::json;

use crate::house::{House, KEY, basic};

#[tokio::test]
async fn pixels_are_calls() {
    let house = House::new();
    let uri =
        format!("/pixel/v1/track?writeKey={KEY}&userId=u&event=Mail+opened&properties.campaign=x&context.locale=de");
    let answer = house.get(&uri).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "image/gif"));
    let activity = house.activity();
    assert_eq!((&activity["event"], &activity["dialect"]), (&json!("Mail opened"), &json!("rudder")));
    assert_eq!(activity["properties"], json!({"campaign": "x"}));
    assert_eq!(activity["common"]["locale"], "de");
    house.get(&format!("/pixel/v1/page?writeKey={KEY}&anonymousId=a&name=Home")).await;
    assert_eq!(house.activities()[1]["event"], "$pageview");
}

#[tokio::test]
async fn beacons_are_batches() {
    let house = House::new();
    let body = json!({"batch": [{"type": "track", "event": "e", "anonymousId": "a", "originalTimestamp": "2026-11-23T11:00:00Z"}]});
    let uri = format!("/beacon/v1/batch?writeKey={KEY}");
    let answer = house.post(&uri, &[("content-type", "text/plain")], body.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "OK".to_owned()));
    assert_eq!(house.activity()["original_timestamp"], 1_795_431_600_000i64);
}

#[tokio::test]
async fn merges_join_two_ids() {
    let house = House::new();
    let body = json!({"mergeProperties": [{"type": "user_id", "value": "u"}, {"type": "email", "value": "x@y"}]});
    assert_eq!(house.segment("/v1/merge", body.to_string()).await.status, 200);
    let activity = house.activity();
    assert_eq!(activity["link"], json!({"kind": "merge", "from": "x@y", "into": "u"}));
    assert_eq!((&activity["event"], &activity["distinct_id"]), (&json!("$merge"), &json!("u")));
    house.segment("/v1/merge", r#"{"userId":"u"}"#).await;
    assert_eq!(house.quarantine_reasons(), ["alias_incomplete"]);
}

#[tokio::test]
async fn the_browser_client_gets_its_source() {
    let house = House::new();
    let request = http::Request::get("/sourceConfig/?p=npm").header("authorization", basic(KEY));
    let answer = house.send(request.body(axum::body::Body::empty()).unwrap()).await.json();
    assert_eq!((&answer["source"]["id"], &answer["source"]["destinations"]), (&json!("footfall"), &json!([])));
    assert_eq!(house.get("/sourceConfig?writeKey=nobody").await.status, 401);
}

/// As the browser's client writes them: whoever is not signed in has an empty user id, and traits stand in the context alone.
#[tokio::test]
async fn the_browser_clients_visitors_are_nobodys_users_and_their_traits_are_kept() {
    let house = House::new();
    let batch = json!({"sentAt": "2026-11-23T12:00:00Z", "batch": [
        {"type": "track", "event": "e", "userId": "", "anonymousId": "a", "context": {"traits": {}, "groupId": ""}},
        {"type": "identify", "userId": "", "anonymousId": "a", "context": {"traits": {"plan": "free"}}},
        {"type": "identify", "userId": "ada", "anonymousId": "a", "traits": {}, "context": {"traits": {"plan": "pro"}}},
        {"type": "group", "userId": "", "anonymousId": "a", "groupId": "g", "traits": {"size": 3}},
        {"type": "merge", "userId": "", "anonymousId": "",
            "mergeProperties": [{"type": "user_id", "value": "u"}, {"type": "email", "value": "x@y"}]},
    ]});
    assert_eq!(house.segment("/v1/batch", batch.to_string()).await.status, 200);
    let activities = house.activities();
    assert_eq!(activities.len(), 5, "{:?}", house.quarantine_reasons());
    let identified: Vec<_> = activities.iter().map(|activity| activity["identified"].clone()).collect();
    assert_eq!(identified, [json!(false), json!(false), json!(true), json!(false), json!(false)]);
    assert_eq!((&activities[0]["groups"], &activities[0]["link"]), (&json!(null), &json!(null)));
    assert_eq!((&activities[1]["set"], &activities[1]["distinct_id"]), (&json!({"plan": "free"}), &json!("a")));
    assert_eq!(
        (&activities[2]["set"], &activities[2]["properties"]),
        (&json!({"plan": "pro"}), &json!({"plan": "pro"}))
    );
    assert_eq!(activities[3]["groups"], json!({"group": "g"}));
    assert_eq!(activities[4]["distinct_id"], "u");
}
