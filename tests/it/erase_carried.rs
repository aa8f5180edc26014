//! Who was forgotten after a backup was made is forgotten in what is restored of it: later backups know, and lists that were kept apart.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backup::{done, ids, refused, restore};
use crate::deletion::{forget, is_not_imported_again, stays_forgotten};
use crate::server::Server;
use crate::store;

const ADA: &str = "ada-lovelace-1815";

fn backup(server: &Server, place: &Path) {
    let to = place.display().to_string();
    tokio::task::block_in_place(|| done(&server.run(&["backup", "--to", &to])));
}

/// What is restored so, started; what the command said.
async fn restored(server: &Server, folder: &TempDir, place: &Path, name: &str, more: &[&str]) -> (Server, String) {
    let mut restored = Server::prepare(folder.path().join(name), &[]);
    restored.use_keys_of(server);
    let said = tokio::task::block_in_place(|| done(&restore(&restored, place, more)));
    restored.restart().await;
    (restored, said)
}

async fn all(server: &Server) -> i64 {
    server.number("SELECT count(*) FROM activity").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_forgotten_after_a_backup_is_forgotten_in_what_is_restored_of_it() {
    if store::is_clickhouse() {
        return; // see backup_services
    }
    let server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_AGE", "50ms")]).await;
    let folder = TempDir::with_prefix("footfall-forgotten-").unwrap();
    let place = folder.path().join("backups");
    let kept = folder.path().join("erasures.ndjson").display().to_string();
    let items = json!([{"event": "visit", "distinctId": ADA, "messageId": "one"},
                       {"event": "visit", "distinctId": ADA, "messageId": "two"},
                       {"event": "visit", "distinctId": "ben", "messageId": "three"}]);
    assert_eq!(server.post(&items).await.json()["accepted"], 3);
    server.until("SELECT count(*) FROM activity", 3).await;
    backup(&server, &place);
    let list = || tokio::task::block_in_place(|| done(&server.run(&["erasures"])));
    assert_eq!(list(), "", "nobody is forgotten yet");
    forget(&server, ADA).await;
    done(&server.run(&["erasures", "--output", &kept]));
    // How far it is goes on meanwhile; who it is about does not change.
    for said in [std::fs::read_to_string(&kept).unwrap(), list()] {
        let record: Value = serde_json::from_str(said.trim_end()).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert!(record["hidden_at"].is_number() && !record["persons"].as_array().unwrap().is_empty(), "{said}");
        assert!(!said.contains(ADA), "{said}");
    }

    // Nobody can know who was forgotten after the last backup, and whoever restores is told so.
    let (unaware, said) = restored(&server, &folder, &place, "unaware", &[]).await;
    assert!(said.contains("is known in none of the backups"), "{said}");
    assert_eq!(all(&unaware).await, 3);
    let (mut given, said) = restored(&server, &folder, &place, "given", &["--erasures", &kept]).await;
    assert!(said.contains("erasures: 1 that were asked for after the backup"), "{said}");
    assert!(!said.contains("in none of the backups"), "{said}");
    stays_forgotten(&given, ADA, 0).await;
    assert_eq!(all(&given).await, 1);
    is_not_imported_again(&given, ADA, "given").await;
    given.kill();
    given.restart().await;
    stays_forgotten(&given, ADA, 0).await;
    let nothing = Server::prepare(folder.path().join("nothing"), &[]);
    refused(&restore(&nothing, &place, &["--erasures", "/nowhere"]), "/nowhere");
    refused(&restore(&nothing, &place, &["--erasures", &nothing_of_a_list(&folder)]), "line 1");
    let is_empty = !nothing.data().exists() || nothing.data().read_dir().unwrap().next().is_none();
    assert!(is_empty, "nothing is written before the lists are read");

    // Who comes again is somebody new, and stays.
    let again = json!([{"event": "visit", "distinctId": ADA, "messageId": "four"}]);
    assert_eq!(server.post(&again).await.json()["accepted"], 1);
    server.until("SELECT count(*) FROM activity", 2).await;
    backup(&server, &place);
    let first = ids(&server, &place)[0].clone();
    let (older, said) = restored(&server, &folder, &place, "older", &["--backup", &first]).await;
    assert!(said.contains("erasures: 1 that were asked for after the backup"), "{said}");
    stays_forgotten(&older, ADA, 0).await;
    assert_eq!(all(&older).await, 1);
    let (newer, said) = restored(&server, &folder, &place, "newer", &["--erasures", &kept]).await;
    assert!(!said.contains("that were asked for after the backup"), "{said}");
    stays_forgotten(&newer, ADA, 1).await;
    assert_eq!(all(&newer).await, 2);
    // Up to now, of the backup before and the log of both.
    let until = jiff::Timestamp::now().to_string();
    let (now, _) = restored(&server, &folder, &place, "now", &["--until", &until]).await;
    stays_forgotten(&now, ADA, 1).await;
}

fn nothing_of_a_list(folder: &TempDir) -> String {
    let file = folder.path().join("diary.txt");
    std::fs::write(&file, "dear diary\n").unwrap();
    file.display().to_string()
}
