//! Processes that hurry each other over a real Redis: flags, the live stream and limits across processes, under load; Redis is killed
//! in the middle and comes back, and nothing but the hurry is gone meanwhile.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::accounts::{Person, owner_told_by};
use crate::experiment::of;
use crate::gear::{root, say};
use crate::scaleout::{Installation, is_ready, service};
use crate::scaleout_load::{Load, Retry};
use crate::seed::Seed;
use crate::server::{DEADLINE, Server};

/// Changes of a flag that are timed.
const SWITCHES: usize = 12;
/// What the doors of flags let through in a minute from one address.
const FLAGS_A_MINUTE: usize = 600;

struct Redis {
    url: String,
    folder: String,
}

impl Redis {
    fn start(test: &str) -> Option<Redis> {
        let said = service("redis", test)?;
        let (url, folder) = said.split_once(' ').expect("an address and a folder");
        Some(Redis { url: url.to_owned(), folder: folder.to_owned() })
    }

    fn does(&self, what: &str) {
        let script: &Path = &root().join("dev/services/redis");
        let done = Command::new(script).args([what, &self.folder]).output().expect("the script runs");
        assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(Command::new(root().join("dev/services/redis")).args(["down", &self.folder]).output());
    }
}

/// The live stream of a process, as text that grows.
struct Stream {
    text: Arc<Mutex<String>>,
    reading: tokio::task::JoinHandle<()>,
}

impl Stream {
    async fn open(server: &Server) -> Stream {
        let address = server.url().trim_start_matches("http://").to_owned();
        let mut connection = TcpStream::connect(&address).await.expect("a connection");
        let key = server.read_key();
        let request = format!("GET /v1/live HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\r\n");
        connection.write_all(request.as_bytes()).await.expect("it is sent");
        let text = Arc::new(Mutex::new(String::new()));
        let reading = tokio::spawn({
            let text = text.clone();
            async move {
                let mut piece = vec![0; 64 << 10];
                while let Ok(length @ 1..) = connection.read(&mut piece).await {
                    text.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
                }
            }
        });
        Stream { text, reading }
    }

    fn is_open(&self) -> bool {
        !self.reading.is_finished()
    }

