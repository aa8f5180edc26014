//! Segments go when every reader has released them and they are too old or too many; never before.

use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::{Checkpoint, FixedClock, Timestamp};
use tempfile::tempdir;

use super::{FileLog, eventually, numbered, open_real, options};
use crate::{ActivityLog, LogOptions};

async fn fill(log: &FileLog) {
    for number in 0..60 {
        log.append(vec![numbered(number)]).await.unwrap();
    }
}

fn first_offset(log: &FileLog) -> u64 {
    log.status().partitions[0].first_offset
}

#[tokio::test]
async fn nothing_goes_while_no_reader_is_registered() {
    let folder = tempdir().unwrap();
    let log = open_real(folder.path(), LogOptions { retention_bytes: Some(0), ..options(1) }).await;
    fill(&log).await;
    log.close().await;
    assert!(log.status().partitions[0].segments > 3);
    assert_eq!(first_offset(&log), 0);
}

#[tokio::test]
async fn the_slowest_reader_decides() {
    let folder = tempdir().unwrap();
    let small = LogOptions { retention_bytes: Some(0), retention_age_millis: None, ..options(1) };
    let log = open_real(folder.path(), small).await;
    log.release("slow", &Checkpoint::default());
    fill(&log).await;
    log.release("fast", &log.end());
    let middle: Checkpoint = [(0, 30)].into_iter().collect();
    assert_eq!(first_offset(&log), 0);
    log.release("slow", &middle);
    eventually(|| first_offset(&log) > 0).await;
    let batch = log.read(&middle, 1, Duration::ZERO).await.unwrap();
    assert_eq!(batch.records[0].offset, 30, "what is not released is still there");
    log.release("slow", &log.end());
    eventually(|| log.status().partitions[0].segments == 1).await;
    let late = log.read(&Checkpoint::default(), 1, Duration::ZERO).await.unwrap();
    assert_eq!(
        (late.damages[0].from_offset, late.damages[0].to_offset),
        (0, first_offset(&log)),
        "never a silent hole"
    );
    log.close().await;
    drop(log);
    let log = open_real(folder.path(), options(1)).await;
    assert_eq!(log.end().next_offset(0), 60);
}

#[tokio::test]
async fn age_decides_too() {
    let folder = tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(0)));
    let aged =
        LogOptions { retention_bytes: None, retention_age_millis: Some(1_000), clock: clock.clone(), ..options(1) };
    let log = open_real(folder.path(), aged).await;
    fill(&log).await;
    let segments = log.status().partitions[0].segments;
    log.release("job", &log.end());
    log.append(vec![numbered(60)]).await.unwrap();
    assert_eq!(log.status().partitions[0].segments, segments, "too young");
    clock.set(Timestamp::from_millis(1_001));
    log.release("job", &log.end());
    eventually(|| log.status().partitions[0].segments == 1).await;
}
