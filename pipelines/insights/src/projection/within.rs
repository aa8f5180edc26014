//! What of a snapshot a span touches, whole or layer by layer. Rows of layers that lie outside the span need neither be read
//! nor merged: while activity arrives, a question about days gone by reads the sealed rows as they lie. Who needs no order
//! among the rows of a person takes the layers one after the other, so that nothing is merged for fresh rows either.

use super::directory::Chunk;
use super::layout::SegmentSet;
use super::timeline_read::{self, Source};
use super::{Changed, ColumnKind, Postings, Sessions, Snapshot, Timeline, Timelines};

/// Where all rows of an activity in a segment lie that a span touches; others may lie there too.
enum Place<'a> {
    Nowhere,
    Below(&'a Snapshot),
    Run(Source<'a>),
    Several,
}

/// Persons who do not count in a part, as their rows count as another's.
#[derive(Clone, Default)]
pub(crate) struct Moved<'a>(Vec<&'a SegmentSet>);

impl<'a> Moved<'a> {
    fn and(&self, others: Option<&'a SegmentSet>) -> Moved<'a> {
        Moved(self.0.iter().copied().chain(others).collect())
    }

    pub fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub fn contains(&self, local: u16) -> bool {
        self.0.iter().any(|moved| moved.contains(local))
    }
}

/// Some rows of an activity in a segment, in the order of persons and times.
pub(crate) struct Piece<'a> {
    snapshot: &'a Snapshot,
    /// `None`: all of the snapshot's.
    run: Option<Source<'a>>,
    pub moved: Moved<'a>,
}

/// Whether any time from the first to the last lies in the span.
fn touches((first, last): (i64, i64), (from, until): (i64, i64)) -> bool {
    first < until && from <= last
}

fn ends(chunk: &Chunk) -> (i64, i64) {
    (chunk.times.base, chunk.times.last)
}

impl<'a> Piece<'a> {
    /// All rows of a snapshot.
    pub fn whole(snapshot: &'a Snapshot) -> Piece<'a> {
        Piece { snapshot, run: None, moved: Moved::default() }
    }

    /// First and last time of the rows that [`Piece::read`] gives for the span.
    pub fn times(&self, segment: u32, activity: u16, span: (i64, i64)) -> Option<(i64, i64)> {
        match &self.run {
            Some(source) => source.segment.chunk(activity).map(ends),
            None => self.snapshot.times_in(segment, activity, span),
        }
    }

    /// Reads the rows, all of the span `from <= time < until`; some outside it may be missing. Returns the bytes read. Times
    /// may be left packed.
    pub fn read(
        &self,
        segment: u32,
        activity: u16,
        span: (i64, i64),
        columns: &[usize],
        into: &mut Postings<'a>,
    ) -> u64 {
        match &self.run {
            Some(source) => into.read(source, activity, &self.snapshot.kinds(columns)),
            None => self.snapshot.postings_in(segment, activity, span, columns, into),
        }
    }
}

impl Snapshot {
    fn kinds(&self, columns: &[usize]) -> Vec<(usize, ColumnKind)> {
        columns.iter().map(|&column| (column, self.dictionaries.columns[column].kind)).collect()
    }

    /// Runs with rows of an activity in a segment that a span touches.
    fn touched(&self, segment: u32, activity: u16, span: (i64, i64)) -> impl Iterator<Item = Source<'_>> {
        let is_touched =
            move |source: &Source<'_>| source.segment.chunk(activity).is_some_and(|chunk| touches(ends(chunk), span));
        self.sources(segment).into_iter().filter(is_touched)
    }

    fn touched_base(&self, segment: u32, activity: u16, span: (i64, i64)) -> Option<&Snapshot> {
        let base = self.base.as_deref();
        base.filter(|base| base.times(segment, activity).is_some_and(|times| touches(times, span)))
    }

