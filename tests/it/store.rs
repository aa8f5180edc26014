//! Which store the program runs on: with `FOOTFALL_TEST_STORE=clickhouse` a database of its own for each data folder, at
//! `CLICKHOUSE_URL` or in one of `dev/services/clickhouse` that goes with this process. Else the lake.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use hyper::Method;

use crate::gear::root;
use crate::http::Http;

/// True for the tests on ClickHouse.
pub fn is_clickhouse() -> bool {
    match std::env::var("FOOTFALL_TEST_STORE").as_deref() {
        Err(_) | Ok("" | "lake") => false,
        Ok("clickhouse" | "services") => true,
        Ok(other) => panic!("FOOTFALL_TEST_STORE is lake, clickhouse or services, not {other:?}"),
    }
}

/// True for the tests on several processes.
pub fn is_services() -> bool {
    std::env::var("FOOTFALL_TEST_STORE").is_ok_and(|store| store == "services")
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
    let url = started().as_deref().unwrap_or_else(|why| panic!("no ClickHouse: {why}"));
    url.trim().trim_start_matches("http://").trim_end_matches('/')
}

/// Whether there is a server, or why there is none.
pub fn can_be_had() -> Result<(), String> {
    started().as_ref().map(drop).map_err(Clone::clone)
}

fn started() -> &'static Result<String, String> {
    static SERVER: OnceLock<Result<String, String>> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("CLICKHOUSE_URL") {
        Ok(url) if !url.is_empty() => Ok(url),
        _ => start(),
    })
}

fn start() -> Result<String, String> {
    let script = root().join("dev/services/clickhouse");
    let output = Command::new(script).args(["up", &std::process::id().to_string()]).output().expect("the script runs");
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).expect("an address")),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// Says something to the server of a `clickhouse://HOST:PORT/DATABASE`; its answer.
pub async fn told(url: &str, sql: &str) -> String {
    let (server, database) = url.trim_start_matches("clickhouse://").split_once('/').expect("a database");
    let url = format!("http://{server}/?database={database}&mutations_sync=2");
    let answer = Http::new().send(Method::POST, &url, &[], sql.to_owned()).await.expect("an answer");
    assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
    answer.text()
}

/// The tables of a database, but for those named.
pub async fn tables_but(url: &str, without: &[&str]) -> Vec<String> {
    let sql = "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name FORMAT TSV";
    told(url, sql).await.lines().filter(|name| !without.contains(name)).map(str::to_owned).collect()
}

const SOON: &str = "old_parts_lifetime = 1, cleanup_delay_period = 1, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 2";

/// Parts that were replaced leave the disk as soon as the database looks, not minutes later.
pub async fn drop_parts_soon(url: &str) {
    for table in tables_but(url, &[]).await {
        told(url, &format!("ALTER TABLE {table} MODIFY SETTING {SOON}")).await;
    }
}
