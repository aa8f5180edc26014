//! The kill switch: a flag is switched off and on again while many listen and others ask, by every protocol; how long until each door gives
//! out what is wanted.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use crate::api::owner::{Owner, ask};
use crate::error::BenchError;
use crate::http::{Connection, request};
use crate::options::Options;
use crate::report::Report;
use crate::scale::installation::Installation;
use crate::server::Server;

const FEATURE: &str = "/v1/projects/default/features";
/// What the flag gives, as no other part of an answer does.
const ON: &str = "<it is on>";
const OFF: &str = "<it is off>";
/// Off and on again, so often.
const ROUNDS: usize = 15;
/// Who ask by each protocol, and how long each waits between two answers.
const POLLERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(5);
/// Who listen to OpenFeature's events and ask when they are told.
const TOLD: usize = 20;
/// Connections opened at one time.
const OPENING: usize = 200;
const LIMIT: Duration = Duration::from_secs(60);
/// What is promised.
const GOAL: Duration = Duration::from_secs(1);

const DOORS: [&str; 6] = [
    "`GET /sub/{key}`, pushed",
    "`GET /ofrep/v1/events/{key}`, then bulk evaluation",
    "`POST /ofrep/v1/evaluate/flags/{flag}`, asked",
    "`POST /flags?v=2`, asked",
    "`GET /api/features/{key}`, asked",
    "`POST /api/eval/{key}`, asked",
];

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("A flag is switched off");
    let mut server = Server::new(options, "flag-switch")?;
    server.start().await?;
    let rows = switch(options, &server, &[&server]).await?;
    server.stop().await?;
    let mut all = vec![("one process, files".to_owned(), rows)];
    if options.kafka.is_some() {
        let mut several = Installation::of_services(options, 1, 2)?;
        several.start().await?;
        let bus = if options.redis.is_some() { "Redis" } else { "no bus" };
        if let [first, .., last] = several.answering() {
            // The link of the last to start makes the first owner.
            let rows = switch(options, last, &[first]).await?;
            all.push((format!("two `api` processes, {bus}; switched at one, answered by the other"), rows));
        }
        several.stop().await?;
    }
    let columns = ["installation", "door", "who", "answers", "p50 ms", "p99 ms", "last ms"];
    let mut table = report.table("a flag is switched off", &columns);
    let mut slowest = Duration::ZERO;
    for (installation, doors) in &all {
        for Row { door, who, times } in doors {
            let at = |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
            slowest = slowest.max(at(1.0));
            let ms = |time: Duration| json!(time.as_secs_f64() * 1e3);
            table.row(&[
                json!(installation),
                json!(door),
                json!(who),
                json!(times.len()),
                ms(at(0.5)),
                ms(at(0.99)),
                ms(at(1.0)),
            ]);
        }
    }
    let reached = if slowest < GOAL { "within a second" } else { "NOT within a second" };
    report.note(&format!(
        "Off at every door for everybody {reached}: the last answer after {:.0} ms. Counted from the moment at which the switch is sent, \
         {ROUNDS} times off (and on again, which is not counted), to the first answer that says so at each who listens or asks; who asks waits \
         {} ms between two questions. All of them are one thread on the same cores.",
        slowest.as_secs_f64() * 1e3,
        PAUSE.as_millis()
    ));
    Ok(())
}

/// One door: how many asked or listened, and when each had the answer, the earliest first.
struct Row {
    door: &'static str,
    who: usize,
    times: Vec<Duration>,
}

async fn switch(options: &Options, at: &Server, others: &[&Server]) -> Result<Vec<Row>, BenchError> {
    let owner = Owner::first(at).await?;
    let feature = json!({"key": "kill", "definition": {"value_type": "string", "default_value": ON, "off_value": OFF}});
    ask(at, "POST", FEATURE, &owner.token, "", &feature.to_string()).await?;
    let seen = Rc::new(Seen::default());
    let mut watchers: Vec<JoinHandle<Result<(), BenchError>>> = Vec::new();
    let mut expected = [0; DOORS.len()];
    for server in others {
        let (address, key) = (server.address, server.write_key.clone());
        for watcher in 0..POLLERS {
            let person = format!("user-{watcher}");
            for (door, question) in questions(&key, &person).into_iter().enumerate() {
                watchers.push(spawn_local(poll(address, question, Mark::new(&seen, door + 2))));
                expected[door + 2] += 1;
            }
        }
        for _ in 0..TOLD {
            watchers.push(spawn_local(be_told(address, key.clone(), Mark::new(&seen, 1))));
            expected[1] += 1;
        }
        for number in 0..options.switch_listeners {
            watchers.push(spawn_local(listen(address, key.clone(), Mark::new(&seen, 0))));
            expected[0] += 1;
            if number % OPENING == OPENING - 1 {
                seen.until(0, 0, expected[0], &watchers).await?;
            }
        }
    }
    // Everybody is there and has the flag as it is.
    for (door, expected) in expected.iter().enumerate() {
        seen.until(0, door, *expected, &watchers).await?;
    }
    let mut rows: Vec<Row> =
        DOORS.into_iter().zip(expected).map(|(door, who)| Row { door, who, times: Vec::new() }).collect();
    for turn in 1..=2 * ROUNDS {
        let is_off = turn % 2 == 1;
        let begun = Instant::now();
        let body = json!({"is_on": !is_off, "reason": "It sells nothing."}).to_string();
        ask(at, "PUT", &format!("{FEATURE}/kill/switch"), &owner.token, "", &body).await?;
        for (door, row) in rows.iter_mut().enumerate() {
            seen.until(turn, door, expected[door], &watchers).await?;
            if is_off {
                let times = seen.times(turn, door);
                row.times.extend(times.into_iter().map(|time| time.duration_since(begun)));
            }
        }
    }
    watchers.iter().for_each(JoinHandle::abort);
    rows.iter_mut().for_each(|row| row.times.sort());
    Ok(rows)
}

