//! Every format that `footfall import` takes, packed and plain, from files and stdin; and exports, of which the Parquet one
//! is imported again.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::server::Server;

const PEOPLE: usize = 7;
const ROWS: usize = 140;

fn time(row: usize) -> String {
    format!("2026-03-{:02}T{:02}:{:02}:00.000Z", 1 + row / 24, row % 24, row % 60)
}

fn native(row: usize) -> Value {
    json!({"event": "visited", "distinctId": format!("p{}", row % PEOPLE), "messageId": format!("n{row}"),
        "timestamp": time(row), "properties": {"stars": row % 5, "note": "a, \"b\"\nc"}})
}

fn lines(items: impl Iterator<Item = Value>) -> String {
    items.map(|item| item.to_string() + "\n").collect()
}

fn ndjson() -> String {
    lines((0..ROWS).map(native))
}

fn posthog() -> String {
    lines((0..ROWS).map(|row| {
        json!({"uuid": format!("018e0000-0000-7000-8000-{row:012}"), "event": "visited", "distinct_id": format!("p{}", row % PEOPLE),
            "timestamp": time(row), "properties": {"stars": row % 5, "$browser": "Firefox"}})
    }))
}

fn segment() -> String {
    let calls: Vec<Value> = (0..ROWS)
        .map(|row| {
            json!({"type": "track", "event": "visited", "userId": format!("p{}", row % PEOPLE),
                "messageId": format!("s{row}"), "timestamp": time(row), "properties": {"stars": row % 5}})
        })
        .collect();
    json!({"batch": calls, "sentAt": time(0)}).to_string()
}

fn csv() -> String {
    let rows = (0..ROWS)
        .map(|row| format!("visited,p{},c{row},{},{},\"a, \"\"b\"\"\nc\"\n", row % PEOPLE, time(row), row % 5));
    "event,userId,messageId,timestamp,stars,note\n".to_owned() + &rows.collect::<String>()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The last line that the command prints.
fn account(server: &Server, path: &Path) -> String {
    let output = server.run(&["import", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

fn all_accepted(count: usize) -> String {
    format!("accepted {count}, quarantined 0, rejected 0, duplicate 0")
}

/// Counts, people, properties and times of one import.
async fn check(server: &Server, name: &str) {
    server.until("SELECT count(*) FROM activity", ROWS as i64).await;
    let sql = "SELECT count(*), count(DISTINCT person_id), sum(CAST(properties->>'stars' AS BIGINT)), \
               min(CAST(timestamp AS BIGINT)) FROM activity WHERE event = 'visited'";
    let stars: usize = (0..ROWS).map(|row| row % 5).sum();
    let first = 1_772_323_200_000_i64; // 2026-03-01T00:00Z
    assert_eq!(json!(server.sql(sql).await), json!([[ROWS, PEOPLE, stars, first]]), "{name}");
}

#[tokio::test]
async fn every_format_stopped_and_running() {
    let folder = tempfile::tempdir().unwrap();
    let zst = zstd::encode_all(ndjson().as_bytes(), 3).unwrap();
    let files = [
        write(folder.path(), "native.ndjson", ndjson()),
        write(folder.path(), "native.ndjson.zst", zst),
        write(folder.path(), "posthog.jsonl.gz", gzip(&posthog())),
        write(folder.path(), "segment.json", segment()),
        write(folder.path(), "rows.csv", csv()),
        write(folder.path(), "rows.csv.gz", gzip(&csv())),
    ];
    for (number, file) in files.iter().enumerate() {
        let name = file.display().to_string();
        let mut server = Server::start().await;
        if number % 2 == 0 {
            server.stop().await;
            assert_eq!(account(&server, file), all_accepted(ROWS), "{name}, stopped");
            server.restart().await;
        } else {
            assert_eq!(account(&server, file), all_accepted(ROWS), "{name}, running");
        }
        check(&server, &name).await;
        let again = format!("accepted 0, quarantined 0, rejected 0, duplicate {ROWS}");
        assert_eq!(account(&server, file), again, "{name}, again");
    }
}

#[tokio::test]
async fn stdin_is_a_file_too() {
    let server = Server::start().await;
    let said = server.run_with_input(&["import", "-"], gzip(&ndjson()));
    assert_eq!(said.lines().last(), Some(all_accepted(ROWS).as_str()));
    check(&server, "stdin").await;
}

#[tokio::test]
async fn a_parquet_export_is_imported_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start().await;
    let file = write(folder.path(), "native.ndjson", ndjson());
    assert_eq!(account(&server, &file), all_accepted(ROWS));
    check(&server, "before").await;
    let exports = ["parquet", "csv", "ndjson"].map(|format| {
        let path = folder.path().join(format!("activity.{format}"));
        let output = server.run(&["export", "--format", format, "--output", path.to_str().unwrap()]);
        assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
        path
    });
    let lines = fs::read_to_string(&exports[2]).unwrap();
    assert_eq!(lines.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(), ROWS);
    server.stop().await;
    let sql = ["export", "--sql", "SELECT count(*) AS n FROM activity", "--format", "csv"];
    let stopped = server.run(&sql);
    assert_eq!(String::from_utf8_lossy(&stopped.stdout).trim(), format!("n\n{ROWS}"), "the server is stopped");

    let mut other = Server::start().await;
    assert_eq!(account(&other, &exports[0]), all_accepted(ROWS), "parquet");
    check(&other, "parquet").await;
    assert_eq!(account(&other, &exports[1]), format!("accepted 0, quarantined 0, rejected 0, duplicate {ROWS}"), "csv");
    other.stop().await;
}

#[tokio::test]
async fn what_is_no_import_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    for (name, bytes) in [("noise.bin", b"\x00\x01\x02 noise".to_vec()), ("table.csv", b"a,b\n1,2\n".to_vec())] {
        let path = write(folder.path(), name, bytes);
        let output = server.run(&["import", path.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() || said.contains("rejected 1"), "{name}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    let missing = server.run(&["import", "/nowhere/at-all.ndjson"]);
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("/nowhere/at-all.ndjson"));
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_others_stay() {
    let server = Server::start().await;
    let other = server.key("write");
    let listed = server.run(&["keys", "list"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(!text.contains(&other) && !text.contains(server.write_key()), "a list shows no secret: {text}");
    let hint = &other[other.len() - 4..];
    let line = text.lines().find(|line| line.contains(&format!("…{hint}"))).unwrap_or_else(|| panic!("{hint}: {text}"));
    let id = line.split_whitespace().next().unwrap();
    let revoked = server.run(&["keys", "revoke", id]);
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    let bearer = format!("Bearer {other}");
    let item = json!({"event": "e", "distinctId": "d"}).to_string();
    let url = format!("{}/v1/activity", server.url());
    server
        .eventually("the revoked key is refused", || async {
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            server.http.send(hyper::Method::POST, &url, &headers, item.clone()).await.unwrap().status == 401
        })
        .await;
    assert_eq!(server.post(&json!({"event": "e", "distinctId": "d"})).await.status, 200);
}
