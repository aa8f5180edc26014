//! Reading rows for operators, counting what is read.

use super::compile::{Compiled, Program};
use crate::projection::{PersonSet, Postings, Snapshot, Timeline};

/// One thread's reader.
pub(super) struct Reader<'a> {
    pub snapshot: &'a Snapshot,
    pub rows: u64,
    pub bytes: u64,
    kept: Vec<u32>,
}

/// Which rows count, besides a selector: `from <= time < until`, and these people.
#[derive(Clone, Copy)]
pub(super) struct Within<'p> {
    pub span: (i64, i64),
    pub people: Option<&'p PersonSet>,
}

impl<'a> Reader<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Reader<'a> {
        Reader { snapshot, rows: 0, bytes: 0, kept: Vec::new() }
    }

    /// The rows of one of the selector's activities, with the `wanted` columns.
    pub fn select(
        &mut self,
        segment: u32,
        activity: u16,
        compiled: &Compiled,
        wanted: &[usize],
        within: Within<'_>,
        into: &mut Postings<'a>,
    ) {
        let columns: Vec<usize> = compiled.columns.iter().chain(wanted).copied().collect();
        let condition = compiled.condition.as_ref();
        self.load(segment, activity, &columns, within, condition, into);
        let filters = compiled.columns.len().min(into.columns.len());
        into.columns.drain(..filters);
    }

    /// The rows of an activity with these columns, of which a condition looks at the first.
    pub fn load(
        &mut self,
        segment: u32,
        activity: u16,
        columns: &[usize],
        within: Within<'_>,
        condition: Option<&Program>,
        into: &mut Postings<'a>,
    ) {
        *into = Postings { times: std::mem::take(&mut into.times), ..Postings::default() };
        into.times.clear();
        let people = within.people.map(|people| people.segment(segment));
        let (from, until) = within.span;
        let Some((first, last)) = self.snapshot.times(segment, activity) else { return };
        if last < from || until <= first || people.is_some_and(|people| people.is_none()) {
            return;
        }
        self.bytes += self.snapshot.postings(segment, activity, columns, into);
        self.rows += into.len() as u64;
        let inside = from <= first && last < until;
        if inside && people.is_none() && condition.is_none() {
            return;
        }
        let mask = condition.map(|condition| condition.mask(self.snapshot, segment, into, 0));
        let met = |row: usize| mask.as_ref().is_none_or(|mask| mask[row]);
        let wanted = |row: usize| people.flatten().is_none_or(|people| people.contains(into.persons[row]));
        let timely = |row: usize| inside || (from <= into.times[row] && into.times[row] < until);
        self.kept.clear();
        self.kept.extend((0..into.len()).filter(|&row| met(row) && timely(row) && wanted(row)).map(|row| row as u32));
        if self.kept.len() < into.len() {
            into.keep(&self.kept);
        }
    }

    /// The sessions of a segment; rows are counted by who looks at them.
    pub fn timeline(&mut self, segment: u32) -> Timeline<'a> {
        let timeline = self.snapshot.timeline(segment, true);
        self.rows += timeline.starts.len() as u64;
        self.bytes += timeline.starts.len() as u64 * 13 + timeline.persons() as u64 * 4;
        timeline
    }

    /// As [`Reader::timeline`], where only the order of rows and their sessions are needed.
    pub fn timeline_without_times(&mut self, segment: u32) -> Timeline<'a> {
        let timeline = self.snapshot.timeline(segment, false);
        self.bytes += timeline.first_rows.len() as u64 * 4;
        timeline
    }

    /// Says that rows of a timeline were looked at too, `bytes` of each.
    pub fn looked_at(&mut self, rows: usize, bytes: usize) {
        self.rows += rows as u64;
        self.bytes += (rows * bytes) as u64;
    }
}
