//! The seam: what every log backend promises.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use footfall_ingest_activity::{Checkpoint, Record};

use crate::LogError;

/// Whether a record of this kind and payload is to be taken out.
pub type IsErased = Arc<dyn Fn(u8, &[u8]) -> bool + Send + Sync>;

/// A record as the log gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    pub partition: u32,
    /// Place in the partition: 0, 1, 2 … without holes but for reported [`Damage`].
    pub offset: u64,
    /// [`Record::kind`].
    pub kind: u8,
    /// [`Record::payload`]; a slice of a shared block.
    pub payload: Bytes,
}

/// A stretch of a partition that could not be read back: its bytes were set aside, its offsets are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub partition: u32,
    /// First lost offset.
    pub from_offset: u64,
    /// First offset after the loss.
    pub to_offset: u64,
    /// File that holds the damaged bytes.
    pub kept_in: String,
    /// What was wrong.
    pub detail: String,
}

/// What a read returns: records in order of offset within each partition.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub records: Vec<LogRecord>,
    /// Damage met on the way; it is reported again to whoever reads over it again.
    pub damages: Vec<Damage>,
    /// Where the next read starts: the old checkpoint moved over everything in this batch.
    pub next: Checkpoint,
}

/// Sizes and places of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionStatus {
    pub partition: u32,
    /// Oldest offset still kept.
    pub first_offset: u64,
    /// Offset that the next append gets.
    pub end_offset: u64,
    pub segments: usize,
    pub bytes: u64,
}

/// A file of a log that is held for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFile {
    /// Below the folder of the log.
    pub path: String,
    /// What of it is durable; the file itself may grow.
    pub bytes: u64,
}

/// State of the whole log, for health checks and metrics.
#[derive(Debug, Clone, Default)]
pub struct LogStatus {
    pub partitions: Vec<PartitionStatus>,
    /// Why appends are refused just now, if they are.
    pub degraded: Option<String>,
    /// What is refused just now while the rest is taken, if something is.
    pub impaired: Option<String>,
    /// Every damage found since the log was opened.
    pub damages: Vec<Damage>,
    /// Bytes cut from a torn tail when the log was opened.
    pub torn_bytes: u64,
}

/// The durable log of activity.
///
/// Guarantees, the same for every backend (see `contract.rs`):
///
/// - **Durable**: when `append` returns `Ok`, all its records survive a killed process and a power cut.
/// - **Whole**: when it returns `Err`, the caller must treat them as not stored; they may still turn up (a retry is
///   told apart by message id, further down).
/// - **Ordered**: records with one partition key are read back in the order in which their appends were acknowledged,
///   and in the order of the vector within one append.
/// - **Complete**: a reader sees every offset once, or a [`Damage`] that covers it. Never a silent hole.
#[async_trait]
pub trait ActivityLog: Send + Sync + 'static {
    /// Appends all records, and returns once they are durable. The checkpoint returned is the smallest that covers them:
    /// a reader whose checkpoint covers it has seen them. An empty vector is durable at once.
    async fn append(&self, records: Vec<Record>) -> Result<Checkpoint, LogError>;

    /// Reads on from `from`: at most about `bytes_max` payload bytes (at least one record if there is one). At the end of
    /// the log it waits up to `wait` for more, then returns an empty batch.
    async fn read(&self, from: &Checkpoint, bytes_max: usize, wait: std::time::Duration) -> Result<Batch, LogError>;

    /// The end of the log now: the checkpoint of a reader that has read everything.
    fn end(&self) -> Checkpoint;

    /// [`ActivityLog::end`], once it is known of every partition: a log elsewhere may not have answered for all of them yet, and whoever
    /// copies a log must not take what was not told for the end.
    ///
    /// # Errors
    /// [`LogError::Away`] with the partition that nobody answers for.
    async fn whole_end(&self) -> Result<Checkpoint, LogError> {
        Ok(self.end())
    }

    /// `reader` will never again ask for anything below `checkpoint`. Retention deletes only what every registered
    /// reader has released and what age or size allow. A reader registers by releasing its starting point.
    fn release(&self, reader: &str, checkpoint: &Checkpoint);

    /// `reader` is gone and holds nothing back any more.
    fn forget(&self, _reader: &str) {}

    /// Puts files with everything durable into the folder `into`, laid out as the log itself; they stay when retention deletes
    /// the log's own. `None` from a log that keeps no files on this machine.
    async fn hold(&self, _into: &Path) -> Result<Option<Vec<HeldFile>>, LogError> {
        Ok(None)
    }

    /// Whether records can be taken out before their time.
    fn can_erase(&self) -> bool {
        false
    }

    /// Takes the records that `is_erased` names out of everything that was appended before: what is left of each is its
    /// offset, and [`Record::KIND_ERASED`]. How many there were.
    async fn erase(&self, is_erased: IsErased) -> Result<u64, LogError> {
        drop(is_erased);
        Err(LogError::CannotErase)
    }

    /// Sizes, damages and health.
    fn status(&self) -> LogStatus;

    /// Finishes what is under way and refuses further appends.
    async fn close(&self);
}
