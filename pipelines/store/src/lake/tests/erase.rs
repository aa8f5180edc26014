//! A person is forgotten: in answers at once, in files soon, after a kill too; nobody else is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use footfall_ingest_activity::{Erasure, Timestamp, person_id_of};
use proptest::prelude::*;
use uuid::Uuid;

use super::rows::key;
use super::{open, open_with, options, until};
use crate::lake::{Lake, LakeOptions, TableScan, verify};
use crate::tables::Table;
use crate::{Publication, Store, StoreError};

fn person(id: &str) -> Uuid {
    person_id_of("p", id)
}

fn asked(id: &str) -> Erasure {
    let at = Timestamp::from_millis(0);
    Erasure { id: Uuid::new_v4(), project: "p".into(), person: person(id), persons: Default::default(), at }
}

fn publication(lake: &Lake, numbers: std::ops::Range<u64>) -> Publication {
    let erasures = lake.erasures().version();
    Publication { erasures, ..super::publication(numbers.clone(), until(numbers.end)) }
}

/// Activities by distinct id, as every reader sees them: the store's own, and the one that insights have.
async fn by_id(lake: &Lake) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for batch in lake.read_all("p", Table::Activity).await.unwrap() {
        for id in batch.column_by_name("distinct_id").unwrap().as_string_view().iter().flatten() {
            *counts.entry(id.to_owned()).or_default() += 1;
        }
    }
    let snapshot = lake.snapshot("p");
    let view = snapshot.table(Table::Activity);
    let mut scanned = view.fresh.iter().map(RecordBatch::num_rows).sum::<usize>();
    for file in &view.files {
        let rows = TableScan::open(&snapshot.root, Table::Activity, file, &["distinct_id"], &[], 7).unwrap();
        let rows: usize = rows.map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows as u64, file.live_rows());
        scanned += rows;
    }
    assert_eq!(scanned, counts.values().sum::<usize>());
    counts
}

