//! A replica of PostgreSQL: read from while it streams, left alone while it is behind, gone or somebody else, and never a wrong answer.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use footfall_api_access::{Database, DatabaseError, statement};

use crate::stage::{Stage, skip};

const SOON: Duration = Duration::from_secs(120);

/// A server of the test's own; it goes with the test.
struct Server {
    url: String,
    folder: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Option<Server> {
        let output = script(arguments).output().expect("the script runs");
        if output.status.code() == Some(69) {
            skip("a replica of PostgreSQL", "PostgreSQL is not installed");
            return None;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let url = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let folder = url.rsplit("host=").next().expect("a folder").replace("%2F", "/");
        Some(Server { url, folder })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(script(&["down", &self.folder]).output());
    }
}

fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/services/postgres"));
    command.args(arguments);
    command
}

/// Where late reads are answered: the address of the socket's folder differs between servers.
async fn answered_by(database: &Database) -> String {
    let rows = database.read_late(statement("SELECT current_setting('unix_socket_directories') AS place")).await;
    rows.expect("an answer")[0].get("place").expect("a text")
}

async fn until_answered_by(database: &Database, server: &Server) {
    let begun = Instant::now();
    while answered_by(database).await != server.folder {
        assert!(begun.elapsed() < SOON, "not answered by {}", server.url);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_read_from_while_it_is_no_further_behind_than_it_may() {
    let own = std::process::id().to_string();
    let Some(primary) = Server::start(&["up", &own]) else { return };
    let replica = Server::start(&["replica", &primary.folder, &own]).expect("a copy");
    let database = Database::open(&primary.url).await.expect("opened").with_replica(&replica.url).expect("an address");
    database.execute(statement("CREATE TABLE notes (number BIGINT NOT NULL)")).await.expect("made");
    let numbers = async |at_least: i64| {
        let begun = Instant::now();
        loop {
            let rows = database.read_late(statement("SELECT COUNT(*) AS present FROM notes")).await;
            // A replica that has not come as far as the table says that there is none.
            let present: i64 = rows.map_or(0, |rows| rows[0].get("present").expect("a number"));
            if present >= at_least {
                return (present, begun.elapsed());
            }
            assert!(begun.elapsed() < SOON, "{present} of {at_least}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let note = async |number: i64| {
        let insert = statement("INSERT INTO notes (number) VALUES ($1)").bind(number);
        database.execute(insert).await.expect("written");
    };
    note(1).await;
    until_answered_by(&database, &replica).await;
    assert_eq!(numbers(1).await.0, 1);

    // It hears of everything and shows nothing: after five seconds the database itself is asked.
    let admin = Database::open(&replica.url).await.expect("opened");
    admin.read(statement("SELECT pg_wal_replay_pause()::TEXT AS paused")).await.expect("paused");
    note(2).await;
    let (_, waited) = numbers(2).await;
    assert!(waited > Duration::from_secs(1), "it was still answered by the replica: {waited:?}");
    assert_eq!(answered_by(&database).await, primary.folder);
    admin.read(statement("SELECT pg_wal_replay_resume()::TEXT AS resumed")).await.expect("resumed");
    until_answered_by(&database, &replica).await;

    // Nobody has to wait for one that is gone.
    admin.close().await;
    drop(replica);
    note(3).await;
    assert_eq!(numbers(3).await.0, 3);
    assert_eq!(answered_by(&database).await, primary.folder);
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_streams_nothing_from_the_database_is_not_read_from() {
    let own = std::process::id().to_string();
    let (Some(one), Some(other)) = (Server::start(&["up", &own]), Server::start(&["up", &own])) else { return };
    let database = Database::open(&one.url).await.expect("opened").with_replica(&other.url).expect("an address");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        assert_eq!(answered_by(&database).await, one.folder);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn only_postgresql_has_replicas_and_no_password_is_told() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let refused = stage.open().await.with_replica("postgres://a:secret@b/c").map(drop);
    assert!(matches!(refused, Err(DatabaseError::Replica { .. })));
    let Some(stage) = Stage::postgres().await else { return };
    for url in ["sqlite:file.db", "mysql://a:secret@b/c", "postgres://a:secret@b:port/c"] {
        let said = stage.open().await.with_replica(url).map(drop).expect_err("refused").to_string();
        assert!(said.contains("database.replica_url") && !said.contains("secret"), "{said}");
    }
    // Without one, late reads are reads.
    let database = stage.open().await;
    let rows = database.read_late(statement("SELECT 1 AS one")).await.expect("an answer");
    assert_eq!(rows.len(), 1);
}
