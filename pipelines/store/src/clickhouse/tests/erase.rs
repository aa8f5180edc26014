//! Persons are forgotten by several processes: whoever is asked, whoever publishes, and whoever is killed in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use footfall_ingest_activity::{Erasure, Timestamp, person_id_of};
use uuid::Uuid;

use super::{Given, count, server};
use crate::clickhouse::chain::schema;
use crate::clickhouse::forgotten::{self, Hidden, ITEM, PERSON, Row, Step};
use crate::clickhouse::{ClickHouse, ClickHouseOptions, Role};
use crate::contract::publication;
use crate::tables::Table;
use crate::{Publication, Store, StoreError};

const PATIENCE: Duration = Duration::from_secs(240);

/// Parts that were replaced leave the disk as soon as the database looks.
pub(super) async fn drop_parts_soon(store: &ClickHouse) {
    for table in Table::ALL {
        let soon = "old_parts_lifetime = 1, cleanup_delay_period = 1, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 2";
        let sql = format!("ALTER TABLE {} MODIFY SETTING {soon}", table.name());
        store.shared.database.execute(&sql, &[]).await.unwrap();
    }
}

fn options(role: Role) -> ClickHouseOptions {
    ClickHouseOptions { role, followers_wait: Duration::ZERO, ..ClickHouseOptions::default() }
}

/// One that waits for a leader no longer than a moment.
fn impatient() -> ClickHouseOptions {
    ClickHouseOptions { lead_wait: Duration::from_millis(20), ..options(Role::Reader) }
}

fn asked(id: &str) -> Erasure {
    let at = Timestamp::from_millis(0);
    let person = person_id_of("p", id);
    Erasure { id: Uuid::new_v4(), project: "p".into(), person, persons: Default::default(), at }
}

fn next(store: &ClickHouse, numbers: std::ops::Range<u64>) -> Publication {
    Publication { erasures: store.erasures().version(), ..publication("p", numbers) }
}

async fn by_id(store: &ClickHouse) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for batch in store.read_all("p", Table::Activity).await.unwrap() {
        for id in batch.column_by_name("distinct_id").unwrap().as_string_view().iter().flatten() {
            *counts.entry(id.to_owned()).or_default() += 1;
        }
    }
    counts
}

fn expected(numbers: impl Iterator<Item = u64>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    numbers.for_each(|n| *counts.entry(format!("user-{}", n % 5)).or_default() += 1);
    counts
}

