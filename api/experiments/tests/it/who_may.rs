//! Who may do what beyond the permission of a route: results are for those who see everything, and a change of a flag is one whoever schedules it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::gear::{Answer, House, house, house_with};
use crate::stage::{NOON, Stage};
use crate::tables::{Activity, Tables};

/// Somebody who came by invitation, with their token.
async fn joined(stage: &Stage, house: &House, email: &str, role: &str) -> String {
    let organisation = house.access.organisation_of("shop").unwrap();
    let invitation = json!({"email": email, "role": role});
    house.ask("POST", &format!("/v1/organisations/{organisation}/invitations"), &[], invitation).await.good();
    while house.access.send_mails().await.expect("sent") > 0 {}
    let mails = std::fs::read_dir(stage.folder.path().join("mails")).unwrap();
    let texts = mails.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
    let text = texts.filter(|text| text.starts_with(&format!("To: {email}\n"))).last().expect("a mail");
    let link = text.lines().find(|line| line.starts_with("https://")).expect("a link");
    let secret = link.rsplit_once('#').expect("a secret").1;
    let accepted = json!({"secret": secret, "name": "Eve", "password": "mein Rad hat drei Räder"});
    let answer = house.raw("POST", "/v1/invitations/acceptance", &[], accepted).await.good().json();
    answer["session"]["access_token"].as_str().unwrap().to_owned()
}

/// A role of these permissions, and somebody in it.
async fn in_role(stage: &Stage, house: &House, name: &str, permissions: Value, rows: Value, masks: Value) -> String {
    let organisation = house.access.organisation_of("shop").unwrap();
    let role = json!({"name": name, "permissions": permissions, "rows": rows, "masks": masks});
    let made = house.ask("POST", &format!("/v1/organisations/{organisation}/roles"), &[], role).await.good().json();
    joined(stage, house, &format!("{name}@example.org"), made["id"].as_str().unwrap()).await
}

async fn by(house: &House, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("if-match", "*")];
    house.raw(method, &format!("/v1/projects/shop/{path}"), &headers, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_sees_everything_reads_results() {
    let shown = |number: u32| Activity {
        person: format!("person {number}"),
        event: "Experiment Viewed",
        millis: NOON.millis() + 1_000,
        amount: None,
        user_agent: "Firefox",
        browser: "Firefox",
        country: "de",
        properties: json!({"experimentId": "exp", "variationId": (number % 2).to_string()}),
    };
    let all: Vec<Activity> = (0..20).map(shown).collect();
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Arc::new(Tables::of(&all)))).await;
    house.experiment(json!({})).await;
    house.make("holdouts", "autumn", json!({"share": 0.1, "metrics": ["bought"]})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    let reads = || json!(["projects.read", "experiments.read"]);
    let german = json!({"is": {"value": {"column": "country"}, "one_of": ["DE"]}});
    let partly = in_role(&stage, &house, "partly", reads(), german, json!([])).await;
    let masked = in_role(&stage, &house, "masked", reads(), json!("everything"), json!(["plan"])).await;
    let wholly = in_role(&stage, &house, "wholly", reads(), json!("everything"), json!([])).await;
    stage.pass(3_600_000);
    for path in [
        "experiments/exp/results",
        "experiments/exp/results/breakdown?dimension=browser",
        "experiments/exp/results/differences",
        "experiments/exp/results/interactions",
        "experiments/exp/results/novelty",
        "experiments/exp/results/people?variation=control",
        "holdouts/autumn/results",
    ] {
        for who in [&partly, &masked] {
            let refused = by(&house, who, "GET", path, Value::Null).await.refusal();
            assert_eq!((refused.0, refused.1.as_str()), (403, "results_restricted"), "{path}");
        }
        by(&house, &wholly, "GET", path, Value::Null).await.good();
    }
    by(&house, &partly, "GET", "experiments/exp", Value::Null).await.good();
}

