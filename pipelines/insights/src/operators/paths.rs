//! Paths: the rows around each row of an activity. Where the gap is that of sessions no time is looked at: rows of a
//! path lie in one session.

use std::ops::Range;

use super::best::Best;
use super::cohort::each_set;
use super::engine::Context;
use super::path_counts::{Counts, PathCodes};
use super::path_names::PathNames;
use super::paths_kept::{Kept, Scratch};
use super::reader::Reader;
use crate::InsightError;
use crate::definition::{PathCount, PathEdge, Paths, PathsAnswer, PathsCell};
use crate::projection::{Codes, PersonSet, Row, SESSION_GAP_MS, SegmentSet, Timeline, join_person};
use crate::spill::{Tally, Totals};

const LENGTH_MAX: usize = 8;
pub(super) fn answer(context: &Context<'_>, paths: &Paths) -> Result<PathsAnswer, InsightError> {
    let names = PathNames::new(context, paths)?;
    let people = context.people(&paths.scope)?;
    let kept = Kept::new(context, paths)?;
    let Some(scan) = Scan::new(context, paths)? else {
        return Ok(PathsAnswer { paths: Vec::new(), edges: Vec::new() });
    };
    let activities = context.snapshot.ranks().len();
    let bits = (usize::BITS - activities.leading_zeros()).max(1);
    let codes = PathCodes { bits, none: activities, length: paths.length };
    let state = || (Counts::new(codes, Tally::new(context.room())), Scratch::default(), OfPerson::default());
    let states = context.each_segment(state, |(counts, scratch, of_person), reader, segment| {
        if let Some(kept) = &kept {
            return kept.each(&scan, reader, segment, people.as_ref(), scratch, |_, path, before| {
                counts.add(whole(path.map(usize::from), before, paths.length, activities));
            });
        }
        let people = people.as_ref().map(|people| people.segment(segment));
        let (first, last) = reader.snapshot.span(segment);
        let everybody = people.is_none() && paths.scope.from_ms <= first && last < paths.scope.until_ms;
        if let Some(anchor) = scan.anchor.filter(|_| everybody && paths.gap_ms == SESSION_GAP_MS && !paths.shorter) {
            let timeline = reader.timeline_without_times(segment);
            match &timeline.codes {
                // Where codes are narrow, an anchor that is not has no rows.
                Codes::Narrow(codes) => {
                    if let Ok(anchor) = u8::try_from(anchor) {
                        let hits = memchr::memchr_iter(anchor, codes);
                        scan.in_sessions(&timeline.first_rows, codes, hits, counts);
                    }
                }
                Codes::Wide(codes) => {
                    let hits = (0..codes.len()).filter(|&row| codes[row] == anchor);
                    scan.in_sessions(&timeline.first_rows, codes, hits, counts);
                }
            }
            return reader.looked_at(timeline.rows(), 1);
        }
        scan.each_person(reader, segment, people, of_person, |_, path, before| {
            counts.add(whole(path.iter().map(|&code| usize::from(code)), before, paths.length, activities));
        });
    })?;
    let mut dense: Vec<u64> = Vec::new();
    let mut tallies = Vec::new();
    for (state, ..) in states {
        dense.resize(dense.len().max(state.dense.len()), 0);
        dense.iter_mut().zip(&state.dense).for_each(|(sum, count)| *sum += u64::from(*count));
        tallies.push(state.sparse);
    }
    let totals = Totals::of(tallies);
    let each = |call: &mut dyn FnMut(u128, u64)| -> Result<(), InsightError> {
        let counted = (0u128..).zip(&dense).filter(|(_, count)| **count > 0);
        counted.for_each(|(key, &count)| call(key, count));
        totals.each(context, |key, count| {
            call(key, count);
            Ok(())
        })
    };
    name_paths(context, paths, &names, codes, each)
}

