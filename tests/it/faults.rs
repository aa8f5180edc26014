//! What an installation of several processes is built on fails under load, one after the other; then an exact account: everything
//! acknowledged is in the tables, and nothing is there twice.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::disk_full::SmallDisk;
use crate::gear::{root, say, skip};
use crate::kafka::Broker;
use crate::scaleout::Installation;
use crate::scaleout_load::{Load, Retry};
use crate::seed::Seed;

/// How long the broker hangs.
const HANGS: Duration = Duration::from_secs(60);
/// How long ClickHouse does: longer than a leader waits that nothing goes through for.
const SILENT: Duration = Duration::from_secs(15);
/// How often the lead is taken away.
const MOVES: usize = 12;
/// Of each client between two batches meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

fn service(name: &str, what: &str, argument: &str) -> String {
    let script = root().join("dev/services").join(name);
    let output = Command::new(script).args([what, argument]).output().expect("the script runs");
    assert!(output.status.success(), "{name} {what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits until questions are answered, and see everything that is acknowledged by now.
async fn catches_up(all: &Installation, load: &Load) {
    let goal = load.acknowledged() as i64;
    let caught_up = || async {
        let answer = all.api[0].try_sql("SELECT count(*) FROM activity").await;
        answer.status == 200 && answer.json()["rows"][0][0].as_i64().is_some_and(|rows| rows >= goal)
    };
    all.api[0].eventually("the tables have caught up", caught_up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_hangs_and_databases_that_restart_cost_nothing_but_time() {
    let Some(all) = Installation::start_with("faults", &[]).await else { return };
    let mut seed = Seed::announced("faults");
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Anything, &mut seed);
    load.grows_by(200, "at first").await;

    let folder = all.database.rsplit("host=").next().expect("a folder").replace("%2F", "/");
    for _ in 0..2 {
        tokio::task::block_in_place(|| service("postgres", "restart", &folder));
        load.grows_by(200, "after PostgreSQL was restarted").await;
        catches_up(&all, &load).await;
    }

    if std::env::var_os("CLICKHOUSE_URL").is_none() {
        let server = all.store.trim_start_matches("clickhouse://").split('/').next().expect("a host");
        let folder = service("clickhouse", "folder", &format!("http://{server}"));
        for _ in 0..3 {
            // In the middle of what is being inserted: the load does not rest.
            tokio::task::block_in_place(|| service("clickhouse", "kill", &folder));
            load.grows_by(300, "while ClickHouse is away").await;
            tokio::task::block_in_place(|| service("clickhouse", "start", &folder));
            catches_up(&all, &load).await;
        }
        // It takes what it is given, and says nothing; then it goes on where it was.
        tokio::task::block_in_place(|| service("clickhouse", "hang", &folder));
        let hung = Instant::now();
        load.grows_by(300, "while ClickHouse hangs").await;
        tokio::time::sleep(SILENT.saturating_sub(hung.elapsed())).await;
        tokio::task::block_in_place(|| service("clickhouse", "wake", &folder));
        catches_up(&all, &load).await;
    }

    let (before, begun) = (load.acknowledged(), Instant::now());
    tokio::task::block_in_place(|| all.broker.does("hang"));
    tokio::time::sleep(HANGS).await;
    let meanwhile = load.acknowledged() - before;
    tokio::task::block_in_place(|| all.broker.does("wake"));
    load.grows_by(300, "after the broker woke").await;
    let known = load.end().await;
    say(&format!(
        "faults: two restarts of PostgreSQL, three kills of ClickHouse, one that hung {SILENT:?}, a broker that hung {HANGS:?} (acknowledged meanwhile: \
         {meanwhile}, the next 300 {:.1?} after its beginning); {} acknowledged of {} attempted",
        begun.elapsed(),
        known.acknowledged.len(),
        known.attempted.len()
    ));
    all.account(&known).await;
}

/// Ends the sessions that hold the lead, or another lock of a single process; how many there were.
fn take_locks_away(database: &str) -> usize {
    let sql = "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM (SELECT DISTINCT pid FROM pg_locks \
               WHERE locktype = 'advisory' AND granted) AS holders";
    let output =
        Command::new("psql").args(["--no-psqlrc", "-At", "-d", database, "-c", sql]).output().expect("psql runs");
    assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// There are no consumer groups: who reads the log is who leads, and where it reads on stands with the rows. So this is what a
/// rebalance would be: the partitions go to another process, and the one that has them is in the middle of a batch and not told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lead_is_taken_away_in_the_middle_of_batches() {
    if Command::new("psql").arg("--version").output().is_err() {
        return skip("moves of the lead", "psql is not installed");
    }
    let Some(all) = Installation::start_with("moves", &[]).await else { return };
    let mut seed = Seed::announced("moves of the lead");
    // So many that there is always a batch under way, and so few that the tables keep up.
    let load = Load::paced(&all.doors(), all.api[0].write_key(), Retry::Anything, &mut seed, PAUSE);
    load.grows_by(200, "at first").await;
    let (mut ended, mut changes, mut leader) = (0, 0, all.leader(&[0, 1]).await);
    for _ in 0..MOVES {
        ended += tokio::task::block_in_place(|| take_locks_away(&all.database));
        // Sometimes again before anybody has come to work.
        if seed.below(3) == 0 {
            tokio::time::sleep(Duration::from_millis(seed.below(700))).await;
            ended += tokio::task::block_in_place(|| take_locks_away(&all.database));
        }
        load.grows_by(60, "after the lead was taken away").await;
        catches_up(&all, &load).await;
        let now = all.leader(&[leader, 1 - leader]).await;
        changes += usize::from(now != leader);
        leader = now;
    }
    assert!(ended >= MOVES, "{ended} sessions had a lock");
    let known = load.end().await;
    say(&format!(
        "moves: {ended} sessions with locks ended, another process led afterwards {changes} times of {MOVES}; {} acknowledged of {}",
        known.acknowledged.len(),
        known.attempted.len()
    ));
    all.account(&known).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_whose_disk_is_full_loses_nothing() {
    let disk = match SmallDisk::mounted(160) {
        Ok(disk) => disk,
        Err(why) => return skip("broker's disk", &why),
    };
    let Some(broker) = Broker::start_below("disk", disk.path()) else { return };
    let Some(all) = Installation::start_on(broker, "disk", &[]).await else { return };
    let mut seed = Seed::announced("disk");
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Anything, &mut seed);
    load.grows_by(300, "at first").await;
    let filler = disk.fill();
    // What has room already still goes in; then nothing.
    let (mut last, mut still, begun) = (load.acknowledged(), 0, Instant::now());
    while still < 30 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = load.acknowledged();
        still = if now == last { still + 1 } else { 0 };
        last = now;
        assert!(begun.elapsed() < crate::server::DEADLINE, "the disk does not fill: {now} acknowledged");
    }
    let refused = all.ingest[0].post(&serde_json::json!([])).await;
    std::fs::remove_file(&filler).expect("it is removed");
    // A broker whose only folder fails ends by itself.
    tokio::task::block_in_place(|| {
        all.broker.does("kill");
        all.broker.does("start");
    });
    load.grows_by(300, "with room again").await;
    let known = load.end().await;
    say(&format!(
        "disk: the broker's disk was full after {last} acknowledged (an empty batch then: {}); {} in the end",
        refused.status,
        known.acknowledged.len()
    ));
    all.account(&known).await;
}
