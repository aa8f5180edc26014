//! The whole program with its log on a real Apache Kafka: a first activity, then `kill -9` of the program and of the broker under load.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::crash::{Load, compare};
use crate::gear::{root, say, skip};
use crate::seed::Seed;
use crate::server::{DEADLINE, Server};

const ROUNDS: usize = 9;

pub struct Broker {
    pub address: String,
    folder: PathBuf,
}

fn script(what: &str) -> Command {
    let mut command = Command::new(root().join("dev/services/kafka"));
    command.arg(what);
    command
}

impl Broker {
    pub fn start(test: &str) -> Option<Broker> {
        Broker::start_below(test, &std::env::temp_dir())
    }

    /// One whose data lie below a folder.
    pub fn start_below(test: &str, folder: &std::path::Path) -> Option<Broker> {
        let mut up = script("up");
        up.arg(std::process::id().to_string()).env("TMPDIR", folder);
        let output = up.output().expect("the script runs");
        if output.status.code() == Some(69) {
            skip(test, "Kafka is not installed: dev/services/kafka install");
            return None;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).expect("text");
        let (address, folder) = said.trim().split_once(' ').expect("an address and a folder");
        Some(Broker { address: address.to_owned(), folder: folder.into() })
    }

    pub fn does(&self, what: &str) {
        let output = script(what).arg(&self.folder).output().expect("the script runs");
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(script("down").arg(&self.folder).output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_program_or_broker_are_killed() {
    let Some(broker) = Broker::start("kafka") else { return };
    let mut seed = Seed::announced("kafka");
    let url = format!("kafka://{}/activity?timeout_ms=3000", broker.address);
    let settings = [
        ("FOOTFALL_LOG_URL", url.as_str()),
        ("FOOTFALL_LOG_PARTITIONS", "3"),
        ("FOOTFALL_STORE_FLUSH_ROWS", "2000"),
        ("FOOTFALL_SQL_ROWS_MAX", "100000000"),
    ];
    let mut server = Server::start_with(&settings).await;
    let answer = server.post(&json!([{"event": "first", "messageId": "first", "distinctId": "ada"}])).await;
    assert_eq!(answer.json()["accepted"], 1, "{}", answer.text());
    server.until("SELECT count(*) FROM activity WHERE event = 'first'", 1).await;

    let load = Load::on(&server, &mut seed);
    for round in 0..ROUNDS {
        let goal = load.acknowledged() + 200;
        let asked = Instant::now();
        while load.acknowledged() < goal {
            assert!(asked.elapsed() < 2 * DEADLINE, "round {round}: {}\n{}", load.acknowledged(), server.tracing());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        match round % 3 {
            2 => tokio::task::block_in_place(|| {
                broker.does("kill");
                broker.does("start");
            }),
            _ => {
                server.kill();
                server.restart().await;
            }
        }
        assert!(load.is_well(), "a client failed in round {round}");
    }
    let mut known = load.end().await;
    say(&format!(
        "kafka: {ROUNDS} kills; {} attempted, {} acknowledged",
        known.attempted.len(),
        known.acknowledged.len()
    ));
    known.attempted.insert("first".to_owned());
    known.acknowledged.insert("first".to_owned());
    compare(&server, &known).await;
    server.stop().await;
    server.restart().await;
    compare(&server, &known).await;
}
