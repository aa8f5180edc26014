//! The contract, brokers that are away at every moment, ends and restarts with something kept, and the bound.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::task::{Context, Waker};

use footfall_ingest_activity::SystemClock;
use tempfile::TempDir;

use super::*;
use crate::contract_suite;

const SOON: Duration = Duration::from_secs(60);

/// A log whose brokers go away and come back.
struct Brokers {
    log: FileLog,
    are_away: AtomicBool,
    /// Appends that are taken and told to have failed, as when an answer is lost.
    unheard: AtomicUsize,
    /// They are there, and take nothing.
    refuse: AtomicBool,
}

#[async_trait]
impl ActivityLog for Brokers {
    async fn append(&self, records: Vec<Record>) -> Result<Checkpoint, LogError> {
        if self.are_away.load(Ordering::SeqCst) {
            return Err(LogError::Away { detail: "for the test".to_owned() });
        }
        if self.refuse.load(Ordering::SeqCst) {
            return Err(LogError::Kafka { doing: "appending", detail: "the message is too large".to_owned() });
        }
        let taken = self.log.append(records).await;
        let is_unheard = self.unheard.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if is_unheard.is_ok() { Err(LogError::Away { detail: "the answer is lost".to_owned() }) } else { taken }
    }

    async fn read(&self, from: &Checkpoint, bytes_max: usize, wait: Duration) -> Result<Batch, LogError> {
        self.log.read(from, bytes_max, wait).await
    }

    fn end(&self) -> Checkpoint {
        self.log.end()
    }

    async fn whole_end(&self) -> Result<Checkpoint, LogError> {
        self.log.whole_end().await
    }

    fn release(&self, reader: &str, checkpoint: &Checkpoint) {
        self.log.release(reader, checkpoint);
    }

    fn status(&self) -> LogStatus {
        let degraded = self.are_away.load(Ordering::SeqCst).then(|| "the brokers are away".to_owned());
        LogStatus { degraded, ..self.log.status() }
    }

    /// They outlive whoever has a log with them.
    async fn close(&self) {}
}

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn spilled(&self) -> PathBuf {
        self.0.path().join("spill")
    }

    async fn brokers(&self) -> Arc<Brokers> {
        let options = LogOptions { partitions: 3, disk_reserve_bytes: 0, ..LogOptions::default() };
        let log = FileLog::open(self.0.path().join("log"), options).await.unwrap();
        Arc::new(Brokers {
            log,
            are_away: AtomicBool::new(false),
            unheard: AtomicUsize::new(0),
            refuse: AtomicBool::new(false),
        })
    }

    async fn open(&self, brokers: &Arc<Brokers>, bytes_max: u64) -> Arc<dyn ActivityLog> {
        let options = SpillOptions { bytes_max, disk_reserve_bytes: 0, clock: Arc::new(SystemClock) };
        spilling(brokers.clone(), self.spilled(), options).await.unwrap()
    }

    fn spilled_bytes(&self) -> u64 {
        let partition = std::fs::read_dir(self.spilled().join("p00000")).into_iter().flatten().flatten();
        partition.map(|entry| entry.metadata().unwrap().len()).sum()
    }
}

fn numbered(key: u64, number: usize) -> Record {
    Record { kind: 1, partition_key: key, payload: format!("{{\"key\":{key},\"number\":{number}}}").into_bytes() }
}

/// Numbers by key, in the order in which a reader of the brokers gets them.
async fn read_all(brokers: &Brokers) -> BTreeMap<u64, Vec<usize>> {
    let (mut at, mut read) = (Checkpoint::default(), BTreeMap::<u64, Vec<usize>>::new());
    while !at.covers(&brokers.end()) {
        let batch = brokers.read(&at, 1 << 20, SOON).await.unwrap();
        for record in batch.records {
            let value: serde_json::Value = serde_json::from_slice(&record.payload).unwrap();
            let number = |name: &str| value[name].as_u64().unwrap();
            assert_eq!(record.partition, (number("key") % 3) as u32, "it is where its key belongs");
            read.entry(number("key")).or_default().push(number("number") as usize);
        }
        at = batch.next;
    }
    read
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, waited).await.unwrap_or_else(|_| panic!("not soon: {what}"));
}

