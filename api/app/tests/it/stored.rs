//! What processes share, on both databases: the contracts of the seams, a restart, and two processes at once.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::Access;
use footfall_api_app::{DatabaseBuckets, DatabaseIdempotency};
use footfall_api_http::idempotency::{self, Keeping};
use footfall_api_http::limit::{self, Bucket, Buckets, MemoryBuckets, Quota, Quotas};
use footfall_ingest_activity::Timestamp;
use serde_json::{Value, json};

use crate::gear::*;
use crate::stage::Stage;

on_both!(
    the_contracts_hold,
    counters_agree_with_those_in_memory,
    an_answer_outlives_a_restart,
    two_processes_share_one_quota,
    what_has_run_out_is_removed,
);

/// What a process takes for the time neither refuses others what is theirs nor gives them more. A file of SQLite has one clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_apart_count_as_one() {
    let Some(stage) = Stage::postgres().await else { return };
    let (one, other) = (open(&stage).await, open(&stage).await);
    let buckets = |access: &Access| DatabaseBuckets::new(access.database().clone()).by_server_clock();
    let (one, other) = (buckets(&one), buckets(&other));
    let (bucket, quota) = (Bucket::of("clocks", "a"), Quota::new(4, Duration::from_secs(3600)));
    let now = Timestamp::from_millis(1_764_000_000_000);
    let day = 26 * 3_600_000;
    assert_eq!(one.take(bucket, quota, 0, now).await.unwrap().remaining, 4, "a look at what is not there");
    for (at, told, remaining) in [(&one, day, 3), (&other, 0, 2), (&one, -day, 1), (&other, day, 0)] {
        let level = at.take(bucket, quota, 1, now.plus_millis(told)).await.unwrap();
        assert_eq!((level.remaining, level.wait), (remaining, None), "{told}");
    }
    for (at, told) in [(&one, day), (&other, 0), (&one, -day)] {
        let wait = at.take(bucket, quota, 1, now.plus_millis(told)).await.unwrap().wait.expect("it is empty");
        assert!(wait <= Duration::from_secs(900), "{wait:?}");
    }
    other.give_back(bucket, quota, 1, now).await.unwrap();
    assert_eq!(one.take(bucket, quota, 0, now.plus_millis(day)).await.unwrap().remaining, 1);
    one.give_back(bucket, quota, 9, now.plus_millis(-day)).await.unwrap();
    assert_eq!(other.take(bucket, quota, 4, now).await.unwrap().wait, None, "all of it is back");
    assert!(
        one.take(bucket, quota, 3, now.plus_millis(day)).await.unwrap().wait.expect("it is empty")
            > Duration::from_secs(1800)
    );
}

mod scenes {
    use super::*;

    pub async fn the_contracts_hold(stage: &Stage) {
        let access = open(stage).await;
        limit::contract::suite(&DatabaseBuckets::new(access.database().clone())).await;
        let keeping = Keeping::default();
        idempotency::contract::suite(&DatabaseIdempotency::new(access.database().clone(), keeping), keeping).await;
    }

    /// A walk of takes and returns, the same on both; the numbers come from a fixed generator.
    pub async fn counters_agree_with_those_in_memory(stage: &Stage) {
        let access = open(stage).await;
        let (stored, memory) = (DatabaseBuckets::new(access.database().clone()), MemoryBuckets::default());
        let (bucket, quota) = (Bucket::of("walk", "one"), Quota::new(7, Duration::from_secs(13)));
        let (mut state, mut now) = (0x2545_f491_4f6c_dd1du64, 1_764_000_000_000i64);
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        for step in 0..300 {
            now += i64::try_from(next(4_000)).unwrap();
            let (at, cost) = (Timestamp::from_millis(now), u32::try_from(next(9)).unwrap());
            if next(6) == 0 {
                stored.give_back(bucket, quota, cost, at).await.unwrap();
                memory.give_back(bucket, quota, cost, at).await.unwrap();
            } else {
                let levels = (stored.take(bucket, quota, cost, at).await, memory.take(bucket, quota, cost, at).await);
                assert_eq!(levels.0.unwrap(), levels.1.unwrap(), "step {step}");
            }
        }
    }

    pub async fn an_answer_outlives_a_restart(stage: &Stage) {
        let before = house(stage).await;
        let (owner, organisation) = before.owner().await;
        let path = format!("/v1/organisations/{organisation}/projects");
        let (key, body) = ([("idempotency-key", "a-key-of-ours")], json!({"id": "second", "name": "Second"}));
        let made = before.ask(&owner, "POST", &path, &key, body.clone()).await.good();
        drop(before);
        let after = house(stage).await;
        let again = after.ask(&owner, "POST", &path, &key, body.clone()).await.good();
        assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &made.text));
        assert_eq!((again.header("location"), again.header("etag")), (made.header("location"), made.header("etag")));
        let other = after.ask(&owner, "POST", &path, &key, json!({"id": "third", "name": "Third"})).await;
        assert_eq!(other.code(), "idempotency_key_reused");
        stage.pass(25 * 3600 * 1000);
        let owner = after.sign_in(OWNER).await;
        let late = after.ask(&owner, "POST", &path, &key, body).await;
        assert_eq!(late.code(), "conflict", "a day later the key is free, and the project there");
    }

    pub async fn two_processes_share_one_quota(stage: &Stage) {
        let house_of = async || {
            let access = open(stage).await;
            let quotas = Quotas { address: Some(Quota::new(10, Duration::from_secs(60))), account: None, key: None };
            let mut settings = settings();
            settings.http.quotas = quotas;
            settings.buckets = Arc::new(DatabaseBuckets::new(access.database().clone()));
            house_with(stage, settings).await
        };
        let (here, there) = (house_of().await, house_of().await);
        let mut statuses = Vec::new();
        for round in 0..12 {
            let house = if round % 2 == 0 { &here } else { &there };
            statuses.push(house.ask("", "GET", "/.well-known/jwks.json", &[], Value::Null).await.status.as_u16());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
        assert_eq!(statuses[10..], [429, 429]);
    }

    pub async fn what_has_run_out_is_removed(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let path = format!("/v1/organisations/{organisation}/projects");
        let key = [("idempotency-key", "a-key-of-ours")];
        house.ask(&owner, "POST", &path, &key, json!({"id": "second", "name": "Second"})).await.good();
        let buckets = DatabaseBuckets::new(house.access.database().clone());
        let now = footfall_ingest_activity::Clock::now(&*stage.clock);
        let quota = Quota::new(1, Duration::from_secs(60));
        buckets.take(Bucket::of("a", "b"), quota, 1, now).await.unwrap();
        let rows = async |sql: &'static str| {
            let row = house.access.database().read_one(footfall_api_access::statement(sql)).await.unwrap().unwrap();
            row.get::<i64>("rows").unwrap()
        };
        let count = async || {
            let keys = rows("SELECT COUNT(*) AS rows FROM idempotency_keys").await;
            (keys, rows("SELECT COUNT(*) AS rows FROM rate_buckets").await)
        };
        house.access.prune().await.unwrap();
        assert_eq!(count().await, (1, 1), "in force");
        stage.pass(25 * 3600 * 1000);
        house.access.prune().await.unwrap();
        assert_eq!(count().await, (0, 0));
    }
}
