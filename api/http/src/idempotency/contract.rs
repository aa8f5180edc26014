//! What every [`IdempotencyStore`] has to do. Its own tests call [`suite`] with a fresh one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_ingest_activity::Timestamp;
use futures::future::join_all;
use http::{HeaderValue, StatusCode, header};

use super::{Begun, Fingerprint, IdempotencyStore, Keeping, Recorded, Scope, Ticket};

/// All of it, with what `keeping` the store was made. Panics at the first breach.
pub async fn suite(store: &dyn IdempotencyStore, keeping: Keeping) {
    an_answer_is_given_again(store, keeping).await;
    another_request_under_the_key_is_told(store).await;
    what_is_released_may_be_tried_again(store).await;
    a_lost_attempt_cannot_overwrite_its_successor(store, keeping).await;
    scopes_are_apart(store).await;
    one_of_many_is_fresh(store).await;
}

const START: i64 = 1_764_000_000_000;
const PRINT: Fingerprint = Fingerprint([1; 32]);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn scope(key: &str) -> Scope {
    Scope::new("account", "operation", key)
}

fn answer(text: &str) -> Recorded {
    let headers = vec![(header::ETAG, HeaderValue::from_static("\"r1\""))];
    Recorded { status: StatusCode::CREATED, headers, body: text.to_owned().into() }
}

async fn fresh(store: &dyn IdempotencyStore, key: &str, now: Timestamp) -> Ticket {
    match store.begin(scope(key), PRINT, now).await.unwrap() {
        Begun::Fresh(ticket) => ticket,
        other => panic!("{key} is not fresh: {other:?}"),
    }
}

async fn an_answer_is_given_again(store: &dyn IdempotencyStore, keeping: Keeping) {
    let ticket = fresh(store, "again", at(0)).await;
    assert_eq!(store.begin(scope("again"), PRINT, at(1)).await.unwrap(), Begun::Running);
    store.finish(scope("again"), ticket, answer("one"), at(2)).await.unwrap();
    let kept = keeping.answer.as_millis() as i64;
    for millis in [3, kept] {
        assert_eq!(store.begin(scope("again"), PRINT, at(millis)).await.unwrap(), Begun::Done(answer("one")));
    }
    store.finish(scope("again"), ticket, answer("two"), at(4)).await.unwrap();
    store.release(scope("again"), ticket).await.unwrap();
    assert_eq!(store.begin(scope("again"), PRINT, at(5)).await.unwrap(), Begun::Done(answer("one")));
    fresh(store, "again", at(kept + 3)).await;
}

async fn another_request_under_the_key_is_told(store: &dyn IdempotencyStore) {
    let ticket = fresh(store, "other", at(0)).await;
    let other = Fingerprint([2; 32]);
    assert_eq!(store.begin(scope("other"), other, at(0)).await.unwrap(), Begun::Differs);
    store.finish(scope("other"), ticket, answer("one"), at(0)).await.unwrap();
    assert_eq!(store.begin(scope("other"), other, at(0)).await.unwrap(), Begun::Differs);
}

async fn what_is_released_may_be_tried_again(store: &dyn IdempotencyStore) {
    let ticket = fresh(store, "release", at(0)).await;
    store.release(scope("release"), ticket).await.unwrap();
    fresh(store, "release", at(0)).await;
}

async fn a_lost_attempt_cannot_overwrite_its_successor(store: &dyn IdempotencyStore, keeping: Keeping) {
    let lease = keeping.lease.as_millis() as i64;
    let lost = fresh(store, "lease", at(0)).await;
    assert_eq!(store.begin(scope("lease"), PRINT, at(lease - 1)).await.unwrap(), Begun::Running);
    let second = fresh(store, "lease", at(lease)).await;
    store.finish(scope("lease"), lost, answer("lost"), at(lease)).await.unwrap();
    store.release(scope("lease"), lost).await.unwrap();
    assert_eq!(store.begin(scope("lease"), PRINT, at(lease)).await.unwrap(), Begun::Running);
    store.finish(scope("lease"), second, answer("second"), at(lease)).await.unwrap();
    assert_eq!(store.begin(scope("lease"), PRINT, at(lease)).await.unwrap(), Begun::Done(answer("second")));
}

async fn scopes_are_apart(store: &dyn IdempotencyStore) {
    for (account, operation) in [("a", "create"), ("b", "create"), ("a", "other")] {
        let begun = store.begin(Scope::new(account, operation, "same"), PRINT, at(0)).await.unwrap();
        assert!(matches!(begun, Begun::Fresh(_)), "{account} {operation}");
    }
}

async fn one_of_many_is_fresh(store: &dyn IdempotencyStore) {
    let begun = join_all((0..50).map(|_| store.begin(scope("many"), PRINT, at(0)))).await;
    let fresh = begun.into_iter().filter(|begun| matches!(begun.as_ref().unwrap(), Begun::Fresh(_)));
    assert_eq!(fresh.count(), 1);
}
