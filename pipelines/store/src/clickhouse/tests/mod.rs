//! The store on a real ClickHouse: the contract, one writer at a time, and what a killed or cut off process leaves.
//!
//! The server is that of `CLICKHOUSE_URL`, else one of `dev/services/clickhouse`. Where neither can be had the tests say so
//! and pass, but not where CI is set.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod erase;
mod faults;
mod tls;
mod upkeep;

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, UInt64Type};
use footfall_ingest_activity::{Checkpoint, Clock, FixedClock, SystemClock, Timestamp};
use futures::StreamExt;
use uuid::Uuid;

use super::chain::schema;
use super::{ClickHouse, ClickHouseOptions, Role};
use crate::contract::{contract_suite, key, message_id, publication, until};
use crate::tables::Table;
use crate::{Backend, Publication, Store, StoreError};

/// `host:port` of the server.
fn server() -> Option<String> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    let url = SERVER.get_or_init(|| match std::env::var("CLICKHOUSE_URL") {
        Ok(url) if !url.is_empty() => Some(url),
        _ => start(),
    });
    let url = url.as_ref()?.trim().trim_start_matches("http://").trim_end_matches('/');
    Some(url.to_owned())
}

/// Starts one that goes with this process.
fn start() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/services/clickhouse");
    let output = Command::new(script).args(["up", &std::process::id().to_string()]).output().expect("the script runs");
    if output.status.success() {
        return Some(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(std::env::var_os("CI").is_none(), "no ClickHouse: {why}");
    // The print macros are held back by the test harness.
    let _ = writeln!(std::io::stderr().lock(), "skipped: the store on ClickHouse: {why}");
    None
}

/// A database of its own, which goes with it.
struct Given {
    server: String,
    database: String,
}

impl Given {
    fn new(server: &str) -> Given {
        Given { server: server.to_owned(), database: format!("test_{}", Uuid::new_v4().simple()) }
    }

    fn url(&self) -> String {
        format!("clickhouse://{}/{}", self.server, self.database)
    }

    async fn open(&self, options: ClickHouseOptions) -> Arc<ClickHouse> {
        self.open_at(options, 1_000).await
    }

    async fn open_at(&self, options: ClickHouseOptions, millis: i64) -> Arc<ClickHouse> {
        // The database drops old keys by its own clock.
        let now = Timestamp::from_millis(SystemClock.now().millis() - 33 * 86_400_000 + millis);
        ClickHouse::open(&self.url(), options, Arc::new(FixedClock::at(now))).await.unwrap()
    }

    async fn drop(self, store: &ClickHouse) {
        store.shared.database.execute(&format!("DROP DATABASE `{}`", self.database), &[]).await.unwrap();
    }
}

async fn count(store: &ClickHouse, sql: &str) -> u64 {
    let batches = store.shared.database.batches(sql, &schema(&[("count", DataType::UInt64)])).await.unwrap();
    batches[0].column(0).as_primitive::<UInt64Type>().value(0)
}

async fn ids(store: &ClickHouse) -> Vec<String> {
    let mut tries = 0;
    let batches = loop {
        match store.read_all("p", Table::Activity).await {
            Ok(batches) => break batches,
            // A connection that the test has cut is still among those kept.
            Err(error) => {
                tries += 1;
                assert!(tries < 10, "{error}");
            }
        }
    };
    let mut ids: Vec<String> =
        batches.iter().flat_map(|batch| batch.column(0).as_string_view().iter().flatten().map(str::to_owned)).collect();
    ids.sort();
    ids
}

fn expected(end: u64) -> Vec<String> {
    let mut ids: Vec<String> = (0..end).map(message_id).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let Some(server) = server() else { return };
    let prefix = format!("contract_{}", Uuid::new_v4().simple());
    let url = |name: &str| format!("clickhouse://{server}/{prefix}_{name}");
    let clock = Arc::new(SystemClock);
    contract_suite(async |name| {
        let options = ClickHouseOptions { followers_wait: Duration::ZERO, ..ClickHouseOptions::default() };
        let store = ClickHouse::open(&url(name), options, clock.clone()).await.unwrap();
        erase::drop_parts_soon(&store).await;
        Backend::ClickHouse(store)
    })
    .await;
    let store = ClickHouse::open(&url("visible"), ClickHouseOptions::default(), clock).await.unwrap();
    for name in
        ["keys", "replay", "back", "persons", "apart", "stays", "erased", "erased_ids", "erased_often", "visible"]
    {
        store.shared.database.execute(&format!("DROP DATABASE `{prefix}_{name}`"), &[]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_later_publishes_and_the_other_cannot() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let first = given.open(ClickHouseOptions::default()).await;
    first.publish(publication("p", 0..5)).await.unwrap();
    let second = given.open(ClickHouseOptions::default()).await;
    assert_eq!(second.durable_checkpoint(), until(5));
    let late = first.publish(publication("p", 5..8)).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    second.publish(publication("p", 5..9)).await.unwrap();
    let late = first.publish(publication("p", 9..12)).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    assert_eq!(ids(&second).await, expected(9));
    assert_eq!(second.is_new(&[key(5), key(8), key(9)]).unwrap(), [false, false, true]);
    // A reader follows.
    let reader = given.open(ClickHouseOptions { role: Role::Reader, ..ClickHouseOptions::default() }).await;
    assert_eq!(ids(&reader).await, expected(9));
    second.publish(publication("p", 9..20)).await.unwrap();
    let begun = Instant::now();
    while reader.visible_checkpoint() != until(20) {
        assert!(begun.elapsed() < Duration::from_secs(240), "the reader does not follow");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ids(&reader).await, expected(20));
    given.drop(&second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lead_goes_from_one_to_the_other_and_back() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let reading = || ClickHouseOptions { role: Role::Reader, ..ClickHouseOptions::default() };
    let (one, other) = (given.open(reading()).await, given.open(reading()).await);
    let refused = one.publish(publication("p", 0..5)).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "who follows publishes nothing: {refused:?}");
    one.lead().await.unwrap();
    one.publish(publication("p", 0..5)).await.unwrap();
    other.lead().await.unwrap();
    assert_eq!(other.durable_checkpoint(), until(5));
    other.publish(publication("p", 5..9)).await.unwrap();
    let late = one.publish(publication("p", 5..8)).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    one.follow().await;
    let begun = Instant::now();
    while one.visible_checkpoint() != until(9) {
        assert!(begun.elapsed() < Duration::from_secs(240), "who was fenced does not follow");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    one.lead().await.unwrap();
    assert_eq!(one.is_new(&[key(4), key(8), key(9)]).unwrap(), [false, false, true]);
    one.publish(publication("p", 9..12)).await.unwrap();
    assert_eq!(ids(&one).await, expected(12));
    given.drop(&one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_still_sees_one_moment_and_seals_what_does_not_change() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let still = || ClickHouseOptions { role: Role::Still, ..ClickHouseOptions::default() };
    let missing = ClickHouse::open(&given.url(), still(), Arc::new(SystemClock)).await;
    assert!(matches!(missing, Err(StoreError::Refused { .. } | StoreError::TooOld { .. })), "it makes nothing");
    let store = given.open(ClickHouseOptions::default()).await;
    store.publish(publication("p", 0..5)).await.unwrap();
    let head = store.head();
    let before = given.open(still()).await;
    // Another project, and what never was committed, are not in the seal.
    let killed = Timestamp::from_millis(0);
    store.shared.insert_all(&publication("p", 50..60), store.head() + 1, killed, "killed").await.unwrap();
    store.shared.note_attempt(1).await;
    store.publish(publication("other", 5..6)).await.unwrap();
    store.publish(publication("p", 6..9)).await.unwrap();
    let after = given.open(still()).await;
    assert_eq!((before.head(), before.durable_checkpoint()), (head, until(5)));
    assert_eq!((after.head(), after.durable_checkpoint()), (store.head(), until(9)));
    for table in [Table::Activity, Table::Identities] {
        let seal = async |store: &ClickHouse, upto| store.seal("p", table, upto).await.unwrap();
        assert_eq!(seal(&before, u64::MAX).await, seal(&after, head).await, "{table:?}");
        assert_eq!(seal(&before, u64::MAX).await.rows, 5);
        assert_eq!(seal(&after, u64::MAX).await.rows, 8);
        assert_ne!(seal(&before, u64::MAX).await.sum, seal(&after, u64::MAX).await.sum);
    }
    let rows = async |after_publication| {
        let mut rows = Backend::ClickHouse(after.clone()).rows_after("p", Table::Activity, after_publication);
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            count += batch.unwrap().num_rows();
        }
        count
    };
    assert_eq!((rows(0).await, rows(head).await, rows(after.head()).await), (8, 3, 0));
    // A row that is gone shows, and one that is another as well.
    let sealed = after.seal("p", Table::Activity, head).await.unwrap();
    let change = "ALTER TABLE activity UPDATE dialect = 'other' WHERE message_id = 'message-1'";
    store.shared.database.execute(change, &[("mutations_sync", "1".to_owned())]).await.unwrap();
    assert_ne!(after.seal("p", Table::Activity, head).await.unwrap(), sealed);
    let change = "ALTER TABLE activity DELETE WHERE message_id = 'message-2'";
    store.shared.database.execute(change, &[("mutations_sync", "1".to_owned())]).await.unwrap();
    assert_eq!(after.seal("p", Table::Activity, head).await.unwrap().rows, 4);
    given.drop(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_killed_publication_are_never_seen_and_go() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let killed = given.open(ClickHouseOptions::default()).await;
    killed.publish(publication("p", 0..5)).await.unwrap();
    let head = killed.shared.view().visible.head;
    // All of the rows, and then it dies before the commit.
    killed.shared.insert_all(&publication("p", 5..15), head + 1, Timestamp::from_millis(0), "killed").await.unwrap();
    drop(killed);
    let options = ClickHouseOptions { settle_after: Duration::from_millis(50), ..ClickHouseOptions::default() };
    let next = given.open(options).await;
    assert_eq!(next.durable_checkpoint(), until(5));
    assert_eq!(ids(&next).await, expected(5));
    assert_eq!(next.is_new(&[key(4), key(5), key(14)]).unwrap(), [false, true, true]);
    // Replayed with other cuts.
    next.publish(publication("p", 5..9)).await.unwrap();
    next.publish(publication("p", 9..15)).await.unwrap();
    assert_eq!(ids(&next).await, expected(15));
    let begun = Instant::now();
    while count(&next, "SELECT count() FROM activity").await != 15 || !next.shared.view().visible.void.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(240), "the rows stay");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count(&next, "SELECT count() FROM message_keys").await, 15);
    assert_eq!(ids(&next).await, expected(15));
    given.drop(&next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_publication_after_a_failed_one_takes_another_number() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let store = given.open(ClickHouseOptions::default()).await;
    // An attempt that put its rows in and was given up.
    let head = store.shared.view().visible.head;
    store.shared.insert_all(&publication("p", 0..7), head + 1, Timestamp::from_millis(0), "given up").await.unwrap();
    store.shared.note_attempt(1).await;
    store.publish(publication("p", 0..4)).await.unwrap();
    assert_eq!(ids(&store).await, expected(4));
    store.publish(publication("p", 4..7)).await.unwrap();
    assert_eq!(ids(&store).await, expected(7));
    given.drop(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_expire_after_the_window() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let window = ClickHouseOptions::default().dedupe_window_millis;
    let begin = SystemClock.now();
    let at = |millis: i64| given.open_at(ClickHouseOptions::default(), millis - SystemClock.now().millis_since(begin));
    let store = at(0).await;
    store.publish(publication("p", 0..1)).await.unwrap();
    drop(store);
    let store = at(window - 10_000).await;
    store.publish(publication("p", 1..2)).await.unwrap();
    assert_eq!(store.is_new(&[key(0), key(1)]).unwrap(), [false, false], "within the window");
    drop(store);
    let store = at(window + 10_000).await;
    assert_eq!(store.is_new(&[key(0), key(1)]).unwrap(), [true, false]);
    given.drop(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overtaken_changes_of_persons_go() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let store = given.open(ClickHouseOptions::default()).await;
    let change = |n: u64| {
        let mut publication = Publication { checkpoint: until(n + 1), ..publication("p", n..n + 1) };
        let changes = (0..400u128).map(|own| (Uuid::from_u128(own), Uuid::from_u128(1_000 + u128::from(n))));
        publication.rows.get_mut("p").unwrap().person_changes = changes.collect();
        publication
    };
    for n in 0..3 {
        store.publish(change(n)).await.unwrap();
    }
    // One that was never committed has overtaken nothing.
    let head = store.shared.view().visible.head;
    store.shared.insert_all(&change(3), head + 1, Timestamp::from_millis(0), "given up").await.unwrap();
    store.shared.note_attempt(1).await;
    store.publish(publication("p", 3..4)).await.unwrap();
    let overrides = store.snapshot("p").overrides.clone();
    let visible = store.shared.view().visible;
    assert_eq!(count(&store, "SELECT count() FROM person_overrides").await, 1_600);
    assert!(super::overrides::squash(&store.shared.database, "person_overrides", "", &visible).await.unwrap());
    assert_eq!(count(&store, "SELECT count() FROM person_overrides").await, 400);
    let again = given.open(ClickHouseOptions::default()).await;
    assert_eq!(again.snapshot("p").overrides, overrides);
    assert_eq!(again.durable_checkpoint(), until(4));
    assert_ne!(again.durable_checkpoint(), Checkpoint::default());
    given.drop(&again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_window_keeps_message_keys_for_longer() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let window = |days: i64| ClickHouseOptions { dedupe_window_millis: days * 86_400_000, ..Default::default() };
    let kept = |days: u32| {
        format!(
            "SELECT toUInt64(position(engine_full, 'toIntervalDay({days})') > 0) AS count FROM system.tables \
             WHERE database = currentDatabase() AND name = 'message_keys'"
        )
    };
    let first = given.open(window(32)).await;
    assert_eq!(count(&first, &kept(34)).await, 1);
    let longer = given.open(window(90)).await;
    assert_eq!(count(&longer, &kept(92)).await, 1, "the table was made when it was shorter");
    let shorter = given.open(window(32)).await;
    assert_eq!(count(&shorter, &kept(92)).await, 1, "what is kept stays");
    given.drop(&shorter).await;
}
