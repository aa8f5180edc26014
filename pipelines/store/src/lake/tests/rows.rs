//! Rows for tests.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, StringViewArray, TimestampMillisecondArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMillisecondType};
use footfall_ingest_activity::{Checkpoint, person_id_of};
use xxhash_rust::xxh3::xxh3_128;

use crate::tables::Table;
use crate::{Publication, TableRows};

pub fn message_id(n: u64) -> String {
    format!("message-{n}")
}

pub fn key(n: u64) -> u128 {
    xxh3_128(message_id(n).as_bytes())
}

fn person(n: u64) -> String {
    person_id_of("p", &format!("user-{}", n % 5)).to_string()
}

/// Rows of `activity`, one a number.
pub fn activity_batch(numbers: Range<u64>) -> RecordBatch {
    let schema = Table::Activity.fresh_schema();
    let rows = (numbers.end - numbers.start) as usize;
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let texts = |of: fn(u64) -> String| -> ArrayRef {
            let plain: ArrayRef = Arc::new(StringArray::from_iter_values(numbers.clone().map(of)));
            cast(&plain, field.data_type()).unwrap()
        };
        match (field.name().as_str(), field.data_type()) {
            ("message_id", _) => texts(message_id),
            ("person_id", _) => texts(person),
            ("distinct_id", _) => texts(|n| format!("user-{}", n % 5)),
            ("event", _) => texts(|n| format!("event {}", n % 3)),
            ("properties", _) => {
                texts(|n| format!(r#"{{"plan":"{}","n":{n}}}"#, if n % 2 == 0 { "free" } else { "pro" }))
            }
            ("timestamp" | "received_at", _) => {
                let times = numbers.clone().map(|n| (n as i64 * 7_919) % 100_000);
                Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
            }
            (_, DataType::Utf8View | DataType::Dictionary(..)) if !field.is_nullable() => texts(|_| "x".to_owned()),
            (_, other) => new_null_array(other, rows),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

/// The same as a publication of project `p`.
pub fn publication(numbers: Range<u64>, checkpoint: Checkpoint) -> Publication {
    let rows = TableRows { batches: [(Table::Activity, activity_batch(numbers.clone()))].into(), ..Default::default() };
    Publication {
        rows: [(Arc::from("p"), rows)].into(),
        records: numbers.end - numbers.start,
        message_keys: numbers.map(key).collect(),
        checkpoint,
        erasures: 0,
    }
}

/// Rows of `identities`: id, time, activities.
pub fn identity_batch(rows: &[(&str, i64, i64)]) -> RecordBatch {
    let times = || -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.1)).with_timezone("UTC"))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| format!("person {}", row.0)))),
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.0))),
        times(),
        times(),
        Arc::new(arrow::array::Int64Array::from_iter_values(rows.iter().map(|row| row.2))),
        Arc::new(BooleanArray::from(vec![false; rows.len()])),
        new_null_array(&DataType::Utf8View, rows.len()),
    ];
    RecordBatch::try_new(Table::Identities.fresh_schema(), columns).unwrap()
}

pub fn identity_rows(batch: &RecordBatch) -> Vec<(String, i64, i64, i64)> {
    let time = |column: usize, row| batch.column(column).as_primitive::<TimestampMillisecondType>().value(row);
    (0..batch.num_rows())
        .map(|row| {
            let id = batch.column(1).as_string_view().value(row).to_owned();
            (id, time(2, row), time(3, row), batch.column(4).as_primitive::<Int64Type>().value(row))
        })
        .collect()
}

pub fn person_and_time(batch: &RecordBatch) -> Vec<(String, i64)> {
    let people = batch.column_by_name("person_id").unwrap().as_string_view().clone();
    let times = batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMillisecondType>().clone();
    (0..batch.num_rows()).map(|row| (people.value(row).to_owned(), times.value(row))).collect()
}