    fn place(&self, segment: u32, activity: u16, span: (i64, i64)) -> Place<'_> {
        let mut sources = self.touched(segment, activity, span);
        match (self.touched_base(segment, activity, span), sources.next(), sources.next()) {
            (None, None, _) => Place::Nowhere,
            (Some(base), None, _) if self.moved_of_base(segment).is_none() => Place::Below(base),
            (None, Some(one), None) if one.moved.is_none() => Place::Run(one),
            _ => Place::Several,
        }
    }

    /// First and last time of the rows that [`Snapshot::postings_in`] gives for the span.
    pub(crate) fn times_in(&self, segment: u32, activity: u16, span: (i64, i64)) -> Option<(i64, i64)> {
        match self.place(segment, activity, span) {
            Place::Nowhere => None,
            Place::Below(base) => base.times_in(segment, activity, span),
            Place::Run(source) => source.segment.chunk(activity).map(ends),
            Place::Several => self.times(segment, activity),
        }
    }

    /// See [`Piece::read`].
    pub(crate) fn postings_in<'a>(
        &'a self,
        segment: u32,
        activity: u16,
        span: (i64, i64),
        columns: &[usize],
        into: &mut Postings<'a>,
    ) -> u64 {
        match self.place(segment, activity, span) {
            Place::Nowhere => {
                into.clear();
                0
            }
            Place::Below(base) => base.postings_in(segment, activity, span, columns, into),
            Place::Run(source) => into.read(&source, activity, &self.kinds(columns)),
            Place::Several => self.postings(segment, activity, columns, into),
        }
    }

    /// All rows of an activity in a segment that a span touches, run by run: those of a person may lie in several.
    pub(crate) fn pieces(&self, segment: u32, activity: u16, span: (i64, i64)) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        self.add_pieces(segment, activity, span, &Moved::default(), &mut pieces);
        pieces
    }

    fn add_pieces<'a>(
        &'a self,
        segment: u32,
        activity: u16,
        span: (i64, i64),
        moved: &Moved<'a>,
        pieces: &mut Vec<Piece<'a>>,
    ) {
        if let Some(base) = self.touched_base(segment, activity, span) {
            base.add_pieces(segment, activity, span, &moved.and(self.moved_of_base(segment)), pieces);
        }
        pieces.extend(self.touched(segment, activity, span).map(|source| {
            let moved = moved.and(source.moved);
            Piece { snapshot: self, run: Some(source), moved }
        }));
    }

    /// Reads the timeline of a segment with all rows before `until`. Of later ones some may be missing, so that a session may
    /// end earlier than it does.
    pub(crate) fn timeline_until(&self, segment: u32, until: i64, starts: Option<Vec<i64>>) -> Timeline<'_> {
        let mut layer = self;
        while let Some(base) = layer.base.as_deref().filter(|base| base.has(segment)) {
            if layer.moved_of_base(segment).is_some() || layer.before(segment, until).next().is_some() {
                break;
            }
            layer = base;
        }
        layer.timeline(segment, starts)
    }

    /// As [`Snapshot::timeline_until`], but the rows above the others, which are few, are apart.
    pub(crate) fn timelines_until(&self, segment: u32, until: i64, starts: Vec<i64>) -> Timelines<'_> {
        let Some(base) = self.base.as_deref().filter(|base| base.has(segment)) else {
            return Timelines::new(vec![(self.timeline(segment, Some(starts)), Moved::default())]);
        };
        let moved = Moved::default().and(self.moved_of_base(segment));
        let mut parts = vec![(base.timeline_until(segment, until, Some(starts)), moved)];
        fn read<'a>(source: Source<'a>) -> (Timeline<'a>, Option<&'a SegmentSet>) {
            (timeline_read::borrow(&source, Some(Vec::new())), source.moved)
        }
        let above: Vec<_> = self.before(segment, until).map(read).collect();
        match above.len() {
            0 => {}
            1 => parts.extend(above.into_iter().map(|(timeline, moved)| (timeline, Moved::default().and(moved)))),
            _ => parts.push((timeline_read::merge(&above, self.ranks()), Moved::default())),
        }
        Timelines::new(parts)
    }

    /// The sessions of a segment with all rows before `until`. Of later ones some may be missing, so that a session may end earlier
    /// than it does.
    pub(crate) fn sessions_until(&self, segment: u32, until: i64, starts: Vec<i64>) -> Sessions<'_> {
        let Some(base) = self.base.as_deref().filter(|base| base.has(segment)) else {
            return Sessions::whole(self.timeline(segment, Some(starts)));
        };
        if self.moved_of_base(segment).is_none() && self.before(segment, until).next().is_none() {
            return Sessions::whole(base.timeline_until(segment, until, Some(starts)));
        }
        let make = || Changed::new(&self.timelines_until(segment, i64::MAX, Vec::new()), self.ranks());
        let first = base.timeline_until(segment, i64::MAX, Some(starts));
        Sessions::with(first, self.merged.changed(segment, make))
    }

    /// As [`Snapshot::timeline_until`], each run alone.
    pub(crate) fn all_timelines_until(&self, segment: u32, until: i64, starts: Vec<i64>) -> Timelines<'_> {
        let mut parts = Vec::new();
        self.add_timelines(segment, until, &Moved::default(), &mut Some(starts), &mut parts);
        Timelines::new(parts)
    }

    fn add_timelines<'a>(
        &'a self,
        segment: u32,
        until: i64,
        moved: &Moved<'a>,
        starts: &mut Option<Vec<i64>>,
        parts: &mut Vec<(Timeline<'a>, Moved<'a>)>,
    ) {
        if let Some(base) = self.base.as_deref().filter(|base| base.has(segment)) {
            base.add_timelines(segment, until, &moved.and(self.moved_of_base(segment)), starts, parts);
        }
        for source in self.before(segment, until) {
            let starts = starts.take().unwrap_or_default();
            parts.push((timeline_read::borrow(&source, Some(starts)), moved.and(source.moved)));
        }
    }

    /// Runs with rows of a segment before a time.
    fn before(&self, segment: u32, until: i64) -> impl Iterator<Item = Source<'_>> {
        self.sources(segment).into_iter().filter(move |source| source.segment.timeline.starts.base < until)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::super::{Dictionaries, Rows, Run};
    use super::*;

    const DAY: i64 = 86_400_000;

    /// Of two persons a row on each of these days.
    fn run(dictionaries: &Arc<Dictionaries>, days: std::ops::Range<i64>) -> Arc<Run> {
        let mut rows = Rows::new(dictionaries);
        for (day, person) in days.flat_map(|day| [(day, "a"), (day, "b")]) {
            rows.persons.push(dictionaries.persons.intern(person));
            rows.times.push(day * DAY);
            rows.activities.push(dictionaries.activities.intern("visit") as u16);
        }
        Arc::new(rows.into_run(dictionaries).unwrap())
    }

    /// Answers would be the same if all was merged, only later: so it is looked at here.
    #[test]
    fn what_a_span_does_not_touch_is_not_merged() {
        let dictionaries = Dictionaries::new(&[]);
        let (sealed, fresh) = (run(&dictionaries, 0..10), run(&dictionaries, 10..12));
        let of = |run| Snapshot::new(dictionaries.clone(), vec![run], &HashMap::new(), Vec::new()).unwrap();
        let base = Arc::new(of(sealed));
        let snapshot = of(fresh).above(base, &HashMap::new()).unwrap();
        let rows_in = |span| {
            let mut postings = Postings::default();
            snapshot.postings_in(0, 0, span, &[], &mut postings);
            postings.len()
        };
        assert_eq!((rows_in((0, 10 * DAY)), rows_in((10 * DAY, 12 * DAY)), rows_in((12 * DAY, 13 * DAY))), (20, 4, 0));
        assert_eq!(snapshot.timeline_until(0, 10 * DAY, None).rows(), 20);
        let both = (9 * DAY, 11 * DAY);
        assert_eq!((snapshot.pieces(0, 0, both).len(), snapshot.pieces(0, 0, (0, DAY)).len()), (2, 1));
        assert_eq!(snapshot.timelines_until(0, 12 * DAY, Vec::new()).parts().len(), 2);
        assert_eq!(snapshot.all_timelines_until(0, 12 * DAY, Vec::new()).parts().len(), 2);
        assert!(snapshot.merged.wishes().is_empty(), "nothing was merged so far");
        assert_eq!((rows_in(both), snapshot.merged.wishes().len()), (24, 1));
        assert_eq!(snapshot.timeline_until(0, 11 * DAY, None).rows(), 24);
        assert_eq!(snapshot.merged.wishes().len(), 2);
    }
}
