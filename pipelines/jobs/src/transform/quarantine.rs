//! The rows of `quarantine`, and the notes that an item was replayed.

use std::sync::Arc;

use arrow::array::builder::StringViewBuilder;
use arrow::array::{ArrayRef, RecordBatch, StringViewArray, TimestampMillisecondArray};
use arrow::error::ArrowError;
use footfall_ingest_activity::{Quarantined, Timestamp};
use footfall_pipelines_store::tables::Table;

use super::Words;
use super::activity::times;

/// A batch of `quarantine` in the making.
#[derive(Default)]
pub struct QuarantineRows {
    quarantine_id: StringViewBuilder,
    dialect: Words,
    reason: Words,
    detail: StringViewBuilder,
    raw: StringViewBuilder,
    received_at: Vec<i64>,
    sent_at: Vec<Option<i64>>,
}

impl QuarantineRows {
    /// True before the first row.
    pub fn is_empty(&self) -> bool {
        self.received_at.is_empty()
    }

    /// Adds a row.
    pub fn append(&mut self, item: &Quarantined<'_>) -> Result<(), ArrowError> {
        self.quarantine_id.try_append_value(item.quarantine_id.as_str())?;
        self.dialect.append(&item.dialect)?;
        self.reason.append(&item.reason)?;
        self.detail.try_append_value(item.detail.as_str())?;
        self.raw.try_append_value(item.raw.as_str())?;
        self.received_at.push(item.received_at.millis());
        self.sent_at.push(item.sent_at.map(Timestamp::millis));
        Ok(())
    }

    /// The batch.
    pub fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.quarantine_id.finish()),
            self.dialect.finish(),
            self.reason.finish(),
            Arc::new(self.detail.finish()),
            Arc::new(self.raw.finish()),
            Arc::new(times(self.received_at)),
            Arc::new(TimestampMillisecondArray::from(self.sent_at).with_timezone("UTC")),
        ];
        RecordBatch::try_new(Table::Quarantine.fresh_schema(), columns)
    }
}

/// A batch of `quarantine_resolved`: which item was replayed, and when.
pub fn resolved_rows<'a>(items: &[(impl AsRef<str> + 'a, Timestamp)]) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from_iter_values(items.iter().map(|(id, _)| id.as_ref()))),
        Arc::new(times(items.iter().map(|(_, at)| at.millis()).collect())),
    ];
    RecordBatch::try_new(Table::QuarantineResolved.fresh_schema(), columns)
}
