//! Reading rows for operators, counting what is read.

use std::borrow::Cow;

use super::compile::{Compiled, Program};
use crate::projection::{PersonSet, Piece, Postings, Sessions, Snapshot, Timeline, Timelines, Visitor};

/// One thread's reader.
pub(super) struct Reader<'a> {
    pub snapshot: &'a Snapshot,
    pub rows: u64,
    pub bytes: u64,
    kept: Vec<u32>,
    starts: Vec<i64>,
}

/// What of the times of rows is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Each.
    Times,
    /// Whether they lie in the span: the rows are those that do, and have no times.
    Span,
    /// Their buckets, for [`super::coder::Coder`], which leaves out rows outside the span: they may still be there.
    Buckets,
}

/// Takes away what lies outside a span.
struct Timely<'m> {
    span: (i64, i64),
    met: &'m mut [bool],
}

impl Visitor for Timely<'_> {
    #[inline]
    fn visit(self, times: impl ExactSizeIterator<Item = i64>) {
        let (from, until) = self.span;
        self.met.iter_mut().zip(times).for_each(|(met, time)| *met &= (from <= time) & (time < until));
    }
}

/// Counts what lies in a span by person.
struct Count<'c> {
    span: (i64, i64),
    persons: &'c [u16],
    counts: &'c mut [u32],
}

impl Visitor for Count<'_> {
    #[inline]
    fn visit(self, times: impl ExactSizeIterator<Item = i64>) {
        let (from, until) = self.span;
        for (&local, time) in self.persons.iter().zip(times) {
            self.counts[usize::from(local)] += u32::from((from <= time) & (time < until));
        }
    }
}

/// Counts what lies in a span.
struct CountAll {
    span: (i64, i64),
    rows: u64,
}

impl Visitor for &mut CountAll {
    #[inline]
    fn visit(self, times: impl ExactSizeIterator<Item = i64>) {
        let (from, until) = self.span;
        self.rows += times.map(|time| u64::from((from <= time) & (time < until))).sum::<u64>();
    }
}

/// Which rows count, besides a selector: `from <= time < until`, and these people.
#[derive(Clone, Copy)]
pub(super) struct Within<'p> {
    pub span: (i64, i64),
    pub people: Option<&'p PersonSet>,
}

