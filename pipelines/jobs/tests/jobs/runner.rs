//! The loop over a real log: exactly once through failures, panics and crashes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use footfall_ingest_activity::{Checkpoint, FixedClock, Record, Timestamp, person_id_of};
use footfall_ingest_log::{ActivityLog, LogOptions};
use footfall_pipelines_jobs::{ImportAccounts, JobsConfig, Leadership, LiveFeed, Runner, Term};
use footfall_pipelines_store::Store;
use footfall_pipelines_store::tables::Table;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::given::{activities, activity, record};
use crate::memory_store::MemoryStore;

const DEADLINE: Duration = Duration::from_secs(240);

struct Job {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    imports: Arc<ImportAccounts>,
    live: LiveFeed,
}

impl Job {
    fn start(log: &Arc<dyn ActivityLog>, store: &Arc<MemoryStore>) -> Job {
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000_000)));
        let config = JobsConfig {
            turn_interval_min: Duration::ZERO,
            read_wait: Duration::from_millis(20),
            retry_wait_min: Duration::from_millis(1),
            retry_wait_max: Duration::from_millis(4),
            fenced_wait_min: Duration::from_millis(1),
            fenced_wait_max: Duration::from_millis(4),
            ..JobsConfig::default()
        };
        let runner = Runner::new(log.clone(), store.clone(), clock, config);
        let (imports, live) = (runner.imports(), runner.live());
        let (stop, shutdown) = watch::channel(false);
        Job { stop, task: tokio::spawn(runner.run(shutdown)), imports, live }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap();
    }
}

async fn open(folder: &tempfile::TempDir) -> Arc<dyn ActivityLog> {
    let options = LogOptions { partitions: 3, disk_reserve_bytes: 0, ..LogOptions::default() };
    footfall_ingest_log::open(&format!("file:{}", folder.path().display()), options).await.unwrap()
}

