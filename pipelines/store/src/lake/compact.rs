//! Compaction: files of about one size become one, still sorted. Readers keep what they have; nothing waits.

use std::fs;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use super::data_file::{DataFileWriter, PROMOTED_MAX, folder_of, to_table_schema};
use super::fold::Folder;
use super::lake::{Inner, Removed};
use super::snapshot::DataFile;
use super::{key_index, orphans, reader};
use crate::tables::Table;
use crate::{ErasureRecord, StoreError};

const MERGE_ROWS: usize = 4_096;
/// Files below this size count as one size.
const SMALL_ROWS: u64 = 20_000;
/// Each size class holds files up to this many times larger than the one before.
const CLASS_FACTOR: u64 = 4;

/// Compacts until nothing is worth joining; returns how many joins it took.
pub(super) fn run_until_idle(inner: &Inner) -> Result<u64, StoreError> {
    let mut joins = 0;
    while step(inner, true)? {
        joins += 1;
    }
    Ok(joins)
}

/// One join of files or of key runs, and the removal of what nobody reads any more. False: nothing to join. Files that
/// have rows of the forgotten come first, and are written anew even where nothing is joined.
pub(super) fn step(inner: &Inner, joins: bool) -> Result<bool, StoreError> {
    sweep(inner);
    let _one_at_a_time = inner.rewriting();
    let joined = match with_erased(inner) {
        Some((project, table, file)) => join(inner, &project, table, &[file])?,
        None => {
            note_rewritten(inner)?;
            // Keys are few bytes beside files, and every activity that comes in is held against each of their runs. Where they
            // cannot be joined, files are all the same.
            match if joins { join_key_runs(inner) } else { Ok(false) } {
                Ok(true) => true,
                keys => match candidates(inner).filter(|_| joins) {
                    Some((project, table, files)) => join(inner, &project, table, &files)?,
                    None => keys?,
                },
            }
        }
    };
    if joined {
        inner.state().compactions += 1;
        metrics::counter!("footfall_lake_compactions_total").increment(1);
    }
    Ok(joined)
}

/// A file that has rows of the forgotten.
fn with_erased(inner: &Inner) -> Option<(Arc<str>, Table, Arc<DataFile>)> {
    let state = inner.state();
    let tables = state.manifest.projects.iter().flat_map(|(project, tables)| {
        tables.iter().flat_map(move |(table, files)| files.iter().map(move |file| (project, *table, file)))
    });
    let mut erased = tables.filter(|(_, _, file)| !file.erased.is_empty());
    erased.next().map(|(project, table, file)| (project.clone(), table, file.clone()))
}

/// Notes of erasures that no file of the lake has their rows, and that those which had them are gone.
fn note_rewritten(inner: &Inner) -> Result<(), StoreError> {
    let applied = inner.state().manifest.erasures.clone();
    let open = |record: &ErasureRecord| record.files_at.is_none() && applied.contains(&record.erasure.id);
    let open: Vec<ErasureRecord> = inner.erasures().records().iter().filter(|record| open(record)).cloned().collect();
    for mut record in open {
        let now = inner.clock.now();
        let rewritten = *record.rewritten_at.get_or_insert(now);
        let folder = format!("{}/", folder_of(&record.erasure.project));
        let waits = |removed: &Removed| removed.file.path.starts_with(&folder) && removed.file.removed_at <= rewritten;
        record.files_at = (!inner.state().removed.iter().any(waits)).then_some(now);
        let mut file = inner.erasures();
        let known = file.record(record.erasure.id).cloned();
        record.log_at = known.as_ref().and_then(|known| known.log_at);
        if known.as_ref() != Some(&record) {
            file.note(record)?;
        }
    }
    Ok(())
}

/// Files of one table and size class that are enough to be joined.
fn candidates(inner: &Inner) -> Option<(Arc<str>, Table, Vec<Arc<DataFile>>)> {
    let state = inner.state();
    let fan_in = inner.options.compact_fan_in.max(2);
    for (project, tables) in &state.manifest.projects {
        for (&table, files) in tables.iter().filter(|(table, _)| **table != Table::PersonOverrides) {
            for class in 0..=size_class(inner.options.file_rows_max) {
                let same: Vec<_> = files.iter().filter(|file| size_class(file.rows) == class).collect();
                let mut rows = 0;
                let fits = |file: &&&Arc<DataFile>| {
                    rows += file.rows;
                    rows <= inner.options.file_rows_max
                };
                let group: Vec<_> = same.iter().take(fan_in * 2).take_while(fits).map(|&file| file.clone()).collect();
                if same.len() >= fan_in && group.len() >= 2 {
                    return Some((project.clone(), table, group));
                }
            }
        }
    }
    None
}

fn size_class(rows: u64) -> u32 {
    (rows / SMALL_ROWS).max(1).ilog(CLASS_FACTOR)
}

