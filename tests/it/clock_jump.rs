//! The clocks of some processes jump ahead and back under load, each otherwise; then an exact account.
//!
//! What a process takes for the time is libfaketime's: it reads a file of that process for how far the clock is off. Only what tells
//! the time of day jumps, as when somebody sets the clock of a machine.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::gear::{say, skip};
use crate::scaleout::{Installation, is_ready};
use crate::scaleout_load::{Load, Retry};
use crate::seed::Seed;

/// How far the clocks of processes are off, round after round: they jump ahead and back, and none falls behind the real time. librdkafka
/// waits by C11's functions, whose deadlines libfaketime leaves as they are: behind the real time each wait would be over at once, which no
/// clock that is set back does to anybody.
const ROUNDS: [&[(&str, &str)]; 5] = [
    &[("jobs-1", "+6h"), ("jobs-2", "+3h"), ("ingest-1", "+5h")],
    &[("jobs-1", "+1h"), ("ingest-2", "+26h"), ("api-1", "+26h")],
    &[("jobs-2", "+9h"), ("ingest-1", "+26h"), ("api-2", "+26h"), ("api-1", "+2h")],
    &[("jobs-1", "+0"), ("jobs-2", "+0"), ("ingest-2", "+1h")],
    &[("ingest-1", "+0"), ("ingest-2", "+0"), ("api-1", "+0"), ("api-2", "+0")],
];

/// The library, where Debian's package `faketime` has put it.
fn library() -> Option<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    folders.into_iter().map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_cost_and_double_nothing() {
    let Some(library) = library() else { return skip("clock jump", "Debian's package faketime is not installed") };
    let folder = TempDir::with_prefix("footfall-clocks-").unwrap();
    let set = |part: &str, off: &str| {
        // Replaced, so that nobody reads half of it.
        let (file, draft) = (folder.path().join(part), folder.path().join("next"));
        std::fs::write(&draft, off).and_then(|()| std::fs::rename(&draft, &file)).expect("it is set");
    };
    for part in ["ingest-1", "ingest-2", "jobs-1", "jobs-2", "api-1", "api-2"] {
        set(part, "+0");
    }
    let (library, file) = (library.display().to_string(), folder.path().join("{part}").display().to_string());
    let settings = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
        ("FAKETIME_CACHE_DURATION", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let Some(all) = Installation::start_with("clocks", &settings).await else { return };
    let mut seed = Seed::announced("clock jump");
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Anything, &mut seed);
    load.grows_by(200, "at first").await;
    for jumps in ROUNDS {
        for (part, off) in jumps {
            set(part, off);
        }
        let seen = all.api[0].number("SELECT count(*) FROM activity").await;
        load.grows_by(300, "after a jump").await;
        for server in &all.api {
            server.until("SELECT count(*) FROM activity", seen + 300).await;
        }
        for server in all.ingest.iter().chain(&all.jobs).chain(&all.api) {
            server.eventually("it is well", || is_ready(server)).await;
        }
    }
    // The clocks of doors were ahead: what they took in then says so.
    let ahead = format!("SELECT count(*) FROM activity WHERE received_at > '{}'", in_an_hour());
    assert!(all.api[0].number(&ahead).await > 0, "no clock has jumped");
    let known = load.end().await;
    say(&format!(
        "clock jump: {} rounds; {} acknowledged of {} attempted",
        ROUNDS.len(),
        known.acknowledged.len(),
        known.attempted.len()
    ));
    all.account(&known).await;
}

/// Later than anything was received by a clock that is right.
fn in_an_hour() -> String {
    let later = jiff::Timestamp::now().saturating_add(jiff::SignedDuration::from_mins(50)).expect("a time");
    later.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
