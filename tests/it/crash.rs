//! `kill -9` at random moments under load, again and again: what was acknowledged is there, and nothing is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::json;

use crate::gear::say;
use crate::http::Http;
use crate::seed::Seed;
use crate::server::{DEADLINE, Server};
use crate::store;

/// Kills; a database takes longer to be opened.
fn rounds() -> usize {
    if store::is_clickhouse() { 12 } else { 100 }
}

const CLIENTS: u64 = 4;

/// Small flushes and eager compaction, so that kills land in the middle of them.
const SETTINGS: &[(&str, &str)] = &[
    ("FOOTFALL_STORE_FLUSH_ROWS", "200"),
    ("FOOTFALL_SQL_ROWS_MAX", "100000000"),
    ("FOOTFALL_STORE_FLUSH_AGE", "50ms"),
    ("FOOTFALL_STORE_REMOVED_GRACE", "0s"),
    ("FOOTFALL_LOG_SEGMENT_BYTES", "256KiB"),
    ("FOOTFALL_LOG_RETENTION_AGE", "1s"),
    ("FOOTFALL_JOBS_TURN_INTERVAL", "10ms"),
];

/// What the clients know: ids they tried, ids that were acknowledged.
#[derive(Default)]
pub struct Known {
    pub attempted: BTreeSet<String>,
    pub acknowledged: BTreeSet<String>,
}

/// Clients that post until they are told to stop.
pub struct Load {
    known: Arc<Mutex<Known>>,
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    pub fn on(server: &Server, seed: &mut Seed) -> Load {
        let (known, stop) = (Arc::new(Mutex::new(Known::default())), Arc::new(AtomicBool::new(false)));
        let client = |number| {
            let (url, key) = (server.url(), server.write_key().to_owned());
            let client = Client { number, url, key, seed: seed.fork(), known: known.clone(), stop: stop.clone() };
            tokio::spawn(client.run())
        };
        let clients = (0..CLIENTS).map(client).collect();
        Load { known, stop, clients }
    }

    /// No client has met an answer that it must not get.
    pub fn is_well(&self) -> bool {
        self.clients.iter().all(|client| !client.is_finished())
    }

    pub fn acknowledged(&self) -> usize {
        self.known.lock().unwrap().acknowledged.len()
    }

    pub fn acknowledged_ids(&self) -> BTreeSet<String> {
        self.known.lock().unwrap().acknowledged.clone()
    }

    pub async fn end(self) -> Known {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.await.expect("no client failed");
        }
        Arc::into_inner(self.known).expect("the clients are gone").into_inner().unwrap()
    }
}

struct Client {
    number: u64,
    url: String,
    key: String,
    seed: Seed,
    known: Arc<Mutex<Known>>,
    stop: Arc<AtomicBool>,
}

impl Client {
    /// Sends batches until told to stop. A batch without an answer is sent once more, as SDKs do.
    async fn run(mut self) {
        let http = Http::new();
        let mut batch = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let size = [1, 1, 10, 100][self.seed.below(4) as usize];
            let ids: Vec<_> = (0..size).map(|item| format!("c{}-{batch}-{item}", self.number)).collect();
            batch += 1;
            let body = json!(ids.iter().map(|id| json!({
                "event": "crash", "messageId": id, "distinctId": format!("person-{}", self.seed.below(40)),
                "timestamp": format!("2026-03-{:02}T10:{:02}:00Z", 1 + self.seed.below(28), self.seed.below(60)),
                "properties": {"filler": self.seed.next().to_string()},
            })).collect::<Vec<_>>());
            self.known.lock().unwrap().attempted.extend(ids.iter().cloned());
            self.deliver(&http, &body.to_string(), ids).await;
        }
    }

    async fn deliver(&self, http: &Http, body: &str, ids: Vec<String>) {
        let bearer = format!("Bearer {}", self.key);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        for _attempt in 0..2 {
            let url = format!("{}/v1/activity", self.url);
            match http.send(Method::POST, &url, &headers, body.to_owned()).await {
                Ok(answer) if answer.status == 200 => {
                    assert_eq!(answer.json()["accepted"], ids.len(), "{}", answer.text());
                    self.known.lock().unwrap().acknowledged.extend(ids);
                    return;
                }
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await, // down: do not spin
            }
        }
    }
}

