//! Tests of the embedded log: the contract, and what only files can suffer.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crash;
mod damage;
mod erase;
mod faulty_disk;
mod full;
mod held;
mod retention;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::{Checkpoint, FixedClock, Record, Timestamp};

use super::FileLog;
use super::disk::Disk;
use crate::{ActivityLog, Batch, LogError, LogOptions, contract_suite, open};

/// Small limits, so that a few records make many segments, and a clock that stands.
fn options(partitions: u32) -> LogOptions {
    LogOptions {
        partitions,
        segment_bytes_max: 1_000,
        group_bytes_max: 400,
        tail_cache_bytes: 600,
        disk_reserve_bytes: 0,
        clock: Arc::new(FixedClock::at(Timestamp::from_millis(1_000_000))),
        ..LogOptions::default()
    }
}

fn numbered(number: usize) -> Record {
    let payload = format!("{{\"number\":{number},\"text\":\"{}\"}}", "abcdefgh".repeat(number % 9)).into_bytes();
    Record { kind: 1, partition_key: number as u64 % 5, payload }
}

async fn open_with(folder: &Path, options: LogOptions, disk: Arc<dyn Disk>) -> Result<FileLog, LogError> {
    FileLog::open_on(folder.to_owned(), options, disk).await
}

async fn open_real(folder: &Path, options: LogOptions) -> FileLog {
    FileLog::open(folder.to_owned(), options).await.unwrap()
}

/// Reads from the beginning to the end.
async fn read_all(log: &FileLog) -> Batch {
    let mut all = Batch::default();
    while !all.next.covers(&log.end()) {
        let batch = log.read(&all.next, 700, Duration::from_secs(20)).await.unwrap();
        assert!(batch.next != all.next, "a read below the end makes progress");
        all.records.extend(batch.records);
        all.damages.extend(batch.damages);
        all.next = batch.next;
    }
    all
}

/// Waits for something that another thread does.
async fn eventually(mut condition: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come about within ten seconds");
}

async fn contract_with(partitions: u32, options: impl Fn(u32) -> LogOptions) {
    let folder = tempfile::tempdir().unwrap();
    contract_suite(async |name| {
        let url = format!("file:{}", folder.path().join(name).display());
        open(&url, options(partitions)).await.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_with_one_partition() {
    contract_with(1, |partitions| LogOptions { partitions, disk_reserve_bytes: 0, ..LogOptions::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_with_four_partitions_and_tiny_segments() {
    contract_with(4, options).await;
}

#[tokio::test]
async fn a_folder_has_one_user() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_real(folder.path(), options(1)).await;
    let second = FileLog::open(folder.path().to_owned(), options(1)).await;
    assert!(matches!(second, Err(LogError::InUse { .. })));
    assert!(matches!(FileLog::verify(folder.path().to_owned()).await, Err(LogError::InUse { .. })));
    log.close().await;
    open_real(folder.path(), options(1)).await;
}

#[tokio::test]
async fn another_number_of_partitions_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_real(folder.path(), options(2)).await);
    let other = FileLog::open(folder.path().to_owned(), options(3)).await.err().unwrap();
    assert!(matches!(other, LogError::Incompatible { .. }));
    assert!(other.to_string().contains("2 partitions"), "{other}");
}

#[tokio::test]
async fn an_unknown_url_is_named() {
    let error = open("carrier-pigeon:coop", options(1)).await.err().unwrap();
    assert!(matches!(error, LogError::UnknownUrl { url } if url == "carrier-pigeon:coop"));
}

#[tokio::test]
async fn too_large_an_append_is_refused_and_the_largest_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_real(folder.path(), LogOptions { append_bytes_max: 5_000, ..options(1) }).await;
    let sized = |bytes: usize| vec![Record { kind: 1, partition_key: 0, payload: vec![b'x'; bytes] }];
    assert!(matches!(log.append(sized(5_000)).await, Err(LogError::AppendTooLarge { .. })));
    log.append(sized(4_995)).await.unwrap();
    assert_eq!(read_all(&log).await.records[0].payload.len(), 4_995);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_from_memory_and_from_disk_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let cached = LogOptions { tail_cache_bytes: 1 << 20, ..options(2) };
    let log = open_real(folder.path(), cached).await;
    for start in 0..50 {
        log.append((start..start + 4).map(numbered).collect()).await.unwrap();
    }
    let mut from_memory = read_all(&log).await.records;
    log.close().await;
    let log = open_real(folder.path(), LogOptions { tail_cache_bytes: 0, ..options(2) }).await;
    let mut from_disk = read_all(&log).await.records;
    from_memory.sort_by_key(|record| (record.partition, record.offset));
    from_disk.sort_by_key(|record| (record.partition, record.offset));
    assert_eq!(from_memory.len(), 200);
    assert_eq!(from_memory, from_disk);
    log.close().await;
    let report = FileLog::verify(folder.path().to_owned()).await.unwrap();
    assert!(report.is_sound() && report.torn_bytes == 0 && report.remarks.is_empty(), "{report:?}");
    assert_eq!(report.partitions.iter().map(|partition| partition.records).sum::<u64>(), 200);
}

#[tokio::test]
async fn reopened_many_times_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let log = open_real(folder.path(), options(1)).await;
        assert_eq!(log.end().next_offset(0), round as u64);
        assert_eq!(log.status().torn_bytes, 0);
        if round % 2 == 0 {
            drop(log.read(&Checkpoint::default(), 100, Duration::ZERO).await.unwrap());
        }
        log.append(vec![numbered(round)]).await.unwrap();
    }
    let log = open_real(folder.path(), options(1)).await;
    let payloads: Vec<_> = read_all(&log).await.records.into_iter().map(|record| record.payload.to_vec()).collect();
    assert_eq!(payloads, (0..40).map(|number| numbered(number).payload).collect::<Vec<_>>());
}
