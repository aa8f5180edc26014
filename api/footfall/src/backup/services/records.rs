//! The log of a backup of services: records as they lie in the topic, from the tables' checkpoint on, in Parquet files.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch, UInt8Array, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt8Type, UInt32Type, UInt64Type};
use arrow::error::ArrowError;
use footfall_ingest_activity::{Checkpoint, Clock};
use footfall_ingest_log::{ActivityLog, LogRecord};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::Taken;
use crate::backup::BackupError;
use crate::backup::place::Place;
use crate::config::Settings;
use crate::console::note;
use crate::error::AppError;
use crate::{migrate, wiring};

/// Payload bytes that are read, and appended, at once.
const BYTES_MAX: usize = 4 << 20;
/// Bytes of records that wait in memory for their row group.
const GROUP_BYTES: usize = 32 << 20;
/// Records of a file that are in memory at a time.
const READ_ROWS: usize = 256;

/// How far the log is copied.
pub struct Records {
    pub next: Checkpoint,
    pub count: u64,
    files: u32,
    is_begun: bool,
}

impl Records {
    /// From here on.
    pub fn after(checkpoint: Checkpoint) -> Records {
        Records { next: checkpoint, count: 0, files: 0, is_begun: false }
    }

    /// Takes everything that is in the log now: it is asked anew where it ends, every partition.
    pub async fn take(
        &mut self,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        place: &Place,
        taken: &mut Taken,
    ) -> Result<(), AppError> {
        let log = wiring::open_log(settings, clock).await?;
        let read = self.read(&*log, place, taken).await;
        log.close().await;
        read
    }

    async fn read(&mut self, log: &dyn ActivityLog, place: &Place, taken: &mut Taken) -> Result<(), AppError> {
        let end = log.whole_end().await?;
        let is_lost =
            |part: &&footfall_ingest_log::PartitionStatus| part.first_offset > self.next.next_offset(part.partition);
        // What was deleted before is nobody's loss but the tables'.
        if std::mem::replace(&mut self.is_begun, true)
            && let Some(part) = log.status().partitions.iter().find(is_lost)
        {
            let offset = self.next.next_offset(part.partition);
            return Err(BackupError::LogGone { partition: part.partition, offset }.into());
        }
        if self.next.covers(&end) {
            return Ok(());
        }
        let mut file = RecordsWriter::new(place.incoming()?).map_err(failed)?;
        while !self.next.covers(&end) {
            let batch = log.read(&self.next, BYTES_MAX, Duration::ZERO).await?;
            for damage in &batch.damages {
                let (partition, from, to) = (damage.partition, damage.from_offset, damage.to_offset);
                note(format!("log: partition {partition} has nothing at offsets {from} to {to}: {}", damage.detail));
            }
            file.write(&batch.records).map_err(failed)?;
            self.count += batch.records.len() as u64;
            self.next = batch.next;
        }
        let path = format!("log/records-{}.parquet", self.files);
        self.files += 1;
        taken.keep(file.finish().map_err(failed)?, path)
    }
}

fn failed(error: ParquetError) -> AppError {
    AppError::Internal(error.to_string())
}

fn schema() -> SchemaRef {
    let field = |name: &str, kind| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("partition", DataType::UInt32),
        field("offset", DataType::UInt64),
        field("kind", DataType::UInt8),
        field("payload", DataType::Binary),
    ]))
}

struct RecordsWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> RecordsWriter<W> {
    fn new(into: W) -> Result<Self, ParquetError> {
        let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
        let properties = WriterProperties::builder().set_compression(compression).build();
        Ok(RecordsWriter { writer: ArrowWriter::try_new(into, schema(), Some(properties))? })
    }

    fn write(&mut self, records: &[LogRecord]) -> Result<(), ParquetError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values(records.iter().map(|record| record.partition))),
            Arc::new(UInt64Array::from_iter_values(records.iter().map(|record| record.offset))),
            Arc::new(UInt8Array::from_iter_values(records.iter().map(|record| record.kind))),
            Arc::new(BinaryArray::from_iter_values(records.iter().map(|record| &record.payload))),
        ];
        self.writer.write(&RecordBatch::try_new(schema(), columns)?)?;
        if self.writer.in_progress_size() > GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    fn finish(self) -> Result<W, ParquetError> {
        self.writer.into_inner()
    }
}

