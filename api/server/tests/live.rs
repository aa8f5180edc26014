//! The live stream: what listeners are told, what slow ones lose, and how many there can be.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use footfall_api_access::{Caller, KeyKind, Origin};
use footfall_api_server::{LiveSettings, Summary};
use futures::StreamExt;
use http::{Method, StatusCode};
use server::{PROJECT, Server, request};
use tower::ServiceExt;

fn settings() -> LiveSettings {
    LiveSettings {
        listeners_max: 2,
        caller_listeners_max: 2,
        batches_max: 4,
        told_max: 2,
        pace: Duration::from_millis(1),
        look: Duration::from_millis(5),
    }
}

fn summary(event: &str) -> Summary {
    Summary {
        message_id: "m".into(),
        event: event.into(),
        distinct_id: "ada".into(),
        person_id: "p".into(),
        timestamp: 1,
        received_at: 2,
        place: None,
        country: None,
        library: None,
    }
}

async fn listen(server: &Server) -> Result<BodyDataStream, StatusCode> {
    let request = request(Method::GET, "/v1/live", Some(&server.read_key)).body(Body::empty()).unwrap();
    let response = server.router.clone().oneshot(request).await.unwrap();
    match response.status() {
        StatusCode::OK => Ok(response.into_body().into_data_stream()),
        other => Err(other),
    }
}

async fn next(stream: &mut BodyDataStream) -> String {
    let piece = tokio::time::timeout(Duration::from_secs(120), stream.next()).await.expect("an event in time");
    String::from_utf8(piece.unwrap().unwrap().to_vec()).unwrap()
}

async fn ends(stream: &mut BodyDataStream) {
    let rest = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(120), rest).await.expect("it ends");
}

fn announce(server: &Server, project: &str, count: u64, events: &[&str]) {
    server.live.announce(Arc::from(project), count, events.iter().map(|event| summary(event)).collect());
}

#[tokio::test]
async fn a_listener_hears_its_own_project_only_and_the_newest_by_name() {
    let server = Server::with(false, settings()).await;
    assert!(!server.live.is_heard());
    let mut stream = listen(&server).await.unwrap();
    assert!(server.live.is_heard());
    assert!(next(&mut stream).await.starts_with("event: listening\n"));
    announce(&server, "two", 5, &["secret"]);
    announce(&server, "one", 1000, &["a", "b", "c"]);
    let heard = next(&mut stream).await;
    assert!(heard.starts_with("event: activity\n") && heard.contains("\"count\":1000"), "{heard}");
    assert!(heard.contains("\"event\":\"b\"") && heard.contains("\"event\":\"c\""), "{heard}");
    assert!(!heard.contains("\"event\":\"a\"") && !heard.contains("secret"), "{heard}");
}

#[tokio::test]
async fn a_slow_listener_is_told_what_it_lost() {
    let server = Server::with(false, settings()).await;
    let mut stream = listen(&server).await.unwrap();
    next(&mut stream).await;
    (0..10).for_each(|_| announce(&server, "one", 1, &["a"]));
    assert_eq!(next(&mut stream).await, "event: lagged\ndata: {\"batches\":6}\n\n");
    assert!(next(&mut stream).await.contains("\"count\":4"), "the rest follows together");
}

#[tokio::test]
async fn places_are_few_and_given_back() {
    let server = Server::with(false, settings()).await;
    let first = listen(&server).await.unwrap();
    let _second = listen(&server).await.unwrap();
    assert_eq!(listen(&server).await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
    drop(first);
    assert!(listen(&server).await.is_ok());
}

#[tokio::test]
async fn who_may_listen_no_more_hears_no_more() {
    let server = Server::with(false, settings()).await;
    let owner = server.access.authenticate(&server.owner).await.unwrap();
    let project = format!("/v1/projects/{PROJECT}/live");
    let mut by_key = listen(&server).await.unwrap();
    let request = request(Method::GET, &project, Some(&server.owner)).body(Body::empty()).unwrap();
    let response = server.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut by_session = response.into_body().into_data_stream();
    for stream in [&mut by_key, &mut by_session] {
        assert!(next(stream).await.starts_with("event: listening\n"));
    }
    let keys = server.access.organisation_keys(&server.organisation).await.unwrap();
    let hint = &server.read_key[server.read_key.len() - 4..];
    let read = keys.iter().find(|key| key.hint == hint && key.kind == KeyKind::Read).expect("the key");
    server.access.revoke_key(&Caller::operator(), &read.id, &Origin::default()).await.unwrap();
    ends(&mut by_key).await;
    announce(&server, "one", 1, &["a"]);
    assert!(next(&mut by_session).await.contains("\"count\":1"), "others listen on");
    let (account, session) = (owner.account().unwrap(), owner.session().unwrap());
    server.access.revoke_session(account, session, owner.actor.clone(), &Origin::default()).await.unwrap();
    ends(&mut by_session).await;
}

#[tokio::test]
async fn neither_a_key_nor_a_project_takes_all_places() {
    let one_key = LiveSettings { listeners_max: 8, ..settings() };
    let one_project = LiveSettings { caller_listeners_max: 8, ..one_key };
    for (settings, places) in [(one_key, 2), (one_project, 6)] {
        let server = Server::with(false, settings).await;
        let mut held = Vec::new();
        for _ in 0..places {
            held.push(listen(&server).await.unwrap());
        }
        assert_eq!(listen(&server).await.err(), Some(StatusCode::SERVICE_UNAVAILABLE), "{places}");
        assert_eq!(server.live.watched(), [Arc::<str>::from("one")]);
        held.pop();
        assert!(listen(&server).await.is_ok());
    }
}

#[tokio::test]
async fn whoever_feeds_the_stream_can_wait_for_a_listener() {
    let server = Server::with(false, settings()).await;
    let live = server.live.clone();
    let waiting = tokio::spawn(async move { live.heard().await });
    let _stream = listen(&server).await.unwrap();
    tokio::time::timeout(Duration::from_secs(120), waiting).await.expect("woken").unwrap();
}

#[tokio::test]
async fn whoever_says_who_watches_is_told_of_each_who_joins() {
    let server = Server::with(false, settings()).await;
    let mut streams = Vec::new();
    for listeners in 1..=2 {
        streams.push(listen(&server).await.unwrap());
        tokio::time::timeout(Duration::from_secs(120), server.live.joined()).await.expect("told");
        assert_eq!((streams.len(), server.live.watched().len()), (listeners, 1));
    }
}