/// People with an occurrence of the path or edge.
pub(super) fn people(context: &Context<'_>, paths: &Paths, cell: &PathsCell) -> Result<PersonSet, InsightError> {
    let names = PathNames::new(context, paths)?;
    let people = context.people(&paths.scope)?;
    let Some(scan) = Scan::new(context, paths)? else { return Ok(PersonSet::default()) };
    let (place, wanted) = match cell {
        PathsCell::Path(path) => (None, path.iter().map(|name| names.find(name)).collect()),
        PathsCell::Edge { place, from, to } => (Some(*place), vec![names.find(from), names.find(to)]),
    };
    let wanted: Option<Vec<u32>> = wanted.into_iter().collect();
    let Some(wanted) = wanted else { return Ok(PersonSet::default()) };
    // Whether it is that path, or has that edge.
    let is_it = |path: &mut dyn ExactSizeIterator<Item = u16>, before: bool| {
        let length = path.len();
        let missing = if before { paths.length - length } else { 0 };
        let groups = path.map(|code| names.group_of[usize::from(code)]);
        match place {
            None => groups.eq(wanted.iter().copied()),
            Some(place) => place.checked_sub(missing).is_some_and(|skip| {
                length > skip.saturating_add(1) && groups.skip(skip).take(2).eq(wanted.iter().copied())
            }),
        }
    };
    if let Some(kept) = Kept::new(context, paths)? {
        let state = || (PersonSet::default(), Scratch::default());
        let states = context.each_segment(state, |(set, scratch), reader, segment| {
            kept.each(&scan, reader, segment, people.as_ref(), scratch, |local, path, before| {
                if is_it(path, before) {
                    set.insert(join_person(segment, local));
                }
            });
        })?;
        return Ok(states.iter().flat_map(|(set, _)| set.iter()).collect());
    }
    each_set(context, |reader, segment, set, _| {
        let people = people.as_ref().map(|people| people.segment(segment));
        scan.each_person(reader, segment, people, &mut OfPerson::default(), |local, path, before| {
            if is_it(&mut path.iter().copied(), before) {
                set.insert(local as u16);
            }
        });
    })
}

/// The codes of a path, with `none` where a shorter one has no row.
fn whole(
    path: impl ExactSizeIterator<Item = usize>,
    before: bool,
    length: usize,
    none: usize,
) -> impl Iterator<Item = usize> {
    let missing = length - path.len();
    let (front, back) = if before { (missing, 0) } else { (0, missing) };
    let nothing = move |count: usize| std::iter::repeat_n(none, count);
    nothing(front).chain(path).chain(nothing(back))
}

/// Memory for what is known of a person while their paths are looked for.
#[derive(Default)]
struct OfPerson {
    times: Vec<i64>,
    rows: Vec<Row>,
    path: Vec<u16>,
}

pub(super) struct Scan<'p> {
    paths: &'p Paths,
    /// The activity; `None`: where stretches begin or end, or what is more than an activity.
    anchor: Option<u16>,
    /// Paths go forward from the anchor.
    after: bool,
}

