//! `dev/services/all`: real services with throw-away data, started, told of, taken where they are given, and ended with what they kept.

use std::process::{Command, Output};

use tempfile::TempDir;

use crate::gear::{root, skip};

const GIVEN: [&str; 4] = ["KAFKA_BROKERS", "CLICKHOUSE_URL", "DATABASE_URL", "REDIS_URL"];

fn all(folder: &TempDir, what: &str, given: &[(&str, &str)]) -> Output {
    let mut script = Command::new(root().join("dev/services/all"));
    for name in GIVEN {
        script.env_remove(name);
    }
    script.arg(what).env("TMPDIR", folder.path()).envs(given.iter().copied()).output().expect("the script runs")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Ends them whatever becomes of the test.
struct Ends<'a>(&'a TempDir);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        drop(all(self.0, "down", &[]));
    }
}

#[test]
fn all_services_start_are_told_of_and_end_with_their_data() {
    // Sockets of PostgreSQL need a short path.
    let folder = TempDir::with_prefix_in("ff-", "/tmp").expect("a temporary folder");
    let ends = Ends(&folder);
    let up = all(&folder, "up", &[]);
    if up.status.code() == Some(69) {
        return skip("dev/services/all", &String::from_utf8_lossy(&up.stderr));
    }
    let settings = said(&up);
    for start in ["LOG_URL='kafka://", "STORE_URL='clickhouse://", "DATABASE_URL='postgres://", "BUS_URL='redis://"] {
        assert!(settings.contains(&format!("export FOOTFALL_{start}")), "{start}: {settings}");
    }
    let status = said(&all(&folder, "status", &[]));
    assert_eq!(status.lines().filter(|line| line.contains(" runs: ")).count(), 4, "{status}");
    assert_eq!(said(&all(&folder, "up", &[])), settings, "what runs is taken as it is");
    drop(ends);
    let status = said(&all(&folder, "status", &[]));
    assert_eq!(status.lines().filter(|line| line.ends_with("does not run")).count(), 4, "{status}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");

    let elsewhere = [
        ("KAFKA_BROKERS", "k:1"),
        ("CLICKHOUSE_URL", "http://c:2"),
        ("DATABASE_URL", "postgres://p/d"),
        ("REDIS_URL", "redis://r:3"),
    ];
    let settings = said(&all(&folder, "up", &elsewhere));
    for url in ["kafka://k:1/", "clickhouse://c:2/", "'postgres://p/d'", "'redis://r:3'"] {
        assert!(settings.contains(url), "{url}: {settings}");
    }
}
