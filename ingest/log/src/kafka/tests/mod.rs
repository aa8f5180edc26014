//! The contract on a real broker, and what only brokers can suffer: killed under load, away for long, a wrong number of partitions.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lost;
mod mock;
mod secured;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use footfall_ingest_activity::{Checkpoint, Record};

use super::KafkaLog;
use crate::{ActivityLog, Batch, LogError, LogOptions, contract_suite};

const SOON: Duration = Duration::from_secs(240);

/// A broker of the test's own; it goes with the test's process.
struct Broker {
    address: String,
    folder: PathBuf,
}

impl Broker {
    /// `None`, and a line that says so, where there is no Kafka; in CI that fails.
    fn start() -> Option<Broker> {
        Broker::start_by("up")
    }

    fn start_by(how: &str) -> Option<Broker> {
        Broker::start_in(how, None)
    }

    /// Its data lie below `folder`.
    fn start_in(how: &str, folder: Option<&Path>) -> Option<Broker> {
        let mut up = command(how);
        folder.map(|folder| up.env("TMPDIR", folder));
        let output = up.arg(std::process::id().to_string()).output().unwrap();
        if output.status.code() == Some(69) {
            assert!(std::env::var_os("CI").is_none(), "with CI set nothing may be skipped: {output:?}");
            eprintln_skip();
            return None;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let (address, folder) = said.trim().split_once(' ').expect("an address and a folder");
        Some(Broker { address: address.to_owned(), folder: folder.into() })
    }

    fn does(&self, what: &str) {
        let output = command(what).arg(&self.folder).output().unwrap();
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }

    async fn open(&self, topic: &str, partitions: u32) -> Result<KafkaLog, LogError> {
        let options = LogOptions { partitions, ..LogOptions::default() };
        KafkaLog::open(&format!("//{}/{topic}?timeout_ms=3000", self.address), options).await
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(command("down").arg(&self.folder).output());
    }
}

fn command(what: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/services/kafka");
    let mut command = Command::new(script);
    command.arg(what);
    command
}

fn eprintln_skip() {
    use std::io::Write;
    // Past libtest's capture, so that the line is seen.
    let _ = writeln!(std::io::stderr().lock(), "skipped: Kafka is not installed: dev/services/kafka install");
}

fn numbered(number: usize) -> Record {
    Record { kind: 1, partition_key: number as u64 % 7, payload: format!("{{\"number\":{number}}}").into_bytes() }
}

fn number_of(payload: &[u8]) -> usize {
    let text = std::str::from_utf8(payload).unwrap();
    text.trim_start_matches("{\"number\":").trim_end_matches('}').parse().unwrap()
}

async fn read_all(log: &KafkaLog) -> Batch {
    let mut all = Batch::default();
    while !all.next.covers(&log.end()) {
        let batch = log.read(&all.next, 1 << 20, SOON).await.unwrap();
        all.records.extend(batch.records);
        all.damages.extend(batch.damages);
        all.next = batch.next;
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_and_a_broker_that_is_killed() {
    let Some(broker) = Broker::start() else { return };
    for partitions in [1, 3] {
        let make = async |name: &'static str| -> Arc<dyn ActivityLog> {
            let log: Arc<dyn ActivityLog> =
                Arc::new(broker.open(&format!("{name}-{partitions}"), partitions).await.unwrap());
            log
        };
        contract_suite(make).await;
    }
    another_number_of_partitions_is_refused(&broker).await;
    two_processes_see_each_other(&broker).await;
    what_others_have_appended_is_not_taken_for_lost(&broker).await;
    others_read_the_topic_as_it_is_documented(&broker).await;
    a_transaction_of_somebody_else_holds_nobody_up(&broker).await;
    more_than_may_wait_is_refused(&broker).await;
    what_was_acknowledged_survives_kills(&broker).await;
    a_broker_that_is_away_is_said_at_once(&broker).await;
}

async fn another_number_of_partitions_is_refused(broker: &Broker) {
    let refused = broker.open("back-3", 2).await.map(drop).expect_err("refused").to_string();
    assert!(refused.contains("has 3 partitions and log.partitions is 2"), "{refused}");
}

async fn two_processes_see_each_other(broker: &Broker) {
    let (one, other) = (broker.open("both", 2).await.unwrap(), broker.open("both", 2).await.unwrap());
    let mut at = Checkpoint::default();
    for number in 0..20 {
        let covering = one.append(vec![numbered(number)]).await.unwrap();
        let asked = Instant::now();
        while !at.covers(&covering) {
            at = other.read(&at, 1 << 20, SOON).await.unwrap().next;
            assert!(asked.elapsed() < SOON, "the other process sees it");
        }
    }
}

/// A reader elsewhere has read it before this process has looked where the topic ends: nothing is skipped.
async fn what_others_have_appended_is_not_taken_for_lost(broker: &Broker) {
    let (one, other) = (broker.open("ahead", 1).await.unwrap(), broker.open("ahead", 1).await.unwrap());
    for number in 0..20 {
        let covering = other.append(vec![numbered(number)]).await.unwrap();
        one.release("jobs", &covering);
    }
    one.append(vec![numbered(20)]).await.unwrap();
    let all = read_all(&one).await;
    assert!(all.damages.is_empty(), "{:?}", all.damages);
    assert_eq!(all.records.len(), 21);
}

/// Appends go on while the broker is killed and started three times: what was acknowledged is read, in order by key.
async fn what_was_acknowledged_survives_kills(broker: &Broker) {
    let log = Arc::new(broker.open("killed", 3).await.unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4usize)
        .map(|writer| {
            let (log, stop) = (log.clone(), stop.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                // 0 is the probe.
                let mut number = writer + 4;
                while !stop.load(Ordering::Relaxed) {
                    let numbers: Vec<usize> = (0..10).map(|step| number + step * 4).collect();
                    number += 40;
                    match log.append(numbers.iter().map(|number| numbered(*number)).collect()).await {
                        Ok(_) => acknowledged.extend(numbers),
                        Err(error) => {
                            assert!(error.is_retryable(), "{error}");
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
                acknowledged
            })
        })
        .collect();
    for _ in 0..3 {
        let before = log.end();
        let grown = async {
            while log.end().iter().map(|(_, end)| end).sum::<u64>()
                < before.iter().map(|(_, end)| end).sum::<u64>() + 2_000
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(240), grown).await.expect("appends go on");
        tokio::task::block_in_place(|| {
            broker.does("kill");
            broker.does("start");
        });
    }
    let recovered = async {
        while log.append(vec![numbered(0)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(240), recovered).await.expect("it recovers");
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.push(writer.await.unwrap());
    }
    // A new opening asks the broker for its ends.
    drop(log);
    let all = read_all(&broker.open("killed", 3).await.unwrap()).await;
    assert!(all.damages.is_empty(), "{:?}", all.damages);
    let read: Vec<usize> = all.records.iter().map(|record| number_of(&record.payload)).collect();
    let places: std::collections::HashMap<usize, usize> =
        read.iter().enumerate().map(|(place, number)| (*number, place)).collect();
    let mut total = 0;
    for numbers in &acknowledged {
        total += numbers.len();
        for key in 0..7u64 {
            let own: Vec<usize> =
                numbers.iter().filter(|number| **number as u64 % 7 == key).map(|number| places[number]).collect();
            assert!(own.is_sorted(), "key {key} keeps its order");
        }
    }
    let mut once: Vec<usize> = read.into_iter().filter(|number| *number != 0).collect();
    let count = once.len();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), count, "nothing twice");
    assert!(total > 5_000, "there was a load: {total}");
}

async fn a_broker_that_is_away_is_said_at_once(broker: &Broker) {
    let log = broker.open("away", 1).await.unwrap();
    log.append(vec![numbered(1)]).await.unwrap();
    broker.does("kill");
    let asked = Instant::now();
    while log.status().degraded.is_none() {
        assert!(asked.elapsed() < SOON, "the state says that the brokers are away");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = log.append(vec![numbered(2)]).await.map(drop).expect_err("refused");
    assert!(refused.is_retryable() && matches!(refused, LogError::Away { .. }), "{refused}");
    tokio::task::block_in_place(|| broker.does("start"));
    let back = async {
        while log.append(vec![numbered(3)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(240), back).await.expect("it comes back");
}

/// A broker that hangs: what may not wait for it is refused at once, before memory grows.
async fn more_than_may_wait_is_refused(broker: &Broker) {
    let options = LogOptions { partitions: 1, waiting_bytes_max: 100_000, ..LogOptions::default() };
    let log =
        Arc::new(KafkaLog::open(&format!("//{}/waiting?timeout_ms=3000", broker.address), options).await.unwrap());
    broker.does("hang");
    let large = |number: usize| Record { payload: vec![b'x'; 30_000], ..numbered(number) };
    let appends: Vec<_> = (0..20)
        .map(|number| {
            let (log, record) = (log.clone(), large(number));
            tokio::spawn(async move { log.append(vec![record]).await.map(drop) })
        })
        .collect();
    let mut saturated = 0;
    for append in appends {
        match append.await.unwrap().expect_err("nobody answers") {
            LogError::Saturated { .. } => saturated += 1,
            error => assert!(error.is_retryable(), "{error}"),
        }
    }
    assert!(saturated > 10, "three fit: {saturated}");
    tokio::task::block_in_place(|| broker.does("wake"));
    let back = async {
        while log.append(vec![large(0)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, back).await.expect("it comes back");
}

/// One that nobody ends.
async fn a_transaction_of_somebody_else_holds_nobody_up(broker: &Broker) {
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    let log = broker.open("transaction", 1).await.unwrap();
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", &broker.address).set("transactional.id", "somebody");
    config.set("transaction.timeout.ms", "900000");
    let somebody: BaseProducer = config.create().unwrap();
    tokio::task::block_in_place(|| {
        somebody.init_transactions(SOON).unwrap();
        somebody.begin_transaction().unwrap();
        somebody.send(BaseRecord::<(), str>::to("transaction").payload("theirs")).map_err(|(error, _)| error).unwrap();
        somebody.flush(SOON).unwrap();
    });
    log.append(vec![numbered(1)]).await.unwrap();
    let all = read_all(&log).await;
    let numbers: Vec<usize> = all.records.iter().map(|record| number_of(&record.payload)).collect();
    assert_eq!((numbers, all.damages.len()), (vec![1], 1), "theirs is no record: {:?}", all.damages);
    // Who asks where the topic ends is told the same.
    assert_eq!(broker.open("transaction", 1).await.unwrap().end(), all.next);
}

/// What stands in docs/kafka.md is what any other client reads.
async fn others_read_the_topic_as_it_is_documented(broker: &Broker) {
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::{Headers as _, Message as _};
    let log = broker.open("others", 1).await.unwrap();
    log.append(vec![numbered(12)]).await.unwrap();
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", &broker.address).set("group.id", "others").set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["others"]).unwrap();
    let asked = Instant::now();
    let message = tokio::task::block_in_place(|| {
        loop {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => break message.detach(),
                _ => assert!(asked.elapsed() < SOON, "it is read"),
            }
        }
    });
    assert_eq!(message.key(), Some(&5u64.to_be_bytes()[..]), "the partition key, big-endian");
    assert_eq!(message.payload(), Some(&br#"{"number":12}"#[..]));
    let headers: Vec<(String, String)> = (message.headers().unwrap().iter())
        .map(|header| (header.key.to_owned(), String::from_utf8_lossy(header.value.unwrap()).into_owned()))
        .collect();
    let documented = [("footfall-kind", "1"), ("footfall-schema", "1")].map(|(key, value)| (key.into(), value.into()));
    assert_eq!(headers, documented);
}
