//! What all partitions of an open log share: options, readers, found damage, the count of waiting bytes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use footfall_ingest_activity::Checkpoint;
use tokio::sync::Notify;

use super::disk::Disk;
use super::scan::Stretch;
use crate::{Damage, LogError, LogOptions};

/// Shared by the partitions, the readers and the handle of a log.
pub(super) struct Context {
    pub folder: PathBuf,
    pub options: LogOptions,
    pub disk: Arc<dyn Disk>,
    /// Woken when a partition has grown.
    pub grown: Notify,
    waiting_bytes: AtomicUsize,
    readers: Mutex<BTreeMap<String, Checkpoint>>,
    damages: Mutex<BTreeMap<(u32, u64, u64), Damage>>,
}

impl Context {
    pub fn new(folder: PathBuf, options: LogOptions, disk: Arc<dyn Disk>) -> Self {
        Context {
            folder,
            options,
            disk,
            grown: Notify::new(),
            waiting_bytes: AtomicUsize::new(0),
            readers: Mutex::default(),
            damages: Mutex::default(),
        }
    }

    /// Counts `bytes` as waiting, unless too many wait already.
    pub fn admit(&self, bytes: usize) -> Result<(), LogError> {
        let waiting_bytes = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        if waiting_bytes > 0 && waiting_bytes + bytes > self.options.waiting_bytes_max {
            self.answered(bytes);
            return Err(LogError::Saturated { waiting_bytes });
        }
        Ok(())
    }

    /// `bytes` wait no longer.
    pub fn answered(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// `reader` needs nothing below `checkpoint` any more.
    pub fn release(&self, reader: &str, checkpoint: &Checkpoint) {
        let mut readers = hold(&self.readers);
        match readers.get_mut(reader) {
            Some(released) => released.merge(checkpoint),
            None => {
                readers.insert(reader.to_owned(), checkpoint.clone());
            }
        }
    }

    /// `reader` is gone.
    pub fn forget(&self, reader: &str) {
        hold(&self.readers).remove(reader);
    }

    /// The offset below which no reader needs `partition`; `None` while no reader is registered.
    pub fn released(&self, partition: u32) -> Option<u64> {
        hold(&self.readers).values().map(|checkpoint| checkpoint.next_offset(partition)).min()
    }

    /// Every damage met since the log was opened.
    pub fn damages(&self) -> Vec<Damage> {
        hold(&self.damages).values().cloned().collect()
    }

    /// Remembers a damage; it is told to the operator once.
    pub fn remember(&self, damage: &Damage) {
        if hold(&self.damages)
            .insert((damage.partition, damage.from_offset, damage.to_offset), damage.clone())
            .is_none()
        {
            metrics::counter!("footfall_log_errors_total", "kind" => "damage").increment(1);
            tracing::error!(
                partition = damage.partition,
                from_offset = damage.from_offset,
                to_offset = damage.to_offset,
                kept_in = damage.kept_in,
                "the log is damaged: {}",
                damage.detail
            );
        }
    }

    /// Copies a damaged stretch of a segment aside (once) and makes a report of it.
    pub fn set_aside(&self, partition: u32, segment: &Path, file: &File, stretch: &Stretch) -> Damage {
        let kept_in = match self.copy_aside(partition, segment, file, stretch.position, stretch.bytes) {
            Ok(path) => path.display().to_string(),
            Err(error) => {
                tracing::warn!(segment = %segment.display(), "damaged bytes stay where they are: {error}");
                segment.display().to_string()
            }
        };
        let damage = Damage {
            partition,
            from_offset: stretch.from_offset,
            to_offset: stretch.to_offset,
            kept_in,
            detail: format!("{} (byte {}, {} bytes)", stretch.detail, stretch.position, stretch.bytes),
        };
        self.remember(&damage);
        damage
    }

    /// Copies bytes of a segment into the folder `damaged`, under a name that tells where they were.
    pub fn copy_aside(
        &self,
        partition: u32,
        segment: &Path,
        file: &File,
        position: u64,
        bytes: u64,
    ) -> io::Result<PathBuf> {
        if bytes == 0 {
            return Ok(segment.to_owned());
        }
        let folder = self.folder.join("damaged");
        let stem = segment.file_stem().unwrap_or_default().to_string_lossy();
        let path = folder.join(format!("p{partition:05}-{stem}-{position}-{bytes}.bin"));
        if fs::metadata(&path).is_ok_and(|kept| kept.len() == bytes) {
            return Ok(path);
        }
        fs::create_dir_all(&folder)?;
        let copy = File::create(&path)?;
        let mut buffer = vec![0; 1 << 16];
        let mut done = 0;
        while done < bytes {
            let part = usize::try_from(bytes - done).unwrap_or(usize::MAX).min(buffer.len());
            file.read_exact_at(&mut buffer[..part], position + done)?;
            copy.write_all_at(&buffer[..part], done)?;
            done += part as u64;
        }
        copy.sync_all()?;
        Ok(path)
    }
}

/// Locks; a thread that panicked while it held the lock left whole values behind.
pub(super) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
