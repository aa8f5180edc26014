//! A log in front of one whose brokers may be away: what they do not take is kept on this disk, bounded, and brought to them in order
//! when they are back.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use footfall_ingest_activity::{Checkpoint, Clock, Record};
use tokio::sync::{Notify, RwLock};
use tokio::task::JoinHandle;

use crate::file::FileLog;
use crate::{ActivityLog, Batch, LogError, LogOptions, LogRecord, LogStatus, PartitionStatus};

/// A file of what waits; it goes when all of it is with the brokers.
const SEGMENT_BYTES_MAX: u64 = 8 << 20;
/// Brought to the brokers at a time.
const BATCH_BYTES: usize = 4 << 20;
/// Between two tries to reach them.
const PAUSE: Duration = Duration::from_millis(250);
/// Who reads what waits.
const READER: &str = "brokers";

/// How much may wait on this disk.
#[derive(Clone)]
pub struct SpillOptions {
    /// 0 keeps nothing from now on; what waits is brought to the brokers all the same.
    pub bytes_max: u64,
    /// Nothing is kept while the disk has less free than this.
    pub disk_reserve_bytes: u64,
    pub clock: Arc<dyn Clock>,
}

/// True where an earlier run has left something in the folder.
pub fn is_spilled(folder: &Path) -> bool {
    folder.join(PROGRESS).exists()
}

/// A log that keeps in `folder` what `log` does not take because its brokers are away.
///
/// An append that is kept is durable on this disk alone, covers nothing that a reader of `log` could wait for (its checkpoint is
/// empty), and may reach the brokers twice when this process is killed while it brings it to them; message ids tell them apart.
///
/// # Errors
/// When the folder cannot be prepared, or another process has it.
pub async fn spilling(
    log: Arc<dyn ActivityLog>,
    folder: PathBuf,
    options: SpillOptions,
) -> Result<Arc<dyn ActivityLog>, LogError> {
    Ok(Arc::new(SpillLog::open(log, folder, options).await?))
}

/// Brings to `log` what an earlier run has left in `folder`, for whoever needs all of it there; how many records.
///
/// # Errors
/// When another process has the folder, or the log does not take them: what it has not taken stays.
pub async fn drain_spilled(log: Arc<dyn ActivityLog>, folder: PathBuf, clock: Arc<dyn Clock>) -> Result<u64, LogError> {
    let options = SpillOptions { bytes_max: 0, disk_reserve_bytes: 0, clock };
    let inner = Inner::open(log, folder, options).await?;
    let (records, _) = inner.waiting();
    let mut drained = Ok(());
    while drained.is_ok() && inner.waiting().0 > 0 {
        drained = inner.drain_some().await;
    }
    inner.spill.close().await;
    drained.map(|()| records)
}

/// The file that holds how far the brokers have what was kept.
const PROGRESS: &str = "with-the-brokers";

/// Where an append goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Brokers,
    /// Also while the brokers are back, until they have everything that was kept: order is kept.
    Disk,
}

struct Inner {
    log: Arc<dyn ActivityLog>,
    spill: FileLog,
    folder: PathBuf,
    bytes_max: u64,
    /// Held by every append for as long as it lasts, and alone by whoever turns it.
    way: Arc<RwLock<Way>>,
    /// What the brokers have of the spill, as far as it is noted on this disk.
    drained: AtomicU64,
    /// What they have of it. It is ahead while it cannot be noted: nothing is brought to them again for that.
    brought: AtomicU64,
    /// Why what waits does not get on, where that will not pass by itself.
    refused: Mutex<Option<String>>,
    turned: Notify,
}

struct SpillLog {
    inner: Arc<Inner>,
    draining: JoinHandle<()>,
}

impl SpillLog {
    async fn open(log: Arc<dyn ActivityLog>, folder: PathBuf, options: SpillOptions) -> Result<SpillLog, LogError> {
        let inner = Arc::new(Inner::open(log, folder, options).await?);
        let draining = tokio::spawn(inner.clone().drain());
        Ok(SpillLog { inner, draining })
    }
}

