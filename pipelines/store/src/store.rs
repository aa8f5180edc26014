//! The seam: what every store promises to the jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use footfall_ingest_activity::{Checkpoint, Erasure, Erasures};
use uuid::Uuid;

use crate::tables::Table;
use crate::{ErasureRecord, StoreError};

/// Rows for the tables of one project.
#[derive(Debug, Clone, Default)]
pub struct TableRows {
    /// Rows to append, by table; the schema is [`Table::fresh_schema`].
    pub batches: BTreeMap<Table, RecordBatch>,
    /// Ids whose person changed: own person of the id to the person it is now (equal to its own after an undo).
    pub person_changes: Vec<(Uuid, Uuid)>,
}

/// What a job read from one stretch of the log, for all tables at once.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    /// By project.
    pub rows: BTreeMap<Arc<str>, TableRows>,
    /// Keys of the activities in `rows`, see [`Store::is_new`].
    pub message_keys: Vec<u128>,
    /// Everything of the log below this is in `rows` or was published before.
    pub checkpoint: Checkpoint,
    /// How many persons were forgotten when the rows were made, see [`Store::erasures`].
    pub erasures: u64,
    /// Log records that went into it, for the metrics.
    pub records: u64,
}

/// Where the jobs put rows.
///
/// - **Atomic**: readers see all rows of a publication or none, in all tables of all projects.
/// - **Exactly once**: what survives a crash is exactly the rows of the log below [`Store::durable_checkpoint`]. A job
///   starts there, and replays what was visible but not yet durable.
/// - **Counted once**: [`Store::is_new`] knows every message key published in the de-duplication window, before and
///   after a restart.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Where a job starts reading.
    fn durable_checkpoint(&self) -> Checkpoint;

    /// Up to where queries see the log now.
    fn visible_checkpoint(&self) -> Checkpoint;

    /// From here on this store publishes, and whoever did before gets [`StoreError::Fenced`]; it stands at the last publication of
    /// anybody then. A store that one process has to itself always does.
    async fn lead(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Grows while rows come of what [`Store::lead`] and [`Store::read_all`] read, which may be many: who waits sees that it goes on.
    fn bytes_read(&self) -> u64 {
        0
    }

    /// Publishes no more, and shows what others publish.
    async fn follow(&self) {}

    /// For each key: true when neither a publication nor an earlier place in `keys` had it.
    fn is_new(&self, keys: &[u128]) -> Result<Vec<bool>, StoreError>;

    /// Makes rows visible. It waits (and so holds back the job) while too much is not yet durable.
    async fn publish(&self, publication: Publication) -> Result<(), StoreError>;

    /// Makes everything visible durable.
    async fn flush(&self) -> Result<(), StoreError>;

    /// Every row of a small table of a project, in order of publication: how a job gets its state back at start.
    async fn read_all(&self, project: &str, table: Table) -> Result<Vec<RecordBatch>, StoreError>;

    /// Projects that have rows.
    fn projects(&self) -> Vec<Arc<str>>;

    /// Forgets a person: takes note of it for good, takes the rows of all its ids out of all answers at once, and then out
    /// of the files. `persons` and `at` of what is given are found here, at a moment without publications. A publication
    /// that was made before is refused as [`StoreError::Outdated`].
    async fn erase(&self, erasure: Erasure) -> Result<ErasureRecord, StoreError> {
        drop(erasure);
        Err(StoreError::CannotErase)
    }

    /// Forgets whom another installation has forgotten, of which this one is a copy; those that are known already are left as they
    /// are. With the ids and the moment that were noted there; where none were, as [`Store::erase`] does. Into a store that is
    /// to be filled, before the rows: they are without those people, and have who came later under the same ids.
    async fn learn_erasures(&self, records: Vec<ErasureRecord>) -> Result<(), StoreError> {
        if records.is_empty() { Ok(()) } else { Err(StoreError::CannotErase) }
    }

    /// Who is forgotten: a job drops what the log still has of them.
    fn erasures(&self) -> Arc<Erasures> {
        Arc::default()
    }

    /// How far each of them is.
    fn erasure_records(&self) -> Vec<ErasureRecord> {
        Vec::new()
    }

    /// The log has nothing of the person any more.
    async fn note_log_erased(&self, id: Uuid) -> Result<(), StoreError> {
        let _ = id;
        Err(StoreError::CannotErase)
    }
}
