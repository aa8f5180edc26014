//! The same routes as streams: progress, then the answer, or the problem.

use std::sync::{Arc, Condvar, Mutex};

use axum::body::Body;
use footfall_api_http::Peer;
use footfall_pipelines_store::lake::{Lake, ProjectSnapshot};
use footfall_pipelines_store::query::Snapshots;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::asking::{at, house, house_over, lines, trend};
use crate::gear::{House, PROJECT};
use crate::lake;
use crate::stage::Stage;

/// Names and data of the events.
fn events(text: &str) -> Vec<(String, Value)> {
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.map(|line| line.trim_start_matches(':').trim_start().to_owned()).unwrap_or_default()
    };
    let parts = text.split("\n\n").filter(|event| event.contains("event"));
    parts.map(|event| (field(event, "event"), serde_json::from_str(&field(event, "data")).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_event_is_the_answer_or_the_problem() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let stream = [("accept", "text/event-stream")];
    let answer = house.ask(&owner, "POST", &at("trend"), &stream, trend()).await.good();
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let told = events(&answer.text);
    let (name, data) = told.last().unwrap();
    assert!(told.iter().rev().skip(1).all(|(name, data)| name == "progress" && data["state"].is_string()), "{told:?}");
    let plain = house.post(&owner, &at("trend"), trend()).await.good().json();
    assert_eq!((name.as_str(), &data["answer"]), ("answer", &plain["answer"]));
    let mut wrong = trend();
    wrong["scope"]["zone"] = json!("Mars/Olympus");
    let answer = house.ask(&owner, "POST", &at("trend"), &stream, wrong).await.good();
    let told = events(&answer.text);
    let (name, data) = told.last().unwrap();
    assert_eq!((name.as_str(), &data["code"]), ("problem", &json!("insight_refused")));
    // What is refused before anything is asked is an answer as always.
    let nobody = house.ask("", "POST", &at("trend"), &stream, trend()).await;
    assert_eq!(nobody.code(), "credentials_missing");
}

/// Snapshots of a lake, while it is not shut.
struct Gate {
    lake: Arc<Lake>,
    is_shut: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.changed.notify_all();
    }
}

impl Snapshots for Gate {
    fn snapshot(&self, project: &str) -> Option<Arc<ProjectSnapshot>> {
        drop(self.changed.wait_while(self.is_shut.lock().unwrap(), |is_shut| *is_shut).unwrap());
        Some(self.lake.snapshot(project))
    }
}

/// However a test ends, the threads behind the gate can.
struct Opens(Arc<Gate>);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// The body of an answer in events, as it comes.
async fn begun(house: &House<'_>, who: &str, question: &Value) -> Body {
    let request = Request::builder().method("POST").uri(at("trend")).header("accept", "text/event-stream");
    let request = request.header("authorization", format!("Bearer {who}")).header("content-type", "application/json");
    let request = request.extension(Peer { address: [198, 51, 100, 7].into(), is_tls: true });
    let answer = house.router.clone().oneshot(request.body(Body::from(question.to_string())).unwrap()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    answer.into_body()
}

/// The text of the stream until it has `wanted`.
async fn until(body: &mut Body, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let frame = body.frame().await.expect("the stream goes on").expect("a frame");
        text += &frame.into_data().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_while_it_takes_long_and_whoever_hangs_up_takes_the_work_along() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let gate: Mutex<Option<Arc<Gate>>> = Mutex::new(None);
    let (house, lake, _desk) = house_over(&stage, |lake| {
        let made = Arc::new(Gate { lake, is_shut: Mutex::new(false), changed: Condvar::new() });
        *gate.lock().unwrap() = Some(made.clone());
        made
    })
    .await;
    let gate = gate.lock().unwrap().clone().unwrap();
    let _opens = Opens(gate.clone());
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    house.post(&owner, &at("trend"), trend()).await.good();
    gate.set(true);
    lake::publish(&lake, PROJECT, &lines()[..1], 5).await;
    // What it waits for is told, and the answer when it can be had.
    let mut asked = begun(&house, &owner, &trend()).await;
    let told = until(&mut asked, "progress").await;
    assert!(!told.contains("answer"), "{told}");
    gate.set(false);
    let told = until(&mut asked, "\"answer\"").await;
    assert!(told.contains("event: answer") || told.contains("event:answer"), "{told}");
    // Who hangs up: had it been worked out all the same, the answer were kept.
    gate.set(true);
    lake::publish(&lake, PROJECT, &lines()[1..2], 6).await;
    let mut asked = begun(&house, &owner, &trend()).await;
    until(&mut asked, "progress").await;
    drop(asked);
    // An older answer is had meanwhile.
    let older = at("trend").replace("age_ms=0", "age_ms=60000");
    let mut other = trend();
    other["bucket"] = json!("week");
    house.post(&owner, &older, other).await.good();
    gate.set(false);
    let answer = house.post(&owner, &at("trend"), trend()).await.good().json();
    assert_eq!(answer["is_cached"], json!(false));
    assert_eq!(answer["answer"]["lines"][0]["measures"][0][0], json!(3.0));
}
