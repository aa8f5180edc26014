//! `footfall migrate` while senders send 2,000 activities a second: no request fails, and what the old installation had taken in
//! is in the new one with the same counts and checksums, whatever the command was doing when it was killed.

use std::collections::BTreeMap;
use std::process::{Child, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::accounts::owner;
use crate::backup::{done, refused, sums_where};
use crate::deletion::{forget, operate, stays_forgotten};
use crate::gear::{say, skip};
use crate::http::Http;
use crate::kafka::Broker;
use crate::migrate::{Postgres, like, settings};
use crate::server::{DEADLINE, Server};
use crate::store;

/// Who is forgotten while the installation moves.
const ADA: &str = "ada-lovelace-1815";
const SENDERS: usize = 4;
const BATCH: usize = 50;
/// Between two batches of a sender: 2,000 activities a second together.
const PACE: Duration = Duration::from_millis(100);

/// Segments that would be gone at once if nobody held them.
const SETTINGS: &[(&str, &str)] = &[
    ("FOOTFALL_STORE_FLUSH_ROWS", "2000"),
    ("FOOTFALL_STORE_FLUSH_AGE", "200ms"),
    ("FOOTFALL_LOG_SEGMENT_BYTES", "256KiB"),
    ("FOOTFALL_LOG_RETENTION_AGE", "1s"),
    ("FOOTFALL_SQL_ROWS_MAX", "100000000"),
];

/// Who sends, at a steady pace, and never again what was not taken: that is a failure.
#[derive(Default)]
struct Senders {
    /// Where to, and the word that everything sent there bears.
    to: Mutex<(String, &'static str)>,
    taken: Mutex<BTreeMap<&'static str, usize>>,
    failures: Mutex<Vec<String>>,
    batches: AtomicUsize,
    ended: AtomicBool,
}

impl Senders {
    fn send_to(&self, server: &Server, word: &'static str) {
        *self.to.lock().unwrap() = (server.url(), word);
    }

    fn taken(&self, word: &str) -> usize {
        self.taken.lock().unwrap().get(word).copied().unwrap_or_default()
    }

    async fn run(self: Arc<Self>, key: String) {
        let http = Http::new();
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let mut pace = tokio::time::interval(PACE);
        while !self.ended.load(Ordering::SeqCst) {
            pace.tick().await;
            let (url, word) = self.to.lock().unwrap().clone();
            let batch = self.batches.fetch_add(1, Ordering::SeqCst);
            let items = (0..BATCH).map(|item| {
                json!({"event": word, "messageId": format!("{word}-{batch}-{item}"), "properties": {"batch": batch},
                       "distinctId": format!("{word}-{}", (batch * 7 + item) % 90)})
            });
            let body = json!(items.collect::<Vec<_>>()).to_string();
            match http.send(Method::POST, &format!("{url}/v1/activity"), &headers, body).await {
                Ok(answer) if answer.status == 200 && answer.json()["accepted"] == BATCH => {
                    *self.taken.lock().unwrap().entry(word).or_default() += BATCH;
                }
                Ok(answer) => self.failures.lock().unwrap().push(format!("{} {}", answer.status, answer.text())),
                Err(error) => self.failures.lock().unwrap().push(error.to_string()),
            }
        }
    }

    async fn until(&self, what: &str, mut is_so: impl FnMut(&Senders) -> bool) {
        let asked = Instant::now();
        while !is_so(self) {
            assert!(asked.elapsed() < 2 * DEADLINE, "{what}: {:?}", self.failures.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Rows of whom the old installation knew.
fn of_old(table: &str) -> String {
    let ids = "distinct_id NOT LIKE 'new-%'";
    match table {
        "activity" | "person_ids" => format!("WHERE {ids}"),
        "quarantine" => String::new(),
        _ => format!("WHERE person_id IN (SELECT person_id FROM person_ids WHERE {ids})"),
    }
}

fn end_of(mut child: Child) -> Output {
    let asked = Instant::now();
    while child.try_wait().expect("a state").is_none() {
        if asked.elapsed() > DEADLINE {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("it ended")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_moves_while_it_takes_in_and_no_request_fails() {
    if store::is_clickhouse() {
        return; // it begins with files
    }
    let Some(broker) = Broker::start("migrate_live") else { return };
    let Some(postgres) = Postgres::start() else { return skip("migrate_live", "PostgreSQL is not installed") };
    let mut server = Server::start_with(SETTINGS).await;
    owner(&server).await;
    server.post(&json!([{"event": "", "distinctId": "nobody"}])).await;
    server.post(&json!([{"type": "identify", "anonymousId": "old-3", "userId": "cleo"}])).await;
    server.post(&json!([{"event": "diary", "distinctId": ADA, "messageId": "a secret of hers"}])).await;
    let folder = TempDir::with_prefix("footfall-moving-").unwrap();
    let from = folder.path().join("from.toml");
    std::fs::write(&from, format!("data_dir = {:?}\n", server.data().display().to_string())).unwrap();
    let from = from.display().to_string();
    let clickhouse = store::database("migrate_live", folder.path());
    let services = format!(
        "[log]\nurl = \"kafka://{}/moved\"\npartitions = 3\n[store]\nurl = \"{clickhouse}\"\n[database]\nurl = \"{}\"\n",
        broker.address, postgres.0
    );
    let to = settings(&folder, "services", &services);
    let command = ["migrate", "--from", &from, "--to", &to];
    let tail = folder.path().join("services/moving/tail.json");

    let senders = Arc::new(Senders::default());
    senders.send_to(&server, "old");
    let begun = Instant::now();
    let tasks: Vec<_> =
        (0..SENDERS).map(|_| tokio::spawn(senders.clone().run(server.write_key().to_owned()))).collect();
    senders.until("before", |senders| senders.taken("old") >= 4_000).await;

    // Killed in the middle of the copy, then in the middle of the tail.
    let mut child = server.spawn(&command);
    senders.until("the copy", |_| folder.path().join("services/moving/source").exists()).await;
    let _ = child.kill();
    let _ = child.wait();
    let mut child = server.spawn(&command);
    senders.until("the tail", |_| child.try_wait().unwrap().is_some() || tail.exists()).await;
    assert!(tail.exists(), "{:?}", child.wait());
    let copied = senders.taken("old");
    senders.until("the tail goes on", |senders| senders.taken("old") >= copied + 2_000).await;
    let _ = child.kill();
    let _ = child.wait();
    let child = server.spawn_heard(&command);

    // Forgotten there after the copy: here too, and who comes again is somebody new.
    forget(&server, ADA).await;
    let mut services = like(&server, &folder, "services", &to);
    services.restart().await;
    let hidden = || async {
        let erasures = operate(&services, Method::GET, "/v1/projects/default/erasures").await.json();
        erasures["erasures"].as_array().is_some_and(|all| all.len() == 1 && all[0]["state"] != "requested")
    };
    services.eventually("who was forgotten after the copy is forgotten", hidden).await;
    stays_forgotten(&services, ADA, 0).await;
    server.post(&json!([{"event": "visit", "distinctId": ADA, "messageId": "afterwards"}])).await;
    server.until("SELECT count(*) FROM activity WHERE event = 'visit'", 1).await;
    senders.send_to(&services, "new");
    senders.until("after", |senders| senders.taken("new") >= 2 * SENDERS * BATCH).await;
    let old = senders.taken("old");
    let seconds = begun.elapsed().as_secs_f64();
    server.until("SELECT count(*) FROM activity WHERE event = 'old'", old as i64).await;
    let wanted = sums_where(&server, of_old).await;
    server.stop().await;
    let said = tokio::task::block_in_place(|| done(&end_of(child)));
    senders.ended.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    let new = senders.taken("new");
    say(&format!("migrate_live: {old} taken by the old in {seconds:.1} s, {new} by the new\n{said}"));
    assert_eq!(*senders.failures.lock().unwrap(), Vec::<String>::new(), "no request fails");
    assert!(said.contains("records came after the copy"), "{said}");
    assert!(said.contains("erasures: 1 that were asked for after the copy"), "{said}");
    services.until("SELECT count(*) FROM activity WHERE event = 'old'", old as i64).await;
    services.until("SELECT count(*) FROM activity WHERE event = 'new'", new as i64).await;
    services.until("SELECT count(*) FROM activity WHERE event = 'visit'", 1).await;
    assert_eq!(sums_where(&services, of_old).await, wanted);
    stays_forgotten(&services, ADA, 1).await;
    let ids = services.number("SELECT count(DISTINCT message_id) FROM activity WHERE event IN ('old', 'new')").await;
    assert_eq!(ids, (old + new) as i64);
    services.stop().await;
    tokio::task::block_in_place(|| refused(&end_of(server.spawn_heard(&["all"])), "was moved onto other backends"));

    // And back, while it stands still.
    let back = settings(&folder, "back", "");
    let said = tokio::task::block_in_place(|| done(&server.run(&["migrate", "--from", &to, "--to", &back])));
    say(&format!("migrate_live: back\n{said}"));
    let mut files = like(&server, &folder, "back", &back);
    files.restart().await;
    assert_eq!(sums_where(&files, of_old).await, wanted);
    assert_eq!(files.number("SELECT count(*) FROM activity WHERE event = 'new'").await, new as i64);
    files.stop().await;
}
