//! People at dashboards: each asks a question, reads the answer for a while, and asks another, while activities arrive.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::bodies::{Dice, Door};
use crate::error::BenchError;
use crate::histogram::Histogram;
use crate::http::{Connection, request};
use crate::load::Load;
use crate::options::Options;
use crate::report::Report;
use crate::server::Server;

const DAY: u64 = 86_400_000;
/// The activities before are of so many days.
const DAYS: u64 = 90;
/// What people look at an answer for: between these.
const READING_MS: (u64, u64) = (500, 1_500);
const NAMES: [&str; 8] = [
    "App Opened",
    "Event Viewed",
    "Venue Viewed",
    "Search Performed",
    "List Scrolled",
    "Event Saved",
    "RSVP Completed",
    "Ticket Selected",
];

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("People who ask while activities arrive");
    let mut server = Server::new(options, "insights")?;
    server.start().await?;
    fill(options.activities, &server).await?;
    report
        .note(&format!("{} activities of {DAYS} days are there.", server.ask("SELECT count(*) FROM activity").await?));
    let first = Instant::now();
    let mut dice = Dice::new(7);
    for kind in KINDS {
        ask_until_ready(&server, kind, &question(kind, &mut dice)).await?;
    }
    // The first question about a property has the lake read again, for which all others wait.
    for property in PROPERTIES {
        ask_until_ready(&server, "trend", &broken_down(scope(&mut dice).1, json!({}), property)).await?;
    }
    report.note(&format!("Read for questions in {:.1} s.", first.elapsed().as_secs_f64()));
    let before = server.cpu();
    let time = options.sustain();
    let load = Load {
        door: Door::Native,
        batch: 1_000,
        connections: 4,
        warm: Duration::ZERO,
        time,
        rate: Some(options.arriving),
        past: Duration::ZERO,
    };
    let running = load.begin(&server);
    let seen = Rc::new(Seen::default());
    let deadline = Instant::now() + time;
    let people: Vec<_> = (0..options.askers)
        .map(|number| {
            let asker =
                Asker { address: server.address, key: server.read_key.clone(), number, deadline, seen: seen.clone() };
            tokio::task::spawn_local(asker.run())
        })
        .collect();
    for person in people {
        person.await.map_err(|_| BenchError::Shape("somebody who asks"))?;
    }
    let outcome = running.end(&load).await?;
    let spent = server.cpu().saturating_sub(before).as_secs_f64() / time.as_secs_f64();
    let memory = server.memory();
    let caught_up = server.catch_up(Duration::from_secs(120)).await?;

    let mut table =
        report.table("insights under load, by kind", &["question", "answers", "p50 ms", "p99 ms", "most ms"]);
    let quantile = |histogram: &Histogram, share| json!(histogram.quantile_ms(share));
    for (kind, histogram) in seen.by_kind.borrow().iter() {
        let count = seen.counts.borrow().get(kind).copied().unwrap_or(0);
        let [half, most, all] = [0.5, 0.99, 1.0].map(|share| quantile(histogram, share));
        table.row(&[json!(kind), json!(count), half, most, all]);
    }
    let shares = [0.5, 0.99, 0.999].map(|share| seen.all.borrow().quantile_ms(share).unwrap_or(0.0));
    let mut table = report.table("insights under load", &["measure", "value"]);
    let mut row = |measure: &str, value: Value| table.row(&[json!(measure), value]);
    row("people, seconds", json!(format!("{}, {}", options.askers, time.as_secs())));
    row("answers", json!(seen.answers.get()));
    row("answers/s", json!(seen.answers.get() as f64 / time.as_secs_f64()));
    row("p50, p99, p99.9 ms", json!(shares));
    row("questions that failed", json!(seen.failed.get()));
    row("activities acknowledged/s", json!(outcome.activities_per_second(&load)));
    row("sends refused, failed", json!(format!("{}, {}", outcome.refused.get(), outcome.failed.get())));
    row("until nothing was behind afterwards, s", json!(caught_up.as_secs_f64()));
    row("server, cores", json!(spent));
    row("resident memory, MB (of it anonymous)", json!(format!("{:.0} ({:.0})", memory.now_mb, memory.anonymous_mb)));
    row("resident memory peak, MB", json!(memory.peak_mb));
    if let Some(failure) = seen.failure.borrow().as_ref() {
        report.note(&format!("The first that failed: {failure}"));
    }
    server.stop().await?;
    Ok(())
}

/// Sends what has to be there before, as fast as it goes.
pub async fn fill(activities: u64, server: &Server) -> Result<(), BenchError> {
    let mut sent = 0;
    while sent < activities {
        let load = Load {
            door: Door::Native,
            batch: 1_000,
            connections: 8,
            warm: Duration::ZERO,
            time: Duration::from_secs(((activities - sent) / 200_000).clamp(1, 10)),
            rate: None,
            past: Duration::from_millis(DAYS * DAY),
        };
        sent += load.run(server).await?.accepted.get();
    }
    server.catch_up(Duration::from_secs(300)).await.map(drop)
}

#[derive(Default)]
struct Seen {
    answers: Cell<u64>,
    failed: Cell<u64>,
    failure: RefCell<Option<String>>,
    all: RefCell<Histogram>,
    by_kind: RefCell<BTreeMap<&'static str, Histogram>>,
    counts: RefCell<BTreeMap<&'static str, u64>>,
}

