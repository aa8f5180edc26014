//! Forgetting a person: its rows leave all answers in one commit, which says of each file which rows are not to be shown.
//! Compaction writes these files anew without them.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use footfall_ingest_activity::Erasure;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::data_file::write_sorted;
use super::lake::Inner;
use super::manifest::ERASED;
use super::snapshot::{DataFile, Overrides};
use super::{overrides, reader};
use crate::StoreError;
use crate::erasure::ErasureRecord;
use crate::tables::Table;
use crate::theirs::{self, Theirs, telling};

type Ranges = Vec<(u64, u64)>;

/// Keeps publications out while it lives.
pub(super) struct Gate(Arc<Inner>);

impl Gate {
    pub fn close(inner: &Arc<Inner>) -> Gate {
        inner.state().erasing += 1;
        Gate(inner.clone())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.state().erasing -= 1;
        self.0.flushed.notify_waiters();
        self.0.wake.notify_all();
    }
}

/// Takes note of an erasure for good, and applies it. Nothing is published meanwhile, and all rows are in files.
pub(super) fn run(inner: &Inner, mut erasure: Erasure) -> Result<ErasureRecord, StoreError> {
    let _one_at_a_time = inner.rewriting();
    find(inner, &mut erasure);
    inner.erasures().note(ErasureRecord::new(erasure.clone()))?;
    apply(inner, &erasure)
}

/// Who the person is at this moment.
fn find(inner: &Inner, erasure: &mut Erasure) {
    let overrides = inner.state().overrides.get(&erasure.project).cloned().unwrap_or_default();
    erasure.persons = theirs::persons_of(&overrides, erasure.person);
    erasure.at = inner.clock.now();
}

/// What a killed process, or a backup, has not done. Before anything is published.
pub(super) fn resume(inner: &Inner) -> Result<(), StoreError> {
    let _one_at_a_time = inner.rewriting();
    let records = inner.erasures().records().to_vec();
    for mut record in records {
        if !is_in_files(inner, &record) {
            take_up(inner, record)?;
        } else if record.hidden_at.is_none() {
            record.hidden_at = Some(inner.clock.now());
            inner.erasures().note(record)?;
        }
    }
    Ok(())
}

/// Forgets whom another installation has forgotten. Nothing is published meanwhile, and all rows are in files.
pub(super) fn learn(inner: &Inner, records: Vec<ErasureRecord>) -> Result<(), StoreError> {
    let _one_at_a_time = inner.rewriting();
    for record in records {
        if !is_in_files(inner, &record) {
            take_up(inner, ErasureRecord::new(record.erasure))?;
        }
    }
    Ok(())
}

fn is_in_files(inner: &Inner, record: &ErasureRecord) -> bool {
    inner.state().manifest.erasures.contains(&record.erasure.id)
}

/// Applies what was noted elsewhere: with the ids that were found there, and until the moment that was noted there.
fn take_up(inner: &Inner, mut record: ErasureRecord) -> Result<(), StoreError> {
    // Of a lake that knows nothing of it, no later step can be done.
    (record.hidden_at, record.rewritten_at, record.files_at) = (None, None, None);
    if record.erasure.persons.is_empty() {
        find(inner, &mut record.erasure);
    }
    inner.erasures().note(record.clone())?;
    apply(inner, &record.erasure).map(drop)
}