impl Inner {
    async fn open(log: Arc<dyn ActivityLog>, folder: PathBuf, options: SpillOptions) -> Result<Inner, LogError> {
        let of_spill = LogOptions {
            partitions: 1,
            segment_bytes_max: SEGMENT_BYTES_MAX.min(options.bytes_max / 4).max(4096),
            retention_age_millis: None,
            // Whatever the brokers have goes at once.
            retention_bytes: Some(0),
            disk_reserve_bytes: options.disk_reserve_bytes,
            tail_cache_bytes: BATCH_BYTES,
            clock: options.clock,
            ..LogOptions::default()
        };
        let spill = FileLog::open(folder.clone(), of_spill).await?;
        let drained = read_progress(&folder).map_err(unwritable(&folder))?;
        let at = Checkpoint::from_iter([(0, drained)]);
        spill.release(READER, &at);
        let way = if at.covers(&spill.end()) { Way::Brokers } else { Way::Disk };
        let inner = Inner {
            log,
            spill,
            folder,
            bytes_max: options.bytes_max,
            way: Arc::new(RwLock::new(way)),
            drained: AtomicU64::new(drained),
            brought: AtomicU64::new(drained),
            refused: Mutex::default(),
            turned: Notify::new(),
        };
        inner.show();
        Ok(inner)
    }

    fn partition(&self) -> Option<PartitionStatus> {
        self.spill.status().partitions.first().copied()
    }

    /// Records that wait on this disk, and the bytes of the files that hold them. The last file stays until there is a next one:
    /// when nothing waits, it is in nobody's way.
    fn waiting(&self) -> (u64, u64) {
        let Some(partition) = self.partition() else { return (0, 0) };
        let records = partition.end_offset.saturating_sub(self.drained.load(Ordering::Acquire));
        (records, if records == 0 { 0 } else { partition.bytes })
    }

    fn show(&self) {
        metrics::gauge!("footfall_log_spilled_records").set(self.waiting().0 as f64);
    }

    /// Keeps records that the brokers do not take.
    async fn keep(&self, records: Vec<Record>) -> Result<Checkpoint, LogError> {
        let (_, bytes) = self.waiting();
        if bytes >= self.bytes_max {
            let detail = format!("{bytes} bytes wait on this disk already, as many as log.spill_bytes allows");
            return Err(LogError::Away { detail });
        }
        self.spill.append(records.into_iter().map(with_key).collect()).await?;
        self.show();
        Ok(Checkpoint::default())
    }

    /// Keeps records on this disk, and has all that follow them go there.
    async fn turn_to_disk(&self, why: &LogError, records: Vec<Record>) -> Result<Checkpoint, LogError> {
        // Waits until whatever is under way to the brokers is answered.
        let mut way = self.way.write().await;
        let kept = self.keep(records).await?;
        if *way == Way::Brokers {
            *way = Way::Disk;
            tracing::warn!("what comes in is kept on this disk: {why}");
            metrics::counter!("footfall_log_spills_total").increment(1);
            self.turned.notify_one();
        }
        Ok(kept)
    }

