//! What every backend of [`Buckets`] has to do. Its own tests call [`suite`] with a fresh one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use footfall_ingest_activity::Timestamp;
use futures::future::join_all;

use super::{Bucket, Buckets, Quota};

/// All of it. Panics at the first breach.
pub async fn suite(buckets: &dyn Buckets) {
    burst_then_rate(buckets).await;
    buckets_are_apart(buckets).await;
    a_look_takes_nothing(buckets).await;
    a_refusal_takes_nothing(buckets).await;
    giving_back_restores(buckets).await;
    many_at_once_take_no_more_than_there_is(buckets).await;
}

const START: i64 = 1_764_000_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

async fn burst_then_rate(buckets: &dyn Buckets) {
    let (bucket, quota) = (Bucket::of("suite", "burst"), Quota::new(4, Duration::from_secs(4)));
    for remaining in (0..4).rev() {
        let level = buckets.take(bucket, quota, 1, at(0)).await.unwrap();
        assert_eq!((level.remaining, level.wait), (remaining, None));
    }
    assert_eq!(buckets.take(bucket, quota, 1, at(0)).await.unwrap().wait, Some(Duration::from_secs(1)));
    assert_eq!(buckets.take(bucket, quota, 1, at(1000)).await.unwrap().wait, None);
    assert_eq!(buckets.take(bucket, quota, 4, at(1000 + 4000)).await.unwrap().remaining, 0);
}

async fn buckets_are_apart(buckets: &dyn Buckets) {
    let quota = Quota::new(1, Duration::from_secs(9));
    for (policy, name) in [("suite", "one"), ("suite", "two"), ("suites", "one")] {
        assert_eq!(buckets.take(Bucket::of(policy, name), quota, 1, at(0)).await.unwrap().wait, None);
    }
}

async fn a_look_takes_nothing(buckets: &dyn Buckets) {
    let (bucket, quota) = (Bucket::of("suite", "look"), Quota::new(2, Duration::from_secs(2)));
    for _ in 0..5 {
        assert_eq!(buckets.take(bucket, quota, 0, at(0)).await.unwrap().remaining, 2);
    }
}

async fn a_refusal_takes_nothing(buckets: &dyn Buckets) {
    let (bucket, quota) = (Bucket::of("suite", "refusal"), Quota::new(2, Duration::from_secs(2)));
    buckets.take(bucket, quota, 1, at(0)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(buckets.take(bucket, quota, 2, at(0)).await.unwrap().wait, Some(Duration::from_secs(1)));
    }
    assert_eq!(buckets.take(bucket, quota, 2, at(1000)).await.unwrap().wait, None);
}

async fn giving_back_restores(buckets: &dyn Buckets) {
    let (bucket, quota) = (Bucket::of("suite", "back"), Quota::new(2, Duration::from_secs(2)));
    buckets.take(bucket, quota, 2, at(0)).await.unwrap();
    buckets.give_back(bucket, quota, 1, at(0)).await.unwrap();
    assert_eq!(buckets.take(bucket, quota, 0, at(0)).await.unwrap().remaining, 1);
    buckets.give_back(bucket, quota, 9, at(0)).await.unwrap();
    assert_eq!(buckets.take(bucket, quota, 0, at(0)).await.unwrap().remaining, 2);
}

async fn many_at_once_take_no_more_than_there_is(buckets: &dyn Buckets) {
    let (bucket, quota) = (Bucket::of("suite", "many"), Quota::new(10, Duration::from_secs(10)));
    let levels = join_all((0..100).map(|_| buckets.take(bucket, quota, 1, at(0)))).await;
    assert_eq!(levels.into_iter().filter(|level| level.as_ref().unwrap().wait.is_none()).count(), 10);
}
