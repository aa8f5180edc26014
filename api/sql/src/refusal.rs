//! Why a door does not answer, in words for the asker.

use footfall_api_access::{AccessError, AccessErrorKind};
use footfall_pipelines_store::query::QueryError;

/// A refusal or a failure. Each door has its own codes for these.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Unknown, expired, revoked: one answer.
    #[error("the key or token is unknown, expired or revoked")]
    Secret,
    #[error("{0}")]
    Forbidden(String),
    /// There is no such project, or it is none of theirs.
    #[error("there is no project {0:?} for this key: name one that it reads")]
    Project(String),
    #[error("too many requests: wait and try again")]
    Limited,
    #[error("too much at once, try again in a moment")]
    Busy,
    /// The asker has ended the question.
    #[error("the question was ended by its asker")]
    Cancelled,
    /// The asker did not take the rows.
    #[error("the rows were not taken in time, so the question was ended")]
    Slow,
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("it failed inside; the server's log says why")]
    Internal,
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        match error.kind_and_code().0 {
            AccessErrorKind::Unauthenticated => Refusal::Secret,
            AccessErrorKind::Forbidden | AccessErrorKind::NotFound => Refusal::Forbidden(error.to_string()),
            AccessErrorKind::Busy => Refusal::Busy,
            _ => {
                tracing::error!(%error, "a door of SQL cannot ask who somebody is");
                Refusal::Internal
            }
        }
    }
}
