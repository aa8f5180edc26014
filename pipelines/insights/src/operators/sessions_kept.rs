//! Sessions of which only some count, or that are told apart: those of each person are listed, and rows look theirs up.

use super::compile::Compiled;
use super::division::{Division, Values, put};
use super::engine::Context;
use super::reader::{Reader, Within};
use super::retention_groups::Chosen;
use super::session_test::Found;
use super::sessions::{One, each_session};
use crate::InsightError;
use crate::definition::{Buckets, Selector, SessionBucket, SessionGroup, Sessions};
use crate::operators::ALWAYS;
use crate::projection::{PersonSet, Postings, Timeline, join_person};
use crate::spill::{Record, Sums, Tally, Totals};

/// Values of a breakdown times buckets.
const CELLS_MAX: usize = 500_000;

/// Which sessions count, and what they are told apart by.
pub(super) struct Kept<'q, 'a> {
    sessions: &'q Sessions,
    select: Option<Compiled>,
    pub division: Option<Division<'a>>,
    everything: Compiled,
}

#[derive(Default)]
pub(super) struct Scratch<'a> {
    postings: Postings<'a>,
    /// Sessions of the span, by person and time.
    all: Vec<(u16, One)>,
    /// Where those of each person begin.
    begins: Vec<u32>,
    counts: Vec<bool>,
    codes: Vec<Option<u32>>,
}

impl Scratch<'_> {
    /// The session that a row is in.
    fn find(&self, local: u16, time: i64) -> Option<usize> {
        let local = usize::from(local);
        let (begin, end) = (*self.begins.get(local)? as usize, *self.begins.get(local + 1)? as usize);
        let later = self.all[begin..end].partition_point(|(_, one)| one.start <= time);
        let found = begin + later.checked_sub(1)?;
        (time <= self.all[found].1.end).then_some(found)
    }
}

impl<'q, 'a> Kept<'q, 'a> {
    /// `None` if all count, and nothing tells them apart.
    pub fn new(context: &Context<'a>, sessions: &'q Sessions) -> Result<Option<Kept<'q, 'a>>, InsightError> {
        if sessions.select.is_any() && sessions.breakdown.is_none() {
            return Ok(None);
        }
        let select = if sessions.select.is_any() { None } else { Some(Compiled::new(context, &sessions.select)?) };
        let division = match &sessions.breakdown {
            None => None,
            Some(breakdown) => match breakdown.properties.as_slice() {
                [by] => Some(Division::new(context, by)?),
                _ => return Err(InsightError::question("breakdown", "sessions take one property")),
            },
        };
        Ok(Some(Kept { sessions, select, division, everything: Compiled::new(context, &Selector::any())? }))
    }

    /// Calls with each session that counts, and the code of its value.
    pub fn each(
        &self,
        reader: &mut Reader<'a>,
        segment: u32,
        people: Option<&PersonSet>,
        values: Option<&Values<'_>>,
        scratch: &mut Scratch<'a>,
        mut each: impl FnMut(u16, &Timeline<'_>, One, u32),
    ) {
        let timeline = reader.timeline(segment);
        self.list(&timeline, people.map(|people| people.segment(segment)), scratch);
        if !scratch.all.is_empty() {
            let span = (self.sessions.scope.from_ms, ALWAYS.1);
            self.select(reader, segment, Within { span, people }, scratch);
            self.divide(reader, segment, &timeline, Within { span, people }, values, scratch);
        }
        for (place, &(local, one)) in scratch.all.iter().enumerate().filter(|(place, _)| scratch.counts[*place]) {
            each(local, &timeline, one, scratch.codes.get(place).copied().flatten().unwrap_or(0));
        }
        reader.looked_at(timeline.rows(), 3);
        reader.give_back(timeline);
    }

    fn list(
        &self,
        timeline: &Timeline<'_>,
        people: Option<Option<&crate::projection::SegmentSet>>,
        scratch: &mut Scratch<'a>,
    ) {
        let Scratch { all, begins, .. } = scratch;
        all.clear();
        begins.clear();
        for local in 0..timeline.persons() {
            begins.push(all.len() as u32);
            if people.is_none_or(|people| people.is_some_and(|people| people.contains(local as u16))) {
                each_session(timeline, local, self.sessions.gap_ms, &mut |one: One| {
                    if self.sessions.scope.contains(one.start) {
                        all.push((local as u16, one));
                    }
                });
            }
        }
        begins.push(all.len() as u32);
    }

    fn select(&self, reader: &mut Reader<'a>, segment: u32, within: Within<'_>, scratch: &mut Scratch<'a>) {
        scratch.counts.clear();
        scratch.counts.resize(scratch.all.len(), self.select.is_none());
        let Some(select) = &self.select else { return };
        let mut postings = std::mem::take(&mut scratch.postings);
        for &activity in &select.activities {
            reader.select(segment, activity, select, &[], within, &mut postings);
            for (&local, &time) in postings.persons.iter().zip(&postings.times) {
                if let Some(place) = scratch.find(local, time) {
                    scratch.counts[place] = true;
                }
            }
        }
        scratch.postings = postings;
    }

    /// The value of each: of rows of the time and name of the first the smallest.
    fn divide(
        &self,
        reader: &mut Reader<'a>,
        segment: u32,
        timeline: &Timeline<'_>,
        within: Within<'_>,
        values: Option<&Values<'_>>,
        scratch: &mut Scratch<'a>,
    ) {
        scratch.codes.clear();
        let (Some(division), Some(values)) = (&self.division, values) else { return };
        let own = |&(local, one): &(u16, One)| {
            let found = Found { duration_ms: one.end - one.start, first: one.first, last: one.last };
            let of_person = || division.of_person(reader.snapshot, join_person(segment, local));
            division.of_session(timeline, found).or_else(of_person)
        };
        scratch.codes.extend(scratch.all.iter().map(own));
        let Some(column) = division.reads() else { return };
        let mut postings = std::mem::take(&mut scratch.postings);
        for &activity in &self.everything.activities {
            reader.select(segment, activity, &self.everything, &[column], within, &mut postings);
            put(std::slice::from_ref(division), reader.snapshot, segment, &mut postings);
            for (row, (&local, &time)) in postings.persons.iter().zip(&postings.times).enumerate() {
                let Some(place) = scratch.find(local, time) else { continue };
                let (_, one) = scratch.all[place];
                if one.start != time || timeline.code(one.first) != activity {
                    continue;
                }
                let code = postings.columns[0].word(row);
                let is_less = |known: u32| values.text(code) < values.text(known);
                if scratch.codes[place].is_none_or(is_less) {
                    scratch.codes[place] = Some(code);
                }
            }
        }
        scratch.postings = postings;
    }
}

/// What is counted of sessions of one value and bucket.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Divided {
    sessions: u64,
    duration_ms: u64,
    bounces: u64,
    rows: u64,
}