fn join(inner: &Inner, project: &Arc<str>, table: Table, inputs: &[Arc<DataFile>]) -> Result<bool, StoreError> {
    let Some(output) = write_joined(inner, project, table, inputs)? else { return Ok(false) };
    let output = Arc::new(output);
    let is_empty = output.rows == 0;
    let is_input = |file: &Arc<DataFile>| inputs.iter().any(|input| input.path == file.path);
    let (path, inputs_of) = (output.path.clone(), inputs.iter().map(|input| input.path.clone()).collect());
    let made = path.clone();
    let committed = inner.commit(
        |manifest, _| {
            let list = manifest.projects.entry(project.clone()).or_default().entry(table).or_default();
            let at = list.iter().position(is_input).unwrap_or(list.len());
            list.retain(|file| !is_input(file));
            if output.rows > 0 {
                list.insert(at.min(list.len()), output);
            }
        },
        |state| Arc::make_mut(&mut state.lineage).record(made, inputs_of),
    );
    if committed.is_err() || is_empty {
        orphans::remove_made(&inner.root, [&*path].into_iter());
    }
    committed.map(|()| true)
}

/// Merges the inputs into one file; `None` when the lake closes or somebody is forgotten meanwhile.
fn write_joined(
    inner: &Inner,
    project: &str,
    table: Table,
    inputs: &[Arc<DataFile>],
) -> Result<Option<DataFile>, StoreError> {
    let level = inner.options.zstd_level;
    let mut writer = DataFileWriter::create(&inner.root, project, table, promoted_of(inputs), level)?;
    let mut folder = Folder::of(table);
    let mut merged = merge(inner, table, inputs)?;
    while let Some(batch) = futures::executor::block_on(merged.next()) {
        let is_wanted_elsewhere = {
            let state = inner.state();
            state.closing || state.erasing > 0
        };
        if is_wanted_elsewhere {
            return writer.abandon().map(|()| None);
        }
        for rows in folder.push(batch?)? {
            writer.write(&rows)?;
        }
    }
    for rows in folder.finish()? {
        writer.write(&rows)?;
    }
    writer.finish().map(Some)
}

/// One stream in sort order over all inputs.
fn merge(inner: &Inner, table: Table, inputs: &[Arc<DataFile>]) -> Result<SendableRecordBatchStream, StoreError> {
    let schema = table.schema();
    let mut streams: Vec<SendableRecordBatchStream> = Vec::with_capacity(inputs.len());
    for input in inputs {
        let rows = reader::open_file(&inner.root, table, input)?.map(move |batch| -> Result<RecordBatch, _> {
            to_table_schema(table, &batch?).map_err(|error| DataFusionError::External(Box::new(error)))
        });
        streams.push(Box::pin(RecordBatchStreamAdapter::new(schema.clone(), stream::iter(rows))));
    }
    let sort = table
        .sort_columns()
        .iter()
        .map(|name| col(name, &schema).map(PhysicalSortExpr::new_default))
        .collect::<Result<Vec<_>, _>>()?;
    let ordering = LexOrdering::new(sort).ok_or_else(|| StoreError::Task("a table without order".into()))?;
    // Bounded by construction: one batch of every input and one of output.
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let merged = StreamingMergeBuilder::new()
        .with_streams(streams)
        .with_schema(schema)
        .with_expressions(&ordering)
        .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
        .with_batch_size(MERGE_ROWS)
        .with_reservation(MemoryConsumer::new("compaction").register(&pool))
        .build()?;
    Ok(merged)
}

/// The properties that most rows of the inputs have columns for.
fn promoted_of(inputs: &[Arc<DataFile>]) -> Vec<String> {
    let mut rows_by_key = std::collections::BTreeMap::<&str, u64>::new();
    for input in inputs {
        for key in &input.promoted {
            *rows_by_key.entry(key).or_default() += input.rows;
        }
    }
    let mut keys: Vec<(&str, u64)> = rows_by_key.into_iter().collect();
    keys.sort_by_key(|&(_, rows)| std::cmp::Reverse(rows));
    keys.into_iter().take(PROMOTED_MAX).map(|(key, _)| key.to_owned()).collect()
}

fn join_key_runs(inner: &Inner) -> Result<bool, StoreError> {
    let Some(inputs) = inner.state().runs.candidates() else { return Ok(false) };
    let output = key_index::join_runs(&inner.root, &inputs)?;
    super::manifest::sync_folder(&inner.root.join("keys"))?;
    inner.commit(|_, runs| *runs = runs.replace(&inputs, output), |_| {})?;
    Ok(true)
}

/// Deletes replaced files that no snapshot reads and whose time of grace is over.
fn sweep(inner: &Inner) {
    let now = inner.clock.now();
    let grace = inner.options.removed_grace_millis;
    let due = |removed: &Removed| {
        let unread = removed.holder.as_ref().is_none_or(|file| Arc::strong_count(file) == 1);
        unread && now.millis_since(removed.file.removed_at) >= grace
    };
    let (gone, kept) = {
        let mut state = inner.state();
        std::mem::take(&mut state.removed).into_iter().partition::<Vec<_>, _>(due)
    };
    inner.state().removed.extend(kept);
    for removed in gone {
        let path = inner.root.join(&removed.file.path);
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(%error, path = %path.display(), "a replaced file is gone already");
        }
    }
}