async fn visible(store: &MemoryStore, end: &Checkpoint) {
    let begun = Instant::now();
    while !store.visible_checkpoint().covers(end) {
        assert!(begun.elapsed() < DEADLINE, "not visible in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Activities `numbers` of three people, spread over the partitions, with a claim in every tenth.
fn some(numbers: std::ops::Range<u64>) -> Vec<Record> {
    let payloads = numbers.map(|n| {
        let link = (n % 10 == 0).then(|| json!({"kind": "merge", "from": format!("a{}", n), "into": "root"}));
        activity(&format!("m{n}"), &format!("p{}", n % 3), n as i64, json!({"link": link, "import": "run"}))
    });
    let mut records = activities(&payloads.collect::<Vec<_>>());
    records.iter_mut().enumerate().for_each(|(n, record)| record.partition_key = n as u64);
    records
}

fn message_ids(store: &MemoryStore) -> Vec<String> {
    let rows = store.rows("shop", Table::Activity);
    let mut ids: Vec<String> = rows.iter().map(|row| row["message_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn expected(count: u64) -> Vec<String> {
    let mut ids: Vec<String> = (0..count).map(|n| format!("m{n}")).collect();
    ids.sort();
    ids
}

fn sequences(store: &MemoryStore) -> Vec<i64> {
    store.rows("shop", Table::PersonMerges).iter().map(|row| row["sequence"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resent_activity_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (log, store) = (open(&folder).await, Arc::new(MemoryStore::default()));
    let job = Job::start(&log, &store);
    for _ in 0..2 {
        let end = log.append(some(0..100)).await.unwrap();
        visible(&store, &end).await;
    }
    let begun = Instant::now();
    while job.imports.get("run").total() < 200 && begun.elapsed() < DEADLINE {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let account = job.imports.get("run");
    job.stop().await;
    assert_eq!((account.stored, account.duplicate, account.quarantined), (100, 100, 0));
    assert_eq!(message_ids(&store), expected(100));
    assert_eq!(sequences(&store), (0..10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_and_panics_hold_up_but_lose_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (log, store) = (open(&folder).await, Arc::new(MemoryStore::default()));
    store.is_new_failures.store(2, Ordering::SeqCst);
    store.is_new_panics.store(1, Ordering::SeqCst);
    store.publish_failures.store(3, Ordering::SeqCst);
    let job = Job::start(&log, &store);
    let mut end = Checkpoint::default();
    for from in (0..300).step_by(50) {
        end.merge(&log.append(some(from..from + 50)).await.unwrap());
        store.publish_failures.fetch_add(1, Ordering::SeqCst);
    }
    visible(&store, &end).await;
    job.stop().await;
    assert_eq!(message_ids(&store), expected(300));
    assert_eq!(sequences(&store), (0..30).collect::<Vec<_>>());
    assert!(store.rows("shop", Table::Quarantine).is_empty(), "a panic of the store is no fault of the records");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_replays_what_was_not_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mut store) = (open(&folder).await, Arc::new(MemoryStore::default()));
    let mut end = Checkpoint::default();
    for round in 0..6u64 {
        let job = Job::start(&log, &store);
        // Every round resends the one before.
        let from = (round * 40).saturating_sub(40);
        end.merge(&log.append(some(from..round * 40 + 40)).await.unwrap());
        visible(&store, &end).await;
        if round % 2 == 0 {
            store.flush().await.unwrap();
        }
        job.stop().await;
        store = Arc::new(store.after_crash());
    }
    let job = Job::start(&log, &store);
    visible(&store, &end).await;
    job.stop().await;
    assert_eq!(message_ids(&store), expected(240));
    assert_eq!(sequences(&store), (0..24).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_the_person_that_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let (log, store) = (open(&folder).await, Arc::new(MemoryStore::default()));
    let job = Job::start(&log, &store);
    let mut watcher = job.live.subscribe();
    let link = json!({"kind": "merge", "from": "a", "into": "b"});
    let long: Value = json!({"text": "é".repeat(600)});
    let act = activity("m", "a", 1, json!({"link": link, "properties": long, "common": {"os": "Linux"}}));
    log.append(vec![record(Record::KIND_ACTIVITY, &act)]).await.unwrap();
    let pulse = tokio::time::timeout(DEADLINE, watcher.recv()).await.unwrap().unwrap();
    job.stop().await;
    let seen = &pulse.activities[0];
    assert_eq!((&*pulse.project, pulse.count, seen.person_id), ("shop", 1, person_id_of("shop", "b")));
    assert_eq!(seen.os.as_deref(), Some("Linux"));
    assert!(seen.properties.len() <= 500 && seen.properties.len() > 490);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stays_broken_does_not_prevent_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (log, store) = (open(&folder).await, Arc::new(MemoryStore::default()));
    store.publish_failures.store(usize::MAX, Ordering::SeqCst);
    let job = Job::start(&log, &store);
    log.append(some(0..5)).await.unwrap();
    let begun = Instant::now();
    while store.tries.load(Ordering::SeqCst) < 4 {
        assert!(begun.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    job.stop().await;
    assert!(store.rows("shop", Table::Activity).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_store_was_taken_over_steps_back_and_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (log, store) = (open(&folder).await, Arc::new(MemoryStore::default()));
    store.fences.store(3, Ordering::SeqCst);
    let job = Job::start(&log, &store);
    let end = log.append(some(0..100)).await.unwrap();
    visible(&store, &end).await;
    job.stop().await;
    assert_eq!(store.leads.load(Ordering::SeqCst), 4, "each time it asks for the lead again");
    assert_eq!(message_ids(&store), expected(100));
    assert_eq!(sequences(&store), (0..10).collect::<Vec<_>>(), "claims are decided once");
}

/// Leads when it is given a term.
struct Told(tokio::sync::Mutex<tokio::sync::mpsc::Receiver<watch::Receiver<bool>>>);

#[async_trait::async_trait]
impl Leadership for Told {
    async fn lead(&self) -> Term {
        match self.0.lock().await.recv().await {
            Some(lost) => Term::new(lost, ()),
            None => std::future::pending().await,
        }
    }

    fn has_others(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_nothing_goes_through_gives_the_lead_away() {
    let folder = tempfile::tempdir().unwrap();
    let (log, store) = (open(&folder).await, Arc::new(MemoryStore::default()));
    store.publish_failures.store(usize::MAX, Ordering::SeqCst);
    let (terms, given) = tokio::sync::mpsc::channel(1);
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000_000)));
    let config = JobsConfig {
        retry_wait_max: Duration::from_millis(4),
        lead_patience: Duration::from_millis(50),
        stand_back: Duration::from_millis(1),
        ..JobsConfig::default()
    };
    let runner = Runner::new(log.clone(), store.clone(), clock, config);
    let runner = runner.under(Arc::new(Told(tokio::sync::Mutex::new(given))));
    let (stop, shutdown) = watch::channel(false);
    let task = tokio::spawn(runner.run(shutdown));
    let end = log.append(some(0..5)).await.unwrap();
    let (leading, lost) = watch::channel(false);
    terms.send(lost).await.unwrap();
    // Nobody took the lead from it: its end of the term is gone because it let go.
    tokio::time::timeout(DEADLINE, leading.closed()).await.unwrap();
    store.publish_failures.store(0, Ordering::SeqCst);
    let (_leading, lost) = watch::channel(false);
    terms.send(lost).await.unwrap();
    visible(&store, &end).await;
    stop.send(true).unwrap();
    tokio::time::timeout(DEADLINE, task).await.unwrap().unwrap();
    assert_eq!(message_ids(&store), expected(5));
}

/// Always gives the lead, which others could have.
struct Given;

#[async_trait::async_trait]
impl Leadership for Given {
    async fn lead(&self) -> Term {
        let (told, lost) = watch::channel(false);
        Term::new(lost, told)
    }

    fn has_others(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_reads_for_long_when_it_takes_the_lead_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemoryStore::that_reads(vec![Duration::from_millis(20); 20]);
    let (log, store) = (open(&folder).await, Arc::new(store));
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000_000)));
    // Less than all of it takes, more than any part of it.
    let config = JobsConfig {
        lead_patience: Duration::from_millis(300),
        stand_back: Duration::from_millis(1),
        ..JobsConfig::default()
    };
    let runner = Runner::new(log.clone(), store.clone(), clock, config).under(Arc::new(Given));
    let (stop, shutdown) = watch::channel(false);
    let task = tokio::spawn(runner.run(shutdown));
    let end = log.append(some(0..5)).await.unwrap();
    visible(&store, &end).await;
    stop.send(true).unwrap();
    tokio::time::timeout(DEADLINE, task).await.unwrap().unwrap();
    assert_eq!(message_ids(&store), expected(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_while_it_leads_and_stands_by_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let (log, store) = (open(&folder).await, Arc::new(MemoryStore::default()));
    let (terms, given) = tokio::sync::mpsc::channel(1);
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000_000)));
    let runner = Runner::new(log.clone(), store.clone(), clock, JobsConfig::default())
        .under(Arc::new(Told(tokio::sync::Mutex::new(given))));
    let standing = runner.standing();
    let (stop, shutdown) = watch::channel(false);
    let task = tokio::spawn(runner.run(shutdown));
    let end = log.append(some(0..50)).await.unwrap();
    assert!(!standing.leads() && store.tries.load(Ordering::SeqCst) == 0, "nobody gave it the lead");
    let (lose, lost) = watch::channel(false);
    terms.send(lost).await.unwrap();
    visible(&store, &end).await;
    lose.send(true).unwrap();
    let begun = Instant::now();
    while standing.leads() {
        assert!(begun.elapsed() < DEADLINE, "it does not step back");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let tries = store.tries.load(Ordering::SeqCst);
    let end = log.append(some(50..100)).await.unwrap();
    assert_eq!(store.tries.load(Ordering::SeqCst), tries, "it stands by");
    let (_keep, lost) = watch::channel(false);
    terms.send(lost).await.unwrap();
    visible(&store, &end).await;
    stop.send(true).unwrap();
    tokio::time::timeout(DEADLINE, task).await.unwrap().unwrap();
    assert_eq!(message_ids(&store), expected(100));
}