/// One at a dashboard.
struct Asker {
    address: SocketAddr,
    key: String,
    number: usize,
    deadline: Instant,
    seen: Rc<Seen>,
}

impl Asker {
    async fn run(self) {
        let mut dice = Dice::new(self.number as u64 + 1);
        let mut connection = None;
        while Instant::now() < self.deadline {
            let kind = KINDS[dice.below(KINDS.len() as u64) as usize];
            let question = question(kind, &mut dice).to_string();
            let asked = Instant::now();
            match self.once(&mut connection, kind, &question).await {
                Ok((200, _)) => {
                    let took = asked.elapsed();
                    let seen = &self.seen;
                    seen.answers.set(seen.answers.get() + 1);
                    seen.all.borrow_mut().record(took);
                    seen.by_kind.borrow_mut().entry(kind).or_default().record(took);
                    *seen.counts.borrow_mut().entry(kind).or_default() += 1;
                }
                Ok((status, body)) => self.failed(format!("{kind}: {status} {body}")),
                Err(error) => {
                    connection = None;
                    self.failed(format!("{kind}: {error}"));
                }
            }
            let reading = READING_MS.0 + dice.below(READING_MS.1 - READING_MS.0);
            tokio::time::sleep(Duration::from_millis(reading)).await;
        }
    }

    async fn once(
        &self,
        connection: &mut Option<Connection>,
        kind: &str,
        question: &str,
    ) -> std::io::Result<(u16, String)> {
        let open = match connection {
            Some(open) => open,
            None => connection.insert(Connection::open(self.address).await?),
        };
        open.send(request("POST", &format!("/v1/insights/{kind}"), &self.key, "", question).as_bytes()).await?;
        let (status, body) = open.answer().await?;
        Ok((status, String::from_utf8_lossy(body).chars().take(400).collect()))
    }

    fn failed(&self, what: String) {
        self.seen.failed.set(self.seen.failed.get() + 1);
        self.seen.failure.borrow_mut().get_or_insert(what);
    }
}

async fn ask_until_ready(server: &Server, kind: &'static str, question: &Value) -> Result<(), BenchError> {
    let (begun, limit) = (Instant::now(), Duration::from_secs(300));
    let body = question.to_string();
    loop {
        let head = format!(
            "Authorization: Bearer {}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            server.read_key,
            body.len()
        );
        match crate::http::once(server.address, &format!("POST /v1/insights/{kind}"), &head).await? {
            (200, _) => return Ok(()),
            (503, _) if begun.elapsed() < limit => {}
            (status, body) => return Err(BenchError::Answer { path: kind.to_owned(), status, body }),
        }
    }
}

const PROPERTIES: [&str; 3] = ["category", "city", "source"];

const KINDS: [&str; 10] = [
    "trend",
    "funnel",
    "retention",
    "lifecycle",
    "stickiness",
    "sessions",
    "paths",
    "active_people",
    "ranking",
    "cohort",
];

/// A question of a kind about random activities and days, so that few are asked twice.
fn question(kind: &str, dice: &mut Dice) -> Value {
    let ((from, until), scope) = scope(dice);
    let name = |dice: &mut Dice| NAMES[dice.below(NAMES.len() as u64) as usize];
    let select = json!({"activities": [name(dice)]});
    match kind {
        "trend" if dice.below(2) == 0 => {
            broken_down(scope, select, PROPERTIES[dice.below(PROPERTIES.len() as u64) as usize])
        }
        "trend" => {
            let series =
                json!([{"select": select, "measures": ["count", "people"]}, {"select": {}, "measures": ["people"]}]);
            json!({"scope": scope, "bucket": "day", "series": series})
        }
        "funnel" => {
            let steps: Vec<Value> = (0..3).map(|_| json!({"activities": [name(dice)]})).collect();
            json!({"scope": scope, "steps": steps, "window_ms": 7 * DAY})
        }
        "retention" => {
            json!({"scope": scope, "bucket": "week", "kind": "first_time", "start": select, "returning": {}})
        }
        "lifecycle" => json!({"scope": scope, "bucket": "week", "select": {}}),
        "stickiness" => json!({"scope": scope, "bucket": "day", "select": select}),
        "sessions" => json!({"scope": scope, "bucket": "day"}),
        "paths" => {
            json!({"scope": scope, "anchor": {"after": name(dice)}, "length": 3, "gap_ms": 1_800_000, "top": 10})
        }
        "active_people" => json!({"scope": scope, "select": {}}),
        "ranking" => json!({"scope": scope, "select": {}, "by": "activity", "top": 10}),
        _ => {
            let did = json!({"select": select, "from_ms": from, "until_ms": until, "at_least": 3});
            json!({"cohort": {"did": did}})
        }
    }
}

/// Random days: from when until when, and as questions say it. Half of them go on until now, where activities arrive.
fn scope(dice: &mut Dice) -> ((u64, u64), Value) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let days = 7 + dice.below(DAYS - 7);
    let until = now - dice.below(2) * dice.below(DAY);
    let from = until - days * DAY;
    ((from, until), json!({"from_ms": from, "until_ms": until, "zone": "Europe/Amsterdam"}))
}

fn broken_down(scope: Value, select: Value, property: &str) -> Value {
    let series = json!([{"select": select, "measures": ["count", "people"]}]);
    let breakdown = json!({"properties": [property], "top": 5});
    json!({"scope": scope, "bucket": "day", "series": series, "breakdown": breakdown})
}