#[tokio::test]
async fn a_change_is_scheduled_by_whoever_may_make_it() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.experiment(json!({})).await;
    let change = |kind: &str, key: &str| {
        let due_at = "2026-11-24T13:00:00Z";
        json!({"kind": kind, "key": key, "due_at": due_at, "change": {"patch": {"description": "later"}}})
    };
    let nobody = |name: &'static str, write: &'static str| {
        in_role(&stage, &house, name, json!(["projects.read", "flags.read", write]), json!("everything"), json!([]))
    };
    let developer = joined(&stage, &house, "developer@example.org", "developer").await;
    let experimenter = nobody("experimenting", "experiments.write").await;
    let path = "scheduled-changes";
    let made = async |who: &str, kind: &str, key: &str| by(&house, who, "POST", path, change(kind, key)).await;
    let of_flag = made(&developer, "feature", "checkout").await.good().json()["id"].as_str().unwrap().to_owned();
    for (who, kind, key) in [(&developer, "experiment", "exp"), (&experimenter, "feature", "checkout")] {
        assert_eq!(made(who, kind, key).await.refusal().1, "permission_missing", "{kind}");
    }
    let of_experiment = house.post(path, change("experiment", "exp")).await.good().json();
    let of_experiment = format!("{path}/{}", of_experiment["id"].as_str().unwrap());
    assert_eq!(by(&house, &developer, "DELETE", &of_experiment, Value::Null).await.refusal().1, "permission_missing");
    by(&house, &developer, "DELETE", &format!("{path}/{of_flag}"), Value::Null).await.good();
    by(&house, &house.token, "DELETE", &of_experiment, Value::Null).await.good();
}

/// Who has written a definition does not approve it, and what was approved is what starts.
#[tokio::test]
async fn what_was_approved_is_what_starts() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.experiment(json!({})).await;
    let colleague = joined(&stage, &house, "eve@example.org", "experimenter").await;
    let owner = house.token.clone();
    let step = async |who: &str, name: &str| {
        let answer = by(&house, who, "POST", &format!("experiments/exp/{name}"), json!({})).await;
        match answer.status.is_success() {
            true => answer.json()["state"]["status"].as_str().unwrap().to_owned(),
            false => answer.refusal().1,
        }
    };
    assert_eq!(step(&colleague, "review").await, "in_review");
    assert_eq!(step(&owner, "approval").await, "step_impossible", "the owner has written it");
    assert_eq!(step(&colleague, "approval").await, "step_impossible", "the colleague has asked");
    assert_eq!(step(&owner, "redraft").await, "draft");
    assert_eq!(step(&owner, "review").await, "in_review");
    assert_eq!(step(&colleague, "approval").await, "approved");
    house.patch("experiments/exp", json!({"coverage": 0.1})).await.good();
    let state = house.get("experiments/exp").await.json()["state"].clone();
    assert_eq!((&state["status"], &state["approved_by"]), (&json!("draft"), &Value::Null), "it is another now");
    assert_eq!(step(&owner, "start").await, "step_impossible");
    assert_eq!(step(&owner, "review").await, "in_review");
    house.post("experiments/exp/rollback", json!({"revision": 1})).await.good();
    assert_eq!(step(&colleague, "approval").await, "step_impossible", "what was reviewed is gone");
    assert_eq!(step(&owner, "review").await, "in_review");
    assert_eq!(step(&colleague, "approval").await, "approved");
    // What is scheduled is written by whoever scheduled it.
    let patch = json!({"kind": "experiment", "key": "exp", "due_at": "2026-11-24T13:00:00Z", "change": {"patch": {"coverage": 0.2}}});
    by(&house, &colleague, "POST", "scheduled-changes", patch).await.good();
    stage.pass(3_600_000);
    house.experiments.do_what_is_due().await.unwrap();
    assert_eq!(step(&owner, "review").await, "in_review");
    assert_eq!(step(&colleague, "approval").await, "step_impossible");
}
