//! Rows of a table in a Parquet file of their own, outside of any store: what backups of tables in a database are made of.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::FieldRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::StoreError;
use crate::remote::{Rows, RowsSender};
use crate::tables::Table;

/// Bytes of rows that wait in memory for their row group.
const GROUP_BYTES: usize = 32 << 20;
const GROUP_ROWS: usize = 128 * 1024;
/// Rows read at a time.
const READ_ROWS: usize = 4_096;

/// A file of rows being written.
pub struct RowsWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    rows: u64,
}

impl<W: Write + Send> RowsWriter<W> {
    /// Begins a file of a table.
    pub fn new(into: W, table: Table) -> Result<Self, StoreError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        Ok(RowsWriter { writer: ArrowWriter::try_new(into, table.schema(), Some(properties))?, rows: 0 })
    }

    /// Takes rows with the table's schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch)?;
        if self.writer.in_progress_size() > GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    /// Bytes that have gone out.
    pub fn bytes_written(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Ends the file: where it went to, and how many rows it has.
    pub fn finish(self) -> Result<(W, u64), StoreError> {
        Ok((self.writer.into_inner()?, self.rows))
    }
}

/// The rows of such files on their way, file after file. Columns that a file does not know yet are empty.
pub fn read(table: Table, files: Vec<PathBuf>) -> Rows {
    let (sender, rows) = Rows::channel();
    tokio::task::spawn_blocking(move || {
        let ended = files.iter().try_for_each(|file| send(table, file, &sender));
        // Whoever asked may have gone.
        let _ = sender.blocking_send(ended.map(|()| None));
    });
    rows
}

fn send(table: Table, path: &Path, sender: &RowsSender) -> Result<(), StoreError> {
    let file = File::open(path).map_err(StoreError::file("opening", path))?;
    for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(READ_ROWS).build()? {
        let batch = completed(table, &batch?)?;
        sender.blocking_send(Ok(Some(batch))).map_err(|_| StoreError::Task("nobody takes the rows".to_owned()))?;
    }
    Ok(())
}

fn completed(table: Table, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let schema = table.schema();
    let column = |field: &FieldRef| -> Result<ArrayRef, StoreError> {
        match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => Ok(cast(column, field.data_type())?),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, AsArray, StringViewArray, TimestampMillisecondArray};
    use arrow::datatypes::{DataType, Schema};
    use futures::StreamExt;

    use super::*;

    fn ids(from: usize, count: usize) -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values((from..from + count).map(|number| format!("id-{number}"))))
    }

    #[tokio::test]
    async fn rows_come_back_file_after_file() {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::PersonOverrides;
        let mut files = Vec::new();
        for (number, rows) in [10_000, 0, 3].into_iter().enumerate() {
            files.push(folder.path().join(number.to_string()));
            let mut writer = RowsWriter::new(File::create(&files[number]).unwrap(), table).unwrap();
            writer
                .write(&RecordBatch::try_new(table.schema(), vec![ids(number, rows), ids(0, rows)]).unwrap())
                .unwrap();
            assert_eq!(writer.finish().unwrap().1, rows as u64);
        }
        let mut there = read(table, files);
        let (mut rows, mut last) = (0, String::new());
        while let Some(batch) = there.next().await {
            let batch = batch.unwrap();
            assert_eq!(batch.schema(), table.schema());
            rows += batch.num_rows();
            last = batch.column(0).as_string_view().iter().flatten().last().unwrap().to_owned();
        }
        assert_eq!((rows, last.as_str()), (10_003, "id-4"));
    }

    #[test]
    fn a_column_that_a_file_does_not_know_is_empty() {
        let table = Table::Quarantine;
        let known: Vec<FieldRef> =
            table.schema().fields().iter().filter(|field| !field.is_nullable()).cloned().collect();
        let column = |field: &FieldRef| -> ArrayRef {
            match field.data_type() {
                DataType::Utf8View => ids(0, 2),
                _ => Arc::new(TimestampMillisecondArray::from(vec![1, 2]).with_timezone("UTC")),
            }
        };
        let columns = known.iter().map(column).collect();
        let old = RecordBatch::try_new(Arc::new(Schema::new(known)), columns).unwrap();
        let now = completed(table, &old).unwrap();
        assert_eq!(now.column_by_name("sent_at").unwrap().null_count(), 2);
        assert_eq!(now.column_by_name("raw").unwrap().null_count(), 0);
    }

    #[tokio::test]
    async fn a_file_without_what_every_row_has_and_one_that_is_damaged_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old");
        let known = Table::QuarantineResolved.schema().field(0).clone();
        let schema = Arc::new(Schema::new(vec![known]));
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema.clone(), None).unwrap();
        writer.write(&RecordBatch::try_new(schema, vec![ids(0, 2)]).unwrap()).unwrap();
        writer.close().unwrap();
        let failed = read(Table::QuarantineResolved, vec![path.clone()]).next().await.unwrap();
        assert!(matches!(failed, Err(StoreError::Arrow(_))), "{failed:?}");
        std::fs::write(&path, b"PAR1").unwrap();
        let failed = read(Table::QuarantineResolved, vec![path]).next().await.unwrap();
        assert!(matches!(failed, Err(StoreError::Parquet(_))), "{failed:?}");
    }
}
