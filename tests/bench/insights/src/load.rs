//! Loading: Parquet rows in the order they arrived, resent ones dropped, into small runs, and those into one.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use arrow::array::{Array, FixedSizeBinaryArray, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use footfall_pipelines_insights::projection::{Dictionaries, Rows, Run, Snapshot, compact};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::BenchError;
use crate::machine;
use crate::options::Options;
use crate::properties::{self, HOT};
use crate::show;

/// A projection ready for questions.
pub struct Loaded {
    pub snapshot: Snapshot,
}

/// Rows of a small run.
const ROWS_OF_RUN: usize = 2_000_000;

/// Opens what an earlier [`load`] left in the folder.
pub fn open(options: &Options) -> Result<Loaded, BenchError> {
    let dictionaries = Dictionaries::load(&options.folder, HOT)?;
    let run = Arc::new(Run::open(&options.folder.join("sealed.run"))?);
    describe(&run, &dictionaries)?;
    let fresh = options.folder.join("fresh.run");
    let fresh = if fresh.exists() { Some(Arc::new(Run::open(&fresh)?)) } else { None };
    loaded(options, dictionaries, run, fresh)
}

/// Makes the projection of the Parquet file.
pub fn load(options: &Options) -> Result<Loaded, BenchError> {
    fs::create_dir_all(&options.folder)?;
    let dictionaries = Dictionaries::new(HOT);
    let started = Instant::now();
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&options.parquet)?)?;
    let mut sealed = (builder.metadata().file_metadata().num_rows() as usize).saturating_sub(options.fresh);
    let mut groups = Vec::new();
    for group in builder.metadata().row_groups() {
        let rows = group.num_rows() as usize;
        groups.push(sealed.min(rows));
        sealed -= sealed.min(rows);
    }
    let intake = Intake {
        options,
        dictionaries: &dictionaries,
        next: AtomicUsize::new(0),
        groups,
        fresh: Mutex::new(Rows::new(&dictionaries)),
        seen: Seen::new(),
        runs: Mutex::default(),
    };
    thread::scope(|scope| {
        let work = || intake.work();
        let threads: Vec<_> = (0..options.threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| BenchError::Thread)?)
    })?;
    let runs = intake.runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    drop(intake.seen);
    let rows: u64 = runs.iter().map(|run| run.rows()).sum();
    let built = started.elapsed().as_secs_f64();
    show(&format!(
        "{rows} activities in {} runs: {built:.1} s, {:.2} M rows/s",
        runs.len(),
        rows as f64 / built / 1e6
    ))?;
    let started = Instant::now();
    let count = runs.len();
    let run = Arc::new(compact(&dictionaries, runs, &options.folder.join("sealed.run"))?);
    (0..count).try_for_each(|index| fs::remove_file(small(&options.folder, index)))?;
    dictionaries.save(&options.folder)?;
    let merged = started.elapsed().as_secs_f64();
    show(&format!(
        "compacted: {merged:.1} s, {:.2} M rows/s; peak memory {} MB",
        rows as f64 / merged / 1e6,
        machine::peak_mb()?
    ))?;
    describe(&run, &dictionaries)?;
    let fresh = options.folder.join("fresh.run");
    if fresh.exists() {
        fs::remove_file(&fresh)?;
    }
    let rows = intake.fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
    let fresh = match options.fresh {
        0 => None,
        _ => {
            let (count, started) = (rows.len(), Instant::now());
            let run = Arc::new(rows.write(&dictionaries, &fresh)?);
            show(&format!("{count} fresh activities made a run in {:.0} ms", started.elapsed().as_secs_f64() * 1e3))?;
            Some(run)
        }
    };
    loaded(options, dictionaries, run, fresh)
}

/// Opens the run again, with the dictionaries in memory as they are after a start.
pub fn reopen(options: &Options) -> Result<Loaded, BenchError> {
    let dictionaries = Dictionaries::load(&options.folder, HOT)?;
    loaded(options, dictionaries, Arc::new(Run::open(&options.folder.join("sealed.run"))?), None)
}

fn loaded(
    options: &Options,
    dictionaries: Arc<Dictionaries>,
    run: Arc<Run>,
    fresh: Option<Arc<Run>>,
) -> Result<Loaded, BenchError> {
    let merged: HashMap<u32, u32> = (0..options.merged).map(|pair| (pair * 2 + 1, pair * 2)).collect();
    let started = Instant::now();
    let snapshot = Snapshot::new(dictionaries, [run].into_iter().chain(fresh).collect(), &merged, Vec::new())?;
    if options.merged > 0 {
        let (persons, taken) = (merged.len(), started.elapsed().as_secs_f64() * 1e3);
        show(&format!("a snapshot with {persons} persons merged took {taken:.0} ms to make"))?;
    }
    Ok(Loaded { snapshot })
}

fn small(folder: &Path, index: usize) -> std::path::PathBuf {
    folder.join(format!("small_{index}.run"))
}

