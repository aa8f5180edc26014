//! The program as people run it: keys, settings, an import with the server stopped and running, SQL, the end.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn footfall(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_footfall"));
    command.env("FOOTFALL_DATA_DIR", data).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A running server, killed if a test fails.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(data: &Path) -> Server {
        drop(std::fs::remove_file(data.join("run/operator.json")));
        let child = Command::new(env!("CARGO_BIN_EXE_footfall"))
            .env("FOOTFALL_DATA_DIR", data)
            .env("FOOTFALL_LISTEN", "127.0.0.1:0")
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Server { child, address: String::new() };
        let deadline = Instant::now() + Duration::from_secs(240);
        loop {
            assert!(Instant::now() < deadline, "the server does not start");
            if let Ok(text) = std::fs::read(data.join("run/operator.json")) {
                let presence: serde_json::Value = serde_json::from_slice(&text).unwrap();
                server.address = presence["address"].as_str().unwrap().to_owned();
                return server;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn post(&self, path: &str, key: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let deadline = Instant::now() + Duration::from_secs(240);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the server does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines(from: u32, to: u32) -> String {
    let line = |number| {
        let minute = number % 60;
        format!(
            "{{\"type\":\"track\",\"event\":\"e{}\",\"userId\":\"u{}\",\"messageId\":\"m{number}\",\"timestamp\":\"2024-05-01T10:{minute:02}:00Z\"}}\n",
            number % 3,
            number % 10
        )
    };
    (from..to).map(line).collect()
}

#[test]
fn settings_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let shown = stdout(&footfall(data, &["config", "--set", "sql.concurrent=3"]));
    assert!(shown.contains("concurrent = 3") && shown.contains("# flag --set sql.concurrent"), "{shown}");
    let wrong = footfall(data, &["config", "--set", "sql.concurent=3"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean \"sql.concurrent\""));

    let key = stdout(&footfall(data, &["keys", "create", "--kind", "write"]));
    assert!(key.starts_with("ffw_") && !key.contains('\n'));
    let listed = stdout(&footfall(data, &["keys", "list"]));
    assert!(listed.contains("write") && !listed.contains(&key));
    let id = listed.split(' ').next().unwrap();
    stdout(&footfall(data, &["keys", "revoke", id]));
    assert!(stdout(&footfall(data, &["keys", "list"])).contains("revoked"));
}

#[test]
fn an_import_counts_once_stopped_or_running() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let file = data.join("a.ndjson");
    std::fs::write(&file, format!("{}{{\"type\":\"track\",\"userId\":\"u\"}}\nnonsense\n", lines(0, 2500))).unwrap();
    let file = file.to_str().unwrap();
    let first = stdout(&footfall(data, &["import", file]));
    assert_eq!(first, "accepted 2500, quarantined 1, rejected 1, duplicate 0");
    assert!(stdout(&footfall(data, &["check"])).ends_with("whole"));

    let read = stdout(&footfall(data, &["keys", "create", "--kind", "read"]));
    let write = stdout(&footfall(data, &["keys", "create", "--kind", "write"]));
    let server = Server::start(data);
    let again = stdout(&footfall(data, &["import", file]));
    assert!(again.starts_with("accepted 0, ") && again.ends_with("rejected 1, duplicate 2501"), "{again}");
    let more = data.join("b.ndjson");
    std::fs::write(&more, lines(2400, 2600)).unwrap();
    let more = stdout(&footfall(data, &["import", more.to_str().unwrap()]));
    assert_eq!(more, "accepted 100, quarantined 0, rejected 0, duplicate 100");

    let count = r#"{"sql": "SELECT count(*), count(DISTINCT person_id) FROM activity"}"#;
    let (status, answer) = server.post("/v1/sql", &read, count);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("[2600,10]"), "{answer}");
    assert_eq!(server.post("/v1/sql", &write, count).0, 403, "a write key reads nothing");
    assert_eq!(server.post("/v1/activity", &read, "{}").0, 401);
    let demo = stdout(&footfall(data, &["demo", "--rate", "500", "--total", "300"]));
    assert_eq!(demo, "sent 300");
    assert!(footfall(data, &["check"]).status.code() == Some(2), "check must not look at a running server's files");
    assert!(stdout(&footfall(data, &["compact"])).contains("compacted"));
    server.stop();

    let csv = stdout(&footfall(data, &["export", "--format", "csv", "--sql", "SELECT count(*) AS n FROM activity"]));
    assert_eq!(csv, "n\n2900");
    assert!(stdout(&footfall(data, &["check"])).ends_with("whole"));
}

#[test]
fn replay_takes_what_a_higher_limit_lets_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let deep = format!("{}1{}", "[".repeat(20), "]".repeat(20));
    let file = data.join("deep.ndjson");
    std::fs::write(
        &file,
        format!("{{\"type\":\"track\",\"event\":\"e\",\"userId\":\"u\",\"properties\":{{\"d\":{deep}}}}}\n"),
    )
    .unwrap();
    let strict = stdout(&footfall(data, &["import", file.to_str().unwrap(), "--set", "doors.depth=10"]));
    assert_eq!(strict, "accepted 0, quarantined 1, rejected 0, duplicate 0");
    let unchanged = stdout(&footfall(data, &["replay", "--set", "doors.depth=10"]));
    assert_eq!(unchanged, "replayed 0, still quarantined 1");
    assert_eq!(stdout(&footfall(data, &["replay"])), "replayed 1, still quarantined 0");
    assert_eq!(stdout(&footfall(data, &["replay"])), "replayed 0, still quarantined 0");
    let rows = stdout(&footfall(data, &["export", "--sql", "SELECT event FROM activity"]));
    assert_eq!(rows, "{\"event\":\"e\"}");
}
