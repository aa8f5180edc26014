//! The load: connections that send batches and wait for each acknowledgement before the next (closed loop), or send at
//! fixed moments and count the wait from those moments (open loop).

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::bodies::{Dice, Door, Template, rfc3339};
use crate::error::BenchError;
use crate::histogram::Histogram;
use crate::http::Connection;
use crate::server::Server;

/// What to send.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub door: Door,
    pub batch: usize,
    pub connections: usize,
    /// Time before counting begins.
    pub warm: Duration,
    pub time: Duration,
    /// Activities a second to offer; without it every connection sends as soon as it is answered.
    pub rate: Option<u64>,
    /// People do what they do in visits in so much of the past; zero: now.
    pub past: Duration,
}

/// What came of it, counted from the end of the warm-up.
#[derive(Debug, Default)]
pub struct Outcome {
    pub requests: Cell<u64>,
    /// All that was accepted, in the warm-up too.
    pub accepted: Cell<u64>,
    accepted_counted: Cell<u64>,
    /// Asked to come back later (429 or 503).
    pub refused: Cell<u64>,
    /// Anything else but 200, or a broken connection.
    pub failed: Cell<u64>,
    latencies: RefCell<Histogram>,
}

impl Outcome {
    pub fn activities_per_second(&self, load: &Load) -> f64 {
        self.accepted_counted.get() as f64 / load.time.as_secs_f64()
    }

    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        self.latencies.borrow().quantile_ms(share)
    }
}

/// What the connections share: requests that nobody is filling now, and the next message id.
struct Supply {
    key: String,
    run: u32,
    free: RefCell<Vec<Template>>,
    next_id: Cell<u64>,
    dice: RefCell<Dice>,
}

/// Requests made ahead, so that small ones differ from each other.
const MADE_AHEAD_MAX: usize = 512;

impl Supply {
    fn new(load: &Load, key: &str) -> Supply {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (run, mut dice) = (since.as_millis() as u32, Dice::new(42));
        let ahead = (2_000 / load.batch).clamp(4, MADE_AHEAD_MAX);
        let free = (0..ahead).map(|_| Template::new(load.door, load.batch, key, run, &mut dice)).collect();
        Supply { key: key.to_owned(), run, free: RefCell::new(free), next_id: Cell::new(0), dice: RefCell::new(dice) }
    }

    /// A request that was never sent before.
    fn take(&self, load: &Load) -> Template {
        let mut dice = self.dice.borrow_mut();
        let mut free = self.free.borrow_mut();
        let place = dice.below(free.len() as u64) as usize;
        let mut template = if free.is_empty() {
            Template::new(load.door, load.batch, &self.key, self.run, &mut dice)
        } else {
            free.swap_remove(place)
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (now_ms, past_ms) = (since.as_millis() as u64, load.past.as_millis() as u64);
        let mut next_id = self.next_id.get();
        match past_ms {
            0 => template.refresh(&mut next_id, &mut dice, &rfc3339(now_ms)),
            _ => template.refresh_in_the_past(&mut next_id, &mut dice, now_ms, past_ms),
        }
        self.next_id.set(next_id);
        template
    }

    fn give_back(&self, template: Template) {
        self.free.borrow_mut().push(template);
    }
}

/// A load under way.
pub struct Running {
    pub outcome: Rc<Outcome>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Waits until every connection has had its last answer.
    pub async fn end(self, load: &Load) -> Result<Rc<Outcome>, BenchError> {
        let limit = load.warm + load.time + Duration::from_secs(60);
        for task in self.tasks {
            let ended = tokio::time::timeout(limit, task).await;
            drop(ended.map_err(|_| BenchError::Slow("the load", limit.as_secs()))?);
        }
        Ok(self.outcome)
    }
}

impl Load {
    /// Begins the load on this thread.
    pub fn begin(self, server: &Server) -> Running {
        let supply = Rc::new(Supply::new(&self, &server.write_key));
        let outcome = Rc::new(Outcome::default());
        let begun = Instant::now();
        let sender = |place| {
            let sender = Sender {
                load: self,
                place,
                begun,
                supply: supply.clone(),
                outcome: outcome.clone(),
                turns: Cell::new(0),
            };
            tokio::task::spawn_local(sender.run(server.address))
        };
        let tasks = (0..self.connections).map(sender).collect();
        Running { outcome, tasks }
    }

    pub async fn run(self, server: &Server) -> Result<Rc<Outcome>, BenchError> {
        self.begin(server).end(&self).await
    }
}

/// One connection.
struct Sender {
    load: Load,
    place: usize,
    begun: Instant,
    supply: Rc<Supply>,
    outcome: Rc<Outcome>,
    /// Requests begun so far.
    turns: Cell<u32>,
}

impl Sender {
    async fn run(self, address: SocketAddr) {
        let deadline = self.begun + self.load.warm + self.load.time;
        while Instant::now() < deadline {
            if self.talk(address, deadline).await.is_err() {
                add(&self.outcome.failed, 1);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn talk(&self, address: SocketAddr, deadline: Instant) -> std::io::Result<()> {
        let mut connection = Connection::open(address).await?;
        loop {
            let due = self.due().unwrap_or_else(Instant::now);
            if due >= deadline {
                return Ok(());
            }
            self.turns.set(self.turns.get() + 1);
            if self.load.rate.is_some() {
                tokio::time::sleep_until(due.into()).await;
            }
            let request = self.supply.take(&self.load);
            let sent = connection.send(&request.bytes).await;
            self.supply.give_back(request);
            sent?;
            let (status, body) = connection.answer().await?;
            self.count(status, body, due);
            if matches!(status, 429 | 503) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// When the next request is due, where moments are fixed: the connections take turns.
    fn due(&self) -> Option<Instant> {
        let every = self.load.batch as f64 / self.load.rate? as f64;
        let number = f64::from(self.turns.get()) * self.load.connections as f64 + self.place as f64;
        Some(self.begun + Duration::from_secs_f64(every * number))
    }

    fn count(&self, status: u16, body: &[u8], since: Instant) {
        let outcome = &self.outcome;
        match status {
            200 if acknowledged(self.load.door, self.load.batch, body) => {}
            429 | 503 => return add(&outcome.refused, 1),
            _ => return add(&outcome.failed, 1),
        }
        add(&outcome.accepted, self.load.batch as u64);
        let (now, from) = (Instant::now(), self.begun + self.load.warm);
        if now >= from && now <= from + self.load.time {
            add(&outcome.requests, 1);
            add(&outcome.accepted_counted, self.load.batch as u64);
            outcome.latencies.borrow_mut().record(now - since);
        }
    }
}

fn add(counter: &Cell<u64>, number: u64) {
    counter.set(counter.get() + number);
}

/// The answer says that every activity was taken.
fn acknowledged(door: Door, batch: usize, body: &[u8]) -> bool {
    let expected = match door {
        Door::Native => format!("\"accepted\":{batch},"),
        Door::Segment => "\"success\":true".to_owned(),
    };
    body.windows(expected.len()).any(|part| part == expected.as_bytes())
}
