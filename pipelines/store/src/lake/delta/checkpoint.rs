//! A checkpoint of a Delta log: the same actions, as one Parquet file.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::json::ReaderBuilder;
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use crate::StoreError;

/// Parquet of these actions, in the columns that the protocol prescribes.
pub(super) fn encode(actions: &[Value]) -> Result<Vec<u8>, StoreError> {
    let schema = Arc::new(Schema::new(vec![protocol(), meta_data(), add()]));
    let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(actions.len().max(1)).build_decoder()?;
    decoder.serialize(actions)?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None)?;
    while let Some(batch) = decoder.flush()? {
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(bytes)
}

fn structure(name: &str, fields: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(Fields::from(fields)), true)
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn long(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn texts_by_text(name: &str) -> Field {
    let entry = Fields::from(vec![Field::new("key", DataType::Utf8, false), text("value")]);
    Field::new(name, DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry), false)), false), true)
}

fn protocol() -> Field {
    let version = |name| Field::new(name, DataType::Int32, true);
    structure("protocol", vec![version("minReaderVersion"), version("minWriterVersion")])
}

fn meta_data() -> Field {
    let names = DataType::List(Arc::new(Field::new("element", DataType::Utf8, true)));
    structure(
        "metaData",
        vec![
            text("id"),
            text("name"),
            structure("format", vec![text("provider"), texts_by_text("options")]),
            text("schemaString"),
            Field::new("partitionColumns", names, true),
            texts_by_text("configuration"),
            long("createdTime"),
        ],
    )
}

fn add() -> Field {
    structure(
        "add",
        vec![
            text("path"),
            texts_by_text("partitionValues"),
            long("size"),
            long("modificationTime"),
            Field::new("dataChange", DataType::Boolean, true),
            text("stats"),
        ],
    )
}
