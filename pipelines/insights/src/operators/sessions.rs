//! Sessions: those of the timeline as they are for a gap of 30 minutes, else cut or joined.

use super::coder::Coder;
use super::cohort::each_set;
use super::engine::Context;
use super::order::bucket_of;
use super::sessions_kept::{self, Divided, Kept, Scratch};
use crate::InsightError;
use crate::definition::{Buckets, Label, SessionBucket, Sessions, SessionsAnswer, SessionsCell};
use crate::projection::{PersonSet, SESSION_GAP_MS, Sessions as Layers, Timeline, join_person};
use crate::spill::{Tally, Totals};

struct State<'a> {
    buckets: Vec<SessionBucket>,
    entries: Vec<u64>,
    exits: Vec<u64>,
    /// Sessions that begin outside the span; nobody asks for them.
    outside: SessionBucket,
    codes: Vec<u16>,
    /// By code of the breakdown's value, and bucket.
    divided: Tally<'a, (u32, u32), Divided>,
    scratch: Scratch<'a>,
}

impl State<'_> {
    /// Adds every session, and takes those away that have changed.
    fn add_layers(&mut self, coder: &Coder<'_>, buckets: &Buckets, sessions: &Layers<'_>) {
        let first = &sessions.first;
        self.add_all(coder, first);
        let Some(changed) = sessions.changed() else { return };
        self.add_all(coder, &changed.timeline);
        for session in changed.replaced() {
            let start = first.starts[session];
            if !(coder.span().0..coder.span().1).contains(&start) {
                continue;
            }
            let (bucket, rows) = (buckets.of(start), first.rows_of(session));
            let one = One { start, end: start + first.duration(session), first: rows.start, last: rows.end - 1 };
            self.buckets[bucket].take(&one.count(0));
            self.entries[usize::from(first.code(one.first))] -= 1;
            self.exits[usize::from(first.code(one.last))] -= 1;
        }
    }

    /// Adds every session as it is.
    fn add_all(&mut self, coder: &Coder<'_>, timeline: &Timeline<'_>) {
        coder.codes(timeline.starts.iter().copied(), &mut self.codes);
        let outside = coder.outside();
        for (session, (&code, rows)) in self.codes.iter().zip(timeline.first_rows.windows(2)).enumerate() {
            let (code, first, last) = (usize::from(code), rows[0] as usize, rows[1] as usize - 1);
            let bucket = self.buckets.get_mut(code).unwrap_or(&mut self.outside);
            bucket.sessions += 1;
            bucket.duration_ms += timeline.duration(session) as u64;
            bucket.bounces += u64::from(first == last);
            bucket.rows += (last + 1 - first) as u64;
            let counts = u64::from(code != outside);
            self.entries[usize::from(timeline.code(first))] += counts;
            self.exits[usize::from(timeline.code(last))] += counts;
        }
    }
}

/// A session: times and rows of its ends.
#[derive(Clone, Copy)]
pub(super) struct One {
    pub start: i64,
    pub end: i64,
    pub first: usize,
    pub last: usize,
}

impl One {
    fn count(self, start_ms: i64) -> SessionBucket {
        SessionBucket {
            start_ms,
            sessions: 1,
            duration_ms: (self.end - self.start) as u64,
            bounces: u64::from(self.first == self.last),
            rows: (self.last + 1 - self.first) as u64,
        }
    }
}

