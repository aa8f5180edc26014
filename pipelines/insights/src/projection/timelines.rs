//! Timelines of one segment, one above the other, for those who do not need them merged: nearly all rows lie in the first,
//! and a person has few in the others.

use super::{Moved, Timeline};

/// A row: its time, the place of its activity's name among all, and its code.
pub(crate) type Row = (i64, u16, u16);

/// Together they have all rows.
pub(crate) struct Timelines<'a> {
    parts: Vec<(Timeline<'a>, Moved<'a>)>,
}

impl<'a> Timelines<'a> {
    /// Of parts, of which the first has most rows.
    pub fn new(parts: Vec<(Timeline<'a>, Moved<'a>)>) -> Timelines<'a> {
        Timelines { parts }
    }

    /// Each, with those who do not count in it.
    pub fn parts(&self) -> &[(Timeline<'a>, Moved<'a>)] {
        &self.parts
    }

    pub fn into_parts(self) -> impl Iterator<Item = Timeline<'a>> {
        self.parts.into_iter().map(|(timeline, _)| timeline)
    }

    /// Persons up to the last that has rows.
    pub fn persons(&self) -> usize {
        self.parts.iter().map(|(timeline, _)| timeline.persons()).max().unwrap_or(0)
    }

    /// Of parts that have rows of a person who counts there.
    fn having(&self, local: usize) -> impl Iterator<Item = (usize, &Timeline<'a>)> {
        self.parts.iter().enumerate().filter_map(move |(place, (timeline, moved))| {
            let counts = !moved.contains(local as u16);
            (counts && !timeline.sessions_of(local).is_empty()).then_some((place, timeline))
        })
    }

    /// The first part, where all rows of a person lie in it.
    pub fn only_first(&self, local: usize) -> Option<&Timeline<'a>> {
        let mut having = self.having(local);
        match (having.next(), having.next()) {
            (Some((0, first)), None) => Some(first),
            _ => None,
        }
    }

    /// Whether a person has rows above the first part, or rows there that do not count.
    pub fn differs(&self, local: usize) -> bool {
        let is_moved = self.parts.first().is_some_and(|(_, moved)| moved.contains(local as u16));
        is_moved || self.having(local).any(|(place, _)| place > 0)
    }

    /// The time of a person's first row.
    pub fn first(&self, local: usize) -> Option<i64> {
        self.having(local).map(|(_, timeline)| timeline.starts[timeline.sessions_of(local).start]).min()
    }

    /// All rows of a person, in order.
    pub fn rows_of(&self, local: usize, ranks: &[u16], rows: &mut Vec<Row>) {
        rows.clear();
        self.having(local).for_each(|(_, timeline)| push(timeline, timeline.sessions_of(local), ranks, rows));
        // Several sorted stretches, which a stable sort merges.
        rows.sort();
    }

    /// The sessions of the first part that do not stay as they are where a person's other rows are added, and the rows that
    /// take their place, in order.
    pub fn change_of(&self, local: usize, gap_ms: i64, ranks: &[u16], rows: &mut Vec<Row>) -> std::ops::Range<usize> {
        rows.clear();
        let Some((first, moved)) = self.parts.first() else { return 0..0 };
        let above = self.having(local).filter(|(place, _)| *place > 0);
        above.for_each(|(_, timeline)| push(timeline, timeline.sessions_of(local), ranks, rows));
        let own = first.sessions_of(local);
        if moved.contains(local as u16) {
            rows.sort();
            return own;
        }
        let times = || rows.iter().map(|row| row.0);
        let (Some(earliest), Some(latest)) = (times().min(), times().max()) else { return own.start..own.start };
        // Sessions of a person ascend, and lie further than the gap from each other.
        let ends_before = |session: &usize| first.starts[*session] + first.duration(*session) < earliest - gap_ms;
        let begins_after = |session: &usize| first.starts[*session] > latest + gap_ms;
        let start = own.end - own.clone().rev().take_while(|session| !ends_before(session)).count();
        let end = own.end - own.clone().rev().take_while(begins_after).count();
        let changed = start..end.max(start);
        push(first, changed.clone(), ranks, rows);
        rows.sort();
        changed
    }
}

fn push(timeline: &Timeline<'_>, sessions: std::ops::Range<usize>, ranks: &[u16], rows: &mut Vec<Row>) {
    for session in sessions {
        timeline.walk(session, |time, row| {
            let code = timeline.code(row);
            rows.push((time, ranks[usize::from(code)], code));
        });
    }
}
