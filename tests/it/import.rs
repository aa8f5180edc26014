//! `footfall import` of the real data, twice, with the server stopped and running.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::gear::{root, skip};
use crate::server::Server;

/// What the file holds, counted without Footfall.
struct Expected {
    lines: usize,
    events: BTreeMap<String, i64>,
    people: usize,
}

fn read_naively(path: &Path) -> Expected {
    let mut text = String::new();
    let file = std::fs::File::open(path).expect("the file opens");
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    let (mut events, mut people, mut lines) = (BTreeMap::new(), BTreeSet::new(), 0);
    for line in text.lines() {
        let item: Value = serde_json::from_str(line).expect("a line is JSON");
        *events.entry(item["event"].as_str().expect("an event").to_owned()).or_insert(0) += 1;
        people.insert(item["userId"].as_str().expect("a user").to_owned());
        lines += 1;
    }
    Expected { lines, events, people: people.len() }
}

fn sample() -> PathBuf {
    root().join("tests/data/commits_sample.ndjson.gz")
}

/// The whole of the public data, where it is to be had.
fn whole() -> Option<PathBuf> {
    let given = std::env::var_os("FOOTFALL_COMMITS").map(PathBuf::from);
    let beside = root().join("../shared/data/commits.ndjson.gz");
    given.or(Some(beside)).filter(|path| path.exists())
}

fn import(server: &Server, path: &Path) -> String {
    let output = server.run(&["import", path.to_str().expect("a path in UTF-8")]);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "import: {stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    stdout.lines().last().unwrap_or_default().to_owned()
}

async fn agrees(server: &Server, expected: &Expected) {
    server.until("SELECT count(*) FROM activity", expected.lines as i64).await;
    let events = server.counts("SELECT event, count(*) FROM activity GROUP BY event").await;
    assert_eq!(events, expected.events);
    assert_eq!(server.number("SELECT count(DISTINCT person_id) FROM activity").await, expected.people as i64);
    assert_eq!(server.number("SELECT count(*) FROM persons").await, expected.people as i64);
    assert_eq!(server.number("SELECT count(DISTINCT message_id) FROM activity").await, expected.lines as i64);
}

async fn imported_twice(path: &Path, expected: &Expected, running_first: bool) {
    let mut server = Server::start().await;
    let new = format!("accepted {}, quarantined 0, rejected 0, duplicate 0", expected.lines);
    let again = format!("accepted 0, quarantined 0, rejected 0, duplicate {}", expected.lines);
    if running_first {
        assert_eq!(import(&server, path), new, "running");
        agrees(&server, expected).await;
        server.stop().await;
        assert_eq!(import(&server, path), again, "stopped");
    } else {
        server.stop().await;
        assert_eq!(import(&server, path), new, "stopped");
        server.restart().await;
        agrees(&server, expected).await;
        assert_eq!(import(&server, path), again, "running");
        server.stop().await;
    }
    server.restart().await;
    agrees(&server, expected).await;
}

#[tokio::test]
async fn the_sample_twice_first_running_then_stopped() {
    imported_twice(&sample(), &read_naively(&sample()), true).await;
}

#[tokio::test]
async fn the_sample_twice_first_stopped_then_running() {
    imported_twice(&sample(), &read_naively(&sample()), false).await;
}

#[tokio::test]
async fn all_84926_commits_are_2064_people() {
    let Some(path) = whole() else {
        return skip("import of all commits", "no commits.ndjson.gz (FOOTFALL_COMMITS)");
    };
    let counts = [("commit", 34_949), ("touch", 34_878), ("co_author", 7_521), ("merge", 4_909), ("apply", 2_669)];
    let events = counts.iter().map(|&(event, count)| (event.to_owned(), count)).collect();
    let expected = Expected { lines: 84_926, events, people: 2_064 };
    imported_twice(&path, &expected, true).await;
    imported_twice(&path, &expected, false).await;
}
