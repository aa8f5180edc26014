//! What can go wrong with the log, and what a caller does about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Cloneable, because one failed write answers every request of its group.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The disk is full (or below the configured reserve). Nothing of the append is kept; try again later.
    #[error("the disk that holds the log is full")]
    DiskFull,
    /// Too many bytes wait to be written. Nothing of the append is kept; try again shortly.
    #[error("the log is saturated: {waiting_bytes} bytes wait to be written")]
    Saturated { waiting_bytes: usize },
    /// Writing failed. Nothing of the append is acknowledged; try again later.
    #[error("writing the log at {path}: {source}")]
    Write { path: PathBuf, source: Arc<io::Error> },
    /// Reading failed.
    #[error("reading the log at {path}: {source}")]
    Read { path: PathBuf, source: Arc<io::Error> },
    /// One append is larger than a log frame may be.
    #[error("an append of {bytes} bytes is larger than the limit of {bytes_max}")]
    AppendTooLarge { bytes: usize, bytes_max: usize },
    /// Another process has the log open.
    #[error("the log at {path} is in use by another process")]
    InUse { path: PathBuf },
    /// The folder holds a log of another format or with another number of partitions.
    #[error("the log at {path} cannot be opened: {detail}")]
    Incompatible { path: PathBuf, detail: String },
    /// The URL names no backend that this program has.
    #[error("log.url {url:?} names no log backend; known: file:PATH, kafka://HOST:PORT/TOPIC")]
    UnknownUrl { url: String },
    /// Kafka refused, cannot be reached, or was given a wrong setting. Nothing of an append is acknowledged.
    #[error("the log on Kafka, {doing}: {detail}")]
    Kafka { doing: &'static str, detail: String },
    /// The brokers of Kafka do not answer. Nothing of an append is acknowledged; opening may succeed later.
    #[error("the brokers of the log do not answer: {detail}")]
    Away { detail: String },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// True when the same append may succeed later: the client is told to retry.
    pub fn is_retryable(&self) -> bool {
        let is_passing = matches!(self, LogError::DiskFull | LogError::Saturated { .. } | LogError::Closed);
        is_passing || matches!(self, LogError::Write { .. } | LogError::Kafka { .. } | LogError::Away { .. })
    }
}