fn apply(inner: &Inner, erasure: &Erasure) -> Result<ErasureRecord, StoreError> {
    let (files, overrides) = {
        let state = inner.state();
        let files = state.manifest.projects.get(&erasure.project).cloned().unwrap_or_default();
        (files, state.overrides.get(&erasure.project).cloned().unwrap_or_default())
    };
    let mut marks = BTreeMap::<String, Ranges>::new();
    for (&table, files) in files.iter().filter(|(table, _)| **table != Table::PersonOverrides) {
        for file in files {
            let found = rows_of(inner, table, file, erasure)?;
            if !found.is_empty() {
                marks.insert(file.path.clone(), union(&file.erased, &found));
            }
        }
    }
    let level = inner.options.zstd_level;
    let merges = files.get(&Table::PersonMerges).map_or(&[][..], |files| &files[..]);
    let known = match known_users(inner, merges, erasure)? {
        Some(rows) => Some(write_sorted(&inner.root, &erasure.project, Table::PersonMerges, &[rows], level)?),
        None => None,
    };
    let left: Overrides =
        overrides.iter().filter(|(own, _)| !erasure.persons.contains(own)).map(|(own, now)| (*own, *now)).collect();
    let written = match left.len() == overrides.len() {
        true => None,
        false => Some(overrides::write(&inner.root, &erasure.project, &left, level)?),
    };
    let mut all = inner.erasures().erasures();
    all.retain(|known| known.id == erasure.id || inner.state().manifest.erasures.contains(&known.id));
    inner.commit(
        |manifest, _| {
            manifest.format = ERASED;
            manifest.erasures.insert(erasure.id);
            let Some(tables) = manifest.projects.get_mut(&erasure.project) else { return };
            for file in tables.values_mut().flatten() {
                if let Some(ranges) = marks.remove(&file.path) {
                    *file = Arc::new(DataFile { erased: ranges, ..DataFile::clone(file) });
                }
            }
            if let Some(file) = known {
                tables.entry(Table::PersonMerges).or_default().push(Arc::new(file));
            }
            if let Some(file) = written {
                let list = tables.entry(Table::PersonOverrides).or_default();
                list.clear();
                if file.rows > 0 {
                    list.push(Arc::new(file));
                }
            }
        },
        |state| {
            state.overrides.insert(erasure.project.clone(), Arc::new(left));
            state.erasures = Arc::new(all);
            state.version += 1;
        },
    )?;
    let mut record = ErasureRecord::new(erasure.clone());
    record.log_at = inner.erasures().record(erasure.id).and_then(|known| known.log_at);
    record.hidden_at = Some(inner.clock.now());
    inner.erasures().note(record.clone())?;
    Ok(record)
}

/// Ranges of a file's rows that are the person's.
fn rows_of(inner: &Inner, table: Table, file: &DataFile, erasure: &Erasure) -> Result<Ranges, StoreError> {
    if telling(table).is_empty() {
        return Ok(Ranges::new());
    }
    let path = inner.root.join(&file.path);
    let handle = File::open(&path).map_err(StoreError::file("opening", &path))?;
    let metadata = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::new())?;
    let theirs = Theirs::of(erasure);
    let wanted = |name: &String| telling(table).contains(&name.as_str());
    let columns: Vec<usize> =
        metadata.schema().fields().iter().enumerate().filter(|(_, f)| wanted(f.name())).map(|(at, _)| at).collect();
    let mut found = Ranges::new();
    let mut row = 0;
    for (place, group) in metadata.metadata().row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or_default();
        let is_sorted = telling(table) == ["person_id"];
        let column = columns.first().and_then(|at| group.columns().get(*at));
        if is_sorted && !theirs.may_be_within(column.and_then(|column| column.statistics())) {
            row += rows;
            continue;
        }
        let handle = handle.try_clone().map_err(StoreError::file("opening", &path))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        for batch in builder.with_row_groups(vec![place]).with_projection(mask).with_batch_size(8_192).build()? {
            for is_theirs in theirs.rows(table, &batch?)? {
                if is_theirs {
                    add(&mut found, row);
                }
                row += 1;
            }
        }
    }
    Ok(found)
}

fn add(ranges: &mut Ranges, row: u64) {
    match ranges.last_mut() {
        Some((_, until)) if *until == row => *until += 1,
        _ => ranges.push((row, row + 1)),
    }
}

/// All rows of both, in ascending order.
fn union(a: &[(u64, u64)], b: &[(u64, u64)]) -> Ranges {
    let mut all: Ranges = a.iter().chain(b).copied().collect();
    all.sort_unstable();
    let mut joined = Ranges::with_capacity(all.len());
    for (from, until) in all {
        match joined.last_mut() {
            Some((_, end)) if from <= *end => *end = until.max(*end),
            _ => joined.push((from, until)),
        }
    }
    joined
}

/// What is kept of the person's claims about others.
fn known_users(inner: &Inner, files: &[Arc<DataFile>], erasure: &Erasure) -> Result<Option<RecordBatch>, StoreError> {
    let mut batches = Vec::new();
    for file in files {
        batches.extend(reader::read_file(&inner.root, Table::PersonMerges, file)?);
    }
    theirs::known_users(&batches, erasure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join() {
        let mut ranges = Ranges::new();
        [3, 4, 9].into_iter().for_each(|row| add(&mut ranges, row));
        assert_eq!(ranges, [(3, 5), (9, 10)]);
        assert_eq!(union(&ranges, &[(0, 3), (4, 6), (20, 21)]), [(0, 6), (9, 10), (20, 21)]);
    }
}
