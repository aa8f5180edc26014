//! What compaction does to rows on their way: parts of one id, and parts of one session, become one row.
//! Everything else passes as it is. Rows come in the table's sort order.

use arrow::array::{
    Array, AsArray, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringViewBuilder,
    TimestampMillisecondBuilder,
};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMillisecondType};
use std::sync::Arc;

use crate::StoreError;
use crate::tables::Table;
use crate::traits::Traits;

/// Longest pause within a session, in milliseconds.
pub(super) const SESSION_GAP_MILLIS: i64 = 30 * 60 * 1000;
const OUTPUT_ROWS: usize = 8_192;

/// Folds rows that belong together.
pub(super) enum Folder {
    Identities(Option<Identity>, Vec<Identity>),
    Sessions(Option<Part>, Vec<Part>),
    Nothing,
}

pub(super) struct Identity {
    person_id: String,
    distinct_id: String,
    first_seen: i64,
    last_seen: i64,
    activities: i64,
    identified: bool,
    traits: Option<String>,
}

pub(super) struct Part {
    person_id: String,
    start: i64,
    end: i64,
    activities: i64,
    pageviews: i64,
    first_message_id: String,
    last_message_id: String,
    entry_event: String,
    exit_event: String,
    entry_page: Option<String>,
    exit_page: Option<String>,
    amount: f64,
}

impl Folder {
    /// The folder for a table.
    pub fn of(table: Table) -> Folder {
        match table {
            Table::Identities => Folder::Identities(None, Vec::new()),
            Table::SessionParts => Folder::Sessions(None, Vec::new()),
            _ => Folder::Nothing,
        }
    }

    /// Takes rows and gives what is finished.
    pub fn push(&mut self, batch: RecordBatch) -> Result<Vec<RecordBatch>, StoreError> {
        match self {
            Folder::Nothing => return Ok(vec![batch]),
            Folder::Identities(open, done) => {
                identities(&batch).for_each(|next| fold(open, done, next, Identity::join));
            }
            Folder::Sessions(open, done) => parts(&batch).for_each(|next| fold(open, done, next, Part::join)),
        }
        self.drain(OUTPUT_ROWS)
    }

    /// Gives what is left.
    pub fn finish(mut self) -> Result<Vec<RecordBatch>, StoreError> {
        match &mut self {
            Folder::Nothing => {}
            Folder::Identities(open, done) => done.extend(open.take()),
            Folder::Sessions(open, done) => done.extend(open.take()),
        }
        self.drain(1)
    }

    fn drain(&mut self, rows_min: usize) -> Result<Vec<RecordBatch>, StoreError> {
        Ok(match self {
            Folder::Identities(_, done) if done.len() >= rows_min => vec![identity_batch(std::mem::take(done))?],
            Folder::Sessions(_, done) if done.len() >= rows_min => vec![part_batch(std::mem::take(done))?],
            _ => Vec::new(),
        })
    }
}

/// Joins `next` with the open row, or closes that and opens `next`. `join` gives `next` back when they do not belong together.
fn fold<T>(open: &mut Option<T>, done: &mut Vec<T>, next: T, join: fn(&mut T, T) -> Option<T>) {
    let Some(row) = open else {
        *open = Some(next);
        return;
    };
    if let Some(next) = join(row, next) {
        done.extend(open.replace(next));
    }
}

impl Identity {
    fn join(&mut self, next: Identity) -> Option<Identity> {
        if self.distinct_id != next.distinct_id {
            return Some(next);
        }
        self.first_seen = self.first_seen.min(next.first_seen);
        self.last_seen = self.last_seen.max(next.last_seen);
        self.activities += next.activities;
        self.identified |= next.identified;
        self.traits = match (self.traits.take(), next.traits) {
            (Some(a), Some(b)) => Some(fold_traits(&a, &b)),
            (a, b) => a.or(b),
        };
        None
    }
}

