//! Rows between our Arrow schemas and the forms that ClickHouse reads and writes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryArray, RecordBatch, RecordBatchOptions, StringArray, TimestampMillisecondArray,
    UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;

use crate::StoreError;
use crate::tables::{ColumnKind, Table};

/// Rows of a table, by project, as one Arrow stream.
pub(super) fn table_stream(table: Table, publication: u64, rows: &[(&str, &RecordBatch)]) -> Result<Bytes, StoreError> {
    let mut fields =
        vec![Field::new("project", DataType::Utf8, false), Field::new("publication", DataType::UInt64, false)];
    fields
        .extend(table.columns().iter().map(|column| Field::new(column.name, sent_type(column.kind), column.nullable)));
    let schema = Arc::new(Schema::new(fields));
    let batches = rows.iter().map(|(project, batch)| {
        let count = batch.num_rows();
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(*project, count))),
            Arc::new(UInt64Array::from(vec![publication; count])),
        ];
        for (column, field) in batch.columns().iter().zip(&schema.fields()[2..]) {
            columns.push(cast(column, field.data_type())?);
        }
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    });
    stream(&schema, &batches.collect::<Result<Vec<_>, StoreError>>()?)
}

/// Message keys as one Arrow stream.
pub(super) fn keys_stream(keys: &[u128], publication: u64, published_at: i64) -> Result<Bytes, StoreError> {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let schema = Arc::new(Schema::new(vec![
        Field::new("key", DataType::FixedSizeBinary(16), false),
        Field::new("publication", DataType::UInt64, false),
        Field::new("published_at", time, false),
    ]));
    let bytes = keys.iter().map(|key| key.to_be_bytes());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(FixedSizeBinaryArray::try_from_iter(bytes)?),
        Arc::new(UInt64Array::from(vec![publication; keys.len()])),
        Arc::new(TimestampMillisecondArray::from(vec![published_at; keys.len()]).with_timezone("UTC")),
    ];
    stream(&schema, &[RecordBatch::try_new(schema.clone(), columns)?])
}

fn sent_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Text | ColumnKind::Word | ColumnKind::Json => DataType::Utf8,
        other => other.data_type(),
    }
}

fn stream(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Bytes, StoreError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    Ok(writer.into_inner()?.into())
}

/// The columns of a batch, by place, with the types and names of `schema`; a schema without columns keeps the count of a
/// batch that has one row with a number in it.
pub(super) fn to_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, StoreError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        match column.data_type() == field.data_type() {
            true => Ok(column.clone()),
            false => cast(column, field.data_type()),
        }
    });
    let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &count)?)
}
