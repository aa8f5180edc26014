//! The lake against a plain model: what is visible, what survives, what is counted once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod erase;
mod held;
pub mod rows;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use footfall_ingest_activity::{Checkpoint, FixedClock, Timestamp};
use proptest::prelude::*;
use rows::{activity_batch, identity_batch, key, publication};

use super::{Lake, LakeOptions, verify};
use crate::contract::contract_suite;
use crate::tables::Table;
use crate::{Backend, Store, StoreError};

fn options() -> LakeOptions {
    LakeOptions { flush_age_millis: 3_600_000, compact: false, removed_grace_millis: 0, ..LakeOptions::default() }
}

fn open(folder: &Path) -> Arc<Lake> {
    open_with(folder, options())
}

fn open_with(folder: &Path, options: LakeOptions) -> Arc<Lake> {
    Lake::open_folder(folder, options, Arc::new(FixedClock::at(Timestamp::from_millis(1_000)))).unwrap()
}

async fn message_ids(lake: &Lake) -> Vec<String> {
    let batches = lake.read_all("p", Table::Activity).await.unwrap();
    batches.iter().flat_map(|batch| batch.column(0).as_string_view().iter().flatten().map(str::to_owned)).collect()
}

fn until(offset: u64) -> Checkpoint {
    [(0, offset)].into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract_suite(async |name| Backend::Lake(open(&folder.path().join(name)))).await;
}

#[tokio::test]
async fn published_rows_are_visible_at_once_and_durable_after_a_flush() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(folder.path());
    lake.publish(publication(0..10, until(10))).await.unwrap();
    assert_eq!(message_ids(&lake).await.len(), 10);
    assert_eq!(lake.visible_checkpoint(), until(10));
    assert_eq!(lake.durable_checkpoint(), Checkpoint::default());
    lake.flush().await.unwrap();
    assert_eq!(lake.durable_checkpoint(), until(10));
    lake.publish(publication(10..15, until(15))).await.unwrap();
    drop(lake);
    let lake = open(folder.path());
    assert_eq!(message_ids(&lake).await.len(), 10, "what was not flushed comes again from the log");
    assert_eq!(lake.visible_checkpoint(), until(10));
    assert_eq!(verify(folder.path()).unwrap().problems, Vec::<String>::new());
}

#[tokio::test]
async fn keys_are_known_fresh_flushed_reopened_and_joined() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = open(folder.path());
    for part in 0..20u64 {
        let keys: Vec<u128> = (part * 10..part * 10 + 10).map(key).collect();
        assert!(lake.is_new(&keys).unwrap().iter().all(|&new| new));
        lake.publish(publication(part * 10..part * 10 + 10, until(part * 10 + 10))).await.unwrap();
        assert!(lake.is_new(&keys).unwrap().iter().all(|&new| !new), "fresh");
        lake.flush().await.unwrap();
        if part % 7 == 3 {
            lake.compact().await.unwrap();
            drop(lake);
            lake = open(folder.path());
        }
    }
    let all: Vec<u128> = (0..200).map(key).collect();
    assert!(lake.is_new(&all).unwrap().iter().all(|&new| !new));
    assert_eq!(lake.is_new(&[key(500), key(500), key(3)]).unwrap(), [true, false, false]);
    lake.compact().await.unwrap();
    assert!(lake.inner.state().runs.files().len() < 10);
}

#[tokio::test]
async fn old_keys_expire_after_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(0)));
    let lake = Lake::open_folder(folder.path(), options(), clock.clone()).unwrap();
    lake.publish(publication(0..1, until(1))).await.unwrap();
    lake.flush().await.unwrap();
    clock.set(Timestamp::from_millis(options().dedupe_window_millis));
    lake.publish(publication(1..2, until(2))).await.unwrap();
    lake.flush().await.unwrap();
    assert_eq!(lake.is_new(&[key(0), key(1)]).unwrap(), [false, false], "within the window");
    clock.set(Timestamp::from_millis(options().dedupe_window_millis + 1));
    lake.publish(publication(2..3, until(3))).await.unwrap();
    lake.flush().await.unwrap();
    assert_eq!(lake.is_new(&[key(0), key(1), key(2)]).unwrap(), [true, false, false]);
}

#[tokio::test]
async fn compaction_keeps_rows_and_order_and_leaves_few_files() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(folder.path());
    for part in 0..30u64 {
        lake.publish(publication(part * 7..part * 7 + 7, until(part * 7 + 7))).await.unwrap();
        lake.flush().await.unwrap();
    }
    let held = lake.snapshot("p");
    assert_eq!(held.table(Table::Activity).files.len(), 30);
    assert!(lake.compact().await.unwrap() > 0);
    let now = lake.snapshot("p");
    assert!(now.table(Table::Activity).files.len() < 6, "{} files", now.table(Table::Activity).files.len());
    let unique: BTreeSet<String> = message_ids(&lake).await.into_iter().collect();
    assert_eq!(unique.len(), 210);
    for file in &held.table(Table::Activity).files {
        assert!(held.root.join(&file.path).exists(), "a snapshot keeps its files");
    }
    let old = held.table(Table::Activity).files[0].path.clone();
    drop(held);
    lake.compact().await.unwrap();
    assert!(!folder.path().join(old).exists(), "then they go");
    for file in &now.table(Table::Activity).files {
        let rows = super::reader::read_file(folder.path(), Table::Activity, file).unwrap();
        let sorted: Vec<(String, i64)> = rows.iter().flat_map(rows::person_and_time).collect();
        assert!(sorted.is_sorted());
    }
    assert_eq!(verify(folder.path()).unwrap().problems, Vec::<String>::new());
}

