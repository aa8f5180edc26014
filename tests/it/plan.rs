//! The tracking plan on the running program: what it refuses is quarantined and accounted for, and becomes activity after the plan
//! changed.

use hyper::Method;
use serde_json::{Value, json};

use crate::accounts::{Person, owner};
use crate::environment::{post_with, with_staging};
use crate::server::Server;

const PLAN: &str = "/v1/projects/default/plan";

fn bought(id: &str, price: Value) -> Value {
    json!({"event": "bought", "distinctId": "ada", "messageId": id, "properties": {"price": price, "note": "for my aunt"}})
}

fn planned(schema: &Value, on_violation: &str) -> Value {
    json!({"description": "Paid.", "schema": schema, "on_violation": on_violation})
}

async fn violations(owner: &Person<'_>) -> Vec<(String, String, i64)> {
    let told = owner.get(&format!("{PLAN}/violations?activity=bought")).await;
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let told = told["items"].as_array().unwrap().iter();
    told.map(|item| (text(item, "path"), text(item, "fate"), item["times"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn what_the_plan_refuses_is_quarantined_and_read_again_after_it_changed() {
    let mut server = Server::start().await;
    let owner_of = owner(&server).await;
    let numbers = json!({"properties": {"price": {"type": "number"}}});
    let mut new = planned(&numbers, "count");
    new["activity"] = json!("bought");
    owner_of.post(&format!("{PLAN}/activities"), new).await;
    let items = json!([bought("1", json!(3)), bought("2", json!("3 EUR"))]);
    assert_eq!(server.post(&items).await.json()["accepted"], 2, "otherwise than planned, and taken");
    let one = format!("{PLAN}/activities/bought");
    let changed = owner_of.changing(Method::PUT, &one, planned(&numbers, "refuse")).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let items = json!([bought("3", json!(4)), bought("4", json!("4 EUR")), bought("4", json!("4 EUR"))]);
    let account = server.post(&items).await.json();
    assert_eq!([&account["accepted"], &account["quarantined"]], [1, 2], "{account}");
    let item = &account["items"][0];
    assert_eq!([&item["reason"], &item["message_id"]], ["plan_violated", "4"]);
    assert_eq!(item["detail"], "otherwise than planned: /price type", "the value is not repeated");

    server.until("SELECT count(*) FROM activity", 3).await;
    server.until("SELECT count(*) FROM quarantine WHERE reason = 'plan_violated'", 1).await;
    let mut fates = [0.0; 4];
    for (fate, place) in fates.iter_mut().zip(["received", "accepted", "quarantined", "rejected"]) {
        *fate = server.metric(&format!("footfall_{place}_total"), "").await;
    }
    assert_eq!(fates, [5.0, 3.0, 2.0, 0.0], "received = accepted + quarantined + rejected");
    assert_eq!(server.metric("footfall_plan_violating_total", "quarantined").await, 2.0);
    // An app that got no answer sends all of it again: nothing is counted twice.
    assert_eq!(server.post(&items).await.json()["quarantined"], 2);
    let want = [("/price".to_owned(), "accepted".to_owned(), 1), ("/price".to_owned(), "quarantined".to_owned(), 1)];
    server.eventually("violations are written down", || async { violations(&owner_of).await == want }).await;

    // Nothing changed: the quarantined one stays. Then texts are planned as well.
    assert!(server.run(&["replay"]).status.success());
    assert_eq!(server.number("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL").await, 1);
    let texts = json!({"properties": {"price": {"type": ["number", "string"]}}});
    owner_of.changing(Method::PUT, &one, planned(&texts, "refuse")).await;
    let done = owner_of.post("/v1/projects/default/quarantine/replay", json!({"reason": "plan_violated"})).await;
    assert_eq!(done, json!({"replayed": 1, "quarantined": 0}));
    server.until("SELECT count(*) FROM activity WHERE message_id = '4'", 1).await;
    server.until("SELECT count(*) FROM quarantine WHERE resolved_at IS NOT NULL", 1).await;
    // The plan is there after a restart, before the first activity.
    drop(owner_of);
    server.stop().await;
    server.restart().await;
    assert_eq!(server.post(&json!([bought("5", json!(true))])).await.json()["quarantined"], 1);
}

/// What a key of another environment sent is of that environment after it was read again.
#[tokio::test]
async fn what_is_read_again_is_of_the_environment_of_the_key_that_sent_it() {
    let mut server = Server::start().await;
    let set_up = async |team: &Person<'_>| {
        let mut new = planned(&json!({"properties": {"price": {"type": "number"}}}), "refuse");
        new["activity"] = json!("bought");
        team.post(&format!("{PLAN}/activities"), new).await;
    };
    let (token, own, staging) = with_staging(&mut server, set_up).await;
    let team = Person { server: &server, token };
    for (key, id) in [(&own, "production"), (&staging, "staging")] {
        let account = post_with(&server, key, &json!([bought(id, json!("3 EUR"))])).await.json();
        assert_eq!(account["quarantined"], 1, "{account}");
    }
    server.until("SELECT count(*) FROM quarantine", 2).await;
    let changed = planned(&json!({"properties": {"price": {"type": "string"}}}), "refuse");
    let changed = team.changing(Method::PUT, &format!("{PLAN}/activities/bought"), changed).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let done = team.post("/v1/projects/default/quarantine/replay", json!({"reason": "plan_violated"})).await;
    assert_eq!(done, json!({"replayed": 2, "quarantined": 0}));
    server.until("SELECT count(*) FROM activity", 2).await;
    let sql = "SELECT message_id, properties->>'$environment', properties->>'price' FROM activity ORDER BY message_id";
    let rows = json!(server.sql(sql).await);
    assert_eq!(rows, json!([["production", null, "3 EUR"], ["staging", "staging", "3 EUR"]]));
}