fn describe(run: &Run, dictionaries: &Dictionaries) -> Result<(), BenchError> {
    let parts = run.part_bytes();
    let each = |bytes: u64| bytes as f64 / parts.rows as f64;
    let all = parts.timeline_sessions + parts.timeline_rows + parts.postings + parts.columns + parts.rest;
    show(&format!(
        "bytes an activity: {:.2} (sessions {:.2}, timeline {:.2}, postings {:.2}, {} columns {:.2}, rest {:.2}); {} sessions; dictionaries {} MB in memory",
        each(all),
        each(parts.timeline_sessions),
        each(parts.timeline_rows),
        each(parts.postings),
        HOT.len(),
        each(parts.columns),
        each(parts.rest),
        parts.sessions,
        dictionaries.bytes() >> 20,
    ))
}

/// What threads that load share.
struct Intake<'o> {
    options: &'o Options,
    dictionaries: &'o Dictionaries,
    next: AtomicUsize,
    /// For each row group how many of its rows, from the first, are sealed; the others are fresh.
    groups: Vec<usize>,
    fresh: Mutex<Rows>,
    seen: Seen,
    runs: Mutex<Vec<Arc<Run>>>,
}

impl Intake<'_> {
    fn work(&self) -> Result<(), BenchError> {
        let mut rows = Rows::new(self.dictionaries);
        loop {
            let group = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&sealed) = self.groups.get(group) else { return self.seal(rows) };
            let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&self.options.parquet)?)?;
            let mut before = 0;
            for batch in builder.with_row_groups(vec![group]).with_batch_size(65_536).build()? {
                let batch = batch?;
                let of_sealed = sealed.saturating_sub(before).min(batch.num_rows());
                before += batch.num_rows();
                self.take(&batch.slice(0, of_sealed), &mut rows)?;
                if of_sealed < batch.num_rows() {
                    let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
                    self.take(&batch.slice(of_sealed, batch.num_rows() - of_sealed), &mut fresh)?;
                }
            }
            if rows.len() >= ROWS_OF_RUN {
                self.seal(std::mem::replace(&mut rows, Rows::new(self.dictionaries)))?;
            }
        }
    }

    fn seal(&self, rows: Rows) -> Result<(), BenchError> {
        if rows.is_empty() {
            return Ok(());
        }
        let index = {
            let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.push(Arc::new(Rows::new(self.dictionaries).into_run(self.dictionaries)?));
            runs.len() - 1
        };
        let run = Arc::new(rows.write(self.dictionaries, &small(&self.options.folder, index))?);
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)[index] = run;
        Ok(())
    }

    fn take(&self, batch: &RecordBatch, rows: &mut Rows) -> Result<(), BenchError> {
        // Another writer than generate.py may have 16 bytes as bytes of any length, and times in microseconds.
        let ids = column::<FixedSizeBinaryArray>(batch, "event_id", &DataType::FixedSizeBinary(16))?;
        let events = column::<StringArray>(batch, "event", &DataType::Utf8)?;
        let users = column::<StringArray>(batch, "user_id", &DataType::Utf8)?;
        let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
        let times = column::<TimestampMillisecondArray>(batch, "timestamp", &millis)?;
        let properties = column::<StringArray>(batch, "properties", &DataType::Utf8)?;
        let new: Vec<usize> = (0..batch.num_rows()).filter(|&row| self.seen.is_new(ids.value(row))).collect();
        rows.persons.extend(self.dictionaries.persons.intern_all(new.iter().map(|&row| users.value(row))));
        let activities = self.dictionaries.activities.intern_all(new.iter().map(|&row| events.value(row)));
        rows.activities.extend(activities.into_iter().map(|code| code as u16));
        for &row in &new {
            rows.times.push(times.value(row));
            properties::append(self.dictionaries, properties.value(row), rows)?;
        }
        Ok(())
    }
}

fn column<A: Array + Clone + 'static>(batch: &RecordBatch, name: &'static str, to: &DataType) -> Result<A, BenchError> {
    let column = cast(batch.column_by_name(name).ok_or(BenchError::Column(name))?, to)?;
    // What is missing, or could not be cast.
    if column.null_count() > 0 {
        return Err(BenchError::Column(name));
    }
    column.as_any().downcast_ref::<A>().cloned().ok_or(BenchError::Column(name))
}

/// Ids that came already.
struct Seen {
    shards: Vec<Mutex<std::collections::HashSet<u128, std::hash::BuildHasherDefault<Already>>>>,
}

impl Seen {
    fn new() -> Seen {
        Seen { shards: (0..64).map(|_| Mutex::default()).collect() }
    }

    fn is_new(&self, id: &[u8]) -> bool {
        let id = xxhash_rust::xxh3::xxh3_128(id);
        let shard = &self.shards[(id >> 64) as usize % self.shards.len()];
        shard.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }
}

/// A hasher of what is a hash already.
#[derive(Default)]
struct Already(u64);

impl std::hash::Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte));
    }

    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64;
    }
}