/// What was under way when the process was killed, by what it left in the lake (docs/lake-format.md).
fn phase(server: &Server) -> &'static str {
    if store::is_clickhouse() {
        return "on ClickHouse";
    }
    let lake = server.data().join("lake");
    let manifest = std::fs::read_to_string(lake.join("manifest.json")).unwrap_or_default();
    let names = files_below(&lake);
    if names.iter().any(|name| name.ends_with(".next")) {
        return "swapping the manifest";
    }
    let data = |name: &&String| name.ends_with(".parquet") || name.ends_with(".keys");
    let unnamed = |name: &String| !manifest.contains(name.rsplit('/').next().unwrap_or_default());
    if names.iter().filter(data).any(unnamed) {
        "with files that the manifest does not name (flush, compaction)"
    } else {
        "between commits"
    }
}

fn files_below(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        match path.is_dir() {
            true => names.extend(files_below(&path)),
            false => names.push(path.display().to_string()),
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_by_100_kills() {
    let mut seed = Seed::announced("crash");
    let mut server = Server::start_with(SETTINGS).await;
    let load = Load::on(&server, &mut seed);
    let (mut phases, mut starts) = (BTreeMap::<_, usize>::new(), Vec::new());
    let (mut flushes, mut compactions) = (0.0, 0.0);
    let rounds = rounds();
    for round in 0..rounds {
        let moment = Instant::now() + Duration::from_micros(seed.below(600_000));
        tokio::time::sleep_until(moment.into()).await;
        if round % 10 == 9 {
            flushes += server.metric("footfall_lake_flush_total", "").await;
            compactions += server.metric("footfall_lake_compactions_total", "").await;
        }
        server.kill();
        *phases.entry(phase(&server)).or_default() += 1;
        starts.push(server.restart().await);
        assert!(load.is_well(), "a client failed in round {round}");
    }
    let known = load.end().await;
    starts.sort();
    say(&format!(
        "crash: {rounds} kills ({phases:?}), restart median {:?}, slowest {:?}; {} attempted, {} acknowledged; \
         flushes and compactions seen in every tenth round: {flushes}, {compactions}",
        starts[rounds / 2],
        starts[rounds - 1],
        known.attempted.len(),
        known.acknowledged.len()
    ));
    compare(&server, &known).await;
    server.stop().await;
    server.restart().await;
    compare(&server, &known).await;
}

/// What was acknowledged is in the tables, nothing is there twice, nothing was invented.
pub async fn compare(server: &Server, known: &Known) {
    assert!(known.acknowledged.len() > rounds(), "the load was real");
    let started = Instant::now();
    // A count would not do: some that nobody was told of are stored too, and stand in for the last ones.
    let (visible, distinct, of_persons, of_sessions) = loop {
        let rows = server.sql("SELECT message_id FROM activity ORDER BY message_id").await;
        let visible: Vec<String> = rows.into_iter().map(|row| row[0].as_str().expect("an id").to_owned()).collect();
        let distinct: BTreeSet<String> = visible.iter().cloned().collect();
        let lost: Vec<_> = known.acknowledged.difference(&distinct).take(5).collect();
        if lost.is_empty() {
            let of_persons = server.number("SELECT CAST(sum(activities) AS BIGINT) FROM persons").await;
            let of_sessions = server.number("SELECT CAST(sum(activities) AS BIGINT) FROM sessions").await;
            // Of what nobody was told, more may have become visible between the questions.
            if server.number("SELECT count(*) FROM activity").await == visible.len() as i64 {
                break (visible, distinct, of_persons, of_sessions);
            }
        }
        assert!(started.elapsed() < DEADLINE, "acknowledged and lost: {lost:?} …\n{}", server.tracing());
    };
    assert_eq!(visible.len(), distinct.len(), "something is there twice");
    let invented: Vec<_> = distinct.difference(&known.attempted).take(5).collect();
    assert!(invented.is_empty(), "never sent: {invented:?} …");
    assert_eq!(of_persons, visible.len() as i64, "persons count what activity has");
    assert_eq!(of_sessions, visible.len() as i64, "sessions hold what activity has");
}