    /// Brings what waits to the brokers, for as long as the log is open.
    async fn drain(self: Arc<Inner>) {
        loop {
            if *self.way.read().await == Way::Brokers {
                self.turned.notified().await;
            }
            let drained = self.drain_some().await;
            self.note_refusal(&drained);
            if let Err(error) = drained {
                tracing::debug!("what is kept on this disk waits on: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Brokers that are there and take nothing, and a disk that fails, will not pass by themselves, and all that came later waits as
    /// well: it has to be said.
    fn note_refusal(&self, drained: &Result<(), LogError>) {
        let why = match drained {
            Err(error @ (LogError::Kafka { .. } | LogError::AppendTooLarge { .. } | LogError::Refused { .. })) => {
                Some(format!("which do not take them: {error}"))
            }
            Err(error @ (LogError::Write { .. } | LogError::Read { .. })) => {
                Some(format!("and this disk fails: {error}"))
            }
            _ => None,
        };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = why.as_ref().filter(|why| refused.as_ref() != Some(*why)) {
            tracing::error!("what is kept on this disk, and what came later, waits for the brokers, {why}");
        }
        *refused = why;
    }

    async fn drain_some(&self) -> Result<(), LogError> {
        let brought = self.brought.load(Ordering::Acquire);
        if brought > self.drained.load(Ordering::Acquire) {
            return self.note_brought(brought).await;
        }
        let from = Checkpoint::from_iter([(0, brought)]);
        let batch = self.spill.read(&from, BATCH_BYTES, Duration::ZERO).await?;
        if batch.records.is_empty() && batch.damages.is_empty() {
            return self.turn_to_brokers().await;
        }
        let Batch { records, damages, next } = batch;
        for damage in damages {
            tracing::error!(?damage, "records that were kept on this disk cannot be read");
        }
        self.log.append(records.into_iter().filter_map(without_key).collect()).await?;
        let brought = next.next_offset(0);
        self.brought.store(brought, Ordering::Release);
        self.note_brought(brought).await
    }

    /// Notes on this disk what the brokers have, and frees what it takes.
    async fn note_brought(&self, drained: u64) -> Result<(), LogError> {
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || write_progress(&folder, drained)).await;
        written.map_err(io::Error::other).flatten().map_err(unwritable(&self.folder))?;
        self.drained.store(drained, Ordering::Release);
        self.spill.release(READER, &Checkpoint::from_iter([(0, drained)]));
        self.show();
        Ok(())
    }

    /// Nothing more waits: appends go to the brokers again.
    async fn turn_to_brokers(&self) -> Result<(), LogError> {
        let mut way = self.way.write().await;
        if self.waiting().0 == 0 {
            *way = Way::Brokers;
            tracing::info!("the brokers have everything that was kept on this disk");
        }
        Ok(())
    }
}

/// The key goes before the payload: a log in files does not give it back.
fn with_key(record: Record) -> Record {
    let payload = [&record.partition_key.to_be_bytes()[..], &record.payload].concat();
    Record { payload, ..record }
}

fn without_key(record: LogRecord) -> Option<Record> {
    let (key, payload) = record.payload.split_first_chunk::<8>()?;
    Some(Record { kind: record.kind, partition_key: u64::from_be_bytes(*key), payload: payload.to_vec() })
}

/// Goes on when whoever waits for it has gone. What is on its way to this disk gets there all the same: nobody would bring it to the
/// brokers if the way had been turned to them meanwhile, or had not been turned to the disk.
async fn apart(
    keeping: impl Future<Output = Result<Checkpoint, LogError>> + Send + 'static,
) -> Result<Checkpoint, LogError> {
    tokio::spawn(keeping).await.unwrap_or(Err(LogError::Closed))
}

fn unwritable(folder: &Path) -> impl Fn(io::Error) -> LogError {
    let path = folder.join(PROGRESS);
    move |source| LogError::Write { path: path.clone(), source: Arc::new(source) }
}

fn read_progress(folder: &Path) -> io::Result<u64> {
    match fs::read_to_string(folder.join(PROGRESS)) {
        Ok(text) => text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no number")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_progress(folder, 0)?;
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

/// Durable when it returns: no more than one batch is ever brought to the brokers again.
fn write_progress(folder: &Path, drained: u64) -> io::Result<()> {
    let (path, next) = (folder.join(PROGRESS), folder.join(format!("{PROGRESS}.next")));
    let mut file = fs::File::create(&next)?;
    file.write_all(drained.to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&next, &path)?;
    fs::File::open(folder)?.sync_all()
}

#[async_trait]
impl ActivityLog for SpillLog {
    async fn append(&self, records: Vec<Record>) -> Result<Checkpoint, LogError> {
        let inner = self.inner.clone();
        let way = inner.way.clone().read_owned().await;
        let is_to_disk = *way == Way::Disk;
        if is_to_disk {
            return apart(async move {
                let kept = inner.keep(records).await;
                drop(way);
                kept
            })
            .await;
        }
        let away = match inner.log.append(records.clone()).await {
            Err(error @ LogError::Away { .. }) if inner.bytes_max > 0 => error,
            other => return other,
        };
        drop(way);
        apart(async move { inner.turn_to_disk(&away, records).await }).await
    }

    async fn read(&self, from: &Checkpoint, bytes_max: usize, wait: Duration) -> Result<Batch, LogError> {
        self.inner.log.read(from, bytes_max, wait).await
    }

    fn end(&self) -> Checkpoint {
        self.inner.log.end()
    }

    async fn whole_end(&self) -> Result<Checkpoint, LogError> {
        self.inner.log.whole_end().await
    }

    fn release(&self, reader: &str, checkpoint: &Checkpoint) {
        self.inner.log.release(reader, checkpoint);
    }

    fn forget(&self, reader: &str) {
        self.inner.log.forget(reader);
    }

    fn status(&self) -> LogStatus {
        let mut status = self.inner.log.status();
        let (records, bytes) = self.inner.waiting();
        if self.inner.bytes_max > 0 && bytes < self.inner.bytes_max {
            status.impaired = status.degraded.take().or(status.impaired);
        }
        if records > 0 {
            let refused = self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let why = refused.map_or_else(String::new, |why| format!(", {why}"));
            let waits = format!("{records} records wait on this disk for the brokers{why}");
            status.impaired = Some(status.impaired.map_or_else(|| waits.clone(), |why| format!("{why}; {waits}")));
        }
        status
    }

    async fn close(&self) {
        self.draining.abort();
        self.inner.spill.close().await;
        self.inner.log.close().await;
    }
}

impl Drop for SpillLog {
    fn drop(&mut self) {
        self.draining.abort();
    }
}
