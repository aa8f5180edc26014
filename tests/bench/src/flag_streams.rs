//! A flag is changed while many listen: how long until the last of them has heard of it.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::owner::{Owner, ask};
use crate::error::BenchError;
use crate::options::Options;
use crate::report::Report;
use crate::server::Server;

const FEATURE: &str = "/v1/projects/default/features";
const ROUNDS: usize = 5;
/// Connections opened at one time.
const OPENING: usize = 200;
const LIMIT: Duration = Duration::from_secs(60);

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("A flag is changed while many listen");
    let mut server = Server::new(options, "flag-streams")?;
    server.start().await?;
    let owner = Owner::first(&server).await?;
    let feature = json!({"key": "banner", "definition": {"value_type": "string", "default_value": word(0)}});
    ask(&server, "POST", FEATURE, &owner.token, "", &feature.to_string()).await?;
    let before = server.memory();
    let heard = Rc::new(Heard::default());
    let mut listeners = Vec::new();
    while listeners.len() < options.listeners {
        let wanted = OPENING.min(options.listeners - listeners.len());
        for _ in 0..wanted {
            let listener = listen(server.address, server.write_key.clone(), heard.clone());
            listeners.push(tokio::task::spawn_local(listener));
        }
        heard.until(0, listeners.len()).await?;
    }
    let memory = server.memory();
    let each = (memory.now_mb - before.now_mb) * 1024.0 / options.listeners as f64;
    report.note(&format!(
        "{} listeners of `/sub/{{key}}` are there; resident memory {:.0} MB, {each:.1} KB for each.",
        options.listeners, memory.now_mb
    ));
    let columns = ["change", "answered after ms", "heard: first ms", "p50 ms", "p99 ms", "last ms", "server CPU ms"];
    let mut table = report.table("a flag's change", &columns);
    for round in 1..=ROUNDS {
        heard.times.borrow_mut().clear();
        let cpu = server.cpu();
        let begun = Instant::now();
        let change = json!({"definition": {"default_value": word(round)}}).to_string();
        let place = format!("{FEATURE}/banner");
        ask(&server, "PATCH", &place, &owner.token, "If-Match: *\r\n", &change).await?;
        let answered = begun.elapsed();
        heard.until(round, options.listeners).await?;
        let spent = server.cpu().saturating_sub(cpu);
        let mut times: Vec<f64> = heard.times.borrow().iter().map(|at| millis(at.duration_since(begun))).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
        let cells = [millis(answered), at(0.0), at(0.5), at(0.99), at(1.0), millis(spent)];
        table.row(&std::iter::once(json!(round)).chain(cells.map(|cell| json!(cell))).collect::<Vec<_>>());
    }
    report.note("Counted from the moment at which the change is sent; the listeners are one thread on the same cores.");
    listeners.iter().for_each(|listener| listener.abort());
    server.stop().await?;
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What a payload has in it after so many changes.
fn word(round: usize) -> String {
    format!("<{round}>")
}

/// How many have heard of the change at hand, and when each did.
#[derive(Default)]
struct Heard {
    round: Cell<usize>,
    count: Cell<usize>,
    times: RefCell<Vec<Instant>>,
}

impl Heard {
    fn now(&self, round: usize) {
        if self.round.get() != round {
            self.round.set(round);
            self.count.set(0);
        }
        self.count.set(self.count.get() + 1);
        self.times.borrow_mut().push(Instant::now());
    }

    async fn until(&self, round: usize, count: usize) -> Result<(), BenchError> {
        let begun = Instant::now();
        while self.round.get() != round || self.count.get() < count {
            if begun.elapsed() > LIMIT {
                return Err(BenchError::Slow("hearing of a change", LIMIT.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// Reads the stream and tells of each payload, in the order of the changes.
async fn listen(address: SocketAddr, key: String, heard: Rc<Heard>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("GET /sub/{key} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut received = Vec::with_capacity(2048);
    for round in 0..=ROUNDS {
        let wanted = word(round);
        while !received.windows(wanted.len()).any(|part| part == wanted.as_bytes()) {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        }
        received.clear();
        heard.now(round);
    }
    // Held until everybody has heard.
    stream.read_buf(&mut received).await.map(drop)
}
