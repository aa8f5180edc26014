//! Forgetting a person: its rows leave all answers in one commit, which says of each file which rows are not to be shown.
//! Compaction writes these files anew without them.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray};
use arrow::compute::filter_record_batch;
use footfall_ingest_activity::Erasure;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::statistics::Statistics;

use super::data_file::{to_table_schema, write_sorted};
use super::lake::Inner;
use super::manifest::ERASED;
use super::snapshot::{DataFile, Overrides};
use super::{overrides, reader};
use crate::StoreError;
use crate::erasure::ErasureRecord;
use crate::tables::Table;

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
    {
        let state = inner.state();
        let overrides = state.overrides.get(&erasure.project).cloned().unwrap_or_default();
        let now = overrides.get(&erasure.person).copied().unwrap_or(erasure.person);
        erasure.persons = overrides.iter().filter(|(_, person)| **person == now).map(|(own, _)| *own).collect();
        erasure.persons.insert(now);
    }
    erasure.at = inner.clock.now();
    inner.erasures().note(ErasureRecord::new(erasure.clone()))?;
    apply(inner, &erasure)
}

/// What a killed process, or a backup, has not done. Before anything is published.
pub(super) fn resume(inner: &Inner) -> Result<(), StoreError> {
    let _one_at_a_time = inner.rewriting();
    let records = inner.erasures().records().to_vec();
    let known = inner.state().manifest.erasures.clone();
    for mut record in records {
        if !known.contains(&record.erasure.id) {
            // Of a lake that knows nothing of it, no later step can be done.
            (record.hidden_at, record.rewritten_at, record.files_at) = (None, None, None);
            inner.erasures().note(record.clone())?;
            apply(inner, &record.erasure)?;
        } else if record.hidden_at.is_none() {
            record.hidden_at = Some(inner.clock.now());
            inner.erasures().note(record)?;
        }
    }
    Ok(())
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

/// The columns that say whose a row is; none for a table that says it of nobody.
const fn telling(table: Table) -> &'static [&'static str] {
    match table {
        Table::Activity | Table::Identities | Table::SessionParts | Table::PersonOverrides => &["person_id"],
        Table::PersonMerges => &["from_distinct_id", "into_distinct_id"],
        Table::Quarantine => &["raw"],
        Table::QuarantineResolved => &[],
    }
}

/// Which rows are the person's.
struct Theirs<'a> {
    erasure: &'a Erasure,
    persons: HashSet<String>,
}

impl<'a> Theirs<'a> {
    fn of(erasure: &'a Erasure) -> Self {
        Theirs { erasure, persons: erasure.persons.iter().map(|own| own.hyphenated().to_string()).collect() }
    }

    fn rows(&self, table: Table, batch: &RecordBatch) -> Result<Vec<bool>, StoreError> {
        let mut theirs = vec![false; batch.num_rows()];
        for name in telling(table) {
            let column = batch.column_by_name(name).ok_or_else(|| StoreError::Task(format!("no column {name}")))?;
            for (row, value) in column.as_string_view().iter().enumerate() {
                let Some(value) = value else { continue };
                theirs[row] |= match table {
                    Table::PersonMerges => self.erasure.has(value),
                    Table::Quarantine => self.erasure.is_named_in(value),
                    _ => self.persons.contains(value),
                };
            }
        }
        Ok(theirs)
    }

    /// False when the statistics of a row group say that nobody of them is in it.
    fn may_be_within(&self, statistics: Option<&Statistics>) -> bool {
        let bounds = statistics.and_then(|statistics| Some((statistics.min_bytes_opt()?, statistics.max_bytes_opt()?)));
        bounds.is_none_or(|(min, max)| {
            self.persons.iter().any(|person| min <= person.as_bytes() && person.as_bytes() <= max)
        })
    }
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

/// A claim of the person about an id of somebody else says that this one is an identified user. That is kept, without the
/// person, or the other could be merged into somebody later who they are not.
fn known_users(inner: &Inner, files: &[Arc<DataFile>], erasure: &Erasure) -> Result<Option<RecordBatch>, StoreError> {
    let mut batches = Vec::new();
    for file in files {
        batches.extend(reader::read_file(&inner.root, Table::PersonMerges, file)?);
    }
    let text = |batch: &RecordBatch, name: &str| -> Result<StringViewArray, StoreError> {
        let column = batch.column_by_name(name).ok_or_else(|| StoreError::Task(format!("no column {name}")))?;
        Ok(column.as_string_view().clone())
    };
    let mut undone = HashSet::new();
    for batch in &batches {
        let (kinds, ids) = (text(batch, "kind")?, text(batch, "merge_id")?);
        let pairs = kinds.iter().flatten().zip(ids.iter().flatten());
        undone.extend(pairs.filter(|(kind, _)| *kind == "undo").map(|(_, id)| id.to_owned()));
    }
    let mut kept = Vec::new();
    for batch in &batches {
        let (kinds, ids) = (text(batch, "kind")?, text(batch, "merge_id")?);
        let (from, into) = (text(batch, "from_distinct_id")?, text(batch, "into_distinct_id")?);
        let is_kept = |row: usize| {
            matches!(kinds.value(row), "identify" | "alias")
                && !undone.contains(ids.value(row))
                && erasure.has(from.value(row))
                && !erasure.has(into.value(row))
        };
        let rows: BooleanArray = (0..batch.num_rows()).map(|row| Some(is_kept(row))).collect();
        if rows.true_count() > 0 {
            kept.push(without_them(&filter_record_batch(batch, &rows)?)?);
        }
    }
    if kept.is_empty() {
        return Ok(None);
    }
    Ok(Some(arrow::compute::concat_batches(&Table::PersonMerges.schema(), &kept)?))
}

/// Claims of others about an id, as what it said of itself.
fn without_them(batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let schema = batch.schema();
    let of = |name: &str| batch.column_by_name(name).cloned();
    let all = |word: &str| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(word, batch.num_rows())))
    };
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| match field.name().as_str() {
        "from_distinct_id" => of("into_distinct_id").unwrap_or_else(|| column.clone()),
        "kind" => all("identify"),
        "outcome" => all("known"),
        _ => column.clone(),
    });
    to_table_schema(Table::PersonMerges, &RecordBatch::try_new(schema.clone(), columns.collect())?)
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
