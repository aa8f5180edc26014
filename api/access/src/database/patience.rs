//! How long a server of PostgreSQL and a process wait for each other: a machine that is gone without a word leaves connections that look
//! alive, and what they hold.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, Executor};
use tokio::time::timeout;

use super::DatabaseError;

/// Longest time of one statement: shorter than that of a request.
pub(super) const STATEMENT: Duration = Duration::from_secs(20);
/// A connection that is given back and says nothing for so long is closed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// What a process holds in a transaction others wait for. The server ends a session that stands still in one, and notices before long
/// that the machine of a client is gone.
const SESSION: &str = "SET idle_in_transaction_session_timeout = 10000; SET tcp_keepalives_idle = 30; \
                       SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;";
/// For a transaction that stands still while it is worked on elsewhere.
pub(super) const UNHURRIED: &str = "SET LOCAL idle_in_transaction_session_timeout = 0";

/// The answer, if it comes within `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, DatabaseError> {
    match timeout(limit, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(DatabaseError::Busy),
    }
}

/// Connections that nobody is held up by.
pub(super) fn bounded(options: PgPoolOptions) -> PgPoolOptions {
    options
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                Ok(())
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                // Without it the pool would wait for the answer that the last one did not wait for, and have a place less.
                match timeout(SIGN_OF_LIFE, connection.ping()).await {
                    Ok(answer) => answer.map(|()| true),
                    Err(_) => Err(sqlx::Error::PoolTimedOut),
                }
            })
        })
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for() {
        let silent = within(Duration::ZERO, pending::<Result<(), sqlx::Error>>()).await;
        assert!(matches!(silent, Err(DatabaseError::Busy)), "{silent:?}");
        assert!(within(STATEMENT, ready(Ok(()))).await.is_ok());
    }
}
