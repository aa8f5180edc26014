//! The network between two machines is cut without a word: frames of either side get lost, no connection is closed. One machine has
//! Kafka, ClickHouse, PostgreSQL and one process of each kind; the other has the second of each kind, and the one that fills the tables.
//!
//! The machines are network namespaces that the test makes, and it runs itself in the first of them. Only root can do that.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::gear::{say, skip};
use crate::kafka::Broker;
use crate::scaleout::{Installation, is_ready};
use crate::scaleout_load::{Load, Retry};
use crate::seed::Seed;
use crate::server::DEADLINE;

const TEST: &str = "network_cut::a_machine_that_the_network_cuts_off_loses_and_doubles_nothing";
/// Set for the test that runs in the first namespace: the names of both.
const INSIDE: &str = "FOOTFALL_TEST_NAMESPACES";
const HERE: &str = "10.251.77.1";
const THERE: &str = "10.251.77.2";
/// Nobody has it: frames to it are lost.
const NOBODY: &str = "02:00:00:00:00:99";
/// How long the network stays cut after somebody else has taken over.
const CUT: Duration = Duration::from_secs(10);
const ROUNDS: usize = 2;

/// Says something to `ip`.
fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| format!("ip: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Two namespaces with a line between; both go with the value, and whatever still runs in them is the test's own child.
struct Namespaces {
    here: String,
    there: String,
}

impl Namespaces {
    fn make() -> Result<Namespaces, String> {
        let id = std::process::id();
        let both = Namespaces { here: format!("footfall-a-{id}"), there: format!("footfall-b-{id}") };
        ip(&["netns", "add", &both.here])?;
        ip(&["netns", "add", &both.there])?;
        ip(&["-n", &both.here, "link", "add", "line", "type", "veth", "peer", "name", "line", "netns", &both.there])?;
        for (namespace, address) in [(&both.here, HERE), (&both.there, THERE)] {
            ip(&["-n", namespace, "address", "add", &format!("{address}/24"), "dev", "line"])?;
            ip(&["-n", namespace, "link", "set", "line", "up"])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        Ok(both)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for namespace in [&self.here, &self.there] {
            drop(ip(&["netns", "delete", namespace]));
        }
    }
}

/// Both sides send to an address that nobody has.
fn cut(there: &str) {
    let lost = |to| ["neighbour", "replace", to, "lladdr", NOBODY, "dev", "line", "nud", "permanent"];
    ip(&lost(THERE)).expect("it is cut");
    ip(&[&["-n", there][..], &lost(HERE)[..]].concat()).expect("it is cut");
}

/// Both sides ask again who has the address.
fn heal(there: &str) {
    let forget = |to| ["neighbour", "delete", to, "dev", "line"];
    ip(&forget(THERE)).expect("it heals");
    ip(&[&["-n", there][..], &forget(HERE)[..]].concat()).expect("it heals");
}

#[test]
fn a_machine_that_the_network_cuts_off_loses_and_doubles_nothing() {
    if let Ok(there) = std::env::var(INSIDE) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        return runtime.expect("a runtime").block_on(inside(&there));
    }
    if !rustix::process::geteuid().is_root() {
        return skip("network cut", "only root can make network namespaces");
    }
    let both = match Namespaces::make() {
        Ok(both) => both,
        Err(why) => return skip("network cut", &why),
    };
    let own = std::env::current_exe().expect("this executable has a path");
    let inside = Command::new("ip")
        .args(["netns", "exec", &both.here])
        .arg(own)
        .args(["--exact", TEST, "--nocapture"])
        .env(INSIDE, &both.there)
        .env("SERVICES_HOST", HERE)
        // Services of the machine that this is cannot be reached from there.
        .env_remove("CLICKHOUSE_URL")
        .status();
    assert!(inside.expect("it runs").success(), "the test inside of the namespaces has failed");
}

async fn inside(there: &str) {
    let Some(broker) = Broker::start("network cut") else { return };
    let Some(mut all) = Installation::start_apart(broker, "cut", &[], Some((there, THERE))).await else { return };
    let mut seed = Seed::announced("network cut");
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Silence, &mut seed);
    load.grows_by(300, "at first").await;
    let mut takeovers = Vec::new();
    for round in 0..ROUNDS {
        // The one over there fills the tables.
        all.jobs[0].stop().await;
        all.leader(&[1]).await;
        all.jobs[0].restart().await;
        load.grows_by(100, "before the cut").await;
        let before = all.api[0].number("SELECT count(*) FROM activity").await;
        let begun = Instant::now();
        cut(there);
        all.leader(&[0]).await;
        takeovers.push(begun.elapsed());
        load.grows_by(100, "while the network is cut").await;
        all.api[0].until("SELECT count(*) FROM activity", before + 100).await;
        // So long that what hangs over there is given up by one side or by both.
        let waited = Instant::now();
        while waited.elapsed() < CUT {
            assert!(load.is_well(), "a client failed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        heal(there);
        for server in [&all.ingest[1], &all.jobs[1], &all.api[1]] {
            assert!(begun.elapsed() < 2 * DEADLINE, "round {round}");
            server.eventually("it is back", || is_ready(server)).await;
        }
        let steps_back = || async { all.jobs[1].metric("footfall_jobs_leading", "").await == 0.0 };
        all.jobs[1].eventually("it steps back", steps_back).await;
        load.grows_by(200, "after the cut").await;
    }
    let known = load.end().await;
    say(&format!(
        "network cut: {ROUNDS} cuts; the job was taken over {takeovers:.1?} after them; {} acknowledged of {} attempted",
        known.acknowledged.len(),
        known.attempted.len()
    ));
    all.account(&known).await;
}
