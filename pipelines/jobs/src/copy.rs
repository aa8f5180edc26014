//! From one store into another: how an installation moves onto ClickHouse, and back onto files.
//!
//! Rows are published in batches, and how many there were stands in the checkpoint of the target, in a partition that no log has.
//! So a copy that was killed goes on behind the last batch, if the source gives its rows in the same order again: files do. The
//! checkpoint of the log that the target belongs to comes with the last publication.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, TimestampMillisecondType};
use footfall_ingest_activity::{Checkpoint, Timestamp};
use footfall_pipelines_store::lake::Overrides;
use footfall_pipelines_store::remote::Rows;
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::{Backend, ErasureRecord, Publication, Store, StoreError, TableRows};
use futures::StreamExt;

use crate::keys::{message_key, quarantine_key, resolved_key};

/// Partitions that no log has: how many batches are in the target, and whether that is all.
const BATCHES: u32 = u32::MAX;
const ENDED: u32 = u32::MAX - 1;

/// Where rows are copied from; it must not change meanwhile.
pub trait CopySource: Send + Sync {
    /// Projects that have rows.
    fn projects(&self) -> Vec<Arc<str>>;

    /// All rows of a table of a project.
    fn rows(&self, project: &str, table: Table) -> Rows;

    /// Who the ids of a project are: own person to the person it is.
    fn overrides(&self, project: &str) -> Arc<Overrides>;

    /// Who is forgotten, or shall be.
    fn erasures(&self) -> Vec<ErasureRecord>;
}

impl CopySource for Backend {
    fn projects(&self) -> Vec<Arc<str>> {
        self.store().projects()
    }

    fn rows(&self, project: &str, table: Table) -> Rows {
        Backend::rows(self, project, table)
    }

    fn overrides(&self, project: &str) -> Arc<Overrides> {
        Backend::overrides(self, project)
    }

    fn erasures(&self) -> Vec<ErasureRecord> {
        self.store().erasure_records()
    }
}

/// What a copy goes by.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    /// Where the target goes on reading its log.
    pub checkpoint: Checkpoint,
    /// Ids of activities that were received before need not be known any more.
    pub known_from: Timestamp,
    /// Rows of a publication, about.
    pub batch_rows: usize,
}

/// Copies all tables of all projects, and tells how many rows were done each time.
///
/// The target is empty, or was begun by this function from the same source. Returns the rows by project and table.
pub async fn copy_tables(
    from: &dyn CopySource,
    to: &Backend,
    options: &CopyOptions,
    mut told: impl FnMut(u64),
) -> Result<BTreeMap<String, u64>, StoreError> {
    let target = to.store();
    let there = target.durable_checkpoint();
    let mut copy = Copy { done: there.next_offset(BATCHES), number: 0, target, options };
    // Names of projects alone are what a copy that was killed in its first publication has left.
    if there.next_offset(ENDED) == 0 && there.next_offset(BATCHES) == 0 && there.iter().next().is_some() {
        return Err(StoreError::Task("the target holds rows that are not of this copy".to_owned()));
    }
    // Before the rows: those that were found are in none of them, and who came later with their ids is.
    let is_found = |record: &ErasureRecord| !record.erasure.persons.is_empty();
    if there.next_offset(ENDED) == 0 {
        copy.target.learn_erasures(from.erasures().into_iter().filter(is_found).collect()).await?;
    }
    let mut counts = BTreeMap::new();
    let mut last = Publication { checkpoint: options.checkpoint.clone(), ..Publication::default() };
    for project in from.projects() {
        for &table in Table::ALL.iter().filter(|table| **table != Table::PersonOverrides) {
            let rows = copy.table(from, &project, table, &mut told).await?;
            counts.insert(format!("{project}/{}", table.name()), rows);
        }
        let mut person_changes: Vec<_> =
            from.overrides(&project).iter().map(|(own, canonical)| (*own, *canonical)).collect();
        person_changes.sort_unstable();
        last.rows.insert(project, TableRows { person_changes, ..TableRows::default() });
    }
    if there.next_offset(ENDED) == 0 {
        last.checkpoint.advance(BATCHES, copy.number);
        last.checkpoint.advance(ENDED, 1);
        last.erasures = copy.target.erasures().version();
        copy.target.publish(last).await?;
    }
    copy.target.learn_erasures(from.erasures()).await?;
    copy.target.flush().await?;
    Ok(counts)
}

