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

    /// What becomes of a person's sessions in the first part where their other rows are added. Their rows above are few, and
    /// lie close to each other.
    pub fn change_of(&self, local: usize, gap_ms: i64) -> Change<'_, 'a> {
        let Some((first, moved)) = self.parts.first() else { return Change { timelines: self, local, replaced: 0..0 } };
        let own = first.sessions_of(local);
        let change = |replaced| Change { timelines: self, local, replaced };
        if moved.contains(local as u16) {
            return change(own);
        }
        let above = self.having(local).filter(|(place, _)| *place > 0);
        let ends = above.map(|(_, timeline)| {
            let sessions = timeline.sessions_of(local);
            let last = sessions.end - 1;
            (timeline.starts[sessions.start], timeline.starts[last] + timeline.duration(last))
        });
        let Some((earliest, latest)) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else {
            return change(own.start..own.start);
        };
        // Sessions of a person ascend, and lie further than the gap from each other.
        let ends_before = |session: &usize| first.starts[*session] + first.duration(*session) < earliest - gap_ms;
        let begins_after = |session: &usize| first.starts[*session] > latest + gap_ms;
        let start = own.end - own.clone().rev().take_while(|session| !ends_before(session)).count();
        let end = own.end - own.clone().rev().take_while(begins_after).count();
        change(start..end.max(start))
    }
}

/// Sessions of a person in the first of some timelines that do not stay as they are, and the rows that take their place.
pub(crate) struct Change<'t, 'a> {
    timelines: &'t Timelines<'a>,
    local: usize,
    /// Of the first timeline.
    pub replaced: std::ops::Range<usize>,
}

impl Change<'_, '_> {
    fn parts(&self) -> impl Iterator<Item = (&Timeline<'_>, std::ops::Range<usize>)> {
        let first = self.timelines.parts.first().filter(|(_, moved)| !moved.contains(self.local as u16));
        let first = first.map(|(first, _)| (first, self.replaced.clone()));
        let above = self.timelines.having(self.local).filter(|(place, _)| *place > 0);
        first.into_iter().chain(above.map(|(_, timeline)| (timeline, timeline.sessions_of(self.local))))
    }

    /// The rows, in order.
    pub fn rows(&self, ranks: &[u16], rows: &mut Vec<Row>) {
        rows.clear();
        self.parts().for_each(|(timeline, sessions)| push(timeline, sessions, ranks, rows));
        // Several sorted stretches, which a stable sort merges.
        rows.sort();
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