fn expected(numbers: impl Iterator<Item = u64>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    numbers.for_each(|n| *counts.entry(format!("user-{}", n % 5)).or_default() += 1);
    counts
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Files that hold a row of the person, whatever the manifest says of it.
fn holders(folder: &Path, id: &str) -> usize {
    let person = person(id).to_string();
    let holds = |path: &PathBuf| {
        let file = std::fs::File::open(path).unwrap();
        let rows =
            parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        rows.map(|batch| cast(batch.unwrap().column_by_name("person_id").unwrap(), &arrow::datatypes::DataType::Utf8))
            .any(|column| column.unwrap().as_string::<i32>().iter().flatten().any(|text| text == person))
    };
    let data = files(folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    let data = data.filter(|path| !path.to_string_lossy().contains("_delta_log"));
    data.filter(|path| path.to_string_lossy().contains("/activity/")).filter(holds).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_leaves_answers_at_once_and_files_soon() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(folder.path());
    lake.publish(publication(&lake, 0..40)).await.unwrap();
    lake.flush().await.unwrap();
    let before_it = publication(&lake, 40..60);
    lake.publish(before_it.clone()).await.unwrap();
    let late = Publication { message_keys: vec![key(999)], ..before_it };
    let record = lake.erase(asked("user-2")).await.unwrap();
    assert_eq!(record.erasure.persons, [person("user-2")].into());
    assert_eq!(by_id(&lake).await, expected((0..60).filter(|n| n % 5 != 2)));
    assert_eq!(lake.snapshot("p").erasures, 1);
    assert_eq!(lake.is_new(&[key(2)]).unwrap(), [false], "the same activity cannot be sent again");
    assert!(matches!(lake.publish(late).await, Err(StoreError::Outdated)), "made before it");
    lake.publish(publication(&lake, 60..70)).await.unwrap();
    let everything_since = expected((0..60).filter(|n| n % 5 != 2).chain(60..70));
    assert_eq!(by_id(&lake).await, everything_since, "who comes again is somebody new");
    assert!(lake.erasure_records()[0].hidden_at.is_some());

    lake.compact().await.unwrap();
    lake.note_log_erased(record.erasure.id).await.unwrap();
    lake.compact().await.unwrap();
    assert_eq!(holders(folder.path(), "user-2"), 0, "the new rows are not in files yet");
    assert!(lake.erasure_records()[0].done_at().is_some(), "{:?}", lake.erasure_records());
    assert_eq!(by_id(&lake).await, everything_since);
    lake.flush().await.unwrap();
    drop(lake);
    assert_eq!(by_id(&open(folder.path())).await, everything_since, "after a start");
    assert!(verify(folder.path()).unwrap().problems.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_and_a_restored_backup_do_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(folder.path());
    lake.publish(publication(&lake, 0..40)).await.unwrap();
    lake.flush().await.unwrap();
    lake.close();
    drop(lake);
    let manifest = std::fs::read(folder.path().join("manifest.json")).unwrap();
    let backup = tempfile::tempdir().unwrap();
    for path in files(folder.path()) {
        let copy = backup.path().join(path.strip_prefix(folder.path()).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(&path, copy).unwrap();
    }
    let lake = open(folder.path());
    lake.erase(asked("user-2")).await.unwrap();
    lake.close();
    drop(lake);
    let noted = std::fs::read_to_string(folder.path().join("erasures.ndjson")).unwrap();

    // Killed after the request was written down, before the manifest: and half of a second line.
    let request = noted.lines().next().unwrap();
    std::fs::write(folder.path().join("erasures.ndjson"), format!("{request}\n{{\"id\":\"0")).unwrap();
    std::fs::write(folder.path().join("manifest.json"), &manifest).unwrap();
    let lake = open(folder.path());
    assert_eq!(by_id(&lake).await, expected((0..40).filter(|n| n % 5 != 2)));
    assert!(lake.erasure_records()[0].hidden_at.is_some());
    drop(lake);

    // A backup of before, and the file of erasures as it is now, with all steps done.
    std::fs::write(backup.path().join("erasures.ndjson"), &noted).unwrap();
    let lake = open(backup.path());
    assert_eq!(by_id(&lake).await, expected((0..40).filter(|n| n % 5 != 2)));
    // A file that somebody still reads goes with a later round.
    for _ in 0..100 {
        lake.compact().await.unwrap();
        if holders(backup.path(), "user-2") == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("somebody who is forgotten is still in a file");
}

#[derive(Debug, Clone)]
enum Step {
    Publish(u64),
    Flush,
    Compact,
    Erase(u64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..30u64).prop_map(Step::Publish),
        2 => Just(Step::Flush),
        2 => Just(Step::Compact),
        2 => (0..5u64).prop_map(Step::Erase),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Counts are those of a world in which the forgotten never were.
    #[test]
    fn counts_are_as_without_them(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let small = || LakeOptions { compact_fan_in: 2, ..options() };
            let mut lake = open_with(folder.path(), small());
            let (mut next, mut model) = (0, Vec::new());
            for step in steps {
                match step {
                    Step::Publish(rows) => {
                        lake.publish(publication(&lake, next..next + rows)).await.unwrap();
                        model.extend(next..next + rows);
                        next += rows;
                    }
                    Step::Flush => lake.flush().await.unwrap(),
                    Step::Compact => drop(lake.compact().await.unwrap()),
                    Step::Erase(who) => {
                        lake.erase(asked(&format!("user-{who}"))).await.unwrap();
                        model.retain(|n| n % 5 != who);
                    }
                    Step::Restart => {
                        lake.flush().await.unwrap();
                        drop(lake);
                        lake = open_with(folder.path(), small());
                    }
                }
                assert_eq!(by_id(&lake).await, expected(model.iter().copied()));
            }
        });
    }
}
