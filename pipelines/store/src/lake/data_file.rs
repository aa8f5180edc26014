//! One Parquet file: how rows become one, and the folder it lies in.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{Field, Schema, SchemaRef, TimestampMillisecondType};
use arrow::row::{RowConverter, SortField};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use uuid::Uuid;

use super::promote;
use super::snapshot::DataFile;
use crate::StoreError;
use crate::tables::{ColumnKind, Table};

/// Rows in a row group: what a filter can skip.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Rows handed to the writer at a time.
const WRITE_ROWS: usize = 16 * 1024;
/// Most property columns that a file gets.
pub(super) const PROMOTED_MAX: usize = 24;

/// Columns that questions filter by so finely that single pages are skipped; the others have statistics by row group.
const PAGE_STATISTICS: [&str; 6] = ["person_id", "distinct_id", "event", "timestamp", "received_at", "start"];

/// A file being written below the lake's root, batch by batch, in sort order.
pub(super) struct DataFileWriter {
    table: Table,
    path: String,
    absolute: PathBuf,
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    promoted: Vec<String>,
    rows: u64,
    times: Option<(i64, i64)>,
}

impl DataFileWriter {
    /// Starts a file of `table` of `project`; `promoted` are the properties that get a column of their own.
    pub fn create(
        root: &Path,
        project: &str,
        table: Table,
        promoted: Vec<String>,
        zstd_level: i32,
    ) -> Result<Self, StoreError> {
        let folder = format!("{}/{}", folder_of(project), table.name());
        fs::create_dir_all(root.join(&folder)).map_err(StoreError::file("creating", root.join(&folder)))?;
        let path = format!("{folder}/{}.parquet", Uuid::now_v7().simple());
        let absolute = root.join(&path);
        let file = File::create(&absolute).map_err(StoreError::file("creating", &absolute))?;
        let schema = file_schema(table, &promoted);
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties(table, zstd_level)?))?;
        Ok(DataFileWriter { table, path, absolute, writer, schema, promoted, rows: 0, times: None })
    }

    /// Writes rows with the table's schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.rows += batch.num_rows() as u64;
        self.times = join_times(self.times, times_of(self.table, batch));
        for from in (0..batch.num_rows()).step_by(WRITE_ROWS) {
            let slice = batch.slice(from, WRITE_ROWS.min(batch.num_rows() - from));
            let mut columns: Vec<ArrayRef> = slice.columns().to_vec();
            if !self.promoted.is_empty() {
                columns.extend(promote::extract(&slice, &self.promoted)?);
            }
            self.writer.write(&RecordBatch::try_new(self.schema.clone(), columns)?)?;
        }
        Ok(())
    }

    /// Gives the file up.
    pub fn abandon(self) -> Result<(), StoreError> {
        drop(self.writer);
        fs::remove_file(&self.absolute).map_err(StoreError::file("removing", self.absolute))
    }

    /// Ends the file; after the return its bytes and its name survive a power cut.
    pub fn finish(self) -> Result<DataFile, StoreError> {
        let absolute = self.absolute;
        let file = self.writer.into_inner()?;
        file.sync_all().map_err(StoreError::file("syncing", &absolute))?;
        let bytes = file.metadata().map_err(StoreError::file("reading", &absolute))?.len();
        if let Some(folder) = absolute.parent() {
            super::manifest::sync_folder(folder)?;
        }
        Ok(DataFile {
            path: self.path,
            rows: self.rows,
            bytes,
            times: self.times,
            promoted: self.promoted,
            erased: Vec::new(),
        })
    }
}

/// Sorts fresh batches of a table and writes them as one file.
pub(super) fn write_sorted(
    root: &Path,
    project: &str,
    table: Table,
    fresh: &[RecordBatch],
    zstd_level: i32,
) -> Result<DataFile, StoreError> {
    let batches = fresh.iter().map(|batch| to_table_schema(table, batch)).collect::<Result<Vec<_>, _>>()?;
    let promoted = match table {
        Table::Activity => promote::choose(&batches, PROMOTED_MAX)?,
        _ => Vec::new(),
    };
    let order = sorted_indices(table, &batches)?;
    let columns = Columns::of(table, &batches);
    let mut writer = DataFileWriter::create(root, project, table, promoted, zstd_level)?;
    for chunk in order.chunks(WRITE_ROWS) {
        writer.write(&columns.rows(chunk)?)?;
    }
    writer.finish()
}