#[tokio::test]
async fn parts_of_an_id_fold_into_one_row() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(folder.path());
    for part in 0..6 {
        let mut publication = publication(part..part + 1, until(part + 1));
        let rows = publication.rows.get_mut("p").unwrap();
        rows.batches.insert(Table::Identities, identity_batch(&[("a", part as i64, 2), ("b", 100 - part as i64, 1)]));
        lake.publish(publication).await.unwrap();
        lake.flush().await.unwrap();
    }
    lake.compact().await.unwrap();
    let rows = lake.read_all("p", Table::Identities).await.unwrap();
    let folded: Vec<_> = rows.iter().flat_map(rows::identity_rows).collect();
    assert_eq!(folded, [("a".to_owned(), 0, 5, 12), ("b".to_owned(), 95, 100, 6)]);
}

#[tokio::test]
async fn a_second_opener_is_refused_and_orphans_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(folder.path());
    lake.publish(publication(0..3, until(3))).await.unwrap();
    lake.flush().await.unwrap();
    let clock = Arc::new(FixedClock::default());
    let second = Lake::open_folder(folder.path(), options(), clock);
    assert!(matches!(second, Err(StoreError::InUse { .. })));
    drop(lake);
    let orphan = folder.path().join("project=p/activity/orphan.parquet");
    std::fs::write(&orphan, b"half a file").unwrap();
    let lake = open(folder.path());
    assert!(!orphan.exists());
    assert_eq!(message_ids(&lake).await.len(), 3);
}

#[tokio::test]
async fn overrides_survive_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let lake = open(folder.path());
    let mut joined = publication(0..1, until(1));
    joined.rows.get_mut("p").unwrap().person_changes.push((a, b));
    lake.publish(joined).await.unwrap();
    lake.flush().await.unwrap();
    drop(lake);
    let lake = open(folder.path());
    assert_eq!(lake.snapshot("p").overrides.get(&a), Some(&b));
    let mut undone = publication(1..2, until(2));
    undone.rows.get_mut("p").unwrap().person_changes.push((a, a));
    lake.publish(undone).await.unwrap();
    assert!(lake.snapshot("p").overrides.is_empty());
    lake.flush().await.unwrap();
    drop(lake);
    assert!(open(folder.path()).snapshot("p").overrides.is_empty());
}

#[tokio::test]
async fn publishing_waits_for_a_slow_flush_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_with(folder.path(), LakeOptions { flush_rows: 10, ..options() });
    for part in 0..50u64 {
        lake.publish(publication(part * 10..part * 10 + 10, until(part * 10 + 10))).await.unwrap();
        assert!(lake.status().fresh_activities <= 30);
    }
    lake.flush().await.unwrap();
    assert_eq!(message_ids(&lake).await.len(), 500);
}

#[tokio::test]
async fn a_write_error_is_reported_and_overcome() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(folder.path());
    // A plain file where the project's folder has to be: every write fails, whoever runs the test.
    std::fs::write(folder.path().join("project=p"), b"in the way").unwrap();
    lake.publish(publication(0..5, until(5))).await.unwrap();
    assert!(lake.flush().await.is_err());
    assert!(lake.status().failing.is_some());
    assert_eq!(message_ids(&lake).await.len(), 5, "visible all the same");
    std::fs::remove_file(folder.path().join("project=p")).unwrap();
    while lake.flush().await.is_err() {}
    assert_eq!(lake.status().failing, None);
    assert_eq!(lake.durable_checkpoint(), until(5));
    assert_eq!(message_ids(&lake).await.len(), 5);
}

#[derive(Debug, Clone)]
enum Step {
    Publish(u64),
    Flush,
    Compact,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1u64..40).prop_map(Step::Publish),
        3 => Just(Step::Flush),
        2 => Just(Step::Compact),
        2 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever happens, the rows are those of the log below the visible checkpoint, each once, after a replay that
    /// starts at the durable checkpoint.
    #[test]
    fn rows_are_exactly_the_log_below_the_checkpoint(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let mut lake = open(folder.path());
            for step in steps {
                let at = lake.visible_checkpoint().next_offset(0);
                match step {
                    Step::Publish(rows) => lake.publish(publication(at..at + rows, until(at + rows))).await.unwrap(),
                    Step::Flush => lake.flush().await.unwrap(),
                    Step::Compact => { lake.compact().await.unwrap(); }
                    Step::Crash => { drop(lake); lake = open(folder.path()); }
                }
                let at = lake.visible_checkpoint().next_offset(0);
                let mut ids = message_ids(&lake).await;
                ids.sort();
                let mut expected: Vec<String> = (0..at).map(rows::message_id).collect();
                expected.sort();
                assert_eq!(ids, expected);
            }
        });
    }
}

#[test]
fn fresh_batches_have_the_fresh_schema() {
    assert_eq!(activity_batch(0..3).schema(), Table::Activity.fresh_schema());
}
