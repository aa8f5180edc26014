//! Properties of groups, as of a company, for those that were asked about: of the calls that set one, the value with the
//! latest time counts.
//!
//! Segment's `group` has them as traits, PostHog's `$groupidentify` as `$group_set`; both are rows of `activity` of the kind
//! `group`. They are not kept on disk: after a start the first question about one reads the rows of these columns again. What was read once may be read again: a file that compaction has made changes nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use footfall_pipelines_insights::projection::GroupProperty;
use footfall_pipelines_store::lake::ProjectSnapshot;
use footfall_pipelines_store::tables::Table;
use serde_json::{Map, Value};

use crate::error::AskError;
use crate::followed::Followed;

const COLUMNS: [&str; 5] = ["kind", "timestamp", "groups", "properties", "message_id"];
const KIND: &str = "group";
/// Where PostHog's clients put them.
const SET: &str = "$group_set";

/// Type and key.
type Group = (String, String);

/// A value, and what makes it the last: time, then message id.
struct Last {
    at: (i64, String),
    value: Option<String>,
}

/// What is known of the groups of a project. Nothing is read before a property is asked about.
#[derive(Default)]
pub(crate) struct Groups {
    /// Type and property.
    wanted: BTreeSet<(String, String)>,
    folded: HashMap<Group, HashMap<String, Last>>,
    followed: Followed,
    made: Vec<Arc<GroupProperty>>,
}

impl Groups {
    pub fn want(&mut self, names: &BTreeSet<(String, String)>) {
        self.wanted.extend(names.iter().cloned());
    }

    pub fn wanted(&self) -> &BTreeSet<(String, String)> {
        &self.wanted
    }

    /// Forgets what was read.
    pub fn forget(&mut self) {
        *self = Groups { wanted: std::mem::take(&mut self.wanted), ..Groups::default() };
    }

    pub fn properties(&self) -> &[Arc<GroupProperty>] {
        &self.made
    }

    /// About what it takes.
    pub fn memory_bytes(&self) -> usize {
        let values = self.folded.values().flat_map(HashMap::iter);
        values.map(|(name, last)| 160 + name.len() + last.value.as_ref().map_or(0, String::len)).sum()
    }

    /// Reads what is new. Whether any value may have changed.
    pub fn follow(&mut self, snapshot: &ProjectSnapshot) -> Result<bool, AskError> {
        if self.wanted.is_empty() {
            return Ok(false);
        }
        let folded = &mut self.folded;
        let news = self.followed.on(snapshot, Table::Activity, &COLUMNS, |batch| fold(folded, batch))?;
        if news == 0 && self.made.len() == self.wanted.len() {
            return Ok(false);
        }
        self.made = self.wanted.iter().map(|(group, property)| Arc::new(self.make(group, property))).collect();
        Ok(true)
    }

    fn make(&self, group: &str, property: &str) -> GroupProperty {
        let of_type = self.folded.iter().filter(|((kind, _), _)| kind == group);
        let values = of_type.filter_map(|((_, key), known)| Some((key.clone(), known.get(property)?.value.clone()?)));
        GroupProperty { group: group.to_owned(), property: property.to_owned(), values: values.collect() }
    }
}

/// How many rows said something.
fn fold(folded: &mut HashMap<Group, HashMap<String, Last>>, batch: &RecordBatch) -> usize {
    let texts = |place: usize| batch.column(place).as_string_view();
    let (kinds, groups, properties, ids) = (texts(0), texts(2), texts(3), texts(4));
    let times = batch.column(1).as_primitive::<TimestampMillisecondType>();
    let mut found = 0;
    for row in (0..batch.num_rows()).filter(|&row| kinds.value(row) == KIND && groups.is_valid(row)) {
        let (Some(named), Some(mut said)) = (object(groups.value(row)), object(properties.value(row))) else {
            continue;
        };
        if let Some(Value::Object(set)) = said.remove(SET) {
            said = set;
        }
        found += 1;
        for (kind, key) in named {
            let Some(key) = text_of(key) else { continue };
            let known = folded.entry((kind, key)).or_default();
            for (name, value) in &said {
                let at = (times.value(row), ids.value(row).to_owned());
                if known.get(name).is_none_or(|last| last.at <= at) {
                    known.insert(name.clone(), Last { at, value: text_of(value.clone()) });
                }
            }
        }
    }
    found
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

/// What `->>` gives.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
