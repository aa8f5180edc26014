//! Full and failing disks: refused without loss, and accepted again by itself. Saturation.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use footfall_ingest_activity::{Checkpoint, FixedClock, Timestamp};
use tempfile::tempdir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::faulty_disk::FaultyDisk;
use super::{FileLog, eventually, numbered, open_real, open_with, options, read_all};
use crate::{ActivityLog, LogError, LogOptions};

type Appended = Result<Checkpoint, LogError>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_recovers_by_itself() {
    let folder = tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let log = open_with(folder.path(), options(1), disk.clone()).await.unwrap();
    log.append(vec![numbered(0)]).await.unwrap();
    disk.set_full(true);
    for number in 1..30 {
        let error = log.append(vec![numbered(number)]).await.unwrap_err();
        assert!(matches!(error, LogError::DiskFull) && error.is_retryable());
    }
    assert!(log.status().degraded.is_some());
    disk.set_full(false);
    eventually(|| log.status().degraded.is_none()).await;
    log.append(vec![numbered(1)]).await.unwrap();
    log.close().await;
    let log = open_real(folder.path(), options(1)).await;
    let payloads: Vec<_> = read_all(&log).await.records.into_iter().map(|record| record.payload.to_vec()).collect();
    assert_eq!(payloads, [numbered(0).payload, numbered(1).payload]);
    assert_eq!(log.status().torn_bytes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_fdatasync_acknowledges_nothing_and_seals_the_segment() {
    let folder = tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let log = open_with(folder.path(), options(1), disk.clone()).await.unwrap();
    log.append(vec![numbered(0)]).await.unwrap();
    disk.set_sync_broken(true);
    for number in 1..5 {
        assert!(matches!(log.append(vec![numbered(number)]).await, Err(LogError::Write { .. })));
    }
    assert_eq!(log.end().next_offset(0), 1, "readers do not see what is not durable");
    disk.set_sync_broken(false);
    log.append(vec![numbered(1)]).await.unwrap();
    assert_eq!(log.status().partitions[0].segments, 2);
    assert!(log.status().degraded.is_none());
    log.close().await;
    let log = open_real(folder.path(), options(1)).await;
    let read = read_all(&log).await;
    assert_eq!((read.records.len(), read.damages.len()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reserve_of_the_disk_is_kept() {
    let folder = tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    disk.set_free_bytes(10_000);
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(0)));
    let reserved = LogOptions { disk_reserve_bytes: 5_000, clock: clock.clone(), ..options(1) };
    let log = open_with(folder.path(), reserved, disk.clone()).await.unwrap();
    log.append(vec![numbered(0)]).await.unwrap();
    disk.set_free_bytes(4_999);
    clock.set(Timestamp::from_millis(200));
    assert!(matches!(log.append(vec![numbered(1)]).await, Err(LogError::DiskFull)));
    assert!(log.status().degraded.unwrap().contains("full"));
    disk.set_free_bytes(5_000);
    eventually(|| log.status().degraded.is_none()).await;
    log.append(vec![numbered(1)]).await.unwrap();
}

/// Hands `count` appends of one record over, in order, while the disk holds the first of them.
async fn append_while_held(log: &Arc<FileLog>, disk: &FaultyDisk, count: usize) -> Vec<JoinHandle<Appended>> {
    log.append(vec![numbered(0)]).await.unwrap();
    disk.hold_syncs(true);
    let mut tasks = Vec::new();
    for number in 1..=count {
        let appender = log.clone();
        let (polled, was_polled) = oneshot::channel();
        tasks.push(tokio::spawn(async move {
            let append = appender.append(vec![numbered(number)]);
            tokio::pin!(append);
            let first = poll_once(append.as_mut()).await;
            polled.send(()).unwrap();
            match first {
                Poll::Ready(appended) => appended,
                Poll::Pending => append.await,
            }
        }));
        was_polled.await.unwrap();
    }
    tasks
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_waiting_is_refused_and_the_rest_is_kept() {
    let folder = tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let tight = LogOptions { waiting_bytes_max: 2_000, ..options(1) };
    let log = Arc::new(open_with(folder.path(), tight, disk.clone()).await.unwrap());
    let tasks = append_while_held(&log, &disk, 300).await;
    disk.hold_syncs(false);
    let (mut kept, mut refused) = (1, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => kept += 1,
            Err(LogError::Saturated { waiting_bytes }) => {
                assert!((1_800..=2_000).contains(&waiting_bytes), "{waiting_bytes}");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(kept > 10 && refused > 200, "{kept} kept, {refused} refused");
    assert_eq!(read_all(&log).await.records.len(), kept);
    log.append(vec![numbered(1)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_that_wait_share_one_sync_and_keep_their_order() {
    let folder = tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let roomy = LogOptions { segment_bytes_max: 1 << 20, group_bytes_max: 1 << 20, ..options(1) };
    let log = Arc::new(open_with(folder.path(), roomy, disk.clone()).await.unwrap());
    let tasks = append_while_held(&log, &disk, 500).await;
    disk.hold_syncs(false);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let payloads: Vec<_> = read_all(&log).await.records.into_iter().map(|record| record.payload.to_vec()).collect();
    assert_eq!(payloads, (0..=500).map(|number| numbered(number).payload).collect::<Vec<_>>());
    // The new segment, the first append, the one that was held with what came before it, the rest.
    assert!(disk.syncs() <= 4, "{} syncs", disk.syncs());
}