impl<'p> Scan<'p> {
    /// `None` if the anchor never happened.
    fn new(context: &Context<'_>, paths: &'p Paths) -> Result<Option<Scan<'p>>, InsightError> {
        if !(1..=LENGTH_MAX).contains(&paths.length) {
            return Err(InsightError::question("length", format!("must be 1 to {LENGTH_MAX}")));
        }
        let activities = context.snapshot.ranks().len();
        let after = paths.anchor.is_forward();
        let Some(name) = paths.anchor.row().and_then(|row| row.name()) else {
            return Ok(Some(Scan { paths, anchor: None, after }));
        };
        let known = context.snapshot.dictionaries.activities.find(name).filter(|&code| (code as usize) < activities);
        Ok(known.map(|code| Scan { paths, anchor: Some(code as u16), after }))
    }

    /// Rows of a path in one session, whatever their times. `hits` are the rows of the anchor.
    fn in_sessions<C: Copy + Into<usize>>(
        &self,
        first_rows: &[u32],
        codes: &[C],
        hits: impl Iterator<Item = usize>,
        counts: &mut Counts<'_>,
    ) {
        let mut session = 0;
        let length = self.paths.length;
        for row in hits {
            while first_rows[session + 1] as usize <= row {
                session += 1;
            }
            let path = if self.after {
                let end = row + 1 + length;
                if end <= first_rows[session + 1] as usize { codes.get(row + 1..end) } else { None }
            } else {
                let first = first_rows[session] as usize + length;
                if row >= first { codes.get(row - length..row) } else { None }
            };
            if let Some(path) = path {
                counts.add(path.iter().map(|&code| code.into()));
            }
        }
    }

    /// No path reaches a row from here on.
    fn until(&self) -> i64 {
        let reach = self.paths.gap_ms.saturating_mul(i64::try_from(self.paths.length).unwrap_or(i64::MAX));
        self.paths.scope.until_ms.saturating_add(reach).saturating_add(1)
    }

    /// Calls with the person and the activities of each path of these people, or of everybody, and whether the path leads to its anchor.
    fn each_person(
        &self,
        reader: &mut Reader<'_>,
        segment: u32,
        people: Option<Option<&SegmentSet>>,
        of_person: &mut OfPerson,
        mut path: impl FnMut(usize, &[u16], bool),
    ) {
        let wanted =
            |local: usize| people.is_none_or(|people| people.is_some_and(|people| people.contains(local as u16)));
        if self.paths.gap_ms > SESSION_GAP_MS {
            let (timelines, ranks) = (reader.timelines_until(segment, self.until()), reader.snapshot.ranks());
            for local in (0..timelines.persons()).filter(|&local| wanted(local)) {
                let mut path = |codes: &[u16], before: bool| path(local, codes, before);
                match timelines.only_first(local) {
                    Some(first) => self.of_sessions(first, first.sessions_of(local), of_person, &mut path),
                    None => {
                        timelines.rows_of(local, ranks, &mut of_person.rows);
                        self.of_rows(of_person, &mut path);
                    }
                }
            }
            return reader.looked_at(timelines.parts().iter().map(|(timeline, _)| timeline.rows()).sum(), 4);
        }
        // No path leads from one session to another.
        let sessions = reader.sessions_until(segment, self.until());
        let (first, changed) = (&sessions.first, sessions.changed());
        for local in (0..sessions.persons()).filter(|&local| wanted(local)) {
            let mut path = |codes: &[u16], before: bool| path(local, codes, before);
            let own = first.sessions_of(local);
            let Some((changed, replaced)) = changed.and_then(|changed| Some((&changed.timeline, changed.of(local)?)))
            else {
                self.of_sessions(first, own, of_person, &mut path);
                continue;
            };
            self.of_sessions(changed, changed.sessions_of(local), of_person, &mut path);
            self.of_sessions(first, own.start..replaced.start, of_person, &mut path);
            self.of_sessions(first, replaced.end..own.end, of_person, &mut path);
        }
        reader.looked_at(sessions.rows(), 4);
    }

    /// Paths in sessions of a person that follow each other, and no others.
    fn of_sessions(
        &self,
        timeline: &Timeline<'_>,
        sessions: Range<usize>,
        of_person: &mut OfPerson,
        path: &mut impl FnMut(&[u16], bool),
    ) {
        if sessions.is_empty() {
            return;
        }
        let rows = timeline.first_rows[sessions.start] as usize..timeline.first_rows[sessions.end] as usize;
        let Some(anchor) = self.anchor else {
            return self.of_stretches(timeline, sessions, rows.start, of_person, path);
        };
        match &timeline.codes {
            // Where codes are narrow, an anchor that is not has no rows.
            Codes::Narrow(codes) => {
                if let Ok(anchor) = u8::try_from(anchor) {
                    let hits = memchr::memchr_iter(anchor, &codes[rows.clone()]).map(|place| rows.start + place);
                    self.of_hits(timeline, sessions, rows.start, hits, of_person, path);
                }
            }
            Codes::Wide(codes) => {
                let hits = rows.clone().filter(|&row| codes[row] == anchor);
                self.of_hits(timeline, sessions, rows.start, hits, of_person, path);
            }
        }
    }

    /// Paths of these rows of the anchor, ascending. Where the gap is that of sessions their rows are those of a session, whose
    /// times are looked at only where it lies partly in the span.
    fn of_hits(
        &self,
        timeline: &Timeline<'_>,
        sessions: Range<usize>,
        first: usize,
        hits: impl Iterator<Item = usize>,
        of_person: &mut OfPerson,
        path: &mut impl FnMut(&[u16], bool),
    ) {
        let mut hits = hits.peekable();
        if hits.peek().is_none() {
            return;
        }
        if self.paths.gap_ms != SESSION_GAP_MS {
            return self.of_stretches(timeline, sessions, first, of_person, path);
        }
        let (length, mut session) = (self.paths.length, sessions.start);
        for hit in hits {
            while timeline.first_rows[session + 1] as usize <= hit {
                session += 1;
            }
            if !self.is_in_scope(timeline, session, hit) {
                continue;
            }
            let of_session = timeline.rows_of(session);
            let found = match self.after {
                true => hit + 1..of_session.end.min(hit + 1 + length),
                false => of_session.start.max(hit.saturating_sub(length))..hit,
            };
            if found.len() == length || (self.paths.shorter && !found.is_empty()) {
                of_person.path.clear();
                of_person.path.extend(found.map(|row| timeline.code(row)));
                path(&of_person.path, !self.after);
            }
        }
    }

    /// Whether a row of a session lies in the span.
    fn is_in_scope(&self, timeline: &Timeline<'_>, session: usize, row: usize) -> bool {
        let scope = &self.paths.scope;
        let start = timeline.starts[session];
        let end = start + timeline.duration(session);
        if end < scope.from_ms || scope.until_ms <= start {
            return false;
        }
        if scope.from_ms <= start && end < scope.until_ms {
            return true;
        }
        let rows = timeline.first_rows[session] as usize..=row;
        scope.contains(start + rows.map(|row| timeline.delta(row)).sum::<i64>())
    }

    /// Paths by the times of all rows.
    fn of_stretches(
        &self,
        timeline: &Timeline<'_>,
        sessions: Range<usize>,
        first: usize,
        of_person: &mut OfPerson,
        path: &mut impl FnMut(&[u16], bool),
    ) {
        let OfPerson { times, path: codes, .. } = of_person;
        times.clear();
        sessions.for_each(|session| timeline.walk(session, |time, _| times.push(time)));
        let is_anchor = self.anchor.map(|anchor| move |place: usize| timeline.code(first + place) == anchor);
        self.each(times, is_anchor, |found, before| {
            codes.clear();
            codes.extend(found.map(|place| timeline.code(first + place)));
            path(codes, before);
        });
    }

    /// Paths in the rows at hand, and no others.
    fn of_rows(&self, of_person: &mut OfPerson, path: &mut impl FnMut(&[u16], bool)) {
        let OfPerson { times, rows, path: codes } = of_person;
        times.clear();
        times.extend(rows.iter().map(|row| row.0));
        let rows = rows.as_slice();
        let is_anchor = self.anchor.map(|anchor| move |place: usize| rows[place].2 == anchor);
        self.each(times, is_anchor, |found, before| {
            codes.clear();
            codes.extend(rows[found].iter().map(|row| row.2));
            path(codes, before);
        });
    }

    /// Calls with the places of each path among rows of these times; without anchors of stretches.
    pub fn each(
        &self,
        times: &[i64],
        is_anchor: Option<impl Fn(usize) -> bool>,
        mut path: impl FnMut(Range<usize>, bool),
    ) {
        // Whether a row and the next belong together.
        let joins = |place: usize| times.get(place + 1).is_some_and(|next| next - times[place] <= self.paths.gap_ms);
        for (place, at) in times.iter().enumerate() {
            let begins = match (&is_anchor, self.after) {
                (Some(is_anchor), _) => is_anchor(place),
                (None, true) => place == 0 || !joins(place - 1),
                (None, false) => !joins(place),
            };
            if !begins || !self.paths.scope.contains(*at) {
                continue;
            }
            // The anchor is no part of the path, unless it is where a stretch begins or ends.
            let length = self.paths.length - usize::from(is_anchor.is_none());
            let (mut start, mut end) = (place, place);
            while end - start < length {
                match self.after {
                    true if joins(end) => end += 1,
                    false if start > 0 && joins(start - 1) => start -= 1,
                    _ => break,
                }
            }
            let found = match (&is_anchor, self.after) {
                (Some(_), true) => start + 1..end + 1,
                (Some(_), false) => start..end,
                (None, _) => start..end + 1,
            };
            if found.len() == self.paths.length || (self.paths.shorter && !found.is_empty()) {
                path(found, !self.after);
            }
        }
    }
}