impl From<&SessionBucket> for Divided {
    fn from(of: &SessionBucket) -> Divided {
        Divided { sessions: of.sessions, duration_ms: of.duration_ms, bounces: of.bounces, rows: of.rows }
    }
}

impl Record for Divided {
    const BYTES: usize = <[u64; 4]>::BYTES;

    fn put(self, into: &mut Vec<u8>) {
        [self.sessions, self.duration_ms, self.bounces, self.rows].put(into);
    }

    fn take(from: &[u8]) -> Divided {
        let [sessions, duration_ms, bounces, rows] = <[u64; 4]>::take(from);
        Divided { sessions, duration_ms, bounces, rows }
    }
}

impl Sums for Divided {
    fn add(&mut self, other: Divided) {
        self.sessions += other.sessions;
        self.duration_ms += other.duration_ms;
        self.bounces += other.bounces;
        self.rows += other.rows;
    }
}

/// The values that stand for themselves: those with most sessions.
pub(super) fn choose(
    context: &Context<'_>,
    kept: &Kept<'_, '_>,
    counts: &Totals<'_, u32, u64>,
    values: Option<&Values<'_>>,
) -> Result<Chosen, InsightError> {
    let top = kept.sessions.breakdown.as_ref().map_or(0, |breakdown| breakdown.top);
    values.map_or_else(|| Ok(Chosen::default()), |values| Chosen::new(context, counts, top, values))
}

/// The groups of what was counted by code and bucket, by value; others last.
pub(super) fn groups(
    context: &Context<'_>,
    kept: &Kept<'_, '_>,
    values: Option<&Values<'_>>,
    buckets: &Buckets,
    counted: &Totals<'_, (u32, u32), Divided>,
) -> Result<Vec<SessionGroup>, InsightError> {
    let mut counts: Tally<'_, u32, u64> = Tally::new(context.room());
    counted.each(context, |(code, _), of| {
        counts.add(code, of.sessions);
        Ok(())
    })?;
    let chosen = choose(context, kept, &Totals::of([counts]), values)?;
    if chosen.labels.len().saturating_mul(buckets.len()) > CELLS_MAX {
        let problem = format!("values by buckets are more than {CELLS_MAX}: take fewer, or longer buckets");
        return Err(InsightError::question("breakdown", problem));
    }
    let empty = |&start_ms: &i64| SessionBucket { start_ms, ..SessionBucket::default() };
    let group = |label: &crate::definition::Label| SessionGroup {
        label: label.clone(),
        buckets: buckets.starts().iter().map(empty).collect(),
    };
    let mut groups: Vec<SessionGroup> = chosen.labels.iter().map(group).collect();
    counted.each(context, |(code, bucket), of| {
        let Divided { sessions, duration_ms, bounces, rows } = of;
        let known = &mut groups[chosen.group(code)].buckets[bucket as usize];
        known.add(&SessionBucket { start_ms: known.start_ms, sessions, duration_ms, bounces, rows });
        Ok(())
    })?;
    groups.sort_by(|a, b| a.label.cmp(&b.label));
    Ok(groups)
}