impl Part {
    /// Parts come by start, so that the gap is measured from the latest end so far.
    fn join(&mut self, next: Part) -> Option<Part> {
        if self.person_id != next.person_id || next.start.saturating_sub(self.end) > SESSION_GAP_MILLIS {
            return Some(next);
        }
        self.activities += next.activities;
        self.pageviews += next.pageviews;
        self.amount += next.amount;
        if (next.start, &next.first_message_id) < (self.start, &self.first_message_id) {
            self.start = next.start;
            self.first_message_id = next.first_message_id;
            self.entry_event = next.entry_event;
            self.entry_page = next.entry_page;
        }
        if (next.end, &next.last_message_id) > (self.end, &self.last_message_id) {
            self.end = next.end;
            self.last_message_id = next.last_message_id;
            self.exit_event = next.exit_event;
            self.exit_page = next.exit_page;
        }
        None
    }
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> String {
    batch.column(column).as_string_view().value(row).to_owned()
}

fn maybe_text(batch: &RecordBatch, column: usize, row: usize) -> Option<String> {
    batch.column(column).is_valid(row).then(|| text(batch, column, row))
}

fn time(batch: &RecordBatch, column: usize, row: usize) -> i64 {
    batch.column(column).as_primitive::<TimestampMillisecondType>().value(row)
}

fn integer(batch: &RecordBatch, column: usize, row: usize) -> i64 {
    batch.column(column).as_primitive::<Int64Type>().value(row)
}

fn identities(batch: &RecordBatch) -> impl Iterator<Item = Identity> + '_ {
    (0..batch.num_rows()).map(|row| Identity {
        person_id: text(batch, 0, row),
        distinct_id: text(batch, 1, row),
        first_seen: time(batch, 2, row),
        last_seen: time(batch, 3, row),
        activities: integer(batch, 4, row),
        identified: batch.column(5).as_boolean().value(row),
        traits: maybe_text(batch, 6, row),
    })
}

fn parts(batch: &RecordBatch) -> impl Iterator<Item = Part> + '_ {
    (0..batch.num_rows()).map(|row| Part {
        person_id: text(batch, 0, row),
        start: time(batch, 1, row),
        end: time(batch, 2, row),
        activities: integer(batch, 3, row),
        pageviews: integer(batch, 4, row),
        first_message_id: text(batch, 5, row),
        last_message_id: text(batch, 6, row),
        entry_event: text(batch, 7, row),
        exit_event: text(batch, 8, row),
        entry_page: maybe_text(batch, 9, row),
        exit_page: maybe_text(batch, 10, row),
        amount: batch.column(11).as_primitive::<Float64Type>().value(row),
    })
}

fn texts<T>(rows: &[T], of: impl Fn(&T) -> Option<&str>) -> Arc<dyn Array> {
    let mut builder = StringViewBuilder::with_capacity(rows.len());
    rows.iter().for_each(|row| builder.append_option(of(row)));
    Arc::new(builder.finish())
}

fn times<T>(rows: &[T], of: impl Fn(&T) -> i64) -> Arc<dyn Array> {
    let mut builder = TimestampMillisecondBuilder::with_capacity(rows.len()).with_timezone("UTC");
    rows.iter().for_each(|row| builder.append_value(of(row)));
    Arc::new(builder.finish())
}

fn integers<T>(rows: &[T], of: impl Fn(&T) -> i64) -> Arc<dyn Array> {
    let mut builder = Int64Builder::with_capacity(rows.len());
    rows.iter().for_each(|row| builder.append_value(of(row)));
    Arc::new(builder.finish())
}

fn identity_batch(rows: Vec<Identity>) -> Result<RecordBatch, StoreError> {
    let mut identified = BooleanBuilder::with_capacity(rows.len());
    rows.iter().for_each(|row| identified.append_value(row.identified));
    let columns = vec![
        texts(&rows, |row| Some(&row.person_id)),
        texts(&rows, |row| Some(&row.distinct_id)),
        times(&rows, |row| row.first_seen),
        times(&rows, |row| row.last_seen),
        integers(&rows, |row| row.activities),
        Arc::new(identified.finish()),
        texts(&rows, |row| row.traits.as_deref()),
    ];
    Ok(RecordBatch::try_new(Table::Identities.schema(), columns)?)
}

fn part_batch(rows: Vec<Part>) -> Result<RecordBatch, StoreError> {
    let mut amount = Float64Builder::with_capacity(rows.len());
    rows.iter().for_each(|row| amount.append_value(row.amount));
    let columns = vec![
        texts(&rows, |row| Some(&row.person_id)),
        times(&rows, |row| row.start),
        times(&rows, |row| row.end),
        integers(&rows, |row| row.activities),
        integers(&rows, |row| row.pageviews),
        texts(&rows, |row| Some(&row.first_message_id)),
        texts(&rows, |row| Some(&row.last_message_id)),
        texts(&rows, |row| Some(&row.entry_event)),
        texts(&rows, |row| Some(&row.exit_event)),
        texts(&rows, |row| row.entry_page.as_deref()),
        texts(&rows, |row| row.exit_page.as_deref()),
        Arc::new(amount.finish()),
    ];
    Ok(RecordBatch::try_new(Table::SessionParts.schema(), columns)?)
}

fn fold_traits(a: &str, b: &str) -> String {
    let mut traits = Traits::from_state(a);
    traits.merge_state(b);
    traits.to_state()
}
