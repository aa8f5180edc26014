//! Reading files without a query engine: for state at start, for compaction and for checks.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::data_file::to_table_schema;
use super::snapshot::{DataFile, ProjectSnapshot};
use crate::StoreError;
use crate::remote::{Rows, RowsSender};
use crate::tables::Table;

/// Rows of a file in order, without its promoted columns and without those of the forgotten.
pub(super) fn open_file(root: &Path, table: Table, file: &DataFile) -> Result<ParquetRecordBatchReader, StoreError> {
    open(root, table, file, file.selection())
}

/// All rows that lie in a file.
pub(super) fn open_whole(root: &Path, table: Table, file: &DataFile) -> Result<ParquetRecordBatchReader, StoreError> {
    open(root, table, file, None)
}

fn open(
    root: &Path,
    table: Table,
    file: &DataFile,
    selection: Option<RowSelection>,
) -> Result<ParquetRecordBatchReader, StoreError> {
    let path = root.join(&file.path);
    let handle = File::open(&path).map_err(StoreError::file("opening", &path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(handle)?;
    let columns = ProjectionMask::roots(builder.parquet_schema(), 0..table.columns().len());
    let builder = builder.with_projection(columns).with_batch_size(4_096);
    Ok(match selection {
        Some(live) => builder.with_row_selection(live).build()?,
        None => builder.build()?,
    })
}

/// All rows of a file with the table's schema.
pub(super) fn read_file(root: &Path, table: Table, file: &DataFile) -> Result<Vec<RecordBatch>, StoreError> {
    open_file(root, table, file)?.map(|batch| to_table_schema(table, &batch?)).collect()
}

/// All rows of a table, files first.
pub(super) fn read_table(snapshot: &ProjectSnapshot, table: Table) -> Result<Vec<RecordBatch>, StoreError> {
    let view = snapshot.table(table);
    let mut batches = Vec::new();
    for file in &view.files {
        batches.extend(read_file(&snapshot.root, table, file)?);
    }
    for batch in &view.fresh {
        batches.push(to_table_schema(table, batch)?);
    }
    Ok(batches)
}

/// All rows of a table on their way, files first; in the same order as long as the snapshot has the same files.
pub(crate) fn stream(snapshot: Arc<ProjectSnapshot>, table: Table) -> Rows {
    let (sender, rows) = Rows::channel();
    tokio::task::spawn_blocking(move || {
        let ended = send_all(&snapshot, table, &sender);
        // Whoever asked may have gone.
        let _ = sender.blocking_send(ended.map(|()| None));
    });
    rows
}

fn send_all(snapshot: &ProjectSnapshot, table: Table, sender: &RowsSender) -> Result<(), StoreError> {
    let view = snapshot.table(table);
    let gone = |_| StoreError::Task("nobody takes the rows".to_owned());
    for file in &view.files {
        for batch in open_file(&snapshot.root, table, file)? {
            sender.blocking_send(Ok(Some(to_table_schema(table, &batch?)?))).map_err(gone)?;
        }
    }
    for batch in &view.fresh {
        sender.blocking_send(Ok(Some(to_table_schema(table, batch)?))).map_err(gone)?;
    }
    Ok(())
}