fn others(numbers: std::ops::Range<u64>) -> BTreeMap<String, usize> {
    expected(numbers.filter(|n| n % 5 != 2))
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn request(erasure: &Erasure) -> Row {
    let Erasure { id, at, .. } = *erasure;
    Row { id, step: Step::Requested, publication: 0, at, erasure: Some(erasure.clone()), is_committed: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_has_it_done_by_who_publishes_without_pause() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let leader = given.open(options(Role::Writer)).await;
    let asker = given.open(options(Role::Reader)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = tokio::spawn({
        let (leader, stop) = (leader.clone(), stop.clone());
        async move {
            // What was published, and how many were forgotten when it was made.
            let (mut made, mut at) = (Vec::new(), 0);
            while !stop.load(Ordering::SeqCst) {
                let publication = next(&leader, at..at + 5);
                let version = publication.erasures;
                match leader.publish(publication).await {
                    Ok(()) => {
                        made.extend((at..at + 5).map(|n| (n, version)));
                        at += 5;
                    }
                    Err(StoreError::Outdated) => {}
                    Err(error) => panic!("nobody takes the lead: {error}"),
                }
            }
            made
        }
    });
    until("the asker follows", async || by_id(&asker).await.len() == 5).await;
    for (version, id) in ["user-2", "user-4"].into_iter().enumerate() {
        let record = asker.erase(asked(id)).await.unwrap();
        assert!(record.hidden_at.is_some());
        assert_eq!(asker.erasures().version(), version as u64 + 1);
    }
    let head = leader.shared.view().visible.head;
    until("it goes on", async || leader.shared.view().visible.head > head + 3).await;
    stop.store(true, Ordering::SeqCst);
    let made = publishing.await.unwrap();
    // Who was forgotten first is there again since the first, the other since the second.
    let stays = |(n, version): &&(u64, u64)| match n % 5 {
        2 => *version >= 1,
        4 => *version >= 2,
        _ => true,
    };
    assert!(made.iter().any(|(_, version)| *version == 2), "both were taken in while it published");
    let left = expected(made.iter().filter(stays).map(|(n, _)| *n));
    assert_eq!(by_id(&leader).await, left);
    let end = leader.shared.view().visible.head;
    until("the asker follows", async || asker.shared.view().visible.head == end).await;
    assert_eq!(by_id(&asker).await, left);
    given.drop(&leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_publishes_who_is_asked_does_it() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let leader = given.open(options(Role::Writer)).await;
    leader.publish(publication("p", 0..20)).await.unwrap();
    leader.follow().await;
    let (one, other) = (given.open(impatient()).await, given.open(impatient()).await);
    let (first, second) = tokio::join!(one.erase(asked("user-2")), other.erase(asked("user-4")));
    assert!(first.unwrap().hidden_at.is_some() && second.unwrap().hidden_at.is_some());
    let left = expected((0..20).filter(|n| ![2, 4].contains(&(n % 5))));
    for store in [&one, &other, &leader] {
        until("everybody follows", async || store.erasures().version() == 2).await;
        assert_eq!(by_id(store).await, left);
    }
    // Whoever leads next goes on behind it, and deletes the rows.
    drop_parts_soon(&leader).await;
    leader.lead().await.unwrap();
    let late = leader.publish(publication("p", 20..25)).await;
    assert!(matches!(late, Err(StoreError::Outdated)), "{late:?}");
    until("the rows go", async || count(&leader, "SELECT count() FROM activity").await == 12).await;
    until("it is done", async || leader.erasure_records().iter().all(|record| record.files_at.is_some())).await;
    assert_eq!(by_id(&leader).await, left);
    until("all are told", async || one.erasure_records().iter().all(|record| record.files_at.is_some())).await;
    assert_eq!(by_id(&one).await, left);
    given.drop(&leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_slow_is_overtaken_and_goes_on() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let leader = given.open(options(Role::Writer)).await;
    leader.publish(publication("p", 0..20)).await.unwrap();
    let asker = given.open(impatient()).await;
    // Its turn takes longer than anybody waits.
    let busy = leader.shared.writer.lock().await;
    asker.erase(asked("user-2")).await.unwrap();
    drop(busy);
    let late = leader.publish(next(&leader, 20..25)).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    leader.lead().await.unwrap();
    leader.publish(next(&leader, 20..25)).await.unwrap();
    assert_eq!(by_id(&leader).await, expected((0..20).filter(|n| n % 5 != 2).chain(20..25)));
    given.drop(&leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_of_a_killed_process_is_done_by_others() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let leader = given.open(options(Role::Writer)).await;
    leader.publish(publication("p", 0..20)).await.unwrap();
    // The asker wrote it down, and was killed.
    forgotten::note(&leader.shared.database, &request(&asked("user-2")), "").await.unwrap();
    until("the leader does it", async || leader.erasures().version() == 1).await;
    assert_eq!(by_id(&leader).await, others(0..20));
    leader.follow().await;
    // The same, and nobody leads: somebody who follows.
    let waits = ClickHouseOptions { lead_wait: Duration::from_millis(50), ..options(Role::Reader) };
    let follower = given.open(waits).await;
    forgotten::note(&leader.shared.database, &request(&asked("user-3")), "").await.unwrap();
    until("a follower does it", async || follower.erasures().version() == 2).await;
    assert_eq!(by_id(&follower).await, expected((0..20).filter(|n| ![2, 3].contains(&(n % 5)))));
    given.drop(&leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_under_the_same_number_before_the_tables_were_emptied_is_done_again() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let leader = given.open(options(Role::Writer)).await;
    leader.publish(publication("p", 0..20)).await.unwrap();
    let next = leader.shared.view().visible.head + 1;
    let erasure = Erasure { persons: [person_id_of("p", "user-2")].into(), ..asked("user-2") };
    let (id, at) = (erasure.id, erasure.at);
    // In another chain all of it was done under the number that is the next one here.
    for (step, erasure) in [(Step::Rewritten, None), (Step::Files, None), (Step::Hidden, Some(erasure))] {
        let row = Row { id, step, publication: next, at, erasure, is_committed: false };
        forgotten::note(&leader.shared.database, &row, "another").await.unwrap();
    }
    until("it is done", async || leader.erasures().version() == 1).await;
    let number = leader.shared.view().forgotten.get(id).unwrap().publication;
    assert!(number.is_some_and(|number| number > next), "{number:?} after {next}");
    until("no file has it", async || leader.erasure_records()[0].rewritten_at.is_some_and(|then| then > at)).await;
    assert_eq!(by_id(&leader).await, others(0..20));
    given.drop(&leader).await;
}

/// The log may bring back whom only the list knows: no answer has them, not even for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn who_leads_a_database_that_was_emptied_has_forgotten_before_anything_is_published() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let before = given.open(options(Role::Writer)).await;
    before.publish(publication("p", 0..20)).await.unwrap();
    let record = before.erase(asked("user-2")).await.unwrap();
    before.close();
    let tables =
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name NOT IN ('erasures', 'migrations')";
    let named = schema(&[("name", DataType::Utf8)]);
    for batch in before.shared.database.batches(tables, &named).await.unwrap() {
        for table in batch.column(0).as_string::<i32>().iter().flatten() {
            before.shared.database.execute(&format!("TRUNCATE TABLE `{table}`"), &[]).await.unwrap();
        }
    }
    drop(before);

    let leader = given.open(options(Role::Writer)).await;
    let again = leader.erasures();
    let erasure = again.iter().next().expect("it is known at once");
    assert_eq!((erasure.at, &erasure.persons), (record.erasure.at, &record.erasure.persons));
    let unaware = Publication { erasures: 0, ..publication("p", 0..20) };
    assert!(
        matches!(leader.publish(unaware).await, Err(StoreError::Outdated)),
        "made by a job that does not know of it"
    );
    assert_eq!(by_id(&leader).await, BTreeMap::new());
    leader.publish(next(&leader, 20..30)).await.unwrap();
    assert_eq!(by_id(&leader).await, expected(20..30));
    given.drop(&leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_killed_between_the_rows_and_the_link_has_hidden_nobody() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let killed = given.open(options(Role::Writer)).await;
    killed.publish(publication("p", 0..20)).await.unwrap();
    let head = killed.shared.view().visible.head;
    let (shared, id) = (killed.shared.clone(), Uuid::new_v4());
    killed.close();
    // It dies before the link. A person who was never asked about, so that nobody does it again.
    let wrong = Erasure { id, persons: [person_id_of("p", "user-1")].into(), ..asked("user-1") };
    let hidden = Hidden { id, project: "p".into(), publication: head + 1 };
    let keys = [(PERSON, vec![person_id_of("p", "user-1").to_string()]), (ITEM, Vec::new())];
    forgotten::note_rows(&shared.database, &hidden, "killed", &keys).await.unwrap();
    let at = shared.clock.now();
    let row = Row { id, step: Step::Hidden, publication: head + 1, at, erasure: Some(wrong), is_committed: false };
    forgotten::note(&shared.database, &row, "killed").await.unwrap();
    drop((killed, shared));

    let settles = ClickHouseOptions { settle_after: Duration::from_millis(50), ..options(Role::Reader) };
    let next_one = given.open(settles).await;
    assert_eq!(by_id(&next_one).await, expected(0..20));
    next_one.lead().await.unwrap();
    // It is a request for the person all the same: what was begun is ended.
    assert_eq!(next_one.erasures().version(), 1, "before anything is published");
    assert_eq!(by_id(&next_one).await, expected((0..20).filter(|n| n % 5 != 1)));
    next_one.publish(next(&next_one, 20..30)).await.unwrap();
    assert_eq!(by_id(&next_one).await, expected((0..20).filter(|n| n % 5 != 1).chain(20..30)), "who comes later stays");
    let void = format!("SELECT count() FROM erased_rows WHERE publication = {}", head + 1);
    until("its rows go", async || count(&next_one, &void).await == 0).await;
    assert_eq!(next_one.erasures().version(), 1);
    given.drop(&next_one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_leader_has_hidden_is_deleted_by_the_next() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let killed = given.open(options(Role::Writer)).await;
    killed.publish(publication("p", 0..20)).await.unwrap();
    let id = asked("user-2");
    let record = {
        // Nothing of what runs in the background gets to it.
        killed.close();
        killed.erase(id).await.unwrap()
    };
    assert!(record.hidden_at.is_some() && record.rewritten_at.is_none());
    drop(killed);
    let leader = given.open(options(Role::Writer)).await;
    drop_parts_soon(&leader).await;
    assert_eq!(by_id(&leader).await, others(0..20));
    until("the rows go", async || count(&leader, "SELECT count() FROM activity").await == 16).await;
    assert_eq!(count(&leader, "SELECT count() FROM identities").await, 16);
    until("no filter is left", async || leader.shared.view().visible.hidden.is_empty()).await;
    until("it is done", async || leader.erasure_records()[0].files_at.is_some()).await;
    assert_eq!(by_id(&leader).await, others(0..20));
    given.drop(&leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_database_with_the_newest_list_forgets_again() {
    let Some(server) = server() else { return };
    let (newest, older) = (Given::new(&server), Given::new(&server));
    let store = newest.open(options(Role::Writer)).await;
    store.publish(publication("p", 0..20)).await.unwrap();
    store.publish(publication("p", 20..30)).await.unwrap();
    let restored = older.open(options(Role::Writer)).await;
    restored.publish(publication("p", 0..20)).await.unwrap();
    let record = store.erase(asked("user-2")).await.unwrap();
    until("the rows go", async || store.erasure_records()[0].rewritten_at.is_some()).await;
    let copy = format!("INSERT INTO erasures SELECT * FROM `{}`.erasures", newest.database);
    restored.shared.database.execute(&copy, &[]).await.unwrap();
    until("it is done again", async || restored.erasures().version() == 1).await;
    assert_eq!(by_id(&restored).await, others(0..20));
    let again = restored.erasures().iter().next().unwrap().clone();
    assert_eq!((again.at, &again.persons), (record.erasure.at, &record.erasure.persons));
    until("the rows go", async || count(&restored, "SELECT count() FROM activity").await == 16).await;
    restored.publish(next(&restored, 20..40)).await.unwrap();
    assert_eq!(by_id(&restored).await, expected((0..20).filter(|n| n % 5 != 2).chain(20..40)));
    newest.drop(&store).await;
    older.drop(&restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_before_gets_what_erasures_need() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let before = given.open(options(Role::Writer)).await;
    before.publish(publication("p", 0..20)).await.unwrap();
    before.close();
    let database = before.shared.database.clone();
    for sql in [
        "DROP TABLE erasures",
        "DROP TABLE erased_rows",
        "ALTER TABLE migrations DELETE WHERE version = 2 SETTINGS mutations_sync = 2",
    ] {
        database.execute(sql, &[]).await.unwrap();
    }
    drop(before);
    let store = given.open(options(Role::Writer)).await;
    store.erase(asked("user-2")).await.unwrap();
    assert_eq!(by_id(&store).await, others(0..20));
    given.drop(&store).await;
}
