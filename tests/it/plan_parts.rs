//! The tracking plan on an installation of several processes: made at one with the API, held at every door, its violations told and
//! its quarantine read again by the other.

use std::sync::atomic::{AtomicI64, Ordering};

use hyper::Method;
use serde_json::{Value, json};

use crate::accounts::{Person, owner_told_by};
use crate::scaleout::Installation;
use crate::server::Server;

const PLAN: &str = "/v1/projects/default/plan";

fn planned(types: Value) -> Value {
    json!({"description": "Paid.", "on_violation": "refuse", "schema": {"properties": {"price": {"type": types}}}})
}

fn bought(id: &str, price: Value) -> Value {
    json!([{"event": "bought", "distinctId": "ada", "messageId": id, "properties": {"price": price}}])
}

async fn violations(person: &Person<'_>) -> i64 {
    let told = person.get(&format!("{PLAN}/violations?activity=bought")).await;
    told["items"].as_array().unwrap().iter().map(|item| item["times"].as_i64().unwrap()).sum()
}

/// What the doors were given that is otherwise than planned, by what they did with it.
#[derive(Default)]
struct Given {
    number: AtomicI64,
    accepted: AtomicI64,
    quarantined: AtomicI64,
}

impl Given {
    /// True when this door has refused one.
    async fn is_refused(&self, door: &Server) -> bool {
        let id = format!("text-{}", self.number.fetch_add(1, Ordering::SeqCst));
        let account = door.post(&bought(&id, json!("3 EUR"))).await.json();
        for (count, name) in [(&self.accepted, "accepted"), (&self.quarantined, "quarantined")] {
            count.fetch_add(account[name].as_i64().unwrap(), Ordering::SeqCst);
        }
        account["quarantined"] == 1
    }

    fn quarantined(&self) -> i64 {
        self.quarantined.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doors_of_an_installation_in_parts_hold_to_the_plan() {
    // What one process signs the other takes, since both are known by one address.
    let address = [("FOOTFALL_SERVER_PUBLIC_URL", "http://footfall.example")];
    let Some(mut parts) = Installation::start_with("plan", &address).await else { return };
    let [first, second] = &parts.api;
    let owner = owner_told_by(first, &[first, second]).await;
    let elsewhere = Person { server: second, token: owner.token.clone() };
    let mut new = planned(json!("number"));
    new["activity"] = json!("bought");
    owner.post(&format!("{PLAN}/activities"), new).await;

    let given = Given::default();
    for door in &parts.ingest {
        door.eventually("the door knows the plan", || given.is_refused(door)).await;
        assert_eq!(door.post(&bought(&door.url(), json!(3))).await.json()["accepted"], 1);
        assert!(given.is_refused(door).await, "from then on");
    }
    let (accepted, quarantined) = (given.accepted.load(Ordering::SeqCst) + 2, given.quarantined());
    assert!(quarantined >= 4);
    for api in [first, second] {
        api.until("SELECT count(*) FROM activity WHERE event = 'bought'", accepted).await;
        api.until("SELECT count(*) FROM quarantine WHERE reason = 'plan_violated'", quarantined).await;
    }
    second
        .eventually("both doors' violations are told", || async { violations(&elsewhere).await == quarantined })
        .await;

    // Changed at one, read again at the other.
    let one = format!("{PLAN}/activities/bought");
    let changed = owner.changing(Method::PUT, &one, planned(json!(["number", "string"]))).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let replayed = std::sync::atomic::AtomicI64::new(0);
    second
        .eventually("the other knows the change", || async {
            let again =
                elsewhere.post("/v1/projects/default/quarantine/replay", json!({"reason": "plan_violated"})).await;
            replayed.fetch_add(again["replayed"].as_i64().unwrap(), Ordering::SeqCst)
                + again["replayed"].as_i64().unwrap()
                >= quarantined
        })
        .await;
    for api in [first, second] {
        api.until("SELECT count(*) FROM activity WHERE event = 'bought'", accepted + quarantined).await;
        let open = || async { api.number("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL").await == 0 };
        api.eventually("all of it is resolved", open).await;
    }
    // A door that is started again knows the plan before the first activity.
    let door = &mut parts.ingest[0];
    door.kill();
    door.restart().await;
    assert_eq!(door.post(&bought("true", json!(true))).await.json()["quarantined"], 1);
}