/// The most frequent paths of the names that activities have, and their edges.
fn name_paths(
    context: &Context<'_>,
    paths: &Paths,
    names: &PathNames,
    codes: PathCodes,
    each: impl Fn(&mut dyn FnMut(u128, u64)) -> Result<(), InsightError>,
) -> Result<PathsAnswer, InsightError> {
    // Paths of groups, in the places that codes had: which places are empty follows from how many are.
    let mut by_group: Tally<'_, u128, u64> = Tally::new(context.room());
    let mut edges: Tally<'_, u64, u64> = Tally::new(context.room());
    each(&mut |key, count| {
        let mut grouped = 0;
        let mut before = None;
        for place in 0..paths.length {
            let group = names.group_of.get(codes.code(key, place)).copied();
            grouped = grouped << codes.bits | group.map_or(codes.none as u128, u128::from);
            if let Some((from, to)) = before.zip(group) {
                edges.add(edge_key(place - 1, from, to), count);
            }
            before = group;
        }
        by_group.add(grouped, count);
    })?;
    let text = |group: u32| names.texts[group as usize].clone();
    let named = |keys: &[u128]| -> Vec<Vec<String>> {
        let name = |&key: &u128| {
            let groups = (0..paths.length).map(|place| codes.code(key, place)).filter(|&code| code != codes.none);
            groups.map(|group| text(group as u32)).collect()
        };
        keys.iter().map(name).collect()
    };
    let mut best = Best::new(paths.top);
    Totals::of([by_group]).each(context, |key, count| {
        best.offer(key, count, &named);
        Ok(())
    })?;
    let counted = best.finish(&named).0.into_iter();
    let counted = counted.map(|(count, activities, _)| PathCount { activities, count }).collect();
    let mut enough: Vec<PathEdge> = Vec::new();
    Totals::of([edges]).each(context, |key, count| {
        if count >= paths.edge_least {
            let (place, from, to) = edge_of(key);
            enough.push(PathEdge { place, from: text(from), to: text(to), count });
        }
        Ok(())
    })?;
    enough.sort_unstable_by(|a, b| {
        b.count.cmp(&a.count).then_with(|| (a.place, &a.from, &a.to).cmp(&(b.place, &b.from, &b.to)))
    });
    Ok(PathsAnswer { paths: counted, edges: enough })
}

/// Groups are activities, so they take two bytes.
fn edge_key(place: usize, from: u32, to: u32) -> u64 {
    (place as u64) << 48 | u64::from(from) << 24 | u64::from(to)
}

fn edge_of(key: u64) -> (usize, u32, u32) {
    ((key >> 48) as usize, (key >> 24 & 0xff_ffff) as u32, (key & 0xff_ffff) as u32)
}