    /// Waits until `server` tells of what arrives at other processes from now on. A message has a few of many activities, so
    /// which ones is left open.
    async fn tells(&self, server: &Server, when: &str) {
        self.text.lock().unwrap().clear();
        let begun = Instant::now();
        while !self.text.lock().unwrap().contains("\"message_id\":") {
            assert!(begun.elapsed() < DEADLINE, "{when}: nothing is told\n{}", server.tracing());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn is_on(server: &Server) -> bool {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    // From another address each time, so that no limit is met.
    let [high, low] = ASKED.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let from = format!("10.0.{high}.{low}");
    let asked = json!({"token": server.write_key(), "distinct_id": "ada"}).to_string();
    let headers = [("content-type", "application/json"), ("x-forwarded-for", from.as_str())];
    let answer = server.send("/flags/?v=2", &headers, asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["flags"]["checkout"]["enabled"].as_bool().unwrap_or(false)
}

/// Switches a flag at one process; how long until the other gives it out, from the slowest to the quickest.
async fn switched(team: &Person<'_>, other: &Server) -> Vec<Duration> {
    let mut took = Vec::new();
    for turn in 0..SWITCHES {
        let on = turn % 2 == 1;
        let answer = team.changing(Method::PUT, &of("features/checkout/switch"), json!({"is_on": on})).await;
        assert!(answer.status < 300, "{}", answer.text());
        let begun = Instant::now();
        while is_on(other).await != on {
            assert!(begun.elapsed() < DEADLINE, "a switch is not heard of\n{}", other.tracing());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        took.push(begun.elapsed());
    }
    took.sort();
    took.reverse();
    took
}

/// How many of `asked` questions two processes let through from one address.
async fn let_through(pair: &[Server; 2], asked: usize, from: &str) -> usize {
    let mut passed = 0;
    for turn in 0..asked {
        let server = &pair[turn % 2];
        let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
        let body = json!({"token": server.write_key(), "distinct_id": "ada"}).to_string();
        passed += usize::from(server.send("/flags/?v=2", &headers, body).await.status == 200);
    }
    passed
}

async fn bus_says(server: &Server) -> Value {
    let checks = server.get("/readyz").await.json()["checks"].clone();
    let bus = checks.as_array().expect("checks").iter().find(|check| check["name"] == "bus");
    bus.unwrap_or_else(|| panic!("no bus: {checks}"))["detail"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_hurry_each_other_and_go_on_without_redis() {
    let Some(redis) = Redis::start("bus") else { return };
    let limit = FLAGS_A_MINUTE.to_string();
    let more = [
        ("FOOTFALL_BUS_URL", redis.url.as_str()),
        ("FOOTFALL_LIMITS_FLAGS", limit.as_str()),
        ("FOOTFALL_SERVER_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let Some(all) = Installation::start_with("bus", &more).await else { return };
    let mut seed = Seed::announced("bus");
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Refused, &mut seed);
    let team = owner_told_by(&all.api[0], &[&all.api[0], &all.api[1]]).await;
    let feature = json!({"value_type": "boolean", "default_value": true});
    team.post(&of("features"), json!({"key": "checkout", "definition": feature})).await;
    all.api[1].eventually("the flag is known", || is_on(&all.api[1])).await;

    // With Redis: told, shown live by processes that fill no tables, counted together.
    let told = switched(&team, &all.api[1]).await;
    let streams = [Stream::open(&all.api[0]).await, Stream::open(&all.api[1]).await];
    for (stream, server) in streams.iter().zip(&all.api) {
        stream.tells(server, "at first").await;
    }
    let asked = 2 * FLAGS_A_MINUTE;
    let begun = Instant::now();
    let together = let_through(&all.api, asked, "198.51.100.1").await;
    let refilled = begun.elapsed().as_secs_f64() * FLAGS_A_MINUTE as f64 / 60.0;
    assert!(together as f64 <= FLAGS_A_MINUTE as f64 + refilled + 1.0, "{together} passed of one limit");
    assert!(together >= FLAGS_A_MINUTE, "{together} passed of one limit");

    // Without: slower, not wrong.
    tokio::task::block_in_place(|| redis.does("kill"));
    for server in all.ingest.iter().chain(&all.jobs).chain(&all.api) {
        server.eventually("it says so", || async { bus_says(server).await.is_string() }).await;
        assert!(is_ready(server).await, "it goes on");
    }
    load.grows_by(300, "without Redis").await;
    let looked = switched(&team, &all.api[1]).await;
    // The quickest: what else the machine does only adds to a time.
    assert!(looked[SWITCHES - 1] < Duration::from_millis(1500), "{looked:?}");
    let begun = Instant::now();
    let apart = let_through(&all.api, asked, "198.51.100.2").await;
    let each = begun.elapsed() / asked as u32;
    assert!(apart > FLAGS_A_MINUTE, "each counts for itself: {apart}");
    assert!(each < Duration::from_secs(2), "nobody waits for Redis: {each:?}");

    tokio::task::block_in_place(|| redis.does("start"));
    for server in all.ingest.iter().chain(&all.jobs).chain(&all.api) {
        server.eventually("it is back", || async { bus_says(server).await.is_null() }).await;
    }
    for (stream, server) in streams.iter().zip(&all.api) {
        assert!(stream.is_open(), "who listened still listens");
        stream.tells(server, "with Redis again").await;
    }
    let again = switched(&team, &all.api[1]).await;
    load.grows_by(200, "with Redis again").await;
    let middle = |took: &[Duration]| took[took.len() / 2];
    say(&format!(
        "bus: a switch was in force elsewhere after {:.0?} (slowest {:.0?}) with Redis, {:.0?} ({:.0?}) without, {:.0?} ({:.0?}) \
         again; {together} of {asked} passed with one limit of {FLAGS_A_MINUTE}, {apart} with two; {each:.1?} a question without",
        middle(&told),
        told[0],
        middle(&looked),
        looked[0],
        middle(&again),
        again[0],
    ));
    // Without news from Redis, looking would take three times as long as it does without Redis.
    assert!(middle(&told) < middle(&looked), "{told:?} {looked:?}");
    let known = load.end().await;
    all.account(&known).await;

    // Who is here is asked of the tables: the same in every process, without Redis as with it.
    tokio::task::block_in_place(|| redis.does("kill"));
    let here: Vec<Value> = ["ada", "ben", "cleo"].map(|person| json!({"event": "here", "distinctId": person})).into();
    assert_eq!(all.ingest[0].post(&json!(here)).await.json()["accepted"], 3);
    let since = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - 300).expect("a time");
    let asked = format!("SELECT count(DISTINCT person_id), count(*) FROM activity WHERE timestamp >= '{since}'");
    for server in &all.api {
        server.until("SELECT count(*) FROM activity WHERE event = 'here'", 3).await;
    }
    let said = [all.api[0].sql(&asked).await, all.api[1].sql(&asked).await];
    assert_eq!(said[0], said[1]);
    assert!(said[0][0][0].as_i64().is_some_and(|people| people >= 3), "{said:?}");
}
