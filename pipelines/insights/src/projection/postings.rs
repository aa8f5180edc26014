//! Postings: the rows of one activity in a segment, by person and time.

use std::borrow::Cow;
use std::ops::Range;

use super::directory::Chunk;
use super::layout::SegmentSet;
use super::merge::{self, Part};
use super::run::Run;
use super::timeline_read::Source;
use super::{Column, ColumnKind};

#[derive(Debug, Clone, Default)]
pub(crate) struct Postings<'a> {
    /// Ascending.
    pub persons: Cow<'a, [u16]>,
    /// Ascending for each person.
    pub times: Vec<i64>,
    /// Those asked for, in that order.
    pub columns: Vec<Column<'a>>,
}

impl<'a> Postings<'a> {
    /// Fills it with the rows of an activity out of several runs; returns the bytes read.
    pub(super) fn read(&mut self, sources: &[Source<'a>], activity: u16, columns: &[(usize, ColumnKind)]) -> u64 {
        let chunk = |source: &Source<'a>| Some((source.segment.chunk(activity)?, source.run, source.moved));
        let chunks: Vec<_> = sources.iter().filter_map(chunk).collect();
        let bytes = chunks.iter().map(|(chunk, ..)| bytes_of(chunk, columns)).sum();
        self.persons = Cow::Borrowed(&[]);
        self.times.clear();
        self.columns.clear();
        match chunks.as_slice() {
            [] => {}
            [(chunk, run, None)] => {
                let rows = chunk.rows as usize;
                self.persons = Cow::Borrowed(run.slice(chunk.persons, rows));
                run.times(&chunk.times, rows, &mut self.times);
                let columns = columns.iter().map(|&(index, kind)| Column::read(run, chunk.columns[index], rows, kind));
                self.columns.extend(columns);
            }
            several => {
                let read = |&(chunk, run, moved): &(&'a Chunk, &'a Run, Option<&'a SegmentSet>)| {
                    let rows = chunk.rows as usize;
                    let persons = run.slice(chunk.persons, rows);
                    let mut times = Vec::new();
                    run.times(&chunk.times, rows, &mut times);
                    let column =
                        |&(index, kind): &(usize, ColumnKind)| Column::read(run, chunk.columns[index], rows, kind);
                    Decoded {
                        persons,
                        times,
                        columns: columns.iter().map(column).collect(),
                        kept: merge::kept(persons, moved),
                    }
                };
                let decoded: Vec<Decoded<'a>> = several.iter().map(read).collect();
                self.merge(&decoded, columns);
            }
        }
        bytes
    }

    fn merge(&mut self, sources: &[Decoded<'a>], columns: &[(usize, ColumnKind)]) {
        let mut parts: Vec<Part<'_>> = Vec::new();
        for one in sources {
            parts.push(Part { persons: one.persons, times: &one.times, kept: one.kept.clone() });
        }
        let spans = merge::plan(&mut parts);
        let mut persons = Vec::new();
        for (source, span) in &spans {
            persons.extend_from_slice(&sources[*source].persons[span.clone()]);
            self.times.extend_from_slice(&sources[*source].times[span.clone()]);
        }
        self.persons = Cow::Owned(persons);
        for (index, &(_, kind)) in columns.iter().enumerate() {
            let parts: Vec<&Column<'_>> = sources.iter().map(|source| &source.columns[index]).collect();
            self.columns.push(Column::assemble(&parts, &spans, kind));
        }
    }

    /// Only these rows, ascending.
    pub fn keep(&mut self, rows: &[u32]) {
        let persons: Vec<u16> = rows.iter().map(|&row| self.persons[row as usize]).collect();
        let times = rows.iter().map(|&row| self.times[row as usize]).collect();
        (self.persons, self.times) = (Cow::Owned(persons), times);
        self.columns.iter_mut().for_each(|column| column.keep(rows));
    }

    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}

/// The rows of one run, of which those in `kept` count.
struct Decoded<'a> {
    persons: &'a [u16],
    times: Vec<i64>,
    columns: Vec<Column<'a>>,
    kept: Vec<Range<usize>>,
}

fn bytes_of(chunk: &Chunk, columns: &[(usize, ColumnKind)]) -> u64 {
    let values: u64 = columns.iter().map(|&(index, _)| u64::from(chunk.columns[index].bytes)).sum();
    u64::from(chunk.rows) * (6 + u64::from(chunk.times.high_bytes) + values)
}