/// True when the tables of a copy are all there.
pub fn is_complete(to: &Backend) -> bool {
    to.store().durable_checkpoint().next_offset(ENDED) > 0
}

/// True when a copy was begun and not ended.
pub fn is_begun(to: &Backend) -> bool {
    is_half(&*to.store())
}

/// The same of a store: it holds a part of what it is to hold, and nothing else may be put into it.
pub fn is_half(store: &dyn Store) -> bool {
    let there = store.durable_checkpoint();
    there.next_offset(ENDED) == 0 && there.next_offset(BATCHES) > 0
}

/// A checkpoint of tables without what a copy has noted in it.
pub fn places_in_log(checkpoint: &Checkpoint) -> Checkpoint {
    checkpoint.iter().filter(|(partition, _)| *partition < ENDED).collect()
}

struct Copy<'a> {
    /// Batches that the target has from an earlier run.
    done: u64,
    number: u64,
    target: Arc<dyn Store>,
    options: &'a CopyOptions,
}

impl Copy<'_> {
    async fn table(
        &mut self,
        from: &dyn CopySource,
        project: &Arc<str>,
        table: Table,
        told: &mut impl FnMut(u64),
    ) -> Result<u64, StoreError> {
        let mut rows = from.rows(project, table);
        let (mut waiting, mut count, mut all) = (Vec::new(), 0, 0);
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            count += batch.num_rows();
            waiting.push(batch);
            if count >= self.options.batch_rows {
                all += count as u64;
                self.publish(project, table, std::mem::take(&mut waiting)).await?;
                told(std::mem::take(&mut count) as u64);
            }
        }
        if count > 0 {
            self.publish(project, table, waiting).await?;
            told(count as u64);
        }
        Ok(all + count as u64)
    }

    async fn publish(&mut self, project: &Arc<str>, table: Table, batches: Vec<RecordBatch>) -> Result<(), StoreError> {
        self.number += 1;
        if self.number <= self.done {
            return Ok(());
        }
        let batch = concat_batches(&table.schema(), &batches)?;
        let message_keys = self.keys(project, table, &batch);
        let rows = TableRows { batches: [(table, fresh(table, &batch)?)].into(), ..TableRows::default() };
        let checkpoint = [(BATCHES, self.number)].into_iter().collect();
        let rows = [(project.clone(), rows)].into();
        let erasures = self.target.erasures().version();
        self.target.publish(Publication { rows, message_keys, checkpoint, records: 0, erasures }).await
    }

    /// Under which keys the store knows these rows.
    fn keys(&self, project: &str, table: Table, batch: &RecordBatch) -> Vec<u128> {
        let text = |name: &str| Some(batch.column_by_name(name)?.as_string_view());
        let (column, key): (_, fn(&str, &str) -> u128) = match table {
            Table::Activity => ("message_id", message_key),
            Table::Quarantine => ("quarantine_id", quarantine_key),
            Table::QuarantineResolved => ("quarantine_id", resolved_key),
            _ => return Vec::new(),
        };
        let Some(ids) = text(column) else { return Vec::new() };
        let times = batch.column_by_name("received_at").and_then(|times| times.as_primitive_opt());
        let is_known = |row: usize| {
            let time = times.map(|times: &arrow::array::PrimitiveArray<TimestampMillisecondType>| times.value(row));
            time.is_none_or(|time| time >= self.options.known_from.millis())
        };
        ids.iter().enumerate().filter(|(row, _)| is_known(*row)).filter_map(|(_, id)| Some(key(project, id?))).collect()
    }
}

/// The rows with the types of fresh ones: texts of few values are dictionaries.
fn fresh(table: Table, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let schema = table.fresh_schema();
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| match field.data_type() {
        wanted @ DataType::Dictionary(..) => cast(&cast(column, &DataType::Utf8)?, wanted),
        wanted => cast(column, wanted),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}
