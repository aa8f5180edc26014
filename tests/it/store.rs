//! Which store the program runs on: with `FOOTFALL_TEST_STORE=clickhouse` a database of its own for each data folder, at
//! `CLICKHOUSE_URL` or in one of `dev/services/clickhouse` that goes with this process. Else the lake.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::gear::root;

/// True for the tests on ClickHouse.
pub fn is_clickhouse() -> bool {
    match std::env::var("FOOTFALL_TEST_STORE").as_deref() {
        Err(_) | Ok("" | "lake") => false,
        Ok("clickhouse") => true,
        Ok(other) => panic!("FOOTFALL_TEST_STORE is lake or clickhouse, not {other:?}"),
    }
}

/// The setting for a data folder; none for the lake, which is the default.
pub fn setting(data: &Path) -> Option<(String, String)> {
    is_clickhouse().then(|| ("FOOTFALL_STORE_URL".to_owned(), database("it", data)))
}

/// The URL of a database that is named after a path.
pub fn database(prefix: &str, path: &Path) -> String {
    let name: String = path.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("clickhouse://{}/{prefix}_{}_{name}", server(), std::process::id())
}

/// `host:port` of the server.
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    let url = SERVER.get_or_init(|| match std::env::var("CLICKHOUSE_URL") {
        Ok(url) if !url.is_empty() => url,
        _ => start(),
    });
    url.trim().trim_start_matches("http://").trim_end_matches('/')
}

fn start() -> String {
    let script = root().join("dev/services/clickhouse");
    let output = Command::new(script).args(["up", &std::process::id().to_string()]).output().expect("the script runs");
    assert!(output.status.success(), "no ClickHouse: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("an address")
}
