//! What every log backend must do; its tests call this one suite unchanged.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::{Checkpoint, Record};

use crate::{ActivityLog, LogError};

const SOON: Duration = Duration::from_secs(20);
const AT_ONCE: Duration = Duration::ZERO;

/// Runs the suite. `make(name)` opens the log of that name, empty at first; when it is called again with the same name
/// (after `close` and drop) it opens the same log. All logs it makes have the same number of partitions.
///
/// # Panics
/// When the backend breaks a promise of [`ActivityLog`].
pub async fn contract_suite(make: impl AsyncFn(&'static str) -> Arc<dyn ActivityLog>) {
    an_empty_append_is_durable_at_once(&*make("empty").await).await;
    what_is_appended_is_read_back(&*make("back").await).await;
    small_reads_see_every_record_once(&*make("small").await).await;
    keys_keep_their_order_under_concurrency(make("order").await).await;
    a_waiting_reader_is_woken(make("wake").await).await;
    a_closed_log_refuses(&*make("closed").await).await;
    a_reopened_log_goes_on(&make).await;
    an_end_that_readers_have_passed_is_not_given_out_again(&*make("passed").await).await;
}

fn record(key: u64, text: &str) -> Record {
    Record { kind: 1, partition_key: key, payload: format!("{{\"text\":\"{text}\"}}").into_bytes() }
}

async fn read_all(log: &dyn ActivityLog, bytes_max: usize) -> Vec<crate::LogRecord> {
    let (mut at, mut records) = (Checkpoint::default(), Vec::new());
    let end = log.end();
    while !at.covers(&end) {
        let batch = log.read(&at, bytes_max, SOON).await.expect("read");
        assert!(batch.next != at, "a read below the end makes progress");
        assert!(batch.damages.is_empty(), "nothing is damaged: {:?}", batch.damages);
        at = batch.next;
        records.extend(batch.records);
    }
    let mut next = BTreeMap::new();
    for record in &records {
        let expected = next.entry(record.partition).or_insert(0);
        assert_eq!(record.offset, *expected, "offsets have no holes and nothing is seen twice");
        *expected += 1;
    }
    records
}

async fn an_empty_append_is_durable_at_once(log: &dyn ActivityLog) {
    assert_eq!(log.append(Vec::new()).await.unwrap(), Checkpoint::default());
    let batch = log.read(&Checkpoint::default(), 1 << 20, AT_ONCE).await.unwrap();
    assert!(batch.records.is_empty() && batch.damages.is_empty());
    assert_eq!(batch.next, Checkpoint::default());
}

async fn what_is_appended_is_read_back(log: &dyn ActivityLog) {
    let sent: Vec<Record> = (0..100u64).map(|i| Record { kind: (i % 5) as u8, ..record(i, &i.to_string()) }).collect();
    let covering = log.append(sent.clone()).await.unwrap();
    assert!(log.end().covers(&covering));
    let mut read: Vec<_> =
        read_all(log, 1 << 20).await.into_iter().map(|got| (got.kind, got.payload.to_vec())).collect();
    let mut sent: Vec<_> = sent.into_iter().map(|record| (record.kind, record.payload)).collect();
    read.sort();
    sent.sort();
    assert_eq!(read, sent);
    let after = log.read(&covering, 1 << 20, AT_ONCE).await.unwrap();
    assert!(after.records.is_empty(), "a covering checkpoint has seen everything");
}

async fn small_reads_see_every_record_once(log: &dyn ActivityLog) {
    for i in 0..40 {
        log.append((0..=i % 7).map(|j| record(i * 31 + j, "x")).collect()).await.unwrap();
    }
    let all = read_all(log, 1 << 20).await;
    let mut one_by_one = read_all(log, 1).await;
    one_by_one.sort_by_key(|record| (record.partition, record.offset));
    let mut sorted = all;
    sorted.sort_by_key(|record| (record.partition, record.offset));
    assert_eq!(one_by_one, sorted);
}

async fn keys_keep_their_order_under_concurrency(log: Arc<dyn ActivityLog>) {
    let mut tasks = Vec::new();
    for key in 0..20u64 {
        let log = log.clone();
        tasks.push(tokio::spawn(async move {
            for turn in 0..20 {
                let texts = [format!("{key}-{turn}-a"), format!("{key}-{turn}-b")];
                log.append(texts.iter().map(|text| record(key, text)).collect()).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let texts: Vec<String> =
        read_all(&*log, 4096).await.iter().map(|record| String::from_utf8(record.payload.to_vec()).unwrap()).collect();
    assert_eq!(texts.len(), 800);
    for key in 0..20 {
        let start = format!("{{\"text\":\"{key}-");
        let got: Vec<&String> = texts.iter().filter(|text| text.starts_with(&start)).collect();
        let expected: Vec<String> =
            (0..20).flat_map(|turn| ["a", "b"].map(|half| format!("{{\"text\":\"{key}-{turn}-{half}\"}}"))).collect();
        assert!(got.into_iter().eq(expected.iter()), "the order of key {key} is kept");
    }
}

async fn a_waiting_reader_is_woken(log: Arc<dyn ActivityLog>) {
    let reader = log.clone();
    let waiting = tokio::spawn(async move { reader.read(&Checkpoint::default(), 1 << 20, SOON).await });
    tokio::task::yield_now().await;
    log.append(vec![record(7, "wake")]).await.unwrap();
    let batch = tokio::time::timeout(SOON / 2, waiting).await.expect("woken").unwrap().unwrap();
    assert_eq!(batch.records.len(), 1);
}

async fn a_closed_log_refuses(log: &dyn ActivityLog) {
    log.append(vec![record(1, "kept")]).await.unwrap();
    log.close().await;
    assert!(matches!(log.append(vec![record(1, "late")]).await, Err(LogError::Closed)));
    log.close().await;
}

async fn a_reopened_log_goes_on(make: &impl AsyncFn(&'static str) -> Arc<dyn ActivityLog>) {
    for round in 0..5u64 {
        let log = make("again").await;
        let records = read_all(&*log, 1 << 20).await;
        assert_eq!(records.len() as u64, round * 3, "everything acknowledged before is there");
        log.append((0..3).map(|i| record(i, &round.to_string())).collect()).await.unwrap();
        log.close().await;
    }
}

async fn an_end_that_readers_have_passed_is_not_given_out_again(log: &dyn ActivityLog) {
    let covering = log.append(vec![record(3, "one")]).await.unwrap();
    let passed: Checkpoint = log.end().iter().map(|(partition, offset)| (partition, offset + 10)).collect();
    log.release("job", &passed);
    let next = log.append(vec![record(3, "two")]).await.unwrap();
    assert!(next.covers(&covering));
    let batch = log.read(&passed, 1 << 20, SOON).await.unwrap();
    assert_eq!(batch.records.len(), 1, "a reader that is ahead sees what comes after");
    // Partitions that nothing is appended to move their ends in their own time.
    let moved = async {
        while !log.end().covers(&passed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, moved).await.expect("every partition moves its end");
    let mut at = Checkpoint::default();
    let (mut records, mut lost) = (0, 0);
    while !at.covers(&log.end()) {
        let batch = log.read(&at, 1 << 20, SOON).await.unwrap();
        records += batch.records.len();
        lost += batch.damages.iter().map(|damage| damage.to_offset - damage.from_offset).sum::<u64>();
        at = batch.next;
    }
    assert_eq!(records, 2);
    assert_eq!(lost, 10 * log.end().iter().count() as u64, "the skipped offsets are reported");
}