impl<'a> Reader<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Reader<'a> {
        Reader { snapshot, rows: 0, bytes: 0, kept: Vec::new(), starts: Vec::new() }
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
        self.select_with(Need::Times, segment, activity, compiled, wanted, within, into);
    }

    /// As [`Reader::select_with`] without columns, run by run: the rows of a person may come in several.
    #[expect(clippy::too_many_arguments, reason = "what select takes, and what is done with it")]
    pub fn select_pieces(
        &mut self,
        need: Need,
        segment: u32,
        activity: u16,
        compiled: &Compiled,
        within: Within<'_>,
        into: &mut Postings<'a>,
        mut each: impl FnMut(&Postings<'a>),
    ) {
        for piece in self.snapshot.pieces(segment, activity, within.span) {
            self.load_piece(
                &piece,
                need,
                segment,
                activity,
                &compiled.columns,
                within,
                compiled.condition.as_ref(),
                into,
            );
            if !into.is_empty() {
                each(into);
            }
        }
    }

    /// As [`Reader::select`], with as much of the times as is needed.
    #[expect(clippy::too_many_arguments, reason = "what select takes, and the need")]
    pub fn select_with(
        &mut self,
        need: Need,
        segment: u32,
        activity: u16,
        compiled: &Compiled,
        wanted: &[usize],
        within: Within<'_>,
        into: &mut Postings<'a>,
    ) {
        let columns: Vec<usize> = compiled.columns.iter().chain(wanted).copied().collect();
        let condition = compiled.condition.as_ref();
        self.load_with(need, segment, activity, &columns, within, condition, into);
        let filters = compiled.columns.len().min(into.columns.len());
        into.columns.drain(..filters);
    }

    /// Reads all rows of an activity, with the columns of the condition, which is not asked, and without times. `false`
    /// if some rows might not count for another reason, or the condition needs times: then nothing is read.
    pub fn load_whole(
        &mut self,
        segment: u32,
        activity: u16,
        compiled: &Compiled,
        within: Within<'_>,
        into: &mut Postings<'a>,
    ) -> bool {
        let times = self.snapshot.times_in(segment, activity, within.span);
        let inside = times.is_none_or(|(first, last)| within.span.0 <= first && last < within.span.1);
        if !inside || within.people.is_some() || compiled.condition.as_ref().is_some_and(Program::needs_times) {
            return false;
        }
        self.bytes += self.snapshot.postings_in(segment, activity, within.span, &compiled.columns, into);
        self.rows += into.len() as u64;
        into.activity = activity;
        true
    }

    /// Adds up the rows of each person.
    pub fn count(
        &mut self,
        segment: u32,
        activity: u16,
        compiled: &Compiled,
        within: Within<'_>,
        postings: &mut Postings<'a>,
        counts: &mut [u32],
    ) {
        self.select_pieces(Need::Buckets, segment, activity, compiled, within, postings, |postings| {
            let count = Count { span: within.span, persons: &postings.persons, counts: &mut *counts };
            match &postings.packed {
                Some(packed) => packed.each(count),
                None => count.visit(postings.times.iter().copied()),
            }
        });
    }

    /// How many rows of an activity count.
    pub fn count_rows(
        &mut self,
        segment: u32,
        activity: u16,
        compiled: &Compiled,
        within: Within<'_>,
        into: &mut Postings<'a>,
    ) -> u64 {
        let (from, until) = within.span;
        let (columns, condition) = (&compiled.columns, compiled.condition.as_ref());
        let mut all = CountAll { span: within.span, rows: 0 };
        for piece in self.snapshot.pieces(segment, activity, within.span) {
            self.load_piece(&piece, Need::Buckets, segment, activity, columns, within, condition, into);
            let times = piece.times(segment, activity, within.span);
            match &into.packed {
                _ if times.is_some_and(|(first, last)| from <= first && last < until) => all.rows += into.len() as u64,
                Some(packed) => packed.each(&mut all),
                None => (&mut all).visit(into.times.iter().copied()),
            }
        }
        all.rows
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
        self.load_with(Need::Times, segment, activity, columns, within, condition, into);
    }

    #[expect(clippy::too_many_arguments, reason = "what load takes, and the need")]
    fn load_with(
        &mut self,
        need: Need,
        segment: u32,
        activity: u16,
        columns: &[usize],
        within: Within<'_>,
        condition: Option<&Program>,
        into: &mut Postings<'a>,
    ) {
        let whole = Piece::whole(self.snapshot);
        self.load_piece(&whole, need, segment, activity, columns, within, condition, into);
    }

    #[expect(clippy::too_many_arguments, reason = "what load takes, the need, and whose rows")]
    fn load_piece(
        &mut self,
        piece: &Piece<'a>,
        need: Need,
        segment: u32,
        activity: u16,
        columns: &[usize],
        within: Within<'_>,
        condition: Option<&Program>,
        into: &mut Postings<'a>,
    ) {
        into.clear();
        let people = within.people.map(|people| people.segment(segment));
        let (from, until) = within.span;
        let Some((first, last)) = piece.times(segment, activity, within.span) else { return };
        if last < from || until <= first || people.is_some_and(|people| people.is_none()) {
            return;
        }
        self.bytes += piece.read(segment, activity, within.span, columns, into);
        self.rows += into.len() as u64;
        into.activity = activity;
        let inside = from <= first && last < until;
        let everybody = people.is_none() && condition.is_none() && piece.moved.is_nobody();
        if need == Need::Times || (need == Need::Buckets && !everybody) || condition.is_some_and(Program::needs_times) {
            into.unpack();
        }
        if everybody && (inside || need == Need::Buckets) {
            return;
        }
        let mut met = condition.map(|condition| condition.mask(self.snapshot, segment, into, 0)).unwrap_or_default();
        met.resize(into.len(), true);
        if !inside {
            let timely = Timely { span: within.span, met: &mut met };
            match &into.packed {
                Some(packed) => packed.each(timely),
                None => timely.visit(into.times.iter().copied()),
            }
        }
        if let Some(people) = people.flatten() {
            met.iter_mut().zip(into.persons.iter()).for_each(|(met, &local)| *met &= people.contains(local));
        }
        if !piece.moved.is_nobody() {
            met.iter_mut().zip(into.persons.iter()).for_each(|(met, &local)| *met &= !piece.moved.contains(local));
        }
        // Each row is written, and the place moves on behind those that are kept: there is nothing to guess.
        self.kept.resize(into.len(), 0);
        let mut kept = 0;
        for (row, &met) in (0u32..).zip(&met) {
            self.kept[kept] = row;
            kept += usize::from(met);
        }
        if kept < into.len() {
            into.keep(&self.kept[..kept]);
        }
    }

    /// The sessions of a segment; rows are counted by who looks at them.
    pub fn timeline(&mut self, segment: u32) -> Timeline<'a> {
        let starts = Some(std::mem::take(&mut self.starts));
        self.counted(self.snapshot.timeline(segment, starts))
    }

    /// As [`Reader::timeline`], for whom rows from `until` on are nothing: some of those may be missing.
    pub fn timeline_until(&mut self, segment: u32, until: i64) -> Timeline<'a> {
        let starts = Some(std::mem::take(&mut self.starts));
        self.counted(self.snapshot.timeline_until(segment, until, starts))
    }

    /// As [`Reader::timeline_until`], run by run.
    pub fn all_timelines_until(&mut self, segment: u32, until: i64) -> Timelines<'a> {
        let timelines = self.snapshot.all_timelines_until(segment, until, std::mem::take(&mut self.starts));
        timelines.parts().iter().for_each(|(timeline, _)| self.count_timeline(timeline));
        timelines
    }

    /// As [`Reader::timeline_until`], but of the rows above the others, which are few, each run alone.
    pub fn timelines_until(&mut self, segment: u32, until: i64) -> Timelines<'a> {
        let timelines = self.snapshot.timelines_until(segment, until, std::mem::take(&mut self.starts));
        timelines.parts().iter().for_each(|(timeline, _)| self.count_timeline(timeline));
        timelines
    }

    /// The sessions of a segment, for whom rows from `until` on are nothing: some of those may be missing.
    pub fn sessions_until(&mut self, segment: u32, until: i64) -> Sessions<'a> {
        let sessions = self.snapshot.sessions_until(segment, until, std::mem::take(&mut self.starts));
        self.count_timeline(&sessions.first);
        sessions.changed().into_iter().for_each(|changed| self.count_timeline(&changed.timeline));
        sessions
    }

    fn counted(&mut self, timeline: Timeline<'a>) -> Timeline<'a> {
        self.count_timeline(&timeline);
        timeline
    }

    fn count_timeline(&mut self, timeline: &Timeline<'_>) {
        self.rows += timeline.starts.len() as u64;
        self.bytes += timeline.starts.len() as u64 * 13 + timeline.persons() as u64 * 4;
    }

    /// Takes the memory of a timeline that is no longer needed, for the next.
    pub fn give_back(&mut self, timeline: Timeline<'a>) {
        if let Cow::Owned(starts) = timeline.starts {
            self.starts = starts;
        }
    }

    /// As [`Reader::give_back`], of the first, which is the largest.
    pub fn give_back_first(&mut self, timelines: Timelines<'a>) {
        timelines.into_parts().take(1).for_each(|timeline| self.give_back(timeline));
    }

    /// As [`Reader::timeline`], where only the order of rows and their sessions are needed.
    pub fn timeline_without_times(&mut self, segment: u32) -> Timeline<'a> {
        let timeline = self.snapshot.timeline(segment, None);
        self.bytes += timeline.first_rows.len() as u64 * 4;
        timeline
    }

    /// Says that rows of a timeline were looked at too, `bytes` of each.
    pub fn looked_at(&mut self, rows: usize, bytes: usize) {
        self.rows += rows as u64;
        self.bytes += (rows * bytes) as u64;
    }
}
