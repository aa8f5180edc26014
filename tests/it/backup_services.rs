//! `footfall backup` of six processes on a real Kafka, ClickHouse and PostgreSQL under a load, and `footfall restore` into a new topic and
//! new databases, and into files: what was acknowledged is there, once, with the same checksums.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::accounts::{PASSWORD, owner, owner_told_by, stranger, token_of};
use crate::backup::{done, files_below, ids, refused, restore, sums};
use crate::crash::compare;
use crate::deletion::{forget, is_not_imported_again, stays_forgotten};
use crate::gear::say;
use crate::kafka::Broker;
use crate::scaleout::{Installation, service};
use crate::scaleout_load::{Load, Retry};
use crate::seed::Seed;
use crate::server::{DEADLINE, Server};
use crate::store;

/// Stands in addresses, and must stand nowhere else.
const SECRET: &str = "open-sesame";

/// A topic and two databases.
#[derive(Clone)]
struct Places {
    log: String,
    store: String,
    database: String,
}

impl Places {
    /// Some that are not there yet, beside those of an installation.
    fn new(broker: &Broker, store: &str, name: &str) -> Option<Places> {
        let server = store.rsplit_once('/').expect("an address").0;
        let store = format!("{server}/backup_{name}_{}", std::process::id());
        // The servers of tests take any password.
        let is_ours = std::env::var_os("CLICKHOUSE_URL").is_none();
        let login = if is_ours { format!("clickhouse://footfall:{SECRET}@") } else { "clickhouse://".to_owned() };
        Some(Places {
            log: format!("kafka://{}/{name}?timeout_ms=5000", broker.address),
            store: store.replace("clickhouse://", &login),
            database: service("postgres", "backup_services")?.replace("footfall@", &format!("footfall:{SECRET}@")),
        })
    }

    /// One process with everything on them, not started.
    fn server(&self, folder: &TempDir, name: &str) -> Server {
        let settings = [
            ("FOOTFALL_LOG_URL", self.log.as_str()),
            ("FOOTFALL_LOG_PARTITIONS", "3"),
            ("FOOTFALL_STORE_URL", self.store.as_str()),
            ("FOOTFALL_DATABASE_URL", self.database.as_str()),
            ("FOOTFALL_SQL_ROWS_MAX", "100000000"),
        ];
        Server::prepare(folder.path().join(name), &settings)
    }
}

fn backup(server: &Server, place: &Path, more: &[&str]) -> Output {
    let to = place.display().to_string();
    tokio::task::block_in_place(|| server.run(&[&["backup", "--to", &to], more].concat()))
}

fn manifest(place: &Path, id: &str) -> Value {
    let text = std::fs::read_to_string(place.join(format!("backups/{id}.json"))).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["backup"].clone()
}

/// Files of the table, by path and checksum.
fn files_of(manifest: &Value, table: &str) -> BTreeSet<(String, String)> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let items = manifest["items"].as_array().unwrap().iter();
    let items = items.filter(|item| text(item, "path").starts_with(&format!("tables/project=default/{table}/")));
    items.map(|item| (text(item, "path"), text(item, "sha256"))).collect()
}

/// Everything that was acknowledged before is there, nothing twice, nothing invented.
async fn holds(server: &Server, before: &BTreeSet<String>, attempted: &BTreeSet<String>) {
    let rows = server.sql("SELECT message_id FROM activity WHERE event <> 'first'").await;
    let there: BTreeSet<String> = rows.iter().map(|row| row[0].as_str().expect("an id").to_owned()).collect();
    assert_eq!(there.len(), rows.len(), "something is there twice");
    assert_eq!(before.difference(&there).take(5).collect::<Vec<_>>(), Vec::<&String>::new(), "lost");
    assert_eq!(there.difference(attempted).take(5).collect::<Vec<_>>(), Vec::<&String>::new(), "invented");
}

