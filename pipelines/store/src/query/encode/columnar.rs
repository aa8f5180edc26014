//! Arrow's IPC stream and Parquet, in types that every reader knows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Encoder;

/// Memory of a Parquet row group that is being made.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// Text and bytes as older readers know them; dictionaries as their values.
fn plain_type(data_type: &DataType) -> DataType {
    let item = |field: &FieldRef| Arc::new(plain_field(field));
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::List(field) => DataType::List(item(field)),
        DataType::LargeList(field) => DataType::LargeList(item(field)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(item).collect()),
        other => other.clone(),
    }
}

fn plain_field(field: &FieldRef) -> Field {
    Field::new(field.name(), plain_type(field.data_type()), field.is_nullable())
}

/// The columns in types that older readers know.
pub fn plain_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(plain_field).collect::<Vec<_>>()))
}

/// Rows in the types of [`plain_schema`].
pub fn plain_batch(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<Vec<_>, _>>()?, &options)
}

/// Arrow's IPC stream.
pub(super) struct ArrowStream {
    schema: SchemaRef,
    writer: StreamWriter<Vec<u8>>,
}

impl ArrowStream {
    pub fn new(schema: &Schema) -> Result<Self, ArrowError> {
        let schema = plain_schema(schema);
        Ok(ArrowStream { writer: StreamWriter::try_new(Vec::new(), &schema)?, schema })
    }
}

impl Encoder for ArrowStream {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        out.append(self.writer.get_mut());
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        self.writer.write(&plain_batch(&self.schema, batch)?)?;
        out.append(self.writer.get_mut());
        Ok(())
    }

    fn end(&mut self, _: u64, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        self.writer.finish()?;
        out.append(self.writer.get_mut());
        Ok(())
    }
}

/// A Parquet file, its row groups handed out as they are full.
pub(super) struct ParquetFile {
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
}

impl ParquetFile {
    pub fn new(schema: &Schema) -> Result<Self, ArrowError> {
        let schema = plain_schema(schema);
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?)).build();
        Ok(ParquetFile { writer: ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?, schema })
    }

    /// Everything below the writer's own count of bytes has been written, so its buffer may go.
    fn take(&mut self, out: &mut Vec<u8>) {
        out.append(self.writer.inner_mut());
    }
}

impl Encoder for ParquetFile {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), ArrowError> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        self.writer.write(&plain_batch(&self.schema, batch)?)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush()?;
        }
        self.take(out);
        Ok(())
    }

    fn end(&mut self, _: u64, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        self.writer.finish()?;
        self.take(out);
        Ok(())
    }
}
