//! What a running source takes in after its tables were copied: read on in its log, record by record, into the target's.
//!
//! How far that is stands in a file of the target, written behind every append. Who is killed between the two appends a stretch once
//! more, and the target's job knows these message ids.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use footfall_ingest_activity::{Checkpoint, Entry, Record};
use footfall_ingest_log::{ActivityLog, LogRecord};
use serde::{Deserialize, Serialize};

use super::MigrateError;
use crate::error::AppError;

/// How far the tail is, on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The next record of the source's log.
    pub next: Checkpoint,
    /// Records that were appended to the target's log.
    pub records: u64,
}

/// Appends what comes, in order, and keeps count.
pub struct Tail {
    file: PathBuf,
    progress: Progress,
}

impl Tail {
    /// One that begins at `next`.
    pub fn begin(file: PathBuf, next: Checkpoint) -> Result<Tail, AppError> {
        let tail = Tail { file, progress: Progress { next, records: 0 } };
        tail.write()?;
        Ok(tail)
    }

    /// One that an earlier run has begun.
    pub fn resume(file: PathBuf) -> Result<Option<Tail>, AppError> {
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AppError::File(file, error)),
        };
        let progress = serde_json::from_slice(&text).map_err(|error| AppError::Internal(error.to_string()))?;
        Ok(Some(Tail { file, progress }))
    }

    pub fn next(&self) -> &Checkpoint {
        &self.progress.next
    }

    pub fn records(&self) -> u64 {
        self.progress.records
    }

    /// Appends the records, which must go on where the last ones ended; a record that is missing is an error.
    pub async fn take(
        &mut self,
        records: Vec<LogRecord>,
        next: &Checkpoint,
        to: &dyn ActivityLog,
    ) -> Result<(), AppError> {
        let mut place = self.progress.next.clone();
        let mut copies = Vec::with_capacity(records.len());
        for record in records {
            if record.offset != place.next_offset(record.partition) {
                return Err(MigrateError::TailLost(record.partition, place.next_offset(record.partition)).into());
            }
            place.advance(record.partition, record.offset + 1);
            copies.extend(copy_of(&record)?);
        }
        if let Some((partition, _)) = next.iter().find(|(partition, offset)| place.next_offset(*partition) != *offset) {
            return Err(MigrateError::TailLost(partition, place.next_offset(partition)).into());
        }
        if place == self.progress.next {
            return Ok(());
        }
        let count = copies.len() as u64;
        to.append(copies).await?;
        self.progress = Progress { next: place, records: self.progress.records + count };
        self.write()
    }

    /// Durable when it returns.
    fn write(&self) -> Result<(), AppError> {
        let text = serde_json::to_vec(&self.progress).map_err(|error| AppError::Internal(error.to_string()))?;
        let draft = self.file.with_extension("next");
        let written = File::create(&draft).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
        written.map_err(AppError::file(&draft))?;
        fs::rename(&draft, &self.file).map_err(AppError::file(&self.file))?;
        sync_folder_of(&self.file)
    }
}

/// The name of a new file survives a power cut.
pub fn sync_folder_of(file: &Path) -> Result<(), AppError> {
    let Some(folder) = file.parent() else { return Ok(()) };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(AppError::file(folder))
}

/// The record for another log, byte for byte; nothing of one that is forgotten.
pub fn copy_of(record: &LogRecord) -> Result<Option<Record>, AppError> {
    let read = Entry::decode(record.kind, &record.payload).map_err(|error| AppError::Internal(error.to_string()))?;
    let (project, id) = match &read {
        Entry::Activity(activity) => (&activity.project, &activity.distinct_id),
        Entry::Quarantined(item) => (&item.project, &item.quarantine_id),
        Entry::Resolved(item) => (&item.project, &item.quarantine_id),
        Entry::Unmerge(item) => (&item.project, &item.merge_id),
        Entry::Erased => return Ok(None),
    };
    let partition_key = Record::key_of(project, id);
    Ok(Some(Record { kind: record.kind, partition_key, payload: record.payload.to_vec() }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use footfall_ingest_activity::{Quarantined, Timestamp};
    use footfall_ingest_log::LogOptions;

    use super::*;

    fn record(offset: u64, id: &str) -> LogRecord {
        let item = Quarantined {
            quarantine_id: id.into(),
            project: "default".into(),
            dialect: "native".into(),
            reason: "event_missing".into(),
            detail: "".into(),
            raw: "{}".into(),
            received_at: Timestamp::from_millis(0),
            sent_at: None,
            import: None,
        };
        let Record { kind, payload, .. } = Entry::Quarantined(item).encode().unwrap();
        LogRecord { partition: 0, offset, kind, payload: payload.into() }
    }

    fn to(offset: u64) -> Checkpoint {
        [(0, offset)].into_iter().collect()
    }

    #[tokio::test]
    async fn a_tail_goes_on_where_it_was_and_misses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file:{}", folder.path().join("log").display());
        let log = footfall_ingest_log::open(&url, LogOptions { partitions: 1, ..LogOptions::default() }).await.unwrap();
        let file = folder.path().join("tail.json");
        assert!(Tail::resume(file.clone()).unwrap().is_none());
        let mut tail = Tail::begin(file.clone(), to(7)).unwrap();
        tail.take(vec![record(7, "a"), record(8, "b")], &to(9), &*log).await.unwrap();
        let mut tail = Tail::resume(file).unwrap().expect("it was begun");
        let missed = tail.take(vec![record(10, "d")], &to(11), &*log).await;
        assert!(matches!(missed, Err(AppError::Migrate(MigrateError::TailLost(0, 9)))), "{missed:?}");
        let missed = tail.take(Vec::new(), &to(10), &*log).await;
        assert!(matches!(missed, Err(AppError::Migrate(MigrateError::TailLost(0, 9)))), "{missed:?}");
        let erased = LogRecord { kind: Record::KIND_ERASED, payload: Default::default(), ..record(9, "c") };
        tail.take(vec![erased, record(10, "d")], &to(11), &*log).await.unwrap();
        assert_eq!((tail.records(), tail.next()), (3, &to(11)));
        let read = log.read(&Checkpoint::default(), 1 << 20, std::time::Duration::ZERO).await.unwrap();
        let wanted: Vec<_> = [record(7, "a"), record(8, "b"), record(10, "d")].map(|record| record.payload).into();
        assert_eq!(read.records.into_iter().map(|record| record.payload).collect::<Vec<_>>(), wanted);
        log.close().await;
    }
}
