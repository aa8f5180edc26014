//! Requests that are sent at fixed moments, or as soon as the last was answered, and what came of them.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::histogram::Histogram;
use crate::http::Connection;

/// What one connection says next; it is told each answer.
pub trait Talk {
    /// The kind of the next request (an index into the histograms) and its bytes.
    fn next(&mut self) -> (usize, String);
    /// The answer to it: its status, and the connection with head and body.
    fn hear(&mut self, status: u16, connection: &Connection) -> bool;
}

/// How it is offered.
#[derive(Clone, Copy)]
pub struct Offer {
    pub connections: usize,
    pub warm: Duration,
    pub time: Duration,
    /// Requests a second of all connections together; the wait counts from the moment that a request was due.
    pub rate: Option<u64>,
}

/// What was counted after the warm-up.
pub struct Counted {
    pub latencies: Vec<Histogram>,
    pub all: Histogram,
    pub answered: u64,
    pub failed: u64,
    /// The first failure: its status and what kind of request it was.
    pub first_failure: Option<(u16, usize)>,
}

struct Shared {
    counted: RefCell<Counted>,
    begun: Instant,
    offer: Offer,
}

/// Runs one talker on each connection.
pub async fn run<T: Talk + 'static>(
    address: SocketAddr,
    offer: Offer,
    kinds: usize,
    talker: impl Fn(usize) -> T,
) -> Result<Counted, BenchError> {
    let counted = Counted {
        latencies: (0..kinds).map(|_| Histogram::default()).collect(),
        all: Histogram::default(),
        answered: 0,
        failed: 0,
        first_failure: None,
    };
    let shared = Rc::new(Shared { counted: RefCell::new(counted), begun: Instant::now(), offer });
    let mut tasks = Vec::new();
    for place in 0..offer.connections {
        let connection = Connection::open(address).await?;
        tasks.push(tokio::task::spawn_local(talk(connection, place, shared.clone(), talker(place))));
    }
    for task in tasks {
        task.await.map_err(|_| BenchError::Shape("a connection's end"))??;
    }
    let shared = Rc::try_unwrap(shared).map_err(|_| BenchError::Shape("a connection's end"))?;
    Ok(shared.counted.into_inner())
}

async fn talk(
    mut connection: Connection,
    place: usize,
    shared: Rc<Shared>,
    mut talker: impl Talk,
) -> std::io::Result<()> {
    let Offer { connections, warm, time, rate } = shared.offer;
    let turn = Cell::new(0_u32);
    loop {
        let due = match rate {
            Some(rate) => {
                let number = f64::from(turn.replace(turn.get() + 1)) * connections as f64 + place as f64;
                shared.begun + Duration::from_secs_f64(number / rate as f64)
            }
            None => Instant::now(),
        };
        if due >= shared.begun + warm + time {
            return Ok(());
        }
        // The timer ticks by milliseconds, so what is due is not slept for.
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        }
        let (kind, request) = talker.next();
        connection.send(request.as_bytes()).await?;
        let (status, _) = connection.answer().await?;
        let waited = due.elapsed();
        let is_good = talker.hear(status, &connection);
        if due < shared.begun + warm {
            continue;
        }
        let mut counted = shared.counted.borrow_mut();
        if is_good {
            counted.answered += 1;
            counted.all.record(waited);
            if let Some(latencies) = counted.latencies.get_mut(kind) {
                latencies.record(waited);
            }
        } else {
            counted.failed += 1;
            counted.first_failure.get_or_insert((status, kind));
        }
    }
}