/// The columns of several batches, to take rows from. Most clients fill few of the many columns: the empty ones cost nothing.
struct Columns<'a> {
    schema: SchemaRef,
    /// The column of every batch; `None` where all of them are null.
    filled: Vec<Option<Vec<&'a dyn Array>>>,
}

impl<'a> Columns<'a> {
    fn of(table: Table, batches: &'a [RecordBatch]) -> Self {
        let column = |place: usize| {
            let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(place).as_ref()).collect();
            parts.iter().any(|part| part.null_count() < part.len()).then_some(parts)
        };
        let schema = table.schema();
        Columns { filled: (0..schema.fields().len()).map(column).collect(), schema }
    }

    fn rows(&self, places: &[(usize, usize)]) -> Result<RecordBatch, StoreError> {
        let columns = self.filled.iter().zip(self.schema.fields()).map(|(parts, field)| match parts {
            Some(parts) => interleave(parts, places),
            None => Ok(new_null_array(field.data_type(), places.len())),
        });
        Ok(RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<Vec<_>, _>>()?)?)
    }
}

/// Fresh rows as readers see them: dictionaries become plain text.
pub(crate) fn to_table_schema(table: Table, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let schema = table.schema();
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(column.clone()),
            false => cast(column, field.data_type()),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Where each row of the sorted whole lies: batch and row.
fn sorted_indices(table: Table, batches: &[RecordBatch]) -> Result<Vec<(usize, usize)>, StoreError> {
    let schema = table.schema();
    let columns = table.sort_columns().iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    let fields = columns.iter().map(|&column| SortField::new(schema.field(column).data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let mut keys = Vec::with_capacity(batches.len());
    for batch in batches {
        let arrays: Vec<ArrayRef> = columns.iter().map(|&column| batch.column(column).clone()).collect();
        keys.push(converter.convert_columns(&arrays)?);
    }
    // Most comparisons end within the first bytes: these lie side by side, the keys all over the memory.
    let mut order: Vec<(u128, usize, usize)> = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (batch, keys) in keys.iter().enumerate() {
        order.extend(keys.iter().enumerate().map(|(row, key)| (first_bytes(key.as_ref()), batch, row)));
    }
    order.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0)
            .then_with(|| keys[a.1].row(a.2).cmp(&keys[b.1].row(b.2)))
            .then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
    });
    Ok(order.into_iter().map(|(_, batch, row)| (batch, row)).collect())
}

/// The first 16 bytes as a number that compares as they do; shorter keys are smaller.
fn first_bytes(key: &[u8]) -> u128 {
    let mut first = [0; 16];
    let length = key.len().min(16);
    first[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(first)
}

/// The table's columns and the promoted ones.
fn file_schema(table: Table, promoted: &[String]) -> SchemaRef {
    let base = table.schema();
    let text = ColumnKind::Text.data_type();
    let own = promoted.iter().map(|key| Arc::new(Field::new(DataFile::promoted_column(key), text.clone(), true)));
    Arc::new(Schema::new(base.fields().iter().cloned().chain(own).collect::<Vec<_>>()))
}

fn properties(table: Table, zstd_level: i32) -> Result<WriterProperties, StoreError> {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(zstd_level)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("footfall".into())
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for column in table.columns() {
        let path = ColumnPath::from(column.name);
        if PAGE_STATISTICS.contains(&column.name) {
            builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::Page);
        }
        builder = match (column.kind, column.name) {
            (ColumnKind::Json, _) => builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, EnabledStatistics::None),
            (ColumnKind::Time | ColumnKind::Integer, _) => builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            (_, "message_id" | "quarantine_id" | "raw") => builder.set_column_dictionary_enabled(path, false),
            _ => builder,
        };
    }
    Ok(builder.build())
}

/// The folder of a project below the lake's root: its name, with everything but letters, digits, `-` and `_` as `%XX`.
pub(super) fn folder_of(project: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => (byte as char).to_string(),
        other => format!("%{other:02X}"),
    };
    format!("project={}", project.bytes().map(escape).collect::<String>())
}

/// Least and greatest of a table's time column.
fn times_of(table: Table, batch: &RecordBatch) -> Option<(i64, i64)> {
    let name = match table {
        Table::Activity => "timestamp",
        Table::SessionParts => "start",
        Table::Quarantine => "received_at",
        _ => return None,
    };
    let times = batch.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>()?;
    Some((arrow::compute::min(times)?, arrow::compute::max(times)?))
}

pub(super) fn join_times(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some((a0, a1)), Some((b0, b1))) => Some((a0.min(b0), a1.max(b1))),
        (a, b) => a.or(b),
    }
}
