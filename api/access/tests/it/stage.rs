//! Where the tests play: a database of one's own on either backend, and a clock that stands.
//!
//! PostgreSQL: the server of `FOOTFALL_TEST_POSTGRES` or `DATABASE_URL` if given, else one that `dev/services/postgres` starts
//! for as long as this process lives. Each test has a schema of its own there.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use footfall_api_access::{Database, statement};
use footfall_ingest_activity::{FixedClock, Timestamp};
use tempfile::TempDir;

/// 2026-11-24T12:00:00Z.
pub const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

pub struct Stage {
    pub url: String,
    pub clock: Arc<FixedClock>,
    pub folder: TempDir,
}

impl Stage {
    pub async fn sqlite() -> Option<Stage> {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("footfall.db").display());
        Some(Stage { url, clock: Arc::new(FixedClock::at(NOON)), folder })
    }

    /// `None` when there is no PostgreSQL; with CI set that is a failure.
    pub async fn postgres() -> Option<Stage> {
        let server = tokio::task::spawn_blocking(postgres_server).await.expect("the script runs");
        let server = match server {
            Ok(url) => url,
            Err(why) => {
                skip("on PostgreSQL", &why);
                return None;
            }
        };
        let schema = format!("stage_{}", uuid::Uuid::now_v7().simple());
        let admin = Database::open(&server).await.expect("the server");
        // A schema's name cannot be bound; this one is made of hexadecimal digits.
        let create: &'static str = Box::leak(format!("CREATE SCHEMA {schema}").into_boxed_str());
        admin.execute(statement(create)).await.expect("a schema");
        admin.close().await;
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options[search_path]={schema}");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Stage { url, clock: Arc::new(FixedClock::at(NOON)), folder })
    }

    pub async fn open(&self) -> Database {
        Database::open(&self.url).await.expect("the database")
    }

    /// Moves the clock on.
    pub fn pass(&self, millis: i64) {
        use footfall_ingest_activity::Clock;
        self.clock.set(self.clock.now().plus_millis(millis));
    }
}

/// Says that a test is skipped and why; with CI set, nothing may be.
pub fn skip(test: &str, why: &str) {
    use std::io::Write;
    assert!(std::env::var_os("CI").is_none(), "{test}: {why} (with CI set, nothing may be skipped)");
    // The harness swallows what passing tests print; this has to reach tests/run.sh.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

fn postgres_server() -> Result<String, String> {
    static SERVER: OnceLock<Result<String, String>> = OnceLock::new();
    let given = || std::env::var("FOOTFALL_TEST_POSTGRES").or_else(|_| std::env::var("DATABASE_URL")).ok();
    SERVER.get_or_init(|| given().filter(|url| url.starts_with("postgres")).map_or_else(start_server, Ok)).clone()
}

fn start_server() -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/services/postgres");
    let output = Command::new(script).args(["up", &std::process::id().to_string()]).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// `on_both!(name, scene)` makes the tests `name::sqlite` and `name::postgres` out of `async fn scene(stage: &Stage)`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let stage = crate::stage::Stage::sqlite().await.expect("SQLite is built in");
                super::scenes::$name(&stage).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(stage) = crate::stage::Stage::postgres().await {
                    super::scenes::$name(&stage).await;
                }
            }
        }
    )+};
}
