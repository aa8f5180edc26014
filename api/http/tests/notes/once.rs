//! `Idempotency-Key` on creations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::State;
use footfall_api_http::{About, Created, Machinery, Problem, Revision, Routes, Secret, Site, post};
use footfall_ingest_activity::{Clock, FixedClock, Timestamp};
use serde_json::Value;
use tokio::sync::Notify;

use crate::access::{Doorman, May};
use crate::gear::{Desk, desk, note, settings};

const KEY: (&str, &str) = ("idempotency-key", "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"");

#[tokio::test]
async fn a_creation_sent_twice_is_done_once() {
    let desk = desk();
    let post = async |who: &str, title: &str| desk.ask(who, "POST", "/v1/notes", &[KEY], note(title)).await;
    let (first, second) = (post("ada", "a").await, post("ada", "a").await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!(
        (first.text.as_str(), first.header("location"), first.header("etag")),
        (second.text.as_str(), second.header("location"), second.header("etag"))
    );
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    assert_eq!(desk.get("ada", "/v1/notes").await.json()["items"].as_array().unwrap().len(), 1);

    let other = post("ada", "b").await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "idempotency_key_reused"));
    assert_eq!(post("bob", "b").await.status, 201, "keys of others are others");
}

#[tokio::test]
async fn many_at_once_are_done_once() {
    let desk = desk();
    let all = futures::future::join_all((0..20).map(|_| desk.ask("ada", "POST", "/v1/notes", &[KEY], note("a")))).await;
    for answer in &all {
        assert!([201, 409].contains(&answer.status.as_u16()), "{}", answer.text);
    }
    assert!(all.iter().any(|answer| answer.status == 201));
    assert_eq!(desk.get("ada", "/v1/notes").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_an_answer_as_well() {
    let desk = desk();
    let wrong = serde_json::json!({"title": ""});
    let first = desk.ask("ada", "POST", "/v1/notes", &[KEY], wrong.clone()).await;
    let second = desk.ask("ada", "POST", "/v1/notes", &[KEY], wrong).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (400, 400));
    assert_eq!(second.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn keys_of_a_wrong_form_are_refused_and_meaningless_ones_ignored() {
    let desk = desk();
    let key = |key| [("idempotency-key", key)];
    assert_eq!(desk.ask("ada", "POST", "/v1/notes", &key("a b"), note("a")).await.code(), "idempotency_key_invalid");
    assert_eq!(desk.ask("ada", "GET", "/v1/notes", &key("a b"), Value::Null).await.status, 200);
}

/// Work that waits until it is let go on, and counts itself.
#[derive(Clone, Default)]
struct Slow {
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
    done: Arc<AtomicU32>,
}

async fn work(State(slow): State<Slow>) -> Result<Created<u32>, Problem> {
    slow.begun.notify_one();
    slow.go_on.notified().await;
    let done = slow.done.fetch_add(1, Ordering::SeqCst) + 1;
    Ok(Created::new(&["v1", "work", &done.to_string()], Revision(1), done))
}

#[tokio::test]
async fn work_goes_on_when_its_caller_has_gone() {
    let (slow, clock) = (Slow::default(), Arc::new(FixedClock::at(Timestamp::from_millis(1_764_000_000_000))));
    let clock_there: Arc<dyn Clock> = clock.clone();
    let machinery = Machinery::new(Arc::new(Doorman), settings(), Secret::new([0; 32]), clock_there);
    let routes = Routes::new("work", "Work.", [post("/v1/work", May::Write, work, "Works.").idempotency_required()]);
    let about = About { title: "t", version: "1", description: "d" };
    let built = Site::new(about, machinery).add(routes, slow.clone()).build().unwrap();
    let desk = Desk { router: built.router, clock, document: built.document.written().unwrap() };

    let missing = desk.ask("ada", "POST", "/v1/work", &[], Value::Null).await;
    assert_eq!((missing.status.as_u16(), missing.code().as_str()), (400, "idempotency_key_missing"));
    {
        let asking = desk.ask("ada", "POST", "/v1/work", &[KEY], Value::Null);
        tokio::select! {
            _ = asking => panic!("it cannot be finished"),
            () = slow.begun.notified() => {}
        }
        // Here the caller goes.
    }
    let running = desk.ask("ada", "POST", "/v1/work", &[KEY], Value::Null).await;
    assert_eq!((running.code().as_str(), running.header("retry-after")), ("idempotency_running", "1"));
    slow.go_on.notify_one();
    let answer = loop {
        let answer = desk.ask("ada", "POST", "/v1/work", &[KEY], Value::Null).await;
        match answer.status.as_u16() {
            409 => tokio::task::yield_now().await,
            _ => break answer,
        }
    };
    assert_eq!((answer.status.as_u16(), answer.header("idempotency-replayed")), (201, "true"));
    assert_eq!(slow.done.load(Ordering::SeqCst), 1);
}
