//! Records are taken out: of the files and of memory, and nothing else changes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::{Checkpoint, Record};
use tempfile::tempdir;

use super::faulty_disk::FaultyDisk;
use super::{eventually, numbered, open_real, open_with, options, read_all};
use crate::{ActivityLog, IsErased, LogError, LogRecord};

fn every_third() -> IsErased {
    Arc::new(|kind, payload| {
        let number = |payload: &[u8]| serde_json::from_slice::<serde_json::Value>(payload).unwrap()["number"].as_u64();
        kind == 1 && number(payload).unwrap() % 3 == 0
    })
}

fn erased(record: &LogRecord) -> LogRecord {
    match every_third()(record.kind, &record.payload) {
        true => LogRecord { kind: Record::KIND_ERASED, payload: Default::default(), ..record.clone() },
        false => record.clone(),
    }
}

fn files_hold(folder: &Path, text: &str) -> bool {
    let segments = fs::read_dir(folder.join("p00000")).unwrap();
    let mut files = segments.map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[tokio::test]
async fn what_is_taken_out_is_nowhere_and_the_rest_stays() {
    let folder = tempdir().unwrap();
    let log = open_real(folder.path(), options(1)).await;
    for number in 0..60 {
        log.append(vec![numbered(number)]).await.unwrap();
    }
    let before = read_all(&log).await.records;
    assert!(files_hold(folder.path(), "\"number\":57,") && log.can_erase());
    assert_eq!(log.erase(every_third()).await.unwrap(), 20);
    let expected: Vec<LogRecord> = before.iter().map(erased).collect();
    assert_eq!(read_all(&log).await.records, expected, "while the log is open");
    assert!(!files_hold(folder.path(), "\"number\":57,") && files_hold(folder.path(), "\"number\":58,"));
    assert_eq!(log.erase(every_third()).await.unwrap(), 0, "a second time there is nothing to do");
    log.append(vec![numbered(60)]).await.unwrap();
    log.close().await;
    drop(log);

    fs::write(folder.path().join("p00000/00000000000000000000.next"), "half").unwrap();
    let log = open_real(folder.path(), options(1)).await;
    let after = read_all(&log).await;
    assert!(after.damages.is_empty());
    assert_eq!(after.records[..60], expected, "after a start");
    assert_eq!((after.records[60].offset, after.records[60].kind), (60, 1));
    assert!(!folder.path().join("p00000/00000000000000000000.next").exists());
    log.close().await;
}

#[tokio::test]
async fn whoever_reads_meanwhile_sees_every_offset_once() {
    let folder = tempdir().unwrap();
    let log = Arc::new(open_real(folder.path(), options(1)).await);
    for number in 0..300 {
        log.append(vec![numbered(number)]).await.unwrap();
    }
    let reading = {
        let log = log.clone();
        tokio::spawn(async move { read_all(&log).await })
    };
    assert_eq!(log.erase(every_third()).await.unwrap(), 100);
    let seen = reading.await.unwrap();
    assert!(seen.damages.is_empty(), "{:?}", seen.damages);
    assert!(seen.records.iter().map(|record| record.offset).eq(0..300));
    log.close().await;
}

#[tokio::test]
async fn a_new_segment_whose_name_could_not_be_synced_is_read_without_damage() {
    let folder = tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let log = open_with(folder.path(), options(1), disk.clone()).await.unwrap();
    for number in 0..60 {
        log.append(vec![numbered(number)]).await.unwrap();
    }
    let expected: Vec<LogRecord> = read_all(&log).await.records.iter().map(erased).collect();
    // Whoever reads on knows where the second record lies in the old file.
    let first = log.read(&Checkpoint::default(), 1, Duration::ZERO).await.unwrap();
    assert_eq!(first.next.next_offset(0), 1);
    // The segment that is written to is left alone before anything breaks.
    assert_eq!(log.erase(Arc::new(|_: u8, _: &[u8]| false)).await.unwrap(), 0);
    disk.set_folders_broken(true);
    assert!(matches!(log.erase(every_third()).await, Err(LogError::Write { .. })));
    let (mut at, mut rest) = (first.next, Vec::new());
    while !at.covers(&log.end()) {
        let batch = log.read(&at, 700, Duration::ZERO).await.unwrap();
        assert!(batch.damages.is_empty(), "{:?}", batch.damages);
        rest.extend(batch.records.iter().map(|record| record.offset));
        at = batch.next;
    }
    assert!(rest.into_iter().eq(1..60), "nothing is passed over");
    // It is not said that they are gone before their names are.
    assert!(log.erase(every_third()).await.is_err());
    disk.set_folders_broken(false);
    while log.erase(every_third()).await.unwrap() > 0 {}
    assert_eq!(read_all(&log).await.records, expected);
    log.close().await;
}

#[tokio::test]
async fn no_file_is_replaced_once_somebody_else_may_have_the_log() {
    let folder = tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let log = Arc::new(open_with(folder.path(), options(1), disk.clone()).await.unwrap());
    for number in 0..12 {
        log.append(vec![numbered(number)]).await.unwrap();
    }
    let before = read_all(&log).await.records;
    // The segment that is written to is left alone, so that nobody but the erasure syncs.
    assert_eq!(log.erase(Arc::new(|_: u8, _: &[u8]| false)).await.unwrap(), 0);
    disk.hold_syncs(true);
    let syncs = disk.syncs();
    let erasing = {
        let log = log.clone();
        tokio::spawn(async move { log.erase(every_third()).await })
    };
    eventually(|| disk.syncs() > syncs).await;
    log.close().await;
    let next = open_real(folder.path(), options(1)).await;
    disk.hold_syncs(false);
    assert!(matches!(erasing.await.unwrap(), Err(LogError::Closed)));
    let after = read_all(&next).await;
    assert!(after.damages.is_empty() && after.records == before, "it is the next one's log");
    next.close().await;
}