fn says(log: &Arc<dyn ActivityLog>, word: &str) -> bool {
    log.status().impaired.is_some_and(|why| why.contains(word))
}

#[tokio::test]
async fn with_brokers_that_are_there_it_is_their_log() {
    let place = Place::new();
    let make = async |name: &'static str| -> Arc<dyn ActivityLog> {
        let options = LogOptions { partitions: 3, disk_reserve_bytes: 0, ..LogOptions::default() };
        let log = FileLog::open(place.0.path().join(name), options).await.unwrap();
        let options = SpillOptions { bytes_max: 1 << 20, disk_reserve_bytes: 0, clock: Arc::new(SystemClock) };
        spilling(Arc::new(log), place.0.path().join(format!("{name}-spill")), options).await.unwrap()
    };
    contract_suite(make).await;
}

#[tokio::test]
async fn what_is_kept_while_brokers_are_away_reaches_them_once_and_in_order() {
    let place = Place::new();
    let brokers = place.brokers().await;
    let log = place.open(&brokers, 64 << 20).await;
    for number in 0..10 {
        log.append((0..7).map(|key| numbered(key, number)).collect()).await.unwrap();
    }
    brokers.are_away.store(true, Ordering::SeqCst);
    for number in 10..60 {
        let covering = log.append((0..7).map(|key| numbered(key, number)).collect()).await.unwrap();
        assert_eq!(covering, Checkpoint::default(), "no reader can wait for it");
    }
    let status = log.status();
    assert!(status.degraded.is_none() && says(&log, "350 records wait") && says(&log, "are away"), "{status:?}");
    assert!(read_all(&brokers).await.values().all(|numbers| numbers.len() == 10));
    brokers.are_away.store(false, Ordering::SeqCst);
    // While it is brought there, more comes in.
    for number in 60..90 {
        log.append((0..7).map(|key| numbered(key, number)).collect()).await.unwrap();
    }
    until("the brokers have it", || log.status().impaired.is_none()).await;
    log.append((0..7).map(|key| numbered(key, 90)).collect()).await.unwrap();
    until("the brokers have it", || log.status().impaired.is_none()).await;
    let read = read_all(&brokers).await;
    let whole: Vec<usize> = (0..91).collect();
    assert!(read.len() == 7 && read.values().all(|numbers| *numbers == whole), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_at_once_keep_the_order_of_their_keys_however_often_brokers_go() {
    let place = Place::new();
    let brokers = place.brokers().await;
    let log = place.open(&brokers, 64 << 20).await;
    let writers: Vec<_> = (0..6u64)
        .map(|key| {
            let log = log.clone();
            tokio::spawn(async move {
                for number in 0..200 {
                    log.append(vec![numbered(key, number)]).await.unwrap();
                }
            })
        })
        .collect();
    for turn in 0..40 {
        brokers.are_away.store(turn % 2 == 0, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let before = brokers.end();
        tokio::select! {
            () = until("something happens", || brokers.end() != before || says(&log, "wait")) => {}
            () = until("all is sent", || writers.iter().all(|writer| writer.is_finished())) => {}
        }
    }
    brokers.are_away.store(false, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    until("the brokers have it", || log.status().impaired.is_none()).await;
    let whole: Vec<usize> = (0..200).collect();
    let read = read_all(&brokers).await;
    assert!(read.len() == 6 && read.values().all(|numbers| *numbers == whole), "{read:?}");
}

#[tokio::test]
async fn what_is_kept_outlives_the_process_and_the_setting() {
    let place = Place::new();
    let brokers = place.brokers().await;
    brokers.are_away.store(true, Ordering::SeqCst);
    assert!(!is_spilled(&place.spilled()));
    let log = place.open(&brokers, 1 << 20).await;
    for number in 0..20 {
        log.append(vec![numbered(1, number)]).await.unwrap();
    }
    log.close().await;
    assert!(is_spilled(&place.spilled()));
    // Nothing more is kept, and what was is not forgotten.
    let log = place.open(&brokers, 0).await;
    assert!(says(&log, "20 records wait"));
    let refused = log.append(vec![numbered(1, 20)]).await.expect_err("refused");
    assert!(matches!(refused, LogError::Away { .. }) && refused.is_retryable());
    brokers.are_away.store(false, Ordering::SeqCst);
    until("the brokers have it", || log.status().impaired.is_none()).await;
    log.close().await;
    let log = place.open(&brokers, 0).await;
    assert_eq!(log.status().impaired, None, "it is known that they have it");
    assert_eq!(read_all(&brokers).await, BTreeMap::from([(1, (0..20).collect())]));
}

#[tokio::test]
async fn an_answer_that_is_lost_keeps_it_and_says_it_twice_at_most() {
    let place = Place::new();
    let brokers = place.brokers().await;
    brokers.unheard.store(1, Ordering::SeqCst);
    let log = place.open(&brokers, 1 << 20).await;
    log.append(vec![numbered(1, 0)]).await.unwrap();
    until("the brokers have it", || log.status().impaired.is_none()).await;
    assert_eq!(read_all(&brokers).await, BTreeMap::from([(1, vec![0, 0])]), "message ids tell them apart");
}

#[tokio::test]
async fn no_more_is_kept_than_is_allowed_and_the_disk_is_free_again_afterwards() {
    let place = Place::new();
    let brokers = place.brokers().await;
    let log = place.open(&brokers, 64 << 10).await;
    brokers.are_away.store(true, Ordering::SeqCst);
    let text: String =
        (0..1_000u64).map(|number| format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let large = |number: usize| Record {
        payload: format!("{{\"key\":1,\"number\":{number},\"text\":\"{text}\"}}").into_bytes(),
        ..numbered(1, number)
    };
    let mut kept = 0;
    let refused = loop {
        match log.append(vec![large(kept)]).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100, "it is bounded");
    };
    assert!(kept > 2 && refused.to_string().contains("log.spill_bytes"), "{kept}: {refused}");
    assert!(log.status().degraded.is_some(), "nothing more is taken");
    brokers.are_away.store(false, Ordering::SeqCst);
    until("the brokers have it", || log.status().impaired.is_none()).await;
    until("the disk is free", || place.spilled_bytes() < 48 << 10).await;
    log.append(vec![large(kept)]).await.unwrap();
    until("the brokers have it", || log.status().impaired.is_none()).await;
    assert_eq!(read_all(&brokers).await, BTreeMap::from([(1, (0..=kept).collect())]));
}

#[tokio::test]
async fn what_brokers_refuse_for_itself_is_not_kept() {
    let place = Place::new();
    let brokers = place.brokers().await;
    let log = place.open(&brokers, 1 << 20).await;
    let large = Record { payload: vec![b' '; 33 << 20], ..numbered(1, 0) };
    assert!(matches!(log.append(vec![large]).await, Err(LogError::AppendTooLarge { .. })));
    assert_eq!(log.status().impaired, None);
    let off = place.0.path().join("off");
    let options = SpillOptions { bytes_max: 0, disk_reserve_bytes: 0, clock: Arc::new(SystemClock) };
    let off = spilling(brokers.clone(), off, options).await.unwrap();
    brokers.are_away.store(true, Ordering::SeqCst);
    assert!(matches!(off.append(vec![numbered(1, 0)]).await, Err(LogError::Away { .. })));
}

#[tokio::test]
async fn what_is_larger_than_what_may_wait_leaves_room_when_the_brokers_have_it() {
    let place = Place::new();
    let brokers = place.brokers().await;
    let log = place.open(&brokers, 64 << 10).await;
    brokers.are_away.store(true, Ordering::SeqCst);
    let text: String =
        (0..16_000u64).map(|number| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let payload = format!("{{\"key\":1,\"number\":0,\"text\":\"{text}\"}}").into_bytes();
    log.append(vec![Record { payload, ..numbered(1, 0) }]).await.unwrap();
    assert!(log.append(vec![numbered(1, 1)]).await.is_err(), "more than is allowed waits");
    brokers.are_away.store(false, Ordering::SeqCst);
    until("the brokers have it", || log.status().impaired.is_none()).await;
    assert!(place.spilled_bytes() > 64 << 10, "its file stays until there is a next one");
    brokers.are_away.store(true, Ordering::SeqCst);
    log.append(vec![numbered(1, 1)]).await.unwrap();
    brokers.are_away.store(false, Ordering::SeqCst);
    until("the brokers have it", || log.status().impaired.is_none()).await;
    assert_eq!(read_all(&brokers).await, BTreeMap::from([(1, vec![0, 1])]));
}

#[tokio::test]
async fn what_somebody_sent_who_has_gone_meanwhile_reaches_the_brokers_too() {
    let place = Place::new();
    let brokers = place.brokers().await;
    let log = place.open(&brokers, 1 << 20).await;
    brokers.are_away.store(true, Ordering::SeqCst);
    let mut append = log.append(vec![numbered(1, 0)]);
    let is_pending = append.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
    assert!(is_pending, "it is on its way to the disk");
    drop(append);
    brokers.are_away.store(false, Ordering::SeqCst);
    until("the brokers have it", || brokers.end().next_offset(1) > 0 && log.status().impaired.is_none()).await;
    assert_eq!(read_all(&brokers).await, BTreeMap::from([(1, vec![0])]));
}

#[tokio::test]
async fn whoever_needs_all_of_it_in_the_log_brings_it_there() {
    let place = Place::new();
    let brokers = place.brokers().await;
    brokers.are_away.store(true, Ordering::SeqCst);
    let log = place.open(&brokers, 1 << 20).await;
    for number in 0..20 {
        log.append(vec![numbered(1, number)]).await.unwrap();
    }
    let bring = async || drain_spilled(brokers.clone(), place.spilled(), Arc::new(SystemClock)).await;
    assert!(matches!(bring().await, Err(LogError::InUse { .. })), "somebody has it open");
    log.close().await;
    assert!(matches!(bring().await, Err(LogError::Away { .. })), "it stays where it is");
    brokers.are_away.store(false, Ordering::SeqCst);
    assert_eq!(bring().await.unwrap(), 20);
    assert_eq!(bring().await.unwrap(), 0, "once");
    assert_eq!(read_all(&brokers).await, BTreeMap::from([(1, (0..20).collect())]));
}

#[tokio::test]
async fn what_the_brokers_do_not_take_is_said_and_stays() {
    let place = Place::new();
    let brokers = place.brokers().await;
    brokers.are_away.store(true, Ordering::SeqCst);
    let log = place.open(&brokers, 1 << 20).await;
    log.append(vec![numbered(1, 0)]).await.unwrap();
    brokers.refuse.store(true, Ordering::SeqCst);
    brokers.are_away.store(false, Ordering::SeqCst);
    until("it is said why", || says(&log, "1 records wait") && says(&log, "too large")).await;
    brokers.refuse.store(false, Ordering::SeqCst);
    until("the brokers have it", || log.status().impaired.is_none()).await;
    assert_eq!(read_all(&brokers).await, BTreeMap::from([(1, vec![0])]));
}

#[tokio::test]
async fn what_the_brokers_have_is_not_brought_again_where_the_disk_cannot_note_it() {
    let place = Place::new();
    let brokers = place.brokers().await;
    brokers.are_away.store(true, Ordering::SeqCst);
    let log = place.open(&brokers, 1 << 20).await;
    log.append(vec![numbered(1, 0)]).await.unwrap();
    // Where the file is to be made there is a folder.
    let in_the_way = place.spilled().join(format!("{PROGRESS}.next"));
    std::fs::create_dir(&in_the_way).unwrap();
    brokers.are_away.store(false, Ordering::SeqCst);
    until("it is said that the disk fails", || says(&log, "1 records wait") && says(&log, PROGRESS)).await;
    log.append(vec![numbered(1, 1)]).await.unwrap();
    std::fs::remove_dir(&in_the_way).unwrap();
    until("the brokers have it", || log.status().impaired.is_none()).await;
    assert_eq!(read_all(&brokers).await, BTreeMap::from([(1, vec![0, 1])]));
}
