//! Rate and latency of durable appends: `cargo bench -p footfall-ingest-log [-- SECONDS]`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_ingest_activity::{Checkpoint, Record};
use footfall_ingest_log::{ActivityLog, LogOptions, open};

const SHAPES: [(usize, usize); 5] = [(1, 1), (64, 1), (512, 1), (32, 100), (16, 1_000)];

fn record(number: usize) -> Record {
    let payload = format!(
        "{{\"message_id\":\"0198a7c2-{number:012}\",\"project\":\"main\",\"event\":\"Page Viewed\",\"distinct_id\":\
         \"person-{}\",\"timestamp\":{},\"properties\":{{\"path\":\"/events/{}\",\"title\":\"An evening of {}\",\
         \"referrer\":\"https://example.org/\",\"position\":{}}}}}",
        number % 5_000,
        1_790_000_000_000usize + number,
        number % 300,
        number % 300,
        number % 17
    );
    Record { kind: Record::KIND_ACTIVITY, partition_key: number as u64 % 5_000, payload: payload.into_bytes() }
}

async fn appender(log: Arc<dyn ActivityLog>, first: usize, batch: usize, until: Instant) -> Vec<Duration> {
    let (mut number, mut latencies) = (first, Vec::new());
    while Instant::now() < until {
        let records = (number..number + batch).map(record).collect();
        let started = Instant::now();
        log.append(records).await.unwrap();
        latencies.push(started.elapsed());
        number += batch;
    }
    latencies
}

async fn run(appenders: usize, batch: usize, time: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&format!("file:{}", folder.path().display()), LogOptions::default()).await.unwrap();
    let reader = tokio::spawn(read_along(log.clone()));
    let started = Instant::now();
    let until = started + time;
    let tasks: Vec<_> =
        (0..appenders).map(|place| tokio::spawn(appender(log.clone(), place << 32, batch, until))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort();
    let rate = latencies.len() as f64 / seconds;
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let bytes = log.status().partitions[0].bytes as f64 / (latencies.len() * batch) as f64;
    println!(
        "{appenders:>9} {batch:>6} {rate:>12.0} {:>12.0} {:>8.2} {:>8.2} {bytes:>12.0}",
        rate * batch as f64,
        at(0.5),
        at(0.99)
    );
    log.close().await;
    assert_eq!(reader.await.unwrap(), latencies.len() * batch, "the reader has seen everything");
}

/// Reads as a job does, until nothing has come for a while.
async fn read_along(log: Arc<dyn ActivityLog>) -> usize {
    let (mut at, mut records) = (Checkpoint::default(), 0);
    loop {
        let batch = log.read(&at, 8 << 20, Duration::from_millis(500)).await.unwrap();
        if batch.records.is_empty() {
            return records;
        }
        records += batch.records.len();
        at = batch.next;
    }
}

fn main() {
    let seconds = std::env::args().filter_map(|argument| argument.parse::<u64>().ok()).next().unwrap_or(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("appenders  batch    appends/s    records/s  p50 ms  p99 ms  bytes/record");
    for (appenders, batch) in SHAPES {
        runtime.block_on(run(appenders, batch, Duration::from_secs(seconds)));
    }
}
