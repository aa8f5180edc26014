//! Postings: the rows of one activity in a segment, by person and time.

use std::borrow::Cow;
use std::ops::Range;

use super::directory::Chunk;
use super::packed::Packed;
use super::timeline_read::Source;
use super::{Column, ColumnKind};

#[derive(Debug, Clone, Default)]
pub(crate) struct Postings<'a> {
    /// Ascending.
    pub persons: Cow<'a, [u16]>,
    /// Ascending for each person; none while they are packed.
    pub times: Vec<i64>,
    /// The times as they lie in the run, where all rows are of one.
    pub packed: Option<Packed<'a>>,
    /// Those asked for, in that order.
    pub columns: Vec<Column<'a>>,
    /// The code of their activity, once they are read by operators.
    pub activity: u16,
}

impl<'a> Postings<'a> {
    /// Fills it with the rows of an activity as they lie in a source, those of persons who have moved included; returns the
    /// bytes read. Times are left packed.
    pub(super) fn read(&mut self, source: &Source<'a>, activity: u16, columns: &[(usize, ColumnKind)]) -> u64 {
        self.clear();
        let Some(chunk) = source.segment.chunk(activity) else { return 0 };
        let (run, rows) = (source.run, chunk.rows as usize);
        self.persons = Cow::Borrowed(run.slice(chunk.persons, rows));
        self.packed = Some(Packed::new(run, &chunk.times, rows));
        let columns_read = columns.iter().map(|&(index, kind)| Column::read(run, chunk.columns[index], rows, kind));
        self.columns.extend(columns_read);
        bytes_of(chunk, columns)
    }

    /// Nothing, with the memory of times kept for the next.
    pub fn clear(&mut self) {
        *self = Postings { times: std::mem::take(&mut self.times), ..Postings::default() };
        self.times.clear();
    }

    /// Takes the times apart.
    pub fn unpack(&mut self) {
        if let Some(packed) = self.packed.take() {
            packed.unpack(&mut self.times);
        }
    }

    /// These rows alone, with the values of columns, but without times.
    pub fn untimed(&self, rows: Range<usize>) -> Postings<'_> {
        let columns = self.columns.iter().map(|column| column.slice(rows.clone())).collect();
        let persons = Cow::Borrowed(&self.persons[rows]);
        Postings { persons, times: Vec::new(), packed: None, columns, activity: self.activity }
    }

    /// Only these rows, ascending. Times that are packed are let go.
    pub fn keep(&mut self, rows: &[u32]) {
        let persons: Vec<u16> = rows.iter().map(|&row| self.persons[row as usize]).collect();
        self.persons = Cow::Owned(persons);
        self.packed = None;
        if !self.times.is_empty() {
            // Rows ascend, so each comes from its own place or one behind it.
            rows.iter().enumerate().for_each(|(place, &row)| self.times[place] = self.times[row as usize]);
            self.times.truncate(rows.len());
        }
        self.columns.iter_mut().for_each(|column| column.keep(rows));
    }

    pub fn len(&self) -> usize {
        self.persons.len()
    }

    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }
}

pub(super) fn bytes_of(chunk: &Chunk, columns: &[(usize, ColumnKind)]) -> u64 {
    let values: u64 = columns.iter().map(|&(index, _)| u64::from(chunk.columns[index].bytes)).sum();
    u64::from(chunk.rows) * (6 + u64::from(chunk.times.high_bytes) + values)
}
