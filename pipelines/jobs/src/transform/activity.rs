//! The rows of `activity`.

use std::sync::Arc;

use arrow::array::builder::{Float64Builder, StringViewBuilder};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMillisecondArray};
use arrow::buffer::ScalarBuffer;
use arrow::error::ArrowError;
use footfall_ingest_activity::{Activity, COMMON_TEXTS, Text, Timestamp};
use footfall_pipelines_store::tables::Table;
use serde_json::value::RawValue;

use super::{Identities, Words};

/// A batch of `activity` in the making.
pub struct ActivityRows {
    /// By row: place of its distinct id in [`Identities`].
    ids: Vec<u32>,
    message_id: StringViewBuilder,
    event: Words,
    kind: Words,
    user_id: StringViewBuilder,
    anonymous_id: StringViewBuilder,
    timestamp: Vec<i64>,
    original_timestamp: Vec<Option<i64>>,
    sent_at: Vec<Option<i64>>,
    received_at: Vec<i64>,
    common: [Words; COMMON_TEXTS],
    amount: Float64Builder,
    latitude: Float64Builder,
    longitude: Float64Builder,
    groups: StringViewBuilder,
    properties: StringViewBuilder,
    context: StringViewBuilder,
    dialect: Words,
}

/// Blocks of this size rather than growing ones from 8 KiB: rows of one turn share few of them.
const TEXT_BLOCK_BYTES: u32 = 1 << 18;

impl ActivityRows {
    /// Room for about `capacity` rows.
    pub fn with_capacity(capacity: usize) -> Self {
        let texts = || {
            let builder = StringViewBuilder::with_capacity(capacity);
            if capacity >= 256 { builder.with_fixed_block_size(TEXT_BLOCK_BYTES) } else { builder }
        };
        ActivityRows {
            ids: Vec::with_capacity(capacity),
            message_id: texts(),
            event: Words::default(),
            kind: Words::default(),
            user_id: texts(),
            anonymous_id: texts(),
            timestamp: Vec::with_capacity(capacity),
            original_timestamp: Vec::with_capacity(capacity),
            sent_at: Vec::with_capacity(capacity),
            received_at: Vec::with_capacity(capacity),
            common: std::array::from_fn(|_| Words::default()),
            amount: Float64Builder::new(),
            latitude: Float64Builder::new(),
            longitude: Float64Builder::new(),
            groups: texts(),
            properties: texts(),
            context: texts(),
            dialect: Words::default(),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True before the first row.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// By row: place of its distinct id in [`Identities`].
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Adds a row; `id` is the place of its distinct id.
    pub fn append(&mut self, id: u32, activity: &Activity<'_>) -> Result<(), ArrowError> {
        self.ids.push(id);
        self.message_id.try_append_value(activity.message_id.as_str())?;
        self.event.append(&activity.event)?;
        self.kind.append(activity.kind.as_str())?;
        append_text(&mut self.user_id, activity.user_id.as_ref())?;
        append_text(&mut self.anonymous_id, activity.anonymous_id.as_ref())?;
        self.timestamp.push(activity.timestamp.millis());
        self.original_timestamp.push(activity.original_timestamp.map(Timestamp::millis));
        self.sent_at.push(activity.sent_at.map(Timestamp::millis));
        self.received_at.push(activity.received_at.millis());
        for (column, word) in self.common.iter_mut().zip(activity.common.texts()) {
            column.append_option(word)?;
        }
        self.amount.append_option(activity.common.amount);
        self.latitude.append_option(activity.common.latitude);
        self.longitude.append_option(activity.common.longitude);
        append_json(&mut self.groups, activity.groups)?;
        self.properties.try_append_value(activity.properties.map_or("{}", RawValue::get))?;
        append_json(&mut self.context, activity.context)?;
        self.dialect.append(&activity.dialect)
    }

    /// The batch.
    pub fn finish(mut self, identities: &Identities<'_>) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.message_id.finish()),
            self.event.finish(),
            self.kind.finish(),
            identities.person_id_column(&self.ids)?,
            identities.distinct_id_column(&self.ids)?,
            Arc::new(self.user_id.finish()),
            Arc::new(self.anonymous_id.finish()),
            Arc::new(times(self.timestamp)),
            Arc::new(TimestampMillisecondArray::from(self.original_timestamp).with_timezone("UTC")),
            Arc::new(TimestampMillisecondArray::from(self.sent_at).with_timezone("UTC")),
            Arc::new(times(self.received_at)),
        ];
        columns.extend(self.common.into_iter().map(Words::finish));
        columns.extend([
            Arc::new(self.amount.finish()) as ArrayRef,
            Arc::new(self.latitude.finish()),
            Arc::new(self.longitude.finish()),
            Arc::new(self.groups.finish()),
            Arc::new(self.properties.finish()),
            Arc::new(self.context.finish()),
            self.dialect.finish(),
        ]);
        RecordBatch::try_new(Table::Activity.fresh_schema(), columns)
    }
}

fn append_text(column: &mut StringViewBuilder, text: Option<&Text<'_>>) -> Result<(), ArrowError> {
    match text {
        Some(text) => column.try_append_value(text.as_str()),
        None => {
            column.append_null();
            Ok(())
        }
    }
}

fn append_json(column: &mut StringViewBuilder, json: Option<&RawValue>) -> Result<(), ArrowError> {
    match json {
        Some(json) => column.try_append_value(json.get()),
        None => {
            column.append_null();
            Ok(())
        }
    }
}

/// A column of times that are never missing.
pub(super) fn times(millis: Vec<i64>) -> TimestampMillisecondArray {
    TimestampMillisecondArray::new(ScalarBuffer::from(millis), None).with_timezone("UTC")
}

/// A column of integers that are never missing.
pub(super) fn integers(values: Vec<i64>) -> Int64Array {
    Int64Array::new(ScalarBuffer::from(values), None)
}
