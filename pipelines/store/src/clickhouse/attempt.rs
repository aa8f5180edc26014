//! What names a try to publish, so that the same is taken once and something else is not taken for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use footfall_ingest_activity::Checkpoint;
use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

use crate::tables::Table;
use crate::{Publication, StoreError};

/// That rows are sent under the next number, or were.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    fingerprint: u128,
    since: Instant,
}

impl Attempt {
    /// One that begins now.
    pub fn of(fingerprint: u128) -> Attempt {
        Attempt { fingerprint, since: Instant::now() }
    }

    /// Whether the same may be sent again: the database still knows what it took of it, and takes that once.
    pub fn goes_on(&self, fingerprint: u128, lasts: Duration) -> bool {
        self.fingerprint == fingerprint && self.since.elapsed() < lasts
    }
}

/// Who ids are now, as rows.
pub(super) fn changes_batch(changes: &[(Uuid, Uuid)]) -> Result<RecordBatch, StoreError> {
    let column = |of: fn(&(Uuid, Uuid)) -> Uuid| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(changes.iter().map(|pair| of(pair).hyphenated().to_string())))
    };
    Ok(RecordBatch::try_new(Table::PersonOverrides.schema(), vec![column(|pair| pair.0), column(|pair| pair.1)])?)
}

/// A checkpoint in words.
pub(super) fn shown(checkpoint: &Checkpoint) -> String {
    let offsets: Vec<String> = checkpoint.iter().map(|(partition, offset)| format!("{partition}:{offset}")).collect();
    offsets.join(",")
}

/// Equal for what is published again as it was.
pub(super) fn fingerprint(publication: &Publication) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(shown(&publication.checkpoint).as_bytes());
    publication.message_keys.iter().for_each(|key| hasher.update(&key.to_be_bytes()));
    for (project, rows) in &publication.rows {
        hasher.update(project.as_bytes());
        for (table, batch) in &rows.batches {
            hasher.update(table.name().as_bytes());
            hasher.update(&(batch.num_rows() as u64).to_be_bytes());
        }
        rows.person_changes.iter().for_each(|(own, now)| {
            hasher.update(own.as_bytes());
            hasher.update(now.as_bytes());
        });
    }
    hasher.digest128()
}
