//! From outside: one marked activity after another is posted, and SQL asked until it is there.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::bodies::rfc3339;
use crate::error::BenchError;
use crate::histogram::Histogram;
use crate::http;
use crate::server::Server;

/// How long an activity may take to become visible: where more is taken in than the jobs can do, it waits for all before it.
const PATIENCE: Duration = Duration::from_secs(600);
/// Time between two questions, and between two activities.
const AGAIN: Duration = Duration::from_millis(25);
const NEXT: Duration = Duration::from_millis(200);

/// Posts and asks until told to stop.
pub struct Probe {
    stop: Rc<Cell<bool>>,
    seen: Rc<RefCell<Seen>>,
    task: tokio::task::JoinHandle<Result<(), BenchError>>,
}

/// What the probe saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// From the acknowledgement to the end of the first answer that has the activity in it.
    pub visible: Histogram,
    /// How long the questions took.
    pub answered: Histogram,
    pub count: u64,
}

impl Probe {
    pub fn begin(server: &Server) -> Probe {
        Probe::between(server, server)
    }

    /// Posts to one process and asks another.
    pub fn between(door: &Server, asked: &Server) -> Probe {
        let (stop, seen) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Seen::default())));
        let prober = Prober {
            door: door.address,
            asked: asked.address,
            write_key: door.write_key.clone(),
            read_key: asked.read_key.clone(),
            stop: stop.clone(),
            seen: seen.clone(),
        };
        Probe { stop, seen, task: tokio::task::spawn_local(prober.run()) }
    }

    pub async fn end(self) -> Result<Rc<RefCell<Seen>>, BenchError> {
        self.stop.set(true);
        self.task.await.map_err(|_| BenchError::Shape("the probe"))??;
        Ok(self.seen)
    }
}

struct Prober {
    door: SocketAddr,
    asked: SocketAddr,
    write_key: String,
    read_key: String,
    stop: Rc<Cell<bool>>,
    seen: Rc<RefCell<Seen>>,
}

impl Prober {
    async fn run(self) -> Result<(), BenchError> {
        while !self.stop.get() {
            self.once().await?;
            tokio::time::sleep(NEXT).await;
        }
        Ok(())
    }

    async fn once(&self) -> Result<(), BenchError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (id, time) = (format!("probe-{}", since.as_nanos()), rfc3339(since.as_millis() as u64));
        let time = String::from_utf8_lossy(&time).into_owned();
        let activity = json!({"event": "Probe", "distinctId": "probe", "messageId": id, "timestamp": time});
        http::post(self.door, "/v1/activity", &self.write_key, &activity.to_string()).await?;
        let acknowledged = Instant::now();
        let sql = "SELECT count(*) FROM activity WHERE event = 'Probe' AND timestamp = CAST($time AS TIMESTAMP) AND message_id = $id";
        let question = json!({"sql": sql, "params": {"id": id, "time": time}}).to_string();
        loop {
            let asked = Instant::now();
            let answer = http::post(self.asked, "/v1/sql", &self.read_key, &question).await?;
            self.seen.borrow_mut().answered.record(asked.elapsed());
            let answer: Value = serde_json::from_str(&answer).map_err(|_| BenchError::Shape("an answer to SQL"))?;
            if answer.pointer("/rows/0/0").and_then(Value::as_i64) == Some(1) {
                let mut seen = self.seen.borrow_mut();
                seen.visible.record(acknowledged.elapsed());
                seen.count += 1;
                return Ok(());
            }
            if acknowledged.elapsed() > PATIENCE {
                return Err(BenchError::Slow("becoming visible", PATIENCE.as_secs()));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
