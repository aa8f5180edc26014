//! Reads that may be a few seconds old, on a replica of PostgreSQL that streams from the database: its state is compared with the
//! database's own, so that one that has fallen behind, or does not answer, is not asked.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinHandle;

use super::row::{Inner, Row};
use super::{Backend, Call, Database, DatabaseError, Statement};

/// How old an answer may be.
const LATE_MAX: Duration = Duration::from_secs(5);
/// How often the replica is compared.
const BEAT: Duration = Duration::from_millis(250);
/// Of reads and comparisons; one that hangs is left alone.
const WAIT: Duration = Duration::from_secs(2);
const CONNECTIONS: u32 = 8;

/// Connections to a replica, and the moment up to which it is known to have everything.
pub(super) struct Replica {
    pool: PgPool,
    has_until: Arc<Mutex<Option<Instant>>>,
    comparing: JoinHandle<()>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.comparing.abort();
    }
}

impl Replica {
    fn is_fresh(&self) -> bool {
        let has_until = *self.has_until.lock().unwrap_or_else(PoisonError::into_inner);
        has_until.is_some_and(|moment| moment.elapsed() < LATE_MAX)
    }

    pub async fn close(&self) {
        self.comparing.abort();
        self.pool.close().await;
    }

    /// Until it has been compared again.
    fn leave_alone(&self) {
        *self.has_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Database {
    /// Has [`Database::read_late`] read on the replica at `url`, which need not answer yet.
    ///
    /// # Errors
    /// The address is none of PostgreSQL, or the database itself is none.
    pub fn with_replica(self, url: &str) -> Result<Database, DatabaseError> {
        let refused = |detail: &str| DatabaseError::Replica { detail: detail.to_owned() };
        let Backend::Postgres(primary) = &self.backend else {
            return Err(refused("database.url is none of PostgreSQL, so that nothing can stream from it"));
        };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(refused("write postgres://user@host/name"));
        }
        // The address may hold a password: what is wrong is said without it.
        let options = PgConnectOptions::from_str(url).map_err(|error| refused(&error.to_string()))?;
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(WAIT).connect_lazy_with(options);
        let has_until = Arc::new(Mutex::new(None));
        let comparing = tokio::spawn(compare(primary.clone(), pool.clone(), has_until.clone()));
        let replica = Some(Arc::new(Replica { pool, has_until, comparing }));
        Ok(Database { replica, ..self })
    }

    /// All rows that `statement` found at most five seconds ago; for lists that nobody decides by.
    pub fn read_late(&self, statement: Statement) -> Call<'_, Vec<Row>> {
        let Some(replica) = self.replica.as_ref().filter(|replica| replica.is_fresh()) else {
            if self.replica.is_some() {
                metrics::counter!("footfall_database_late_reads_total", "from" => "primary").increment(1);
            }
            return self.read(statement);
        };
        Box::pin(async move {
            let reading =
                async { Ok::<_, DatabaseError>(statement.clone().postgres()?.fetch_all(&replica.pool).await?) };
            let from = match tokio::time::timeout(WAIT, reading).await {
                Ok(Ok(rows)) => {
                    metrics::counter!("footfall_database_late_reads_total", "from" => "replica").increment(1);
                    return Ok(rows.into_iter().map(|row| Row(Inner::Postgres(row))).collect());
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {WAIT:?}"),
            };
            tracing::debug!("the replica of the database is left alone: {from}");
            replica.leave_alone();
            metrics::counter!("footfall_database_late_reads_total", "from" => "primary").increment(1);
            self.read(statement).await
        })
    }
}

/// Asks the database where it is, and the replica whether it has come as far: then it has everything up to the moment of the first
/// question.
async fn compare(primary: PgPool, replica: PgPool, has_until: Arc<Mutex<Option<Instant>>>) {
    let mut was_fresh = None;
    loop {
        let asked = Instant::now();
        let compared = async {
            let here: String =
                sqlx::query_scalar("SELECT pg_current_wal_insert_lsn()::text").fetch_one(&primary).await?;
            // One that was made a primary of its own streams nothing any more.
            let has_it = "SELECT pg_is_in_recovery() AND COALESCE(pg_last_wal_replay_lsn() >= $1::pg_lsn, FALSE)";
            loop {
                if sqlx::query_scalar::<_, bool>(has_it).bind(&here).fetch_one(&replica).await? {
                    return Ok::<_, sqlx::Error>(());
                }
                tokio::time::sleep(BEAT / 5).await;
            }
        };
        let told = match tokio::time::timeout(WAIT, compared).await {
            Ok(Ok(())) => {
                *has_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it is behind".to_owned()),
        };
        let is_fresh = told.is_none();
        if was_fresh.replace(is_fresh) != Some(is_fresh) {
            match told {
                None => tracing::info!("the replica of the database is read from"),
                Some(why) => tracing::warn!("the replica of the database is not read from: {why}"),
            }
        }
        tokio::time::sleep(BEAT).await;
    }
}
