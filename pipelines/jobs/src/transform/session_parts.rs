//! The rows of `session_parts`: each id's stretches of activity in one batch.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, StringViewArray, UInt32Array};
use arrow::array::{TimestampMillisecondArray, TypedDictionaryArray};
use arrow::compute::take;
use arrow::datatypes::{Float64Type, Int32Type, TimestampMillisecondType};
use arrow::error::ArrowError;
use footfall_pipelines_store::tables::Table;

use super::activity::{integers, times};

/// Activity after a longer pause than this is another session.
pub const SESSION_GAP_MILLIS: i64 = 30 * 60 * 1000;

type WordColumn<'a> = TypedDictionaryArray<'a, Int32Type, StringArray>;

/// The columns of a fresh batch of `activity` that sessions are made from.
struct Columns<'a> {
    person_id: &'a ArrayRef,
    message_id: &'a StringViewArray,
    timestamp: &'a TimestampMillisecondArray,
    event: WordColumn<'a>,
    page_path: WordColumn<'a>,
    screen: WordColumn<'a>,
    amount: &'a Float64Array,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let words = |name: &str| batch.column_by_name(name)?.as_dictionary_opt::<Int32Type>()?.downcast_dict();
        Some(Columns {
            person_id: batch.column_by_name("person_id")?,
            message_id: batch.column_by_name("message_id")?.as_string_view_opt()?,
            timestamp: batch.column_by_name("timestamp")?.as_primitive_opt::<TimestampMillisecondType>()?,
            event: words("event")?,
            page_path: words("page_path")?,
            screen: words("screen")?,
            amount: batch.column_by_name("amount")?.as_primitive_opt::<Float64Type>()?,
        })
    }

    fn event(&self, row: u32) -> &'a str {
        word(&self.event, row).unwrap_or_default()
    }

    fn page(&self, row: u32) -> Option<&'a str> {
        word(&self.page_path, row).or_else(|| word(&self.screen, row))
    }

    fn amount(&self, row: u32) -> f64 {
        if self.amount.is_valid(row as usize) { self.amount.value(row as usize) } else { 0.0 }
    }

    fn texts<'t>(of: impl Iterator<Item = &'t str>) -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(of))
    }

    fn times(&self, rows: &[u32]) -> ArrayRef {
        Arc::new(times(rows.iter().map(|&row| self.timestamp.value(row as usize)).collect()))
    }

    fn message_ids(&self, rows: &[u32]) -> ArrayRef {
        Self::texts(rows.iter().map(|&row| self.message_id.value(row as usize)))
    }

    fn events(&self, rows: &[u32]) -> ArrayRef {
        Self::texts(rows.iter().map(|&row| self.event(row)))
    }

    fn pages(&self, rows: &[u32]) -> ArrayRef {
        Arc::new(StringViewArray::from_iter(rows.iter().map(|&row| self.page(row))))
    }
}

fn word<'w>(words: &WordColumn<'w>, row: u32) -> Option<&'w str> {
    let row = row as usize;
    words.keys().is_valid(row).then(|| words.values().value(words.keys().value(row) as usize))
}

/// The parts of `batch`, rows of `activity` with its fresh schema; `ids` says for each row whose it is.
/// Rows of one id are taken by time, then message id; a pause of more than [`SESSION_GAP_MILLIS`] begins a new part.
pub fn session_parts(batch: &RecordBatch, ids: &[u32]) -> Result<RecordBatch, ArrowError> {
    let wrong = || ArrowError::SchemaError("these are no fresh rows of activity".to_owned());
    let columns = Columns::of(batch).ok_or_else(wrong)?;
    let (rows, parts) = parts_of(&columns, ids);
    let parts: Vec<&[u32]> = parts.into_iter().map(|part| &rows[part]).collect();
    let firsts: Vec<u32> = parts.iter().filter_map(|part| part.first().copied()).collect();
    let lasts: Vec<u32> = parts.iter().filter_map(|part| part.last().copied()).collect();
    let is_pageview = |row: &&u32| matches!(columns.event(**row), "$pageview" | "$screen");
    let pageviews = parts.iter().map(|part| part.iter().filter(is_pageview).count() as i64).collect();
    let amounts = parts.iter().map(|part| part.iter().map(|&row| columns.amount(row)).sum::<f64>());
    let out: Vec<ArrayRef> = vec![
        take(columns.person_id, &UInt32Array::from(firsts.clone()), None)?,
        columns.times(&firsts),
        columns.times(&lasts),
        Arc::new(integers(parts.iter().map(|part| part.len() as i64).collect())),
        Arc::new(integers(pageviews)),
        columns.message_ids(&firsts),
        columns.message_ids(&lasts),
        columns.events(&firsts),
        columns.events(&lasts),
        columns.pages(&firsts),
        columns.pages(&lasts),
        Arc::new(Float64Array::from_iter_values(amounts)),
    ];
    RecordBatch::try_new(Table::SessionParts.fresh_schema(), out)
}

/// The rows by id, time and message id, and which stretches of them are parts.
fn parts_of(columns: &Columns<'_>, ids: &[u32]) -> (Vec<u32>, Vec<Range<usize>>) {
    let times = columns.timestamp.values();
    let message_id = |row: u32| columns.message_id.value(row as usize);
    let mut order: Vec<(u32, i64, u32)> =
        ids.iter().enumerate().map(|(row, &id)| (id, times[row], row as u32)).collect();
    order.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| message_id(a.2).cmp(message_id(b.2))));
    let mut parts = Vec::new();
    let mut begin = 0;
    for place in 1..=order.len() {
        let (id, before, _) = order[place - 1];
        let goes_on =
            order.get(place).is_some_and(|next| next.0 == id && next.1.saturating_sub(before) <= SESSION_GAP_MILLIS);
        if !goes_on {
            parts.push(begin..place);
            begin = place;
        }
    }
    (order.into_iter().map(|(_, _, row)| row).collect(), parts)
}
