//! The actions of a Delta log, as JSON.

use arrow::datatypes::DataType;
use footfall_ingest_activity::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::lake::snapshot::DataFile;
use crate::tables::Table;

/// Says what sort of change a commit is, and the fingerprint of the files after it.
pub(super) fn commit_info(operation: &str, fingerprint: &str, now: Timestamp) -> Value {
    json!({"commitInfo": {
        "timestamp": now.millis(),
        "operation": operation,
        "operationParameters": {},
        "engineInfo": concat!("footfall/", env!("CARGO_PKG_VERSION")),
        "footfallFiles": fingerprint,
    }})
}

/// What a reader and a writer must understand.
pub(super) fn protocol() -> Value {
    json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
}

/// The table's schema. Its id comes from its place, so that it is the same whenever the log is begun anew.
pub(super) fn meta_data(table: Table, folder: &str) -> Value {
    let fields: Vec<Value> = table.schema().fields().iter().zip(table.columns()).map(|(field, column)| {
        let kind = match field.data_type() {
            DataType::Timestamp(..) => "timestamp",
            DataType::Int64 => "long",
            DataType::Float64 => "double",
            DataType::Boolean => "boolean",
            _ => "string",
        };
        json!({"name": field.name(), "type": kind, "nullable": field.is_nullable(), "metadata": {"comment": column.about}})
    }).collect();
    let id = Uuid::new_v8(xxhash_rust::xxh3::xxh3_128(folder.as_bytes()).to_be_bytes());
    json!({"metaData": {
        "id": id,
        "name": table.name(),
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json!({"type": "struct", "fields": fields}).to_string(),
        "partitionColumns": [],
        "configuration": {},
        "createdTime": 0,
    }})
}

/// A file joins the table. `change` is false when its rows were there before.
pub(super) fn add(file: &DataFile, now: Timestamp, change: bool) -> Value {
    json!({"add": {
        "path": name_of(&file.path),
        "partitionValues": {},
        "size": file.bytes,
        "modificationTime": now.millis(),
        "dataChange": change,
        "stats": json!({"numRecords": file.rows}).to_string(),
    }})
}

/// A file leaves the table.
pub(super) fn remove(path: &str, now: Timestamp, change: bool) -> Value {
    json!({"remove": {"path": name_of(path), "deletionTimestamp": now.millis(), "dataChange": change}})
}

/// A path below the lake's root as one below the table's folder.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
