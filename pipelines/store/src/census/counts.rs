//! How often each property stands in each activity, and when first and last. What was counted of parts of the rows adds up.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::lake::promote::each_property;

/// Columns that are counted, in their order.
pub(super) const COLUMNS: [&str; 3] = ["event", "timestamp", "properties"];
/// Names of properties that are told apart, of all activities together: a client that invents names must not fill the memory.
const NAMES_MAX: usize = 100_000;

/// One property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyCount {
    pub times: u64,
    /// Milliseconds of its activities' times.
    pub first_ms: i64,
    pub last_ms: i64,
}

impl PropertyCount {
    fn add(&mut self, other: PropertyCount) {
        self.times += other.times;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

/// Counts by activity and property.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Rows that were looked at.
    pub rows: u64,
    by_activity: HashMap<String, HashMap<String, PropertyCount>>,
    names: usize,
    /// There were more names than are told apart.
    pub is_cut: bool,
}

impl Counts {
    /// Rows with [`COLUMNS`].
    pub fn add_rows(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let lacks = |name: &str| StoreError::Task(format!("rows without the column {name}"));
        let [event, timestamp, properties] = COLUMNS.map(|name| batch.column_by_name(name).ok_or_else(|| lacks(name)));
        let events = event?.as_string_view_opt().ok_or_else(|| lacks("event"))?;
        let times = timestamp?.as_primitive_opt::<TimestampMillisecondType>().ok_or_else(|| lacks("timestamp"))?;
        let properties = properties?.as_string_view_opt().ok_or_else(|| lacks("properties"))?;
        for row in 0..batch.num_rows() {
            self.rows += 1;
            if properties.is_valid(row) {
                let at = times.value(row);
                let one = PropertyCount { times: 1, first_ms: at, last_ms: at };
                let event = events.value(row);
                each_property(properties.value(row), |name, _, _| {
                    self.add_one(event, name, one);
                    true
                });
            }
        }
        Ok(())
    }

    /// What was counted of other rows.
    pub fn add(&mut self, other: &Counts) {
        self.rows += other.rows;
        self.is_cut |= other.is_cut;
        for (activity, properties) in &other.by_activity {
            for (name, count) in properties {
                self.add_one(activity, name, *count);
            }
        }
    }

    fn add_one(&mut self, activity: &str, name: &str, count: PropertyCount) {
        if let Some(known) = self.by_activity.get_mut(activity).and_then(|properties| properties.get_mut(name)) {
            return known.add(count);
        }
        if self.names >= NAMES_MAX {
            self.is_cut = true;
            return;
        }
        self.names += 1;
        self.by_activity.entry(activity.to_owned()).or_default().insert(name.to_owned(), count);
    }

    /// The properties of one activity, or of all; those that stand most often first.
    pub fn properties(&self, activity: Option<&str>) -> Vec<(String, PropertyCount)> {
        let mut all: HashMap<&str, PropertyCount> = HashMap::new();
        for (name, properties) in &self.by_activity {
            if activity.is_some_and(|activity| activity != name) {
                continue;
            }
            for (name, count) in properties {
                all.entry(name).and_modify(|known| known.add(*count)).or_insert(*count);
            }
        }
        let mut all: Vec<_> = all.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        all.sort_by(|(a, of_a), (b, of_b)| of_b.times.cmp(&of_a.times).then_with(|| a.cmp(b)));
        all
    }
}
