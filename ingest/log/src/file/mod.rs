//! The embedded log: segment files in a folder, written by one thread per partition (docs/log-format.md).

mod block;
mod context;
mod cut;
mod disk;
mod erase;
mod folder;
mod format;
mod hold;
mod partition;
mod queue;
mod read;
mod recover;
mod scan;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use footfall_ingest_activity::{Checkpoint, Record, Timestamp};
use tokio::sync::oneshot;

use self::block::block_bytes;
use self::context::{Context, hold};
use self::disk::{Disk, RealDisk};
use self::folder::write_error;
use self::partition::{Partition, Place, State};
use self::queue::Request;
use self::writer::Writer;
use crate::{ActivityLog, Batch, HeldFile, IsErased, LogError, LogOptions, LogStatus, Timeline, VerifyReport};

/// Largest append that the format can hold in one frame.
const APPEND_BYTES_MAX: usize = 1 << 30;

/// A log in a folder of this machine.
pub(crate) struct FileLog {
    context: Arc<Context>,
    partitions: Vec<Arc<Partition>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<File>>,
    torn_bytes: u64,
}

impl FileLog {
    /// Opens or makes the log in `folder`.
    pub async fn open(folder: PathBuf, options: LogOptions) -> Result<FileLog, LogError> {
        FileLog::open_on(folder, options, Arc::new(RealDisk)).await
    }

    async fn open_on(folder: PathBuf, options: LogOptions, disk: Arc<dyn Disk>) -> Result<FileLog, LogError> {
        blocking(move || FileLog::open_now(folder, options, disk)).await
    }

    /// Reads everything and changes nothing.
    pub async fn verify(folder: PathBuf) -> Result<VerifyReport, LogError> {
        blocking(move || verify::verify(&folder)).await
    }

    /// Cuts a log that is not open at a moment; the offsets at which it ends now.
    pub async fn cut(folder: PathBuf, until: Timestamp) -> Result<Checkpoint, LogError> {
        blocking(move || cut::cut(&folder, until)).await
    }

    /// Where a segment that nobody writes to ends, or a copy of one.
    pub fn segment_end(path: &Path) -> Result<u64, LogError> {
        cut::segment_end(path)
    }

    /// What a `meta.json` says, or a copy of one.
    pub fn timeline_of(meta: &Path) -> Result<Option<Timeline>, LogError> {
        Ok(folder::read_meta_at(meta)?.map(|meta| meta.timeline))
    }

    /// Writes it into that of a log that is not open.
    pub fn set_timeline(folder: &Path, timeline: Timeline) -> Result<(), LogError> {
        folder::set_timeline(folder, timeline)
    }

    fn open_now(folder: PathBuf, mut options: LogOptions, disk: Arc<dyn Disk>) -> Result<FileLog, LogError> {
        if options.partitions == 0 {
            let detail = "a log needs at least one partition".to_owned();
            return Err(LogError::Incompatible { path: folder, detail });
        }
        options.append_bytes_max = options.append_bytes_max.min(APPEND_BYTES_MAX);
        fs::create_dir_all(&folder).map_err(write_error(&folder))?;
        let lock = folder::lock(&folder)?;
        folder::agree_on_meta(&folder, options.partitions)?;
        let context = Arc::new(Context::new(folder, options, disk));
        let mut log = FileLog {
            context,
            partitions: Vec::new(),
            writers: Mutex::default(),
            lock: Mutex::new(Some(lock)),
            torn_bytes: 0,
        };
        for index in 0..log.context.options.partitions {
            log.start_partition(index)?;
        }
        Ok(log)
    }

    fn start_partition(&mut self, index: u32) -> Result<(), LogError> {
        let folder = folder::partition_folder(&self.context.folder, index);
        fs::create_dir_all(&folder).map_err(write_error(&folder))?;
        self.context.disk.sync_dir(&self.context.folder).map_err(write_error(&folder))?;
        let found = recover::recover(&self.context, index, &folder)?;
        self.torn_bytes += found.torn_bytes;
        let state = State { segments: found.segments, end_offset: found.end_offset, ..State::default() };
        let partition = Arc::new(Partition {
            index,
            folder,
            context: self.context.clone(),
            queue: queue::Queue::default(),
            state: Mutex::new(state),
            places: Mutex::default(),
            files: RwLock::default(),
        });
        let writer = Writer::new(partition.clone(), found.active);
        let thread = thread::Builder::new().name(format!("log-{index}")).spawn(move || writer.run());
        hold(&self.writers).push(thread.map_err(write_error(&partition.folder))?);
        self.partitions.push(partition);
        Ok(())
    }

    /// The records by partition; their order is kept.
    fn split(&self, records: Vec<Record>) -> Vec<(&Arc<Partition>, Vec<Record>)> {
        if let [only] = self.partitions.as_slice() {
            return vec![(only, records)];
        }
        let mut parts: Vec<_> = self.partitions.iter().map(|partition| (partition, Vec::new())).collect();
        for record in records {
            let place = record.partition_key % parts.len() as u64;
            parts[place as usize].1.push(record);
        }
        parts.retain(|(_, records)| !records.is_empty());
        parts
    }

