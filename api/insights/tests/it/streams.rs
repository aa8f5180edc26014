//! The same routes as streams: progress, then the answer, or the problem.

use serde_json::{Value, json};

use crate::asking::{at, house, lines, trend};
use crate::gear::PROJECT;
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
