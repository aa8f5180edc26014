//! What can go wrong with the database, told apart as callers need it.

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("database.url {url:?} is not understood: {detail}; write sqlite:PATH or postgres://user@host/name")]
    Url { url: String, detail: String },
    #[error("database.replica_url: {detail}")]
    Replica { detail: String },
    #[error("the database cannot be opened: {0}")]
    Open(String),
    #[error(
        "the database is at version {found}, and this program knows versions up to {known}: a newer Footfall has \
         written it; start that one or a later one, or restore the backup made before the upgrade"
    )]
    Newer { found: i64, known: i64 },
    #[error("migration {version} ({name}) was applied with another text; a released migration must not be edited")]
    Edited { version: i64, name: String },
    #[error("migration {version} ({name}) failed: {source}")]
    Migration { version: i64, name: &'static str, source: sqlx::Error },
    /// A row with this key is there already.
    #[error("the row is there already")]
    Unique,
    /// The row that is referred to is missing, or is still referred to.
    #[error("a row that is referred to is missing")]
    ForeignKey,
    /// Others were in the way for too long; the same call may succeed when repeated.
    #[error("the database is busy")]
    Busy,
    #[error("the statement takes {wanted} values and was given {given}")]
    Values { wanted: usize, given: usize },
    #[error("the database failed: {0}")]
    Query(sqlx::Error),
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(cause) = &error else {
            return match error {
                sqlx::Error::PoolTimedOut => DatabaseError::Busy,
                // The server has gone, or a proxy before it.
                sqlx::Error::Io(error) => {
                    tracing::warn!(%error, "the connection to the database is lost");
                    DatabaseError::Busy
                }
                other => DatabaseError::Query(other),
            };
        };
        if cause.is_unique_violation() {
            DatabaseError::Unique
        } else if cause.is_foreign_key_violation() {
            DatabaseError::ForeignKey
        } else if cause.code().is_some_and(|code| BUSY.contains(&code.as_ref())) {
            DatabaseError::Busy
        } else {
            DatabaseError::Query(error)
        }
    }
}

/// SQLITE_BUSY and its extended codes (recovery, snapshot, timeout); PostgreSQL's serialization failure, deadlock and
/// lock timeout; a server that stops, has crashed or starts, or has no connection left; a transaction that stood still.
const BUSY: &[&str] =
    &["5", "261", "517", "773", "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "25P03"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_lost_is_no_failure_of_the_program() {
        let lost = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert!(matches!(DatabaseError::from(lost), DatabaseError::Busy));
        assert!(matches!(DatabaseError::from(sqlx::Error::RowNotFound), DatabaseError::Query(_)));
    }
}