/// People sign in, what is sent again is known, and it goes on.
async fn goes_on(server: &Server, known: &str) {
    let grant = stranger(server).post("/v1/sign-in", json!({"email": "owner@example.org", "password": PASSWORD})).await;
    assert!(!token_of(&grant["session"]).is_empty(), "sign-in works");
    let before = server.number("SELECT count(*) FROM activity").await;
    let items = json!([{"event": "view", "messageId": known, "distinctId": "user-1"},
                       {"event": "after", "messageId": "after", "distinctId": "user-1"}]);
    assert_eq!(server.post(&items).await.json()["accepted"], 2);
    server.until("SELECT count(*) FROM activity WHERE event = 'after'", 1).await;
    assert_eq!(server.number("SELECT count(*) FROM activity").await, before + 1, "what was sent again is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_of_services_is_in_it_once() {
    let Some(all) = Installation::start("backup").await else { return };
    let folder = TempDir::with_prefix("footfall-backup-").unwrap();
    let place = folder.path().join("backups");
    let mut seed = Seed::announced("backup-services");
    owner_told_by(&all.api[0], &[&all.api[0], &all.api[1]]).await;
    all.ingest[0].post(&json!([{"event": "", "distinctId": "nobody"}, {"event": "first", "distinctId": "ada"}])).await;
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Refused, &mut seed);
    let mut before = Vec::new();
    for round in 0..2 {
        load.grows_by(500, "before a backup").await;
        // Some of it is in the tables, and more is only in the log.
        all.api[round].until("SELECT count(*) FROM activity", 200 * (round as i64 + 1)).await;
        before.push(load.acknowledged_ids());
        let said = done(&backup(&all.api[round], &place, &[]));
        say(&format!("backup_services: {}", said.trim().replace('\n', "; ")));
    }
    // Killed while it works: there is none, and the next one goes on with what it had.
    let mut killed = 0;
    while killed < 3 {
        load.grows_by(50, "before a backup is killed").await;
        let mut child = all.api[0].spawn(&["backup", "--to", &place.display().to_string()]);
        let begun = Instant::now();
        let wait = seed.below(400);
        let is_at_work = || place.join(["work", "unfinished.json", "objects/next"][killed]).exists();
        while !is_at_work() || begun.elapsed() < Duration::from_millis(wait) {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            assert!(begun.elapsed() < DEADLINE, "it neither works nor ends");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        killed += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        let _ = child.wait();
    }
    let finished = ids(&all.api[0], &place).len();
    load.grows_by(200, "after the kills").await;
    let known = load.end().await;
    compare_all(&all, &known).await;
    let said = done(&backup(&all.api[0], &place, &[]));
    say(&format!("backup_services: {} acknowledged; at rest: {}", known.acknowledged.len(), said.trim()));
    let ids = ids(&all.api[0], &place);
    assert_eq!(ids.len(), finished + 1, "who was killed has left no backup");
    done(&backup(&all.api[0], &place, &["--check"]));

    // What an earlier one had copied stays as it is.
    let (first, last) = (manifest(&place, &ids[0]), manifest(&place, &ids[ids.len() - 1]));
    for table in ["activity", "identities", "session_parts"] {
        let (old, new) = (files_of(&first, table), files_of(&last, table));
        assert!(!old.is_empty() && old.is_subset(&new) && old.len() < new.len(), "{table}: {old:?} {new:?}");
    }

    // Whoever is forgotten later is so in what is restored of any of them.
    forget(&all.api[0], "ada").await;
    assert_eq!(all.api[1].number("SELECT count(*) FROM activity WHERE event = 'first'").await, 0);
    done(&backup(&all.api[0], &place, &[]));

    let wanted = sums(&all.api[0]).await;
    let new = |name: &str| Places::new(&all.broker, &all.store, name).expect("it was there a moment ago");
    let one = known.acknowledged.iter().next().expect("one").clone();
    for (at, id) in [(0, &ids[0]), (1, &ids[1])] {
        let mut restored = new(&format!("under_load_{at}")).server(&folder, &format!("under-load-{at}"));
        restored.use_keys_of(&all.api[0]);
        tokio::task::block_in_place(|| done(&restore(&restored, &place, &["--backup", id])));
        restored.restart().await;
        holds(&restored, &before[at], &known.attempted).await;
        stays_forgotten(&restored, "ada", 0).await;
        restored.stop().await;
    }
    let places = new("equal");
    let mut restored = places.server(&folder, "equal");
    restored.use_keys_of(&all.api[0]);
    let said = tokio::task::block_in_place(|| done(&restore(&restored, &place, &[])));
    say(&format!("backup_services: {said}"));
    restored.restart().await;
    assert_eq!(sums(&restored).await, wanted);
    goes_on(&restored, &one).await;
    stays_forgotten(&restored, "ada", 0).await;
    is_not_imported_again(&restored, "ada", "somebody").await;

    // Into files.
    let mut files = Server::prepare(folder.path().join("files"), &[("FOOTFALL_SQL_ROWS_MAX", "100000000")]);
    files.use_keys_of(&all.api[0]);
    tokio::task::block_in_place(|| done(&restore(&files, &place, &[])));
    files.restart().await;
    assert_eq!(sums(&files).await, wanted);
    goes_on(&files, &one).await;
    stays_forgotten(&files, "ada", 0).await;
    files.stop().await;
    done(&files.run(&["check"]));

    // A backup of what was restored is whole as well: the numbers of its publications are others.
    let again = folder.path().join("again");
    let wanted = sums(&restored).await;
    let output = backup(&restored, &again, &[]);
    done(&output);
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains(SECRET), "no password is told");
    let list = std::fs::read_to_string(&files_below(&again.join("backups"))[0]).unwrap();
    assert!(!list.contains(SECRET), "nor kept in the list");
    let mut twice = new("twice").server(&folder, "twice");
    twice.use_keys_of(&all.api[0]);
    tokio::task::block_in_place(|| done(&restore(&twice, &again, &[])));
    twice.restart().await;
    assert_eq!(sums(&twice).await, wanted);

    refusals(&places, &new("refused"), &folder, &place).await;
}

