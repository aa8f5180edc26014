//! What ends a command early, and with which exit code.

use std::io;
use std::path::PathBuf;

use footfall_api_access::{AccessError, DatabaseError, VaultError};
use footfall_api_boards::BoardError;
use footfall_api_experiments::ExperimentError;
use footfall_ingest_log::LogError;
use footfall_pipelines_insights_feed::AskError;
use footfall_pipelines_store::StoreError;
use footfall_pipelines_store::query::QueryError;

use crate::backup::BackupError;
use crate::config::ConfigError;
use crate::migrate::MigrateError;
use crate::token::TokenError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Boards(#[from] BoardError),
    #[error(transparent)]
    Experiments(#[from] ExperimentError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Insights(#[from] AskError),
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("{0}: {1}")]
    Input(String, String),
    #[error("cannot listen on {0}: {1}")]
    Listen(String, io::Error),
    #[error("the server at {0}: {1}")]
    Server(String, String),
    #[error("writing the output: {0}")]
    Output(#[from] io::Error),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Internal(String),
    /// The command has said everything already.
    #[error("")]
    Damaged,
}

impl AppError {
    /// For `map_err` on file operations.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> AppError {
        let path = path.into();
        move |source| AppError::File(path, source)
    }

    /// 2 for what was asked wrongly, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            AppError::Config(_) | AppError::Usage(_) | AppError::Log(LogError::Access(_)) => 2,
            _ => 1,
        }
    }
}
