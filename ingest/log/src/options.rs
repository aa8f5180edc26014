//! How a log is opened, and what a verification of it found.

use std::path::PathBuf;
use std::sync::Arc;

use footfall_ingest_activity::{Clock, SystemClock};
use serde::Deserialize;

use crate::Damage;

/// Limits and sizes of a log. [`LogOptions::default`] is what the embedded server uses.
#[derive(Clone)]
pub struct LogOptions {
    /// Number of partitions; fixed when the log is first opened.
    pub partitions: u32,
    /// A segment file that has reached this size is closed and the next one begun.
    pub segment_bytes_max: u64,
    /// Largest single append, in payload bytes; at most 1 GiB.
    pub append_bytes_max: usize,
    /// Payload bytes that may wait to be durable, over all partitions; more is refused as saturated.
    pub waiting_bytes_max: usize,
    /// Payload bytes made durable by one fdatasync; what waits beyond goes with the next.
    pub group_bytes_max: usize,
    /// Released segments older than this are deleted; `None` keeps them whatever their age.
    pub retention_age_millis: Option<i64>,
    /// Released segments are deleted, oldest first, while the log is larger than this; `None` sets no limit.
    pub retention_bytes: Option<u64>,
    /// Appends are refused while the disk has less free than this.
    pub disk_reserve_bytes: u64,
    /// Newest uncompressed bytes kept in memory for readers that keep up, over all partitions.
    pub tail_cache_bytes: usize,
    /// How the brokers of a log on Kafka are signed in to.
    pub kafka: KafkaAccess,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for LogOptions {
    fn default() -> Self {
        LogOptions {
            partitions: 1,
            segment_bytes_max: 64 << 20,
            append_bytes_max: 32 << 20,
            waiting_bytes_max: 64 << 20,
            group_bytes_max: 8 << 20,
            retention_age_millis: Some(7 * 24 * 60 * 60 * 1000),
            retention_bytes: Some(10 << 30),
            disk_reserve_bytes: 256 << 20,
            tail_cache_bytes: 16 << 20,
            kafka: KafkaAccess::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Who the brokers of Kafka are told that we are, and how they prove who they are.
#[derive(Clone, Default)]
pub struct KafkaAccess {
    /// Signed in by SASL; `None` signs in as nobody.
    pub user: Option<String>,
    pub password: Option<Arc<str>>,
    pub mechanism: SaslMechanism,
    /// Whether the brokers are reached by TLS. Their certificates and host names are always verified.
    pub tls: bool,
    /// PEM of the authorities that sign the brokers' certificates; `None` takes those of the system.
    pub ca_file: Option<PathBuf>,
    /// PEM of our own certificate, where brokers ask for one, with those that lead to its authority.
    pub certificate_file: Option<PathBuf>,
    /// PEM of its key.
    pub key_file: Option<PathBuf>,
}

/// How a password is shown to the brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum SaslMechanism {
    /// As it is.
    #[default]
    #[serde(rename = "PLAIN")]
    Plain,
    /// Neither side tells it (RFC 5802).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    /// As it is registered at IANA.
    pub fn name(self) -> &'static str {
        match self {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// What `verify` found in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedPartition {
    pub partition: u32,
    pub segments: usize,
    pub frames: u64,
    /// Records that were read back, checksums and all.
    pub records: u64,
    /// Oldest offset kept.
    pub first_offset: u64,
    /// Offset that the next append would get.
    pub end_offset: u64,
    pub bytes: u64,
}

/// What a verification of the whole log found. Nothing is changed by it.
#[derive(Debug, Clone, Default)]
pub struct VerifyReport {
    pub partitions: Vec<VerifiedPartition>,
    /// Stretches that cannot be read; `kept_in` is the segment file itself.
    pub damages: Vec<Damage>,
    /// Bytes after the last whole frame, which the next opening will cut.
    pub torn_bytes: u64,
    /// Sentences about faults that lose no record (a damaged segment header).
    pub remarks: Vec<String>,
}

impl VerifyReport {
    /// True when every record that was ever acknowledged and not yet retired can be read.
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty()
    }
}
