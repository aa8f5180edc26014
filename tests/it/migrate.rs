//! `footfall migrate`: an installation with everything in files goes onto Kafka, ClickHouse and PostgreSQL, and back, killed on its
//! way; then both answer alike, people sign in, and what is sent again is still known.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::accounts::{PASSWORD, owner, stranger, token_of};
use crate::backup::{done, refused, sums};
use crate::crash::Load;
use crate::deletion::{forget, is_not_imported_again, stays_forgotten};
use crate::gear::{root, say, skip};
use crate::kafka::Broker;
use crate::seed::Seed;
use crate::server::{DEADLINE, Server};
use crate::store;

/// Who is forgotten before the move.
const ADA: &str = "ada-lovelace-1815";

/// A PostgreSQL of one's own, gone with the value.
pub struct Postgres(pub String);

impl Postgres {
    pub fn start() -> Option<Postgres> {
        let script = root().join("dev/services/postgres");
        let output = std::process::Command::new(script).args(["up", &std::process::id().to_string()]).output();
        let output = output.expect("the script runs");
        if output.status.code() == Some(69) {
            return None;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(Postgres(String::from_utf8(output.stdout).expect("text").trim().to_owned()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let folder = self.0.rsplit("host=").next().unwrap_or_default().replace("%2F", "/");
        drop(std::process::Command::new(root().join("dev/services/postgres")).args(["down", &folder]).output());
    }
}

pub fn settings(folder: &TempDir, name: &str, text: &str) -> String {
    let file = folder.path().join(format!("{name}.toml"));
    let data = folder.path().join(name);
    std::fs::write(&file, format!("data_dir = {:?}\n{text}", data.display().to_string())).unwrap();
    file.display().to_string()
}

/// A server on settings from a file, with the keys of another.
pub fn like(server: &Server, folder: &TempDir, name: &str, file: &str) -> Server {
    let data: PathBuf = folder.path().join(name);
    let mut other = Server::prepare(data, &[("FOOTFALL_CONFIG", file), ("FOOTFALL_SQL_ROWS_MAX", "100000000")]);
    other.use_keys_of(server);
    other
}

async fn is_the_same(server: &Server, wanted: &std::collections::BTreeMap<String, String>, known: &str, after: &str) {
    assert_eq!(&sums(server).await, wanted);
    let person = stranger(server);
    let grant = person.post("/v1/sign-in", json!({"email": "owner@example.org", "password": PASSWORD})).await;
    assert!(!token_of(&grant["session"]).is_empty(), "sign-in works");
    let before = server.number("SELECT count(*) FROM activity").await;
    let items = json!([{"event": "crash", "messageId": known, "distinctId": "person-1"},
                       {"event": "after", "messageId": after, "distinctId": "ada"}]);
    assert_eq!(server.post(&items).await.json()["accepted"], 2);
    server.until(&format!("SELECT count(*) FROM activity WHERE message_id = '{after}'"), 1).await;
    assert_eq!(server.number("SELECT count(*) FROM activity").await, before + 1, "what was resent is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_grows_onto_other_backends_and_comes_back() {
    if store::is_clickhouse() {
        return; // it begins with files
    }
    let Some(broker) = Broker::start("migrate") else { return };
    let Some(postgres) = Postgres::start() else { return skip("migrate", "PostgreSQL is not installed") };
    let mut seed = Seed::announced("migrate");
    let mut server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_ROWS", "2000")]).await;
    owner(&server).await;
    server.post(&json!([{"event": "", "distinctId": "nobody"}])).await;
    let aliases = json!([{"type": "identify", "anonymousId": "person-3", "userId": "cleo"}]);
    server.post(&aliases).await;
    let load = Load::on(&server, &mut seed);
    let started = Instant::now();
    while load.acknowledged() < 30_000 && started.elapsed() < DEADLINE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let known = load.end().await;
    server.until("SELECT count(*) FROM activity WHERE event = 'crash'", known.acknowledged.len() as i64).await;
    server.post(&json!([{"event": "diary", "distinctId": ADA, "messageId": "a secret of hers"}])).await;
    server.until("SELECT count(*) FROM activity WHERE event = 'diary'", 1).await;
    forget(&server, ADA).await;
    // Who comes again is somebody new, and moves.
    server.post(&json!([{"event": "visit", "distinctId": ADA, "messageId": "afterwards"}])).await;
    server.until("SELECT count(*) FROM activity WHERE event = 'visit'", 1).await;
    let wanted = sums(&server).await;
    say(&format!("migrate: {wanted:?}"));
    let folder = TempDir::with_prefix("footfall-migrate-").unwrap();
    let data = server.data().display().to_string();
    let from = folder.path().join("from.toml");
    std::fs::write(&from, format!("data_dir = {data:?}\n")).unwrap();
    let from = from.display().to_string();
    let clickhouse = store::database("migrate", folder.path());
    let services = format!(
        "[log]\nurl = \"kafka://{}/moved\"\npartitions = 3\n[store]\nurl = \"{clickhouse}\"\n[database]\nurl = \"{}\"\n",
        broker.address, postgres.0
    );
    let to = settings(&folder, "services", &services);
    let migrate = |from: &str, to: &str| server.run(&["migrate", "--from", from, "--to", to]);
    refused(&migrate(&from, &settings(&folder, "other", "")), "stop it first");
    refused(&migrate(&from, &from), "the same log.url");
    server.stop().await;

    // Killed at work, again and again, then once to its end.
    let mut killed = 0;
    for round in 0..4 {
        let mut child = server.spawn(&["migrate", "--from", &from, "--to", &to]);
        tokio::time::sleep(Duration::from_millis(1_500 + 700 * round)).await;
        killed += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        let _ = child.wait();
    }
    say(&format!("migrate: {killed} of 4 killed at work"));
    let asked = Instant::now();
    let said = tokio::task::block_in_place(|| done(&server.run(&["migrate", "--from", &from, "--to", &to])));
    say(&format!("migrate: onto the services in {:?}\n{said}", asked.elapsed()));
    assert!(said.contains("database: "), "{said}");
    assert!(said.contains("erasures: 1 people, forgotten on both sides"), "{said}");

    let one = known.acknowledged.iter().next().expect("one").clone();
    let mut services = like(&server, &folder, "services", &to);
    services.restart().await;
    is_the_same(&services, &wanted, &one, "on services").await;
    stays_forgotten(&services, ADA, 1).await;
    is_not_imported_again(&services, ADA, "on services again").await;
    let wanted = sums(&services).await;
    services.stop().await;

    let back = settings(&folder, "back", "");
    let said = tokio::task::block_in_place(|| done(&server.run(&["migrate", "--from", &to, "--to", &back])));
    say(&format!("migrate: back\n{said}"));
    let mut files = like(&server, &folder, "back", &back);
    files.restart().await;
    is_the_same(&files, &wanted, &one, "on files").await;
    stays_forgotten(&files, ADA, 1).await;
    is_not_imported_again(&files, ADA, "on files again").await;
    files.stop().await;
    done(&files.run(&["check"]));
    let again = server.run(&["migrate", "--from", &from, "--to", &back]);
    refused(&again, "holds something already");
}
