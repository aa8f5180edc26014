//! What can go wrong in the store, and what a caller does about it.

use std::io;
use std::path::PathBuf;

/// Errors of the store. Those of a question carry text for the asker; the others are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{action} {path}: {source}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the manifest {path} cannot be read: {detail}")]
    Manifest { path: PathBuf, detail: String },
    #[error("the lake at {path} is in use by another process")]
    InUse { path: PathBuf },
    #[error("the tables were written by a newer version: format {found}, this program knows {known}")]
    TooNew { found: u32, known: u32 },
    #[error(
        "the tables are at version {found}, and this program knows {known}: use the one that wrote them, or start this one once"
    )]
    TooOld { found: u32, known: u32 },
    #[error("store.url {url:?} names no store; known: file:PATH and clickhouse://USER:PASSWORD@HOST:PORT/DATABASE")]
    UnknownUrl { url: String },
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error(transparent)]
    DataFusion(#[from] datafusion::error::DataFusionError),
    #[error("the database {what} is away: {detail}")]
    Away { what: String, detail: String },
    #[error("the database has refused: {detail}")]
    Refused { code: u32, detail: String },
    #[error("another process publishes to this database now")]
    Fenced,
    #[error("a person was forgotten meanwhile: the rows are to be made again")]
    Outdated,
    #[error("this store cannot forget persons")]
    CannotErase,
    #[error("a background task ended early: {0}")]
    Task(String),
}

impl StoreError {
    /// For `map_err` on file operations: what was done to which path.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::File { action, path, source }
    }
}