/// A question for each door that is asked, whole, as it goes over a kept-open connection.
fn questions(key: &str, person: &str) -> [String; 4] {
    let by_key = format!("X-API-Key: {key}\r\n");
    let context = json!({"context": {"targetingKey": person}}).to_string();
    let flags = json!({"token": key, "distinct_id": person}).to_string();
    let eval = json!({"attributes": {"id": person}}).to_string();
    [
        request("POST", "/ofrep/v1/evaluate/flags/kill", "", &by_key, &context),
        request("POST", "/flags/?v=2", "", "", &flags),
        request("GET", &format!("/api/features/{key}"), "", "", ""),
        request("POST", &format!("/api/eval/{key}"), "", "", &eval),
    ]
}

/// Who has what is wanted, by the turn and the door.
#[derive(Default)]
struct Seen(RefCell<Vec<[Vec<Instant>; DOORS.len()]>>);

impl Seen {
    fn note(&self, turn: usize, door: usize) {
        let mut turns = self.0.borrow_mut();
        while turns.len() <= turn {
            turns.push(Default::default());
        }
        turns[turn][door].push(Instant::now());
    }

    fn times(&self, turn: usize, door: usize) -> Vec<Instant> {
        self.0.borrow().get(turn).map(|doors| doors[door].clone()).unwrap_or_default()
    }

    async fn until(
        &self,
        turn: usize,
        door: usize,
        count: usize,
        watchers: &[JoinHandle<Result<(), BenchError>>],
    ) -> Result<(), BenchError> {
        let begun = Instant::now();
        while self.times(turn, door).len() < count {
            if begun.elapsed() > LIMIT || watchers.iter().any(JoinHandle::is_finished) {
                return Err(BenchError::Slow(DOORS[door], begun.elapsed().as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// One who listens or asks: what they wait for, and where they tell of it.
struct Mark {
    seen: Rc<Seen>,
    door: usize,
    turn: Cell<usize>,
}

impl Mark {
    fn new(seen: &Rc<Seen>, door: usize) -> Mark {
        Mark { seen: seen.clone(), door, turn: Cell::new(0) }
    }

    /// Off at odd turns; it is on at first.
    fn wanted(&self) -> &'static str {
        if self.turn.get() % 2 == 1 { OFF } else { ON }
    }

    /// Tells of what came, if it is what is waited for.
    fn look(&self, received: &[u8]) -> bool {
        let wanted = self.wanted().as_bytes();
        let has = received.windows(wanted.len()).any(|part| part == wanted);
        if has {
            self.seen.note(self.turn.get(), self.door);
            self.turn.set(self.turn.get() + 1);
        }
        has
    }
}

/// Asks again and again.
async fn poll(address: SocketAddr, question: String, mark: Mark) -> Result<(), BenchError> {
    let mut connection = Connection::open(address).await?;
    loop {
        connection.send(question.as_bytes()).await?;
        let (status, body) = connection.answer().await?;
        if status != 200 {
            let body = String::from_utf8_lossy(body).into_owned();
            return Err(BenchError::Answer { path: DOORS[mark.door].to_owned(), status, body });
        }
        mark.look(body);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn open(address: SocketAddr, path: &str) -> Result<TcpStream, BenchError> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

/// Hears payloads.
async fn listen(address: SocketAddr, key: String, mark: Mark) -> Result<(), BenchError> {
    let mut stream = open(address, &format!("/sub/{key}")).await?;
    let mut received = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(BenchError::Shape("a stream that ends"));
        }
        if mark.look(&received) {
            received.clear();
        }
    }
}

/// Hears that there is something new, and asks for it.
async fn be_told(address: SocketAddr, key: String, mark: Mark) -> Result<(), BenchError> {
    const NEWS: &[u8] = b"refetchEvaluation";
    let by_key = format!("X-API-Key: {key}\r\n");
    let context = json!({"context": {"targetingKey": "ada"}}).to_string();
    let question = request("POST", "/ofrep/v1/evaluate/flags", "", &by_key, &context);
    let mut connection = Connection::open(address).await?;
    let mut stream = open(address, &format!("/ofrep/v1/events/{key}")).await?;
    let mut received = Vec::with_capacity(2048);
    if stream.read_buf(&mut received).await? == 0 {
        return Err(BenchError::Shape("a stream that ends"));
    }
    loop {
        connection.send(question.as_bytes()).await?;
        let (_, body) = connection.answer().await?;
        mark.look(body);
        while !received.windows(NEWS.len()).any(|part| part == NEWS) {
            if stream.read_buf(&mut received).await? == 0 {
                return Err(BenchError::Shape("a stream that ends"));
            }
        }
        received.clear();
    }
}
