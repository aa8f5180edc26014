//! Leadership: of all processes that share a database, one at a time does what must be done by one.
//!
//! On PostgreSQL the leader holds an advisory lock in a session of its own. The server gives the lock away when that session ends,
//! however it ends; the leader asks over the same session twice a second whether it still has it. A SQLite file has one process.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::{Backend, Database};

/// Between two tries to become the leader, and between two looks whether we still are.
const LOOK: Duration = Duration::from_millis(500);
/// A session that answers later than this is taken for lost.
const ANSWER: Duration = Duration::from_secs(2);
/// Waiting for a database that is away.
const AWAY: Duration = Duration::from_secs(1);

/// A process that hangs, or whose machine is gone without a word, loses the lock within seconds.
const SESSION: &[&str] = &[
    "SET idle_session_timeout = 5000",
    "SET tcp_keepalives_idle = 4",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 2",
];

/// While it is there and not [lost](Lead::lost), this process leads. Dropped, it gives the lead away.
pub struct Lead {
    lost: watch::Receiver<bool>,
    _held: Held,
}

/// What its drop ends.
enum Held {
    Nothing(#[expect(dead_code, reason = "kept")] watch::Sender<bool>),
    Session(#[expect(dead_code, reason = "kept")] oneshot::Sender<()>),
}

impl Lead {
    /// One that nobody can take.
    fn alone() -> Lead {
        let (told, lost) = watch::channel(false);
        Lead { lost, _held: Held::Nothing(told) }
    }

    /// Becomes true, or loses its sender, once somebody else may lead.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.lost.clone()
    }

    /// Resolves when somebody else may lead.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut lost = self.lost.clone();
        async move { drop(lost.wait_for(|lost| *lost).await) }
    }
}

impl Database {
    /// Waits until this process leads in `what`, however long that takes. While the database is away nobody becomes a leader.
    pub async fn lead(&self, what: &str) -> Lead {
        let Backend::Postgres(pool) = &self.backend else { return Lead::alone() };
        let (options, key) = (pool.connect_options(), key_of(what));
        let mut is_away = false;
        loop {
            match begin(&options, key).await {
                Ok(session) => {
                    tracing::info!(what, "this process leads");
                    return watched(session, what.to_owned());
                }
                Err(Not::Ours(session)) => {
                    is_away = false;
                    if let Some(session) = taken_later(session, key).await {
                        tracing::info!(what, "this process leads");
                        return watched(session, what.to_owned());
                    }
                }
                Err(Not::Reached(error)) => {
                    if !std::mem::replace(&mut is_away, true) {
                        tracing::warn!(what, %error, "nobody can be made the leader: the database is away");
                    }
                    sleep(AWAY).await;
                }
            }
        }
    }
}

/// Why we do not lead.
enum Not {
    Ours(PgConnection),
    Reached(sqlx::Error),
}

async fn begin(options: &Arc<PgConnectOptions>, key: i64) -> Result<PgConnection, Not> {
    let connecting = async {
        let mut session = PgConnection::connect_with(options).await?;
        for setting in SESSION {
            // Versions before 14 do not know the first.
            drop(sqlx::raw_sql(*setting).execute(&mut session).await);
        }
        let is_ours = try_lock(&mut session, key).await?;
        Ok::<_, sqlx::Error>((session, is_ours))
    };
    match timeout(ANSWER, connecting).await {
        Ok(Ok((session, true))) => Ok(session),
        Ok(Ok((session, false))) => Err(Not::Ours(session)),
        Ok(Err(error)) => Err(Not::Reached(error)),
        Err(_) => Err(Not::Reached(sqlx::Error::PoolTimedOut)),
    }
}

async fn try_lock(session: &mut PgConnection, key: i64) -> Result<bool, sqlx::Error> {
    // Installations may share a database, each in a schema of its own.
    let lock = "SELECT pg_try_advisory_lock($1 # hashtextextended(coalesce(current_schema()::text, ''), 0))";
    sqlx::query_scalar::<_, bool>(lock).bind(key).fetch_one(session).await
}

/// Tries again over the same session until the lock is ours; `None` when the session is lost.
async fn taken_later(mut session: PgConnection, key: i64) -> Option<PgConnection> {
    loop {
        sleep(LOOK).await;
        match timeout(ANSWER, try_lock(&mut session, key)).await {
            Ok(Ok(true)) => return Some(session),
            Ok(Ok(false)) => {}
            _ => return None,
        }
    }
}

/// Keeps the session until the lead is dropped, and says when it is lost.
fn watched(mut session: PgConnection, what: String) -> Lead {
    let (told, lost) = watch::channel(false);
    let (end, mut ended) = oneshot::channel::<()>();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = &mut ended => break,
                () = sleep(LOOK) => {}
            }
            let asked = timeout(ANSWER, sqlx::raw_sql("SELECT 1").execute(&mut session)).await;
            if !matches!(asked, Ok(Ok(_))) {
                tracing::warn!(what, "the session that held the lead is lost: another process may lead now");
                told.send_replace(true);
                return;
            }
        }
        // An orderly end lets the next one in at once.
        drop(timeout(ANSWER, session.close()).await);
    });
    Lead { lost, _held: Held::Session(end) }
}

/// The lock of a name: FNV-1a, so that it stays the same from version to version.
fn key_of(what: &str) -> i64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    i64::from_ne_bytes(what.bytes().fold(0xcbf2_9ce4_8422_2325, hash).to_ne_bytes())
}
