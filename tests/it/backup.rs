//! `footfall backup` under a load and `footfall restore` into an empty folder: what was acknowledged is there, once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::accounts::{PASSWORD, owner, stranger, token_of};
use crate::crash::Load;
use crate::gear::say;
use crate::seed::Seed;
use crate::server::{DEADLINE, Server};
use crate::store;

/// Small flushes, segments and compactions, so that files come and go while they are copied.
const SETTINGS: &[(&str, &str)] = &[
    ("FOOTFALL_STORE_FLUSH_ROWS", "500"),
    ("FOOTFALL_STORE_FLUSH_AGE", "100ms"),
    ("FOOTFALL_STORE_REMOVED_GRACE", "0s"),
    ("FOOTFALL_LOG_SEGMENT_BYTES", "256KiB"),
    ("FOOTFALL_LOG_RETENTION_AGE", "1s"),
    ("FOOTFALL_SQL_ROWS_MAX", "100000000"),
];

pub fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn refused(output: &Output, why: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains(why), "expected {why:?}: {stderr}");
}

async fn backup(server: &Server, to: &Path) -> String {
    tokio::task::block_in_place(|| done(&server.run(&["backup", "--to", &to.display().to_string()])))
}

pub fn ids(server: &Server, place: &Path) -> Vec<String> {
    let list = done(&server.run(&["backup", "--list", "--to", &place.display().to_string()]));
    list.lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
}

/// A server that is not started, on a folder that does not exist yet.
fn elsewhere(folder: &TempDir, name: &str) -> Server {
    Server::prepare(folder.path().join(name), SETTINGS)
}

pub fn restore(server: &Server, from: &Path, more: &[&str]) -> Output {
    let from = from.display().to_string();
    let mut arguments = vec!["restore", "--from", &from];
    arguments.extend(more);
    server.run(&arguments)
}

/// Counts and checksums of everything that questions see.
pub async fn sums(server: &Server) -> BTreeMap<String, String> {
    sums_where(server, |_| String::new()).await
}

/// The same of the rows of each table that its condition lets through.
pub async fn sums_where(server: &Server, condition: impl Fn(&str) -> String) -> BTreeMap<String, String> {
    let tables = [
        ("activity", "message_id, event, distinct_id, CAST(timestamp AS TEXT), CAST(received_at AS TEXT), properties"),
        ("persons", "CAST(person_id AS TEXT), CAST(activities AS TEXT), properties"),
        ("person_ids", "CAST(person_id AS TEXT), distinct_id"),
        ("sessions", "session_id, CAST(activities AS TEXT)"),
        ("quarantine", "quarantine_id, raw, reason"),
    ];
    let mut sums = BTreeMap::new();
    for (table, columns) in tables {
        let line =
            columns.split(", ").map(|column| format!("coalesce({column}, '-')")).collect::<Vec<_>>().join(", '|', ");
        let sql = format!(
            "SELECT md5(string_agg(line, ';' ORDER BY line)) AS sum, count(*) AS rows FROM (SELECT concat({line}) AS line FROM {table} {})",
            condition(table)
        );
        let rows = server.sql(&sql).await;
        sums.insert(table.to_owned(), format!("{} rows {}", rows[0][1], rows[0][0]));
    }
    sums
}