/// All of both processes see all of it.
async fn compare_all(all: &Installation, known: &crate::crash::Known) {
    let mut known =
        crate::crash::Known { attempted: known.attempted.clone(), acknowledged: known.acknowledged.clone() };
    let rows = all.api[0].sql("SELECT message_id FROM activity WHERE event = 'first'").await;
    known.attempted.extend(rows.iter().map(|row| row[0].as_str().expect("an id").to_owned()));
    compare(&all.api[0], &known).await;
}

async fn refusals(used: &Places, fresh: &Places, folder: &TempDir, place: &Path) {
    let refuses = |places: &Places, more: &[&str], why: &str| {
        let server = places.server(folder, "refused");
        tokio::task::block_in_place(|| refused(&restore(&server, place, more), why));
    };
    refuses(&Places { log: used.log.clone(), ..fresh.clone() }, &[], "the log of the target is not empty (kafka)");
    refuses(&Places { store: used.store.clone(), ..fresh.clone() }, &[], "the store of the target is not empty");
    refuses(
        &Places { database: used.database.clone(), ..fresh.clone() },
        &[],
        "the database of the target is not empty",
    );
    refuses(fresh, &["--until", "2026-11-28T09:30:00Z"], "--until is for a backup of files");
    refuses(fresh, &["--log", "/nowhere"], "--log is for a backup of files");
    let files = Server::prepare(folder.path().join("until"), &[]);
    refused(&restore(&files, place, &["--until", "2036-11-28T09:30:00Z"]), "--until is for a backup of files");
    let mixed = Server::prepare(folder.path().join("mixed"), &[("FOOTFALL_STORE_URL", fresh.store.as_str())]);
    refused(&backup(&mixed, &folder.path().join("none"), &[]), "the store is at clickhouse://");

    // Any changed byte is found before anything is written.
    let server = fresh.server(folder, "refused");
    let newest = ids(&server, place).pop().expect("a backup");
    let (_, sha256) = files_of(&manifest(place, &newest), "activity").pop_last().expect("a file");
    let object: PathBuf = place.join("objects").join(&sha256[..2]).join(&sha256);
    let whole = std::fs::read(&object).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x40;
    std::fs::write(&object, &flipped).unwrap();
    assert!(!backup(&server, place, &["--check"]).status.success());
    refuses(fresh, &[], "missing or changed");
    std::fs::write(&object, &whole).unwrap();
    done(&backup(&server, place, &["--check"]));
    // Nothing was written: the places are still new.
    tokio::task::block_in_place(|| done(&restore(&server, place, &[])));
    refuses(fresh, &[], "is not empty");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_files_is_restored_into_services() {
    if store::is_clickhouse() {
        return; // it begins with files
    }
    let Some(broker) = Broker::start("backup_files") else { return };
    let mut server = Server::start_with(&[("FOOTFALL_LOG_PARTITIONS", "2")]).await;
    let folder = TempDir::with_prefix("footfall-backup-").unwrap();
    let place = folder.path().join("backups");
    owner(&server).await;
    server.post(&json!([{"event": "", "distinctId": "nobody"}])).await;
    let items: Vec<Value> = (0..500)
        .map(|number| match number % 10 {
            0 => json!({"type": "identify", "anonymousId": format!("anonymous-{}", number % 70), "userId": format!("user-{}", number % 30)}),
            _ => json!({"event": "view", "messageId": format!("m-{number}"), "distinctId": format!("anonymous-{}", number % 70)}),
        })
        .collect();
    assert_eq!(server.post(&json!(items)).await.json()["accepted"], 500);
    server.until("SELECT count(*) FROM activity", 500).await;
    done(&backup(&server, &place, &[]));
    forget(&server, "anonymous-1").await;
    done(&backup(&server, &place, &[]));
    let wanted = sums(&server).await;
    let first = ids(&server, &place)[0].clone();
    server.stop().await;
    let Some(places) = Places::new(&broker, &store::database("files", folder.path()), "from_files") else { return };
    let mut restored = places.server(&folder, "restored");
    restored.use_keys_of(&server);
    refused(&restore(&restored, &place, &["--until", "2036-11-28T09:30:00Z"]), "--until is for a backup of files");
    let said = tokio::task::block_in_place(|| done(&restore(&restored, &place, &["--backup", &first])));
    say(&format!("backup_services: of files: {said}"));
    assert!(said.contains("erasures: 1 that were asked for after the backup"), "{said}");
    restored.restart().await;
    assert_eq!(sums(&restored).await, wanted);
    stays_forgotten(&restored, "anonymous-1", 0).await;
    goes_on(&restored, "m-2").await;
}
