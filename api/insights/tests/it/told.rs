//! Rows with everything that questions may ask about: properties of persons, sessions and groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::Field;
use footfall_ingest_activity::person_id_of;
use footfall_pipelines_store::lake::Lake;
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::{Publication, Store, TableRows};
use serde_json::{Value, json};

use crate::asking::{DAY, START};
use crate::gear::PROJECT;

pub const MINUTE: i64 = 60_000;

/// What somebody did, in minutes since the start, with a price and as one of a company.
struct Told(&'static str, &'static str, i64, Option<i64>, Option<&'static str>);

impl Told {
    /// Calls that say what a company is are rows as well.
    fn is_about_group(&self) -> bool {
        self.1 == "$groupidentify"
    }

    fn properties(&self) -> Value {
        match (self.is_about_group(), self.4, self.3) {
            (true, Some("acme"), _) => json!({"plan": "gold", "size": "12"}),
            (true, _, _) => json!({"plan": "tin"}),
            (false, _, Some(price)) => json!({"price": price}),
            (false, _, None) => json!({}),
        }
    }
}

fn rows() -> Vec<Told> {
    let day = DAY / MINUTE;
    let at = |days: i64, hour: i64, minute: i64| days * day + hour * 60 + minute;
    vec![
        Told("zed", "view", at(-20, 9, 0), None, None),
        Told("ops", "$groupidentify", at(-10, 9, 0), None, Some("acme")),
        Told("ops", "$groupidentify", at(-10, 9, 1), None, Some("zoo")),
        Told("ada", "view", at(0, 9, 0), Some(5), Some("acme")),
        Told("ada", "buy", at(0, 9, 10), Some(5), Some("acme")),
        Told("bob", "view", at(0, 10, 0), Some(15), Some("zoo")),
        Told("bob", "view", at(0, 10, 20), Some(25), Some("zoo")),
        Told("bob", "view", at(2, 9, 0), Some(25), None),
        Told("eve", "view", at(2, 11, 0), None, Some("acme")),
        Told("eve", "save", at(2, 11, 5), None, Some("acme")),
    ]
}

/// Publishes the rows, and what is known of Ada and Bob.
pub async fn publish(lake: &Lake) {
    let rows = rows();
    let batches = BTreeMap::from([(Table::Activity, activity(&rows)), (Table::Identities, identities())]);
    let all = BTreeMap::from([(Arc::from(PROJECT), TableRows { batches, person_changes: Vec::new() })]);
    let count = rows.len() as u64;
    let checkpoint = [(0, count)].into_iter().collect();
    let publication = Publication { rows: all, checkpoint, records: count, message_keys: Vec::new(), erasures: 0 };
    lake.publish(publication).await.expect("published");
}

fn texts(field: &Field, all: Vec<Option<String>>) -> ArrayRef {
    cast(&(Arc::new(StringArray::from(all)) as ArrayRef), field.data_type()).expect("texts")
}

fn times(all: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(all).with_timezone("UTC"))
}

fn activity(rows: &[Told]) -> RecordBatch {
    let schema = Table::Activity.fresh_schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let of = |value: &dyn Fn(usize, &Told) -> Option<String>| {
            texts(field, rows.iter().enumerate().map(|(index, row)| value(index, row)).collect())
        };
        match field.name().as_str() {
            "message_id" => of(&|index, _| Some(index.to_string())),
            "person_id" => of(&|_, row| Some(person_id_of(PROJECT, row.0).to_string())),
            "distinct_id" => of(&|_, row| Some(row.0.to_owned())),
            "event" => of(&|_, row| Some(row.1.to_owned())),
            "kind" => of(&|_, row| Some(if row.is_about_group() { "group" } else { "track" }.to_owned())),
            "properties" => of(&|_, row| Some(row.properties().to_string())),
            "groups" => of(&|_, row| row.4.map(|company| json!({ "company": company }).to_string())),
            "timestamp" | "received_at" => times(rows.iter().map(|row| START + row.2 * MINUTE)),
            _ if field.is_nullable() => new_null_array(field.data_type(), rows.len()),
            _ => of(&|_, _| Some("x".to_owned())),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("rows")
}

fn identities() -> RecordBatch {
    let known = [("ada", "pro", "30"), ("bob", "free", "41")];
    let schema = Table::Identities.fresh_schema();
    let set = |value: &str| json!({"v": value, "t": 1, "m": 0, "k": "s"});
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let of = |value: &dyn Fn(&(&str, &str, &str)) -> String| {
            texts(field, known.iter().map(|one| Some(value(one))).collect())
        };
        match field.name().as_str() {
            "person_id" => of(&|one| person_id_of(PROJECT, one.0).to_string()),
            "distinct_id" => of(&|one| one.0.to_owned()),
            "traits" => of(&|one| json!({"plan": set(one.1), "age": set(one.2)}).to_string()),
            "activities" => Arc::new(Int64Array::from(vec![1; known.len()])),
            "identified" => Arc::new(BooleanArray::from(vec![true; known.len()])),
            _ => times([START; 2]),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("rows")
}