/// Appends the records of a file to a log, in order; how many there were.
pub async fn append(file: &Path, log: &dyn ActivityLog) -> Result<u64, AppError> {
    let open = File::open(file).map_err(AppError::file(file))?;
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(open).and_then(|file| file.with_batch_size(READ_ROWS).build());
    let (mut waiting, mut bytes, mut count) = (Vec::new(), 0, 0);
    for batch in reader.map_err(failed)? {
        let records = records_of(&batch.map_err(|error| failed(error.into()))?);
        for record in records.map_err(|error| failed(error.into()))? {
            // Nothing is left of what somebody was forgotten with.
            let Some(copy) = migrate::copy_of(&record)? else { continue };
            bytes += copy.payload.len();
            count += 1;
            waiting.push(copy);
            if bytes >= BYTES_MAX {
                bytes = 0;
                log.append(std::mem::take(&mut waiting)).await?;
            }
        }
    }
    log.append(waiting).await?;
    Ok(count)
}

fn records_of(batch: &RecordBatch) -> Result<Vec<LogRecord>, ArrowError> {
    let column = |name: &str| {
        batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("the records have no column {name}")))
    };
    let unlike = |name: &str| ArrowError::SchemaError(format!("the records' {name} has another type"));
    let partitions = column("partition")?.as_primitive_opt::<UInt32Type>().ok_or_else(|| unlike("partition"))?;
    let offsets = column("offset")?.as_primitive_opt::<UInt64Type>().ok_or_else(|| unlike("offset"))?;
    let kinds = column("kind")?.as_primitive_opt::<UInt8Type>().ok_or_else(|| unlike("kind"))?;
    let payloads = column("payload")?.as_binary_opt::<i32>().ok_or_else(|| unlike("payload"))?;
    let record = |row: usize| LogRecord {
        partition: partitions.value(row),
        offset: offsets.value(row),
        kind: kinds.value(row),
        payload: payloads.value(row).to_vec().into(),
    };
    Ok((0..payloads.len()).map(record).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use footfall_ingest_activity::{Entry, Quarantined, Record, Timestamp};
    use footfall_ingest_log::LogOptions;

    use super::*;

    fn record(offset: u64, raw: &str) -> LogRecord {
        let item = Quarantined {
            quarantine_id: format!("q-{offset}").into(),
            project: "default".into(),
            dialect: "native".into(),
            reason: "event_missing".into(),
            detail: "".into(),
            raw: raw.into(),
            received_at: Timestamp::from_millis(0),
            sent_at: None,
            import: None,
        };
        let Record { kind, payload, .. } = Entry::Quarantined(item).encode().unwrap();
        LogRecord { partition: 2, offset, kind, payload: payload.into() }
    }

    async fn payloads(log: &dyn ActivityLog) -> Vec<bytes::Bytes> {
        let read = log.read(&Checkpoint::default(), 64 << 20, Duration::ZERO).await.unwrap();
        read.records.into_iter().map(|record| record.payload).collect()
    }

    #[tokio::test]
    async fn records_go_into_another_log_byte_for_byte_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("records");
        // More than one append takes.
        let large = "x".repeat(1 << 20);
        let records: Vec<LogRecord> = (0..10).map(|offset| record(100 + offset, &large)).collect();
        let erased = LogRecord { kind: Record::KIND_ERASED, payload: Default::default(), ..record(110, "") };
        let mut writer = RecordsWriter::new(File::create(&file).unwrap()).unwrap();
        writer.write(&records).unwrap();
        writer.write(&[erased]).unwrap();
        writer.finish().unwrap();
        let url = format!("file:{}", folder.path().join("log").display());
        let log = footfall_ingest_log::open(&url, LogOptions { partitions: 1, ..LogOptions::default() }).await.unwrap();
        assert_eq!(append(&file, &*log).await.unwrap(), 10);
        assert_eq!(payloads(&*log).await, records.into_iter().map(|record| record.payload).collect::<Vec<_>>());
        log.close().await;
    }

    #[tokio::test]
    async fn a_file_of_something_else_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("records");
        let url = format!("file:{}", folder.path().join("log").display());
        let log = footfall_ingest_log::open(&url, LogOptions { partitions: 1, ..LogOptions::default() }).await.unwrap();
        std::fs::write(&file, "PAR1 no").unwrap();
        append(&file, &*log).await.unwrap_err();
        let other = RecordBatch::try_from_iter([("payload", Arc::new(UInt8Array::from(vec![1])) as ArrayRef)]).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&file).unwrap(), other.schema(), None).unwrap();
        writer.write(&other).unwrap();
        writer.close().unwrap();
        let error = append(&file, &*log).await.unwrap_err().to_string();
        assert!(error.contains("no column partition"), "{error}");
        assert!(payloads(&*log).await.is_empty());
        log.close().await;
    }
}
