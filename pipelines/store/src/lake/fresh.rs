//! Rows that are visible but not in files yet: one generation collects, the one before it is being written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use footfall_ingest_activity::{Checkpoint, Timestamp};

use super::key_index::KeySet;
use super::snapshot::Overrides;
use crate::tables::Table;
use crate::{Publication, StoreError};

/// Batches below this many rows are joined when there are many of them.
const SMALL_ROWS: usize = 4_096;
const SMALL_BATCHES_MAX: usize = 24;

/// Rows published since the last seal.
#[derive(Debug, Default)]
pub(super) struct Generation {
    pub rows: BTreeMap<(Arc<str>, Table), Vec<RecordBatch>>,
    pub keys: KeySet,
    pub checkpoint: Checkpoint,
    /// Projects whose overrides changed, and, once sealed, what they were then.
    pub overrides_changed: BTreeSet<Arc<str>>,
    pub overrides: BTreeMap<Arc<str>, Arc<Overrides>>,
    pub newest_received: Timestamp,
    pub bytes: usize,
    pub activities: u64,
    /// When the first publication came.
    pub since: Option<Instant>,
}

impl Generation {
    /// Nothing was published into it.
    pub fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// Takes the rows and keys of a publication; the overrides are the lake's business.
    pub fn add(&mut self, publication: Publication, received_at: Timestamp) -> Result<(), StoreError> {
        self.since.get_or_insert_with(Instant::now);
        self.newest_received = self.newest_received.max(received_at);
        self.bytes += publication.message_keys.len() * 32;
        self.keys.extend(publication.message_keys);
        self.checkpoint.merge(&publication.checkpoint);
        for (project, rows) in publication.rows {
            if !rows.person_changes.is_empty() {
                self.overrides_changed.insert(project.clone());
            }
            for (table, batch) in rows.batches {
                if batch.num_rows() == 0 {
                    continue;
                }
                if table == Table::Activity {
                    self.activities += batch.num_rows() as u64;
                }
                self.bytes += batch.get_array_memory_size();
                let batches = self.rows.entry((project.clone(), table)).or_default();
                batches.push(batch);
                join_small(table, batches)?;
            }
        }
        Ok(())
    }
}

/// Many small batches at the end become one, so that a question has few to read. Order is kept.
fn join_small(table: Table, batches: &mut Vec<RecordBatch>) -> Result<(), StoreError> {
    let small = batches.iter().rev().take_while(|batch| batch.num_rows() < SMALL_ROWS).count();
    if small >= SMALL_BATCHES_MAX {
        let tail = batches.split_off(batches.len() - small);
        batches.push(concat_batches(&table.fresh_schema(), &tail)?);
    }
    Ok(())
}
