//! The operator's routes: the account of an import, and upkeep that normally runs by itself.

use async_trait::async_trait;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, problem};
use footfall_api_http::{Done, Kind, Path, Problem, Routes, Told, get, post};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::Data;

static OPERATION_BUSY: Kind =
    Kind::new(StatusCode::SERVICE_UNAVAILABLE, "operation_busy", "It runs already, or the program starts or stops.");

/// Compaction of a large lake takes its time.
const LONG: Duration = Duration::from_secs(3600);

/// What became of the activities of one run of `footfall import`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Account {
    /// New rows of `activity`.
    pub stored: u64,
    /// Activities that were there before.
    pub duplicate: u64,
    /// Items in `quarantine`.
    pub quarantined: u64,
    /// Activities of persons who are forgotten: they make no rows.
    pub erased: u64,
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

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImportPlace {
    #[schemars(length(min = 1, max = 128))]
    import: String,
}

pub(crate) fn routes() -> Routes<Data, May> {
    let operator = May(Permission::InstallationManage);
    Routes::new(
        "operator",
        "What the commands of whoever runs this installation ask of the running program.",
        [
            get(
                "/v1/operator/imports/{import}",
                operator,
                import_account,
                "What became of the activities of an import.",
            )
            .raises([&OPERATION_BUSY]),
            post("/v1/operator/flush", operator, flush, "Makes everything visible durable.")
                .time_max(LONG)
                .raises([&OPERATION_BUSY]),
            post("/v1/operator/compact", operator, compact, "Joins the lake's small files.")
                .time_max(LONG)
                .raises([&OPERATION_BUSY]),
            post("/v1/operator/refresh", operator, refresh, "Takes note at once of keys that a command has changed."),
        ],
    )
}

async fn import_account(State(data): State<Data>, Path(place): Path<ImportPlace>) -> Result<Told<Account>, Problem> {
    Ok(Told(data.operations.import_account(&place.import).await.map_err(failed)?))
}

async fn flush(State(data): State<Data>) -> Result<Done, Problem> {
    data.operations.flush().await.map_err(failed).map(|()| Done)
}

async fn compact(State(data): State<Data>) -> Result<Done, Problem> {
    data.operations.compact().await.map_err(failed).map(|()| Done)
}

async fn refresh(State(data): State<Data>) -> Result<Done, Problem> {
    data.access.catch_up().await.map_err(problem).map(|()| Done)
}

fn failed(error: OperationError) -> Problem {
    match error {
        OperationError::Busy(detail) => Problem::retry(&OPERATION_BUSY, Duration::from_secs(1)).detail(detail),
        OperationError::Failed(cause) => Problem::internal(cause),
    }
}