/// The restored server, with the keys of the one that was backed up.
fn like(server: &Server, folder: &TempDir, name: &str) -> Server {
    let mut other = elsewhere(folder, name);
    other.use_keys_of(server);
    other
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_is_in_it_once() {
    if store::is_clickhouse() {
        return; // see backup_services
    }
    let mut seed = Seed::announced("backup");
    let mut server = Server::start_with(SETTINGS).await;
    let folder = TempDir::with_prefix("footfall-backup-").unwrap();
    let place = folder.path().join("backups");
    owner(&server).await;
    server.post(&json!([{"event": "", "distinctId": "nobody"}])).await;

    let load = Load::on(&server, &mut seed);
    let (mut before, mut taken) = (Vec::new(), Vec::new());
    for round in 1..=4 {
        let goal = round * 1_500;
        let asked = Instant::now();
        while load.acknowledged() < goal {
            assert!(asked.elapsed() < DEADLINE, "{} of {goal}\n{}", load.acknowledged(), server.tracing());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        before.push(load.acknowledged_ids());
        taken.push(backup(&server, &place).await);
        assert!(load.is_well(), "a client failed during backup {round}");
    }
    let known = load.end().await;
    say(&format!("backup: {} acknowledged; the last said: {}", known.acknowledged.len(), taken[3].trim()));
    let ids = ids(&server, &place);
    assert_eq!(ids.len(), 4);
    assert!(!server.data().join("held").read_dir().is_ok_and(|mut left| left.next().is_some()), "all is let go");

    for (at, id) in ids.iter().enumerate() {
        let mut restored = like(&server, &folder, &format!("restored-{at}"));
        done(&restore(&restored, &place, &["--backup", id]));
        restored.restart().await;
        let rows = restored.sql("SELECT message_id FROM activity").await;
        let mut there: Vec<&str> = rows.iter().map(|row| row[0].as_str().expect("an id")).collect();
        there.sort_unstable();
        let lost = before[at].iter().filter(|id| there.binary_search(&id.as_str()).is_err()).count();
        assert_eq!(lost, 0, "backup {id} has lost some of {}", before[at].len());
        let all = there.len();
        there.dedup();
        assert_eq!(all, there.len(), "backup {id} has some twice");
        assert!(there.iter().all(|id| known.attempted.contains(*id)), "backup {id} has invented some");
        restored.stop().await;
        done(&restored.run(&["check"]));
    }

    // Nothing changes any more: everything is equal.
    server.until("SELECT count(*) FROM activity", known.acknowledged.len() as i64).await;
    let said = backup(&server, &place).await;
    let mut restored = like(&server, &folder, "equal");
    done(&restore(&restored, &place, &[]));
    restored.restart().await;
    assert_eq!(sums(&server).await, sums(&restored).await, "{said}");
    let person = stranger(&restored);
    let grant = person.post("/v1/sign-in", json!({"email": "owner@example.org", "password": PASSWORD})).await;
    assert!(!token_of(&grant["session"]).is_empty(), "sign-in works");
    let answer = restored.post(&json!([{"event": "after", "messageId": "after", "distinctId": "ada"}])).await;
    assert_eq!(answer.json()["accepted"], 1, "and it goes on");
    // What a client sends again is known.
    let again = known.acknowledged.iter().next().expect("one");
    let number = restored.number("SELECT count(*) FROM activity WHERE event = 'crash'").await;
    restored.post(&json!([{"event": "crash", "messageId": again, "distinctId": "person-1"}])).await;
    restored.until("SELECT count(*) FROM activity WHERE event = 'after'", 1).await;
    assert_eq!(restored.number("SELECT count(*) FROM activity WHERE event = 'crash'").await, number);

    // The same on a stopped one; and it copies only what is new.
    let all = server.number("SELECT count(*) FROM activity").await;
    server.stop().await;
    let said = backup(&server, &place).await;
    let copied = said.lines().nth(1).expect("what was copied");
    say(&format!("backup of the stopped server: {copied}"));
    let mut restored = like(&server, &folder, "stopped");
    done(&restore(&restored, &place, &[]));
    restored.restart().await;
    assert_eq!(restored.number("SELECT count(*) FROM activity").await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_unfinished_and_misplaced_backups_are_refused() {
    if store::is_clickhouse() {
        return;
    }
    let server = Server::start_with(SETTINGS).await;
    let folder = TempDir::with_prefix("footfall-backup-").unwrap();
    let place = folder.path().join("backups");
    let at = place.display().to_string();
    server.post(&json!([{"event": "one", "messageId": "one", "distinctId": "ada"}])).await;
    server.until("SELECT count(*) FROM activity", 1).await;
    let target = elsewhere(&folder, "target");
    refused(&restore(&target, &place, &[]), "holds no backup");
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("diary.txt"), "mine").unwrap();
    refused(&server.run(&["backup", "--to", &other.display().to_string()]), "something else than backups");
    backup(&server, &place).await;
    refused(&restore(&server, &place, &[]), "not empty");
    refused(&restore(&target, &place, &["--backup", "yesterday"]), "there is no backup yesterday");
    refused(&restore(&target, &place, &["--until", "2001-01-01T00:00:00Z"]), "every backup was made later");
    done(&server.run(&["backup", "--check", "--to", &at]));

    // Any flipped byte is found, and what was written meanwhile is taken away again.
    let mut objects = files_below(&place.join("objects"));
    objects.sort();
    assert!(objects.len() > 5, "{objects:?}");
    for object in &objects {
        let whole = std::fs::read(object).unwrap();
        if whole.is_empty() {
            continue;
        }
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x40;
        std::fs::write(object, &flipped).unwrap();
        refused(&restore(&target, &place, &[]), "missing or changed");
        assert!(!target.data().exists() || target.data().read_dir().unwrap().next().is_none(), "nothing is left");
        std::fs::write(object, &whole).unwrap();
    }
    std::fs::remove_file(&objects[0]).unwrap();
    refused(&restore(&target, &place, &[]), "missing or changed");
    assert!(!server.run(&["backup", "--check", "--to", &at]).status.success());

    // One that was not restored to its end is not started on.
    std::fs::create_dir_all(target.data()).unwrap();
    std::fs::write(target.data().join("restore-unfinished"), "").unwrap();
    refused(&target.run(&["compact"]), "not restored to its end");
    refused(&restore(&target, &place, &[]), "not restored to its end");
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_backup_is_none_and_the_next_one_is_whole() {
    if store::is_clickhouse() {
        return;
    }
    let mut seed = Seed::announced("backup-kill");
    let server = Server::start_with(SETTINGS).await;
    let folder = TempDir::with_prefix("footfall-backup-").unwrap();
    let place = folder.path().join("backups");
    let load = Load::on(&server, &mut seed);
    let started = Instant::now();
    while load.acknowledged() < 2_000 {
        assert!(started.elapsed() < DEADLINE, "{}", server.tracing());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut killed = 0;
    for round in 0..12 {
        let mut child = server.spawn(&["backup", "--to", &place.display().to_string()]);
        tokio::time::sleep(Duration::from_millis(seed.below(120) + 10 * round)).await;
        killed += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        let _ = child.wait();
    }
    let known = load.end().await;
    let finished = if place.join("footfall-backup").exists() { ids(&server, &place).len() } else { 0 };
    say(&format!("backup: {killed} of 12 killed at work, {finished} had been finished"));
    assert!(killed > 0, "none was killed at work");
    backup(&server, &place).await;
    let all = ids(&server, &place);
    assert_eq!(all.len(), finished + 1);
    done(&server.run(&["backup", "--check", "--to", &place.display().to_string()]));
    for (at, id) in all.iter().enumerate() {
        let mut restored = like(&server, &folder, &format!("restored-{at}"));
        done(&restore(&restored, &place, &["--backup", id]));
        restored.restart().await;
        let rows = restored.number("SELECT count(*) FROM activity").await;
        assert_eq!(rows, restored.number("SELECT count(DISTINCT message_id) FROM activity").await);
        if at + 1 == all.len() {
            assert!(rows as usize >= known.acknowledged.len());
        }
    }
    // Of many, the newest two are kept, and they are whole.
    let at = place.display().to_string();
    done(&server.run(&["backup", "--keep", "2", "--to", &at]));
    assert_eq!(ids(&server, &place).len(), 2);
    done(&server.run(&["backup", "--check", "--to", &at]));
}

/// What is restored so has as many activities.
async fn comes_back(server: &Server, folder: &TempDir, place: &Path, name: &str, more: &[&str], expected: i64) {
    let mut restored = like(server, folder, name);
    done(&restore(&restored, place, more));
    restored.restart().await;
    assert_eq!(restored.number("SELECT count(*) FROM activity").await, expected, "{name}");
    assert_eq!(restored.number("SELECT CAST(sum(activities) AS BIGINT) FROM persons").await, expected, "{name}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_between_two_backups_comes_back() {
    if store::is_clickhouse() {
        return;
    }
    let mut server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_AGE", "100ms")]).await;
    let folder = TempDir::with_prefix("footfall-backup-").unwrap();
    let place = folder.path().join("backups");
    let mut moments = Vec::new();
    for number in 0..30 {
        let id = format!("at-{number}");
        let answer = server.post(&json!([{"event": "tick", "messageId": id, "distinctId": "ada"}])).await;
        assert_eq!(answer.json()["accepted"], 1);
        moments.push(now());
        // Times have milliseconds: the next one is later.
        tokio::time::sleep(Duration::from_millis(3)).await;
        if number == 4 || number == 22 {
            server.until("SELECT count(*) FROM activity", number + 1).await;
            backup(&server, &place).await;
        }
    }
    comes_back(&server, &folder, &place, "tenth", &["--until", &moments[9]], 10).await;
    comes_back(&server, &folder, &place, "twentieth", &["--until", &moments[19]], 20).await;
    comes_back(&server, &folder, &place, "last", &[], 23).await;
    // The log of the machine that was lost has what no backup has.
    server.kill();
    let log = server.data().join("log").display().to_string();
    comes_back(&server, &folder, &place, "saved", &["--log", &log], 30).await;
    comes_back(&server, &folder, &place, "saved until", &["--log", &log, "--until", &moments[26]], 27).await;
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// Something is taken in; a moment after it, and before whatever comes next.
async fn tick(server: &Server, id: &str) -> String {
    let answer = server.post(&json!([{"event": "tick", "messageId": id, "distinctId": "ada"}])).await;
    assert_eq!(answer.json()["accepted"], 1);
    let moment = now();
    // Times have milliseconds: the next one is later.
    tokio::time::sleep(Duration::from_millis(3)).await;
    moment
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_restore_knows_nothing_of_what_the_first_left_behind() {
    if store::is_clickhouse() {
        return;
    }
    let server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_AGE", "100ms")]).await;
    let folder = TempDir::with_prefix("footfall-backup-").unwrap();
    let place = folder.path().join("backups");
    tick(&server, "one").await;
    server.until("SELECT count(*) FROM activity", 1).await;
    backup(&server, &place).await;
    let kept = tick(&server, "two").await;
    for id in ["left-1", "left-2", "left-3"] {
        tick(&server, id).await;
    }
    server.until("SELECT count(*) FROM activity", 5).await;
    backup(&server, &place).await;
    let left = ids(&server, &place).pop().unwrap();

    let mut second = like(&server, &folder, "second");
    done(&restore(&second, &place, &["--until", &kept]));
    second.restart().await;
    assert_eq!(second.number("SELECT count(*) FROM activity").await, 2);
    let moment = tick(&second, "three").await;
    tick(&second, "four").await;
    second.until("SELECT count(*) FROM activity", 4).await;
    backup(&second, &place).await;

    let mut third = like(&server, &folder, "third");
    done(&restore(&third, &place, &["--until", &moment]));
    third.restart().await;
    let there = third.sql("SELECT message_id FROM activity ORDER BY received_at").await;
    let there: Vec<&str> = there.iter().map(|row| row[0].as_str().expect("an id")).collect();
    assert_eq!(there, ["one", "two", "three"]);
    comes_back(&server, &folder, &place, "left", &["--until", &moment, "--backup", &left], 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_told_from_its_neighbours() {
    if store::is_clickhouse() {
        return;
    }
    let folder = TempDir::with_prefix("footfall-backup-").unwrap();
    // In the data folder, whose name is spelled with a slash at its end.
    let place = folder.path().join("backups");
    let mut server = elsewhere(&folder, "spelled/");
    server.make_keys();
    server.restart().await;
    assert!(server.data().join("footfall.db-wal").exists(), "SQLite keeps a file beside the database");
    backup(&server, &place).await;
    let list = std::fs::read_to_string(&files_below(&place.join("backups"))[0]).unwrap();
    assert!(list.contains("database/footfall.db"), "{list}");
    assert!(!list.contains("folder/footfall.db"), "the database is among the small files: {list}");
    server.stop().await;

    // Elsewhere, under a name that files of the data folder begin with.
    let place = folder.path().join("backups-elsewhere");
    let at = |name: &str| {
        let databases = folder.path().join(name);
        std::fs::create_dir(&databases).unwrap();
        format!("sqlite:{}/footfall", databases.display())
    };
    let mut server = elsewhere(&folder, "named");
    server.set("FOOTFALL_DATABASE_URL", &at("databases"));
    std::fs::create_dir_all(server.data()).unwrap();
    std::fs::write(server.data().join("footfall.toml"), "[insights]\nconcurrent = 3\n").unwrap();
    server.make_keys();
    server.restart().await;
    server.post(&json!([{"event": "one", "messageId": "one", "distinctId": "ada"}])).await;
    server.until("SELECT count(*) FROM activity", 1).await;
    backup(&server, &place).await;
    let mut restored = like(&server, &folder, "named-again");
    restored.set("FOOTFALL_DATABASE_URL", &at("databases-again"));
    done(&restore(&restored, &place, &[]));
    for (kept, restored_as) in [("footfall.toml", "footfall.toml.restored"), ("vault.key", "vault.key")] {
        let before = std::fs::read(server.data().join(kept)).unwrap();
        let after = std::fs::read(restored.data().join(restored_as)).ok();
        assert_eq!(after.as_ref(), Some(&before), "{kept}");
    }
    restored.restart().await;
    assert_eq!(restored.number("SELECT count(*) FROM activity").await, 1, "and its keys are known");
}
