//! From `database.url` to pools of connections. The one place that names the backends' settings.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::patience::bounded;
use super::{Backend, Database, DatabaseError};

/// Readers of one SQLite file at a time. They never wait for the writer (WAL).
const SQLITE_READERS: u32 = 8;
/// Connections to PostgreSQL; its default of 100 then serves several processes.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long to wait for a connection or for SQLite's lock. Longer than any transaction here takes, shorter than a
/// caller's patience.
const WAIT: Duration = Duration::from_secs(5);
/// Between two tries to open a file that others are opening.
const PAUSE: Duration = Duration::from_millis(50);

impl Database {
    /// Opens the database at `url`: `sqlite:PATH` (made when missing) or `postgres://…`. Call [`Database::migrate`] next.
    pub async fn open(url: &str) -> Result<Database, DatabaseError> {
        let backend = match url.split_once(':') {
            Some(("sqlite", path)) => open_sqlite(url, path).await?,
            Some(("postgres" | "postgresql", _)) => open_postgres(url).await?,
            _ => return Err(unreadable(url, "unknown scheme")),
        };
        Ok(Database { backend, replica: None })
    }
}

/// The address is repeated without anything that may be a password.
fn unreadable(url: &str, detail: &str) -> DatabaseError {
    let has_secret = |rest: &str| rest.contains('@') || rest.contains("password");
    let shown = url.split_once("://").filter(|(_, rest)| has_secret(rest)).map_or(url, |(scheme, _)| scheme);
    DatabaseError::Url { url: shown.to_owned(), detail: detail.to_owned() }
}

/// WAL, so that readers see a whole snapshot and never block the writer. `synchronous=FULL`: a commit is on the disk
/// before it is answered, since a power cut must not bring back a revoked session, a spent recovery code or a shorter
/// audit. `?synchronous=normal` trades that for speed; the file stays consistent either way.
///
/// One connection writes. Tasks wait for it in the pool's fair queue instead of colliding on SQLite's lock, and a write
/// transaction takes the lock at its start (`BEGIN IMMEDIATE`), so it cannot fail half-way for want of it. The busy timeout
/// is for other processes (`footfall admin …`, a backup).
async fn open_sqlite(url: &str, rest: &str) -> Result<Backend, DatabaseError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, synchronous) = match rest.split_once('?') {
        None => (rest, SqliteSynchronous::Full),
        Some((path, "synchronous=full")) => (path, SqliteSynchronous::Full),
        Some((path, "synchronous=normal")) => (path, SqliteSynchronous::Normal),
        Some(_) => return Err(unreadable(url, "the only option is synchronous=full or synchronous=normal")),
    };
    if path.is_empty() || path == ":memory:" {
        return Err(unreadable(url, "a file's path is needed"));
    }
    private_file(Path::new(path)).map_err(|error| DatabaseError::Open(format!("{path}: {error}")))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(WAIT)
        .statement_cache_capacity(256);
    let pool = || SqlitePoolOptions::new().acquire_timeout(WAIT).idle_timeout(None).max_lifetime(None);
    let writer = connect(pool().max_connections(1), &options, path).await?;
    let reading = options.pragma("query_only", "ON");
    let readers = connect(pool().max_connections(SQLITE_READERS), &reading, path).await?;
    Ok(Backend::Sqlite { writer, readers })
}

/// Connects, again and again for a while: of processes that start at once on a new file, all but one find it locked while its
/// journal becomes a WAL, and for that SQLite does not use the busy timeout.
async fn connect(
    pool: SqlitePoolOptions,
    options: &SqliteConnectOptions,
    path: &str,
) -> Result<sqlx::SqlitePool, DatabaseError> {
    let mut tries = WAIT.as_millis() / PAUSE.as_millis();
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Ok(pool) => return Ok(pool),
            Err(error) if tries > 0 && is_locked(&error) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(DatabaseError::Open(format!("{path}: {error}"))),
        }
        tries -= 1;
    }
}

/// SQLITE_BUSY in the low byte, whatever its extended code.
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|cause| cause.code()?.parse::<i64>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Hashes of passwords and keys are in it: for its owner alone. SQLite gives `-wal` and `-shm` the mode of the file.
fn private_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().create(true).append(true).mode(0o600).open(path).map(drop)
}

async fn open_postgres(url: &str) -> Result<Backend, DatabaseError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| unreadable(url, &error.to_string()))?;
    let pool = bounded(PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(WAIT));
    let pool = pool.connect_with(options).await.map_err(|error| DatabaseError::Open(error.to_string()))?;
    Ok(Backend::Postgres(pool))
}
