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
    /// The brokers of Kafka refuse us, or are not who they should be. Trying again changes nothing.
    #[error("the brokers of the log and we do not agree who is who: {detail}")]
    Refused { detail: String },
    /// How the brokers are signed in to cannot be as the settings say.
    #[error(transparent)]
    Access(#[from] KafkaAccessError),
    /// The next record is of a program that writes records otherwise. Nothing is passed over; trying again changes nothing.
    #[error(
        "the record at partition {partition}, offset {offset} of the log has schema version {version}, which this program does not \
         know: update the program"
    )]
    OtherVersion { partition: u32, offset: u64, version: String },
    /// Records stay until retention takes them.
    #[error("this log cannot take single records out")]
    CannotErase,
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

/// What is wrong with the settings of who is who on Kafka.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KafkaAccessError {
    #[error("log.kafka_user is set without log.kafka_password_file")]
    NoPassword,
    #[error("log.kafka_password_file is set without log.kafka_user")]
    NoUser,
    #[error("log.kafka_certificate_file and log.kafka_key_file go together: set both, or neither")]
    HalfCertificate,
    #[error("{setting} is of use with TLS alone: set log.kafka_tls = true, or leave it out")]
    NoTls { setting: &'static str },
    #[error("{setting}: {path} cannot be read: {source}")]
    File { setting: &'static str, path: PathBuf, source: Arc<io::Error> },
    #[error("{setting}: {path} holds no {wanted} in PEM")]
    NotPem { setting: &'static str, path: PathBuf, wanted: &'static str },
    #[error(
        "log.kafka_key_file: the key in {path} is sealed by a password; keep it open, in a file that nobody else can read (openssl pkey)"
    )]
    Sealed { path: PathBuf },
}
