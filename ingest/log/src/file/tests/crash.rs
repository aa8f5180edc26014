//! Power cuts and faults at every moment: what was acknowledged is there afterwards, in order, without holes.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::tempdir;

use super::faulty_disk::{Fault, FaultyDisk};
use super::{FileLog, numbered, open_real, open_with, options, read_all};
use crate::{ActivityLog, LogOptions};

/// What became of each record that was ever handed over, in order.
#[derive(Default)]
struct History {
    attempted: Vec<Vec<u8>>,
    acknowledged: Vec<bool>,
}

impl History {
    async fn append(&mut self, log: &FileLog, count: usize) -> bool {
        let start = self.attempted.len();
        let records: Vec<_> = (start..start + count).map(numbered).collect();
        self.attempted.extend(records.iter().map(|record| record.payload.clone()));
        let acknowledged = log.append(records).await.is_ok();
        self.acknowledged.resize(start + count, acknowledged);
        acknowledged
    }

    /// Acknowledged ⊆ recovered ⊆ attempted, in the order attempted, without holes.
    async fn check(&self, log: &FileLog) {
        let all = read_all(log).await;
        assert_eq!(all.damages, Vec::new(), "a crash damages nothing that was durable");
        let mut attempts = self.attempted.iter().zip(&self.acknowledged);
        for (place, record) in all.records.iter().enumerate() {
            assert_eq!(record.offset, place as u64);
            loop {
                let (attempt, acknowledged) = attempts.next().expect("recovered records were attempted, in this order");
                if attempt[..] == record.payload[..] {
                    break;
                }
                assert!(!acknowledged, "acknowledged but gone: {}", String::from_utf8_lossy(attempt));
            }
        }
        assert!(!attempts.any(|(_, acknowledged)| *acknowledged), "acknowledged at the end but gone");
    }
}

/// One life of the process: at which operations what goes wrong, and how many records each append has.
type Round = (Vec<(usize, Fault)>, Vec<usize>);

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::NoSpace),
        Just(Fault::ShortWrite),
        Just(Fault::Broken),
        any::<u8>().prop_map(|kept| Fault::Crash { kept }),
    ]
}

async fn live_and_crash(folder: &Path, rounds: &[Round]) {
    let mut history = History::default();
    for (faults, appends) in rounds {
        let disk = Arc::new(FaultyDisk::failing_at(faults.iter().copied()));
        // A fault may also hit the opening; the next round opens again.
        if let Ok(log) = open_with(folder, options(1), disk).await {
            for &count in appends {
                history.append(&log, count).await;
            }
        }
        let log = open_with(folder, options(1), Arc::new(FaultyDisk::default())).await.unwrap();
        history.check(&log).await;
    }
    let log = open_real(folder, options(1)).await;
    history.check(&log).await;
    assert!(history.append(&log, 3).await);
    history.check(&log).await;
    log.close().await;
    let report = FileLog::verify(folder.to_owned()).await.unwrap();
    assert!(report.is_sound() && report.torn_bytes == 0, "{report:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_records_survive_any_fault(
        rounds in prop::collection::vec(
            (
                prop::collection::vec((0..60usize, fault()), 0..4),
                prop::collection::vec(1..6usize, 1..20),
            ),
            1..4,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempdir().unwrap();
        runtime.block_on(live_and_crash(folder.path(), &rounds));
    }
}

#[tokio::test]
async fn a_crash_at_each_operation_of_one_run() {
    for operation in 0..70 {
        for kept in [0, 7, 128, 255] {
            let folder = tempdir().unwrap();
            live_and_crash(folder.path(), &[(vec![(operation, Fault::Crash { kept })], vec![2; 20])]).await;
        }
    }
}

#[tokio::test]
async fn every_torn_length_of_the_last_append() {
    let folder = tempdir().unwrap();
    let big = LogOptions { segment_bytes_max: 1 << 20, ..options(1) };
    let log = open_real(folder.path(), big.clone()).await;
    log.append((0..4).map(numbered).collect()).await.unwrap();
    let whole = log.status().partitions[0].bytes;
    log.append((4..9).map(numbered).collect()).await.unwrap();
    let longer = log.status().partitions[0].bytes;
    log.close().await;
    let path = folder.path().join("p00000/00000000000000000000.log");
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len() as u64, longer);
    for length in 0..=bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let log = open_with(folder.path(), big.clone(), Arc::new(FaultyDisk::default())).await.unwrap();
        let status = log.status();
        let kept = if length as u64 == longer {
            9
        } else if length as u64 >= whole {
            4
        } else {
            0
        };
        let kept_bytes = match kept {
            9 => longer,
            4 => whole,
            _ if length < 64 => 0,
            _ => 64,
        };
        assert_eq!(log.end().next_offset(0), kept, "cut at {length}");
        assert_eq!(status.torn_bytes, length as u64 - kept_bytes, "cut at {length}");
        assert!(status.damages.is_empty());
        // It goes on where the whole frames end.
        log.append(vec![numbered(77)]).await.unwrap();
        let read = read_all(&log).await;
        assert_eq!((read.records.len() as u64, read.damages.len()), (kept + 1, 0));
        assert_eq!(read.records.last().unwrap().payload[..], numbered(77).payload[..]);
    }
}

#[tokio::test]
async fn whole_frames_that_nobody_acknowledged_are_kept() {
    let folder = tempdir().unwrap();
    // Operations: sync_dir at opening; create, write, sync, sync_dir of the segment; write and sync of the group.
    let disk = FaultyDisk::failing_at([(6, Fault::Crash { kept: 255 })]);
    let log = open_with(folder.path(), options(1), Arc::new(disk)).await.unwrap();
    assert!(log.append(vec![numbered(0)]).await.is_err());
    assert_eq!(log.end().next_offset(0), 0);
    drop(log);
    let log = open_real(folder.path(), options(1)).await;
    assert_eq!((log.end().next_offset(0), log.status().torn_bytes), (1, 0));
    assert_eq!(read_all(&log).await.records[0].payload[..], numbered(0).payload[..]);
}
