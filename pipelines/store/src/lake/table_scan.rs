//! Reading a table for what is derived from it: some columns, and some properties as text, of files and fresh rows.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::promote;
use super::snapshot::DataFile;
use crate::StoreError;
use crate::tables::{ColumnKind, Table};

const PROPERTIES: &str = "properties";

/// The rows of a file in its order: the columns that were asked for, then a text column for each property, which holds
/// what `properties->>'name'` gives. A property with a column of its own in the file is read from there.
pub struct TableScan {
    rows: ParquetRecordBatchReader,
    wanted: Wanted,
}

struct Wanted {
    columns: Vec<String>,
    properties: Vec<String>,
    schema: SchemaRef,
}

impl TableScan {
    /// Opens a file of a table below the lake's root.
    pub fn open(
        root: &Path,
        table: Table,
        file: &DataFile,
        columns: &[&str],
        properties: &[String],
        batch_rows: usize,
    ) -> Result<TableScan, StoreError> {
        let wanted = Wanted::new(table, columns, properties)?;
        let path = root.join(&file.path);
        let handle = File::open(&path).map_err(StoreError::file("opening", &path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(handle)?;
        let promoted: Vec<String> = properties.iter().map(|name| DataFile::promoted_column(name)).collect();
        let has = |name: &String| builder.schema().column_with_name(name).is_some();
        let needs_json = !promoted.iter().all(has);
        let roots = builder.schema().fields().iter().enumerate().filter(|(_, field)| {
            let name = field.name();
            wanted.columns.contains(name) || promoted.contains(name) || (needs_json && name == PROPERTIES)
        });
        let roots: Vec<usize> = roots.map(|(index, _)| index).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let builder = builder.with_projection(mask).with_batch_size(batch_rows);
        let rows = match file.selection() {
            Some(live) => builder.with_row_selection(live).build()?,
            None => builder.build()?,
        };
        Ok(TableScan { rows, wanted })
    }
}

impl Iterator for TableScan {
    type Item = Result<RecordBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.rows.next()?.map_err(StoreError::from).and_then(|batch| self.wanted.of(&batch)))
    }
}

/// The same of fresh rows.
pub fn fresh_columns(
    table: Table,
    batch: &RecordBatch,
    columns: &[&str],
    properties: &[String],
) -> Result<RecordBatch, StoreError> {
    Wanted::new(table, columns, properties)?.of(batch)
}

impl Wanted {
    fn new(table: Table, columns: &[&str], properties: &[String]) -> Result<Wanted, StoreError> {
        let table = table.schema();
        let mut fields = Vec::new();
        for name in columns {
            fields.push(Arc::new(table.field_with_name(name)?.clone()));
        }
        let text = ColumnKind::Text.data_type();
        fields.extend(properties.iter().map(|name| Arc::new(Field::new(name, text.clone(), true))));
        Ok(Wanted {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            properties: properties.to_vec(),
            schema: Arc::new(Schema::new(fields)),
        })
    }

    fn of(&self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let own = |name: &String| batch.column_by_name(&DataFile::promoted_column(name)).cloned();
        let missing: Vec<String> = self.properties.iter().filter(|name| own(name).is_none()).cloned().collect();
        let mut extracted = promote::extract(batch, &missing)?.into_iter();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for name in &self.columns {
            let column = batch.column_by_name(name);
            arrays.push(column.cloned().ok_or_else(|| StoreError::Task(format!("rows without the column {name}")))?);
        }
        for name in &self.properties {
            arrays.extend(own(name).or_else(|| extracted.next()));
        }
        let fields = self.schema.fields().iter();
        let arrays =
            arrays.into_iter().zip(fields).map(|(array, field)| match array.data_type() == field.data_type() {
                true => Ok(array),
                false => cast(&array, field.data_type()),
            });
        Ok(RecordBatch::try_new(self.schema.clone(), arrays.collect::<Result<_, _>>()?)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::AsArray;

    use super::super::data_file::write_sorted;
    use super::super::tests::rows::activity_batch;
    use super::*;

    fn lines(batches: &[RecordBatch]) -> Vec<Vec<Option<String>>> {
        let cell = |column: &ArrayRef, row: usize| {
            let column = column.as_string_view();
            Some(column)
                .filter(|_| arrow::array::Array::is_valid(column, row))
                .map(|column| column.value(row).to_owned())
        };
        let mut lines: Vec<_> = batches
            .iter()
            .flat_map(|batch| {
                (0..batch.num_rows())
                    .map(|row| batch.columns().iter().map(|column| cell(column, row)).collect())
                    .collect::<Vec<Vec<_>>>()
            })
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn files_and_fresh_rows_give_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let fresh = activity_batch(0..100);
        let file = write_sorted(folder.path(), "p", Table::Activity, std::slice::from_ref(&fresh), 1).unwrap();
        assert!(file.promoted.contains(&"plan".to_owned()));
        let columns = ["message_id", "event"];
        // One property has a column, one is read from the JSON, one is nowhere.
        let properties = ["plan".to_owned(), "n".to_owned(), "none".to_owned()];
        let scan = TableScan::open(folder.path(), Table::Activity, &file, &columns, &properties, 7).unwrap();
        let of_file = lines(&scan.collect::<Result<Vec<_>, _>>().unwrap());
        let of_fresh = lines(&[fresh_columns(Table::Activity, &fresh, &columns, &properties).unwrap()]);
        assert_eq!(of_file, of_fresh);
        assert_eq!(of_file[0][2..], [Some("free".to_owned()), Some("0".to_owned()), None]);
    }
}