pub(super) fn answer(context: &Context<'_>, sessions: &Sessions) -> Result<SessionsAnswer, InsightError> {
    let scope = &sessions.scope;
    if sessions.gap_ms < 0 {
        return Err(InsightError::question("gap_ms", "must not be negative"));
    }
    let buckets = Buckets::new(sessions.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
    let people = context.people(scope)?;
    let activities = context.snapshot.ranks().len();
    let empty: Vec<SessionBucket> =
        buckets.starts().iter().map(|&start_ms| SessionBucket { start_ms, ..SessionBucket::default() }).collect();
    let new = || State {
        buckets: empty.clone(),
        entries: vec![0; activities],
        exits: vec![0; activities],
        outside: SessionBucket::default(),
        codes: Vec::new(),
        divided: Tally::new(context.room()),
        scratch: Scratch::default(),
    };
    let kept = Kept::new(context, sessions)?;
    let values = kept.as_ref().and_then(|kept| kept.division.as_ref()).map(|division| division.values());
    let coder = Coder::new(&buckets, (scope.from_ms, scope.until_ms));
    let states = context.each_segment(new, |state, reader, segment| {
        if let Some(kept) = &kept {
            let State { buckets: counts, entries, exits, divided, scratch, .. } = state;
            return kept.each(reader, segment, people.as_ref(), values.as_ref(), scratch, |_, timeline, one, code| {
                let bucket = buckets.of(one.start);
                let count = one.count(buckets.starts()[bucket]);
                counts[bucket].add(&count);
                entries[usize::from(timeline.code(one.first))] += 1;
                exits[usize::from(timeline.code(one.last))] += 1;
                if kept.division.is_some() {
                    divided.add((code, bucket as u32), Divided::from(&count));
                }
            });
        }
        let people = people.as_ref().map(|people| people.segment(segment));
        if people.is_none() && sessions.gap_ms == SESSION_GAP_MS {
            let sessions = reader.sessions_until(segment, i64::MAX);
            state.add_layers(&coder, &buckets, &sessions);
            return reader.give_back(sessions.first);
        }
        let timeline = reader.timeline(segment);
        let mut add = |one: One| {
            if !scope.contains(one.start) {
                return;
            }
            state.buckets[buckets.of(one.start)].add(&one.count(0));
            state.entries[usize::from(timeline.code(one.first))] += 1;
            state.exits[usize::from(timeline.code(one.last))] += 1;
        };
        for local in 0..timeline.persons() {
            if people.is_none_or(|people| people.is_some_and(|people| people.contains(local as u16))) {
                each_session(&timeline, local, sessions.gap_ms, &mut add);
            }
        }
        let wide = if sessions.gap_ms < SESSION_GAP_MS { 4 } else { 0 };
        reader.looked_at(timeline.rows() * usize::from(wide > 0), wide);
    })?;
    let mut sum = new();
    let mut divided = Vec::new();
    for state in states {
        divided.push(state.divided);
        sum.buckets.iter_mut().zip(&state.buckets).for_each(|(sum, count)| sum.add(count));
        sum.entries.iter_mut().zip(state.entries).for_each(|(sum, count)| *sum += count);
        sum.exits.iter_mut().zip(state.exits).for_each(|(sum, count)| *sum += count);
    }
    let groups = match &kept {
        Some(kept) if kept.division.is_some() => {
            sessions_kept::groups(context, kept, values.as_ref(), &buckets, &Totals::of(divided))?
        }
        _ => Vec::new(),
    };
    // They may be names of activities, which nobody may hold twice.
    drop(values);
    let names = context.snapshot.dictionaries.activities.names();
    let ranked = |counts: Vec<u64>| {
        let counted = (0u32..).zip(counts).filter(|(_, count)| *count > 0);
        let mut ranked: Vec<(String, u64)> =
            counted.map(|(code, count)| (names.text(code).to_owned(), count)).collect();
        ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ranked
    };
    Ok(SessionsAnswer { buckets: sum.buckets, entries: ranked(sum.entries), exits: ranked(sum.exits), groups })
}

/// People with a session as the cell wants it.
pub(super) fn people(
    context: &Context<'_>,
    sessions: &Sessions,
    cell: &SessionsCell,
) -> Result<PersonSet, InsightError> {
    let scope = &sessions.scope;
    if sessions.gap_ms < 0 {
        return Err(InsightError::question("gap_ms", "must not be negative"));
    }
    let buckets = Buckets::new(sessions.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
    let bucket = cell.bucket_ms.map(|time| bucket_of(&buckets, "bucket_ms", time)).transpose()?;
    let activities = &context.snapshot.dictionaries.activities;
    // An unknown name is the code of none.
    let code = |name: &Option<String>| name.as_ref().map(|name| activities.find(name).unwrap_or(u32::MAX));
    let (entry, exit) = (code(&cell.entry), code(&cell.exit));
    let people = context.people(scope)?;
    let is_wanted = |timeline: &Timeline<'_>, one: One| {
        let is = |row: usize, wanted: Option<u32>| wanted.is_none_or(|code| u32::from(timeline.code(row)) == code);
        scope.contains(one.start)
            && bucket.is_none_or(|bucket| buckets.of(one.start) == bucket)
            && cell.bounced.is_none_or(|bounced| bounced == (one.first == one.last))
            && is(one.first, entry)
            && is(one.last, exit)
    };
    let of_value = matches!(cell.label, Label::Values(_) | Label::Other);
    let Some(kept) = Kept::new(context, sessions)? else {
        return match of_value {
            true => Ok(PersonSet::default()),
            false => people_of_all(context, sessions, people.as_ref(), is_wanted),
        };
    };
    let values = kept.division.as_ref().map(|division| division.values());
    let mut chosen = None;
    if of_value {
        let state = || (Tally::<u32, u64>::new(context.room()), Scratch::default());
        let states = context.each_segment(state, |(counts, scratch), reader, segment| {
            let count = |_: u16, _: &Timeline<'_>, _: One, code: u32| counts.add(code, 1);
            kept.each(reader, segment, people.as_ref(), values.as_ref(), scratch, count);
        })?;
        let counts = Totals::of(states.into_iter().map(|(counts, _)| counts));
        let all = sessions_kept::choose(context, &kept, &counts, values.as_ref())?;
        let Some(group) = all.labels.iter().position(|label| *label == cell.label) else {
            return Ok(PersonSet::default());
        };
        chosen = Some((all, group));
    }
    let state = || (PersonSet::default(), Scratch::default());
    let states = context.each_segment(state, |(set, scratch), reader, segment| {
        kept.each(reader, segment, people.as_ref(), values.as_ref(), scratch, |local, timeline, one, code| {
            let in_group = chosen.as_ref().is_none_or(|(chosen, group)| chosen.group(code) == *group);
            if in_group && is_wanted(timeline, one) {
                set.insert(join_person(segment, local));
            }
        });
    })?;
    Ok(states.iter().flat_map(|(set, _)| set.iter()).collect())
}

/// People with such a session, where all sessions count.
fn people_of_all(
    context: &Context<'_>,
    sessions: &Sessions,
    people: Option<&PersonSet>,
    is_wanted: impl Fn(&Timeline<'_>, One) -> bool + Sync,
) -> Result<PersonSet, InsightError> {
    each_set(context, |reader, segment, set, _| {
        let timeline = reader.timeline(segment);
        let people = people.map(|people| people.segment(segment));
        for local in 0..timeline.persons() {
            if !people.is_none_or(|people| people.is_some_and(|people| people.contains(local as u16))) {
                continue;
            }
            each_session(&timeline, local, sessions.gap_ms, &mut |one: One| {
                if is_wanted(&timeline, one) {
                    set.insert(local as u16);
                }
            });
        }
    })
}

/// Calls with every session of a person.
#[inline]
pub(super) fn each_session(timeline: &Timeline<'_>, local: usize, gap_ms: i64, add: &mut impl FnMut(One)) {
    let whole = |session: usize| {
        let (start, rows) = (timeline.starts[session], timeline.rows_of(session));
        One { start, end: start + timeline.duration(session), first: rows.start, last: rows.end - 1 }
    };
    let sessions = timeline.sessions_of(local);
    if gap_ms == SESSION_GAP_MS {
        return sessions.for_each(|session| add(whole(session)));
    }
    let mut open: Option<One> = None;
    let mut extend = |next: One| match &mut open {
        Some(one) if next.start - one.end <= gap_ms => (one.end, one.last) = (next.end, next.last),
        _ => {
            if let Some(one) = open.replace(next) {
                add(one);
            }
        }
    };
    for session in sessions {
        match gap_ms > SESSION_GAP_MS {
            true => extend(whole(session)),
            false => timeline.walk(session, |time, row| extend(One { start: time, end: time, first: row, last: row })),
        }
    }
    open.into_iter().for_each(add);
}