    /// What can be read now.
    async fn gather(&self, from: &Checkpoint, bytes_max: usize) -> Result<Batch, LogError> {
        let mut batch = Batch { next: from.clone(), ..Batch::default() };
        let share = (bytes_max / self.partitions.len()).max(1);
        for partition in &self.partitions {
            let start = from.next_offset(partition.index);
            let (blocks, damages, read_to) = match partition.locate(start, share) {
                Place::AtEnd => continue,
                Place::InMemory(blocks) => (blocks, Vec::new(), start),
                Place::OnDisk => {
                    let reader = partition.clone();
                    let chunk = blocking(move || reader.read_disk(start, share)).await?;
                    (chunk.blocks, chunk.damages, chunk.next_offset)
                }
            };
            let (mut budget, mut next, mut is_cut) = (share, start, false);
            for block in &blocks {
                next = block.take(partition.index, start, &mut budget, &mut batch.records);
                is_cut = next < block.end_offset();
                if is_cut {
                    break;
                }
            }
            next = if is_cut { next } else { next.max(read_to) };
            // Damage behind the last record given out is met again by the next read.
            batch.damages.extend(damages.into_iter().filter(|damage| damage.from_offset < next));
            batch.next.advance(partition.index, next);
        }
        Ok(batch)
    }

    /// Closes the queues; returns the threads that are still at work.
    fn begin_close(&self) -> Vec<JoinHandle<()>> {
        self.partitions.iter().for_each(|partition| partition.queue.close());
        std::mem::take(&mut *hold(&self.writers))
    }
}

#[async_trait]
impl ActivityLog for FileLog {
    async fn append(&self, records: Vec<Record>) -> Result<Checkpoint, LogError> {
        let mut checkpoint = Checkpoint::default();
        if records.is_empty() {
            return Ok(checkpoint);
        }
        let (bytes, bytes_max) = (block_bytes(&records), self.context.options.append_bytes_max);
        if bytes > bytes_max {
            return Err(LogError::AppendTooLarge { bytes, bytes_max });
        }
        self.context.admit(bytes)?;
        let mut answers = Vec::with_capacity(1);
        for (partition, records) in self.split(records) {
            let (answer, answered) = oneshot::channel();
            let bytes = block_bytes(&records);
            if partition.queue.push(Request { records, bytes, answer }) {
                answers.push((partition.index, answered));
            } else {
                self.context.answered(bytes);
                answers.push((partition.index, oneshot::channel().1)); // answers: closed
            }
        }
        for (partition, answered) in answers {
            let end_offset = answered.await.map_err(|_| LogError::Closed)??;
            checkpoint.advance(partition, end_offset);
        }
        Ok(checkpoint)
    }

    async fn read(&self, from: &Checkpoint, bytes_max: usize, wait: Duration) -> Result<Batch, LogError> {
        let patience = tokio::time::sleep(wait);
        tokio::pin!(patience);
        loop {
            // Asked for before looking, so that nothing that arrives in between is missed.
            let grown = self.context.grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            let batch = self.gather(from, bytes_max).await?;
            if !batch.records.is_empty() || !batch.damages.is_empty() {
                return Ok(batch);
            }
            tokio::select! {
                () = &mut patience => return Ok(batch),
                () = grown => {}
            }
        }
    }

    fn end(&self) -> Checkpoint {
        self.partitions.iter().map(|partition| (partition.index, partition.end_offset())).collect()
    }

    fn release(&self, reader: &str, checkpoint: &Checkpoint) {
        self.context.release(reader, checkpoint);
        for partition in &self.partitions {
            let released = checkpoint.next_offset(partition.index);
            if released > partition.end_offset() {
                partition.queue.jump(released);
            }
            if partition.has_retired() {
                partition.queue.retire();
            }
        }
    }

    fn forget(&self, reader: &str) {
        self.context.forget(reader);
    }

    async fn hold(&self, into: &Path) -> Result<Option<Vec<HeldFile>>, LogError> {
        let (partitions, folder, into) = (self.partitions.clone(), self.context.folder.clone(), into.to_owned());
        blocking(move || hold::hold_now(&folder, &partitions, &into)).await.map(Some)
    }

    fn can_erase(&self) -> bool {
        true
    }

    async fn erase(&self, is_erased: IsErased) -> Result<u64, LogError> {
        let partitions = self.partitions.clone();
        blocking(move || partitions.iter().map(|partition| partition.erase(&is_erased)).sum()).await
    }

    fn status(&self) -> LogStatus {
        let mut status =
            LogStatus { damages: self.context.damages(), torn_bytes: self.torn_bytes, ..LogStatus::default() };
        for partition in &self.partitions {
            let (sizes, degraded) = partition.status();
            status.partitions.push(sizes);
            status.degraded = status.degraded.or(degraded);
        }
        status
    }

    async fn close(&self) {
        let (writers, partitions) = (self.begin_close(), self.partitions.clone());
        let joined = tokio::task::spawn_blocking(move || {
            writers.into_iter().for_each(|thread| drop(thread.join()));
            // Whoever puts a file in the place of another has done so, and nobody does from now on.
            for partition in partitions {
                drop(partition.files.write().unwrap_or_else(PoisonError::into_inner));
            }
        });
        // A writer cannot be cancelled, and one that panicked has answered nobody falsely.
        let _ = joined.await;
        hold(&self.lock).take();
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        for writer in self.begin_close() {
            let _ = writer.join();
        }
    }
}

/// Runs what waits for the disk where it disturbs no other task.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(LogError::Closed))
}
