//! Clients of an installation of several processes: they send to any of its doors, and try again elsewhere as SDKs do.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};

use crate::crash::Known;
use crate::http::{Answer, Http};
use crate::seed::Seed;
use crate::server::DEADLINE;

const CLIENTS: u64 = 3;

/// What a client takes for "not now".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// A refused connection and 503, nothing else: processes end in order.
    Refused,
    /// Whatever becomes of a connection: processes are killed.
    Anything,
    /// The same, and no answer within seconds: a network loses what it is given.
    Silence,
}

/// How long a client waits on a network that loses what it is given.
const PATIENCE: Duration = Duration::from_secs(3);

/// Sends a request to the addresses in turn until one answers something else than 503.
pub async fn insist(http: &Http, urls: &[String], from: usize, retry: Retry, key: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("accept", "application/json")];
    let begun = Instant::now();
    for turn in from.. {
        let url = &urls[turn % urls.len()];
        let sending = http.send(Method::POST, url, &headers, body.to_owned());
        let sent = match retry {
            Retry::Silence => tokio::time::timeout(PATIENCE, sending).await.unwrap_or(Err("silence".to_owned())),
            Retry::Refused | Retry::Anything => sending.await,
        };
        match sent {
            Ok(answer) if answer.status != 503 => return answer,
            Ok(_) => {}
            Err(error) => {
                let is_refused = error.contains("ConnectionRefused");
                assert!(is_refused || retry != Retry::Refused, "{url}: {error}");
            }
        }
        assert!(begun.elapsed() < 2 * DEADLINE, "{url}: nobody answers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    unreachable!("the turns do not end")
}

/// Clients that send until they are told to stop.
pub struct Load {
    known: Arc<Mutex<Known>>,
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    pub fn on(doors: &[String], key: &str, retry: Retry, seed: &mut Seed) -> Load {
        Load::paced(doors, key, retry, seed, Duration::ZERO)
    }

    /// The same with a pause of each client after each batch, for tests that take long and need few rows.
    pub fn paced(doors: &[String], key: &str, retry: Retry, seed: &mut Seed, pause: Duration) -> Load {
        let (known, stop) = (Arc::new(Mutex::new(Known::default())), Arc::new(AtomicBool::new(false)));
        let urls: Vec<String> = doors.iter().map(|door| format!("{door}/v1/activity")).collect();
        let client = |number| {
            let (urls, key, seed) = (urls.clone(), key.to_owned(), seed.fork());
            let client = Client { number, urls, key, retry, pause, seed, known: known.clone(), stop: stop.clone() };
            tokio::spawn(client.run())
        };
        Load { clients: (0..CLIENTS).map(client).collect(), known, stop }
    }

    pub fn acknowledged(&self) -> usize {
        self.known.lock().unwrap().acknowledged.len()
    }

    pub fn acknowledged_ids(&self) -> BTreeSet<String> {
        self.known.lock().unwrap().acknowledged.clone()
    }

    /// Waits until so many more are acknowledged.
    pub async fn grows_by(&self, more: usize, when: &str) {
        let (goal, begun) = (self.acknowledged() + more, Instant::now());
        while self.acknowledged() < goal {
            assert!(self.is_well(), "{when}: a client failed");
            assert!(begun.elapsed() < DEADLINE, "{when}: {} of {goal} acknowledged", self.acknowledged());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// No client has given up.
    pub fn is_well(&self) -> bool {
        self.clients.iter().all(|client| !client.is_finished())
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
    urls: Vec<String>,
    key: String,
    retry: Retry,
    pause: Duration,
    seed: Seed,
    known: Arc<Mutex<Known>>,
    stop: Arc<AtomicBool>,
}

impl Client {
    async fn run(mut self) {
        let http = Http::new();
        let mut batch = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let size = [1, 1, 10, 50][self.seed.below(4) as usize];
            let ids: BTreeSet<String> = (0..size).map(|item| format!("c{}-{batch}-{item}", self.number)).collect();
            let items: Vec<Value> = ids.iter().map(|id| item(id, &mut self.seed)).collect();
            self.known.lock().unwrap().attempted.extend(ids.iter().cloned());
            let from = self.seed.below(self.urls.len() as u64) as usize;
            let body = json!(items).to_string();
            let answer = insist(&http, &self.urls, from, self.retry, &self.key, &body).await;
            assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (200, Some(size)), "{}", answer.text());
            self.known.lock().unwrap().acknowledged.extend(ids);
            batch += 1;
            tokio::time::sleep(self.pause).await;
        }
    }
}

/// An activity of one of 60 people, who sign in now and then.
fn item(id: &str, seed: &mut Seed) -> Value {
    let person = seed.below(60);
    let at = format!("2026-03-{:02}T10:{:02}:{:02}Z", 1 + seed.below(20), seed.below(60), seed.below(60));
    let event = ["view", "save", "buy"][seed.below(3) as usize];
    let plan = ["free", "pro"][seed.below(2) as usize];
    match seed.below(20) {
        0 => json!({"type": "identify", "messageId": id, "timestamp": at, "userId": format!("user-{person}"),
                    "anonymousId": format!("anonymous-{person}"), "traits": {"plan": plan}}),
        1..10 => json!({"event": event, "messageId": id, "timestamp": at, "anonymousId": format!("anonymous-{person}"),
                        "properties": {"plan": plan, "n": seed.below(50)}}),
        _ => json!({"event": event, "messageId": id, "timestamp": at, "userId": format!("user-{person}"),
                    "properties": {"plan": plan, "n": seed.below(50)}}),
    }
}
