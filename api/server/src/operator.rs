//! The operator's routes: the account of an import, and upkeep that normally runs by itself.

use async_trait::async_trait;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;

use crate::{Api, Problem};

/// What became of the activities of one run of `footfall import`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// New rows of `activity`.
    pub stored: u64,
    /// Activities that were there before.
    pub duplicate: u64,
    /// Items in `quarantine`.
    pub quarantined: u64,
    /// True when the jobs have read everything that was in the log when this was asked.
    pub caught_up: bool,
}

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// It runs already, or the program is starting or stopping.
    #[error("busy: {0}")]
    Busy(String),
    #[error("{0}")]
    Failed(String),
}

/// What the operator can ask the running program to do.
#[async_trait]
pub trait Operations: Send + Sync + 'static {
    /// The account of the import named `id`; all zeros for one that nothing came from yet.
    async fn import_account(&self, id: &str) -> Result<Account, OperationError>;

    /// Makes everything visible durable in the lake.
    async fn flush(&self) -> Result<(), OperationError>;

    /// Joins the lake's small files.
    async fn compact(&self) -> Result<(), OperationError>;
}

pub(crate) async fn import_account(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Account>, Problem> {
    if id.len() > 128 {
        return Err(Problem::bad_request("import_id_invalid", "An import's id has at most 128 bytes."));
    }
    Ok(Json(api.operations.import_account(&id).await.map_err(problem)?))
}

pub(crate) async fn flush(State(api): State<Api>) -> Result<StatusCode, Problem> {
    api.operations.flush().await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn compact(State(api): State<Api>) -> Result<StatusCode, Problem> {
    api.operations.compact().await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn problem(error: OperationError) -> Problem {
    match error {
        OperationError::Busy(detail) => Problem::unavailable("busy", detail, 1),
        OperationError::Failed(cause) => {
            tracing::error!(%cause, "an operation failed");
            Problem::internal()
        }
    }
}
