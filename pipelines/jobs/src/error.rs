//! What can hold a job up. It is tried again until it passes: nothing in the log is skipped.

use footfall_ingest_log::LogError;
use footfall_pipelines_store::StoreError;

/// Why a turn of the job did not end.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("reading the log: {0}")]
    Log(#[from] LogError),
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    #[error("building rows: {0}")]
    Rows(#[from] arrow::error::ArrowError),
    #[error("the transform panicked: {0}")]
    Panicked(String),
}
