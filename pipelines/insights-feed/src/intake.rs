//! Batches of activity become rows of the projection: texts become codes, persons ordinals.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, StringViewBuilder, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimestampMillisecondType};
use footfall_pipelines_insights::projection::{Dictionaries, Dictionary, Rows, Values};
use footfall_pipelines_store::StoreError;

use crate::columns::{Plan, Reading};
use crate::error::AskError;

/// Codes of activities have 16 bits.
const ACTIVITIES_MAX: usize = 60_000;
/// Stands for a text without a code while a batch is taken in.
const UNKNOWN: u32 = u32::MAX;

/// Takes batches in.
pub(crate) struct Intake<'p> {
    pub plan: &'p Plan,
    pub dictionaries: &'p Arc<Dictionaries>,
    /// Own person to the person it is now, by ordinal.
    pub merged: &'p HashMap<u32, u32>,
    /// Rows of the first lie under the second: added to.
    pub applied: &'p mut HashSet<(u32, u32)>,
    pub dictionary_bytes_max: usize,
    /// Names of columns whose dictionary is full: added to.
    pub full: &'p mut HashSet<String>,
}

impl Intake<'_> {
    /// Appends the rows of a batch that was read by the plan.
    pub fn take(&mut self, batch: &RecordBatch, rows: &mut Rows) -> Result<(), AskError> {
        let persons = codes(&self.dictionaries.persons, batch.column(0).as_string_view());
        for own in persons.into_iter().map(|code| code.saturating_sub(1)) {
            let now = self.merged.get(&own).copied().unwrap_or(own);
            if now != own {
                self.applied.insert((own, now));
            }
            rows.persons.push(now);
        }
        let activities = codes(&self.dictionaries.activities, batch.column(1).as_string_view());
        if self.dictionaries.activities.names().len() > ACTIVITIES_MAX {
            return Err(AskError::TooManyActivities { most: ACTIVITIES_MAX });
        }
        rows.activities.extend(activities.into_iter().map(|code| code.saturating_sub(1) as u16));
        let times = batch.column(2).as_primitive_opt::<TimestampMillisecondType>();
        let times = times.ok_or_else(|| StoreError::Task("timestamps of another type".to_owned()))?;
        rows.times.extend_from_slice(times.values());
        let columns = self.plan.readings().iter().zip(&self.dictionaries.columns).zip(&mut rows.columns);
        for ((reading, hot), values) in columns {
            let column = &read(reading, batch)?;
            let texts = match column.data_type() {
                DataType::Utf8View => column.clone(),
                _ => cast(column, &DataType::Utf8View).map_err(StoreError::from)?,
            };
            match values {
                Values::Words(_) if self.full.contains(&hot.name) => {}
                Values::Words(words) => words.extend(codes(&hot.dictionary, texts.as_string_view())),
                Values::Numbers(numbers) => match column.as_primitive_opt::<Float64Type>() {
                    Some(values) => numbers.extend(values.iter().map(|value| value.unwrap_or(f64::NAN))),
                    None => numbers.extend(texts.as_string_view().iter().map(number)),
                },
            }
            let rows_now = rows.times.len();
            match values {
                Values::Words(words) => words.resize(rows_now, 0),
                Values::Numbers(numbers) => numbers.resize(rows_now, f64::NAN),
            }
            if !self.full.contains(&hot.name) && hot.dictionary.bytes() > self.dictionary_bytes_max {
                tracing::warn!(property = %hot.name, "too many different values: it cannot be asked about");
                self.full.insert(hot.name.clone());
            }
        }
        Ok(())
    }
}

/// The values of one column of the projection.
fn read(reading: &Reading, batch: &RecordBatch) -> Result<ArrayRef, AskError> {
    Ok(match reading {
        Reading::Plain(place) => batch.column(*place).clone(),
        Reading::Member(place, member) => members(batch.column(*place).as_string_view(), member),
        Reading::Expression(expression) => Arc::new(expression.evaluate(batch)?),
        Reading::Nothing => new_null_array(&DataType::Utf8View, batch.num_rows()),
    })
}

/// A member of each JSON object, as text. Equal neighbours are read once.
fn members(objects: &StringViewArray, member: &str) -> ArrayRef {
    let mut last: Option<(&str, Option<String>)> = None;
    let mut texts = StringViewBuilder::with_capacity(objects.len());
    for object in objects.iter() {
        let text = match (object, &last) {
            (None, _) => None,
            (Some(object), Some((known, text))) if *known == object => text.clone(),
            (Some(object), _) => {
                let text = member_of(object, member);
                last = Some((object, text.clone()));
                text
            }
        };
        texts.append_option(text);
    }
    Arc::new(texts.finish())
}

/// What `->>` gives of a member.
pub(crate) fn member_of(object: &str, member: &str) -> Option<String> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(object).ok()?.remove(member)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// One more than the code of each text, 0 where there is none. Equal neighbours are looked up once, and the dictionary
/// is locked for others only where a text is new.
fn codes(dictionary: &Dictionary, texts: &StringViewArray) -> Vec<u32> {
    if texts.null_count() == texts.len() {
        return vec![0; texts.len()];
    }
    let mut codes = Vec::with_capacity(texts.len());
    let names = dictionary.names();
    let mut last: Option<(&str, u32)> = None;
    for text in texts.iter() {
        let code = match (text, last) {
            (None, _) => 0,
            (Some(text), Some((known, code))) if known == text => code,
            (Some(text), _) => {
                let code = names.find(text).map_or(UNKNOWN, |code| code + 1);
                last = Some((text, code));
                code
            }
        };
        codes.push(code);
    }
    drop(names);
    for (code, text) in codes.iter_mut().zip(texts.iter()) {
        if let (&mut UNKNOWN, Some(text)) = (&mut *code, text) {
            *code = dictionary.intern(text) + 1;
        }
    }
    codes
}

/// A text that is a finite number.
fn number(text: Option<&str>) -> f64 {
    text.and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite()).unwrap_or(f64::NAN)
}
