//! Makes records as the doors would append them, and reads rows back as plain values.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMillisecondType};
use footfall_ingest_activity::{Record, Timestamp};
use footfall_ingest_log::{Batch, LogRecord};
use footfall_pipelines_jobs::identity::IdentityGraph;
use footfall_pipelines_jobs::{Built, Graphs, Sources, build};
use serde_json::{Value, json};

/// An activity of project `shop`; `more` overwrites.
pub fn activity(message_id: &str, distinct_id: &str, timestamp: i64, more: Value) -> Value {
    let mut activity = json!({
        "project": "shop", "message_id": message_id, "kind": "track", "event": "Clicked", "distinct_id": distinct_id,
        "timestamp": timestamp, "received_at": timestamp + 5, "dialect": "native",
    });
    for (name, value) in more.as_object().cloned().unwrap_or_default() {
        activity[name] = value;
    }
    activity
}

pub fn record(kind: u8, payload: &Value) -> Record {
    Record { kind, partition_key: 7, payload: serde_json::to_vec(payload).unwrap() }
}

pub fn activities(payloads: &[Value]) -> Vec<Record> {
    payloads.iter().map(|payload| record(Record::KIND_ACTIVITY, payload)).collect()
}

/// The records as read back from partition 0, beginning at `offset`.
pub fn batch(offset: u64, records: Vec<Record>) -> Batch {
    let next = [(0, offset + records.len() as u64)].into_iter().collect();
    let at = |(place, record): (usize, Record)| LogRecord {
        partition: 0,
        offset: offset + place as u64,
        kind: record.kind,
        payload: record.payload.into(),
    };
    Batch { records: records.into_iter().enumerate().map(at).collect(), damages: Vec::new(), next }
}

/// Builds with a store that knows `seen`, and notes the new keys there.
pub fn build_once(batch: &Batch, seen: &mut HashSet<u128>, graphs: &mut Graphs) -> Built {
    let built = {
        let sources = Sources {
            is_new: &|keys| Ok(new_among(keys, seen)),
            graph: &|project| Ok(IdentityGraph::new(project.clone())),
            projects: vec![Arc::from("shop")],
            now: Timestamp::from_millis(99),
            poisoned: HashSet::new(),
            erasures: Default::default(),
            live_activities_max: 0,
        };
        build(batch, &sources, graphs).unwrap()
    };
    seen.extend(built.publication.message_keys.iter().copied());
    built
}

pub fn new_among(keys: &[u128], known: &HashSet<u128>) -> Vec<bool> {
    let mut here = HashSet::new();
    keys.iter().map(|key| !known.contains(key) && here.insert(*key)).collect()
}

/// The rows as JSON objects; times are milliseconds.
pub fn plain(batch: &RecordBatch) -> Vec<Value> {
    let schema = batch.schema();
    (0..batch.num_rows())
        .map(|row| {
            let fields = schema.fields().iter().zip(batch.columns());
            fields.map(|(field, column)| (field.name().clone(), cell(column, row))).collect::<serde_json::Map<_, _>>()
        })
        .map(Value::Object)
        .collect()
}

fn cell(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => json!(column.as_boolean().value(row)),
        DataType::Timestamp(..) => json!(column.as_primitive::<TimestampMillisecondType>().value(row)),
        _ => {
            let text = arrow::compute::cast(&column.slice(row, 1), &DataType::Utf8).unwrap();
            json!(text.as_string::<i32>().value(0))
        }
    }
}
