//! Retention: the bucket of the start, and the bits of presence after it.

use super::compile::Compiled;
use super::division::{Division, put};
use super::engine::Context;
use super::order::bucket_of;
use super::presence::{Presence, bit, each_bit, last_bit};
use super::reader::{Need, Reader, Within};
use super::retention_groups::{self, Codes};
use super::trend_people::of_label;
use crate::InsightError;
use crate::definition::{
    Buckets, Label, Retention, RetentionAnswer, RetentionCell, RetentionCohort, RetentionGroup, RetentionKind,
};
use crate::operators::ALWAYS;
use crate::projection::{PersonSet, Postings, SEGMENT_PERSONS, Visitor, join_person};

const BUCKETS_MAX: usize = 2_000;

pub(super) fn answer(context: &Context<'_>, retention: &Retention) -> Result<RetentionAnswer, InsightError> {
    if retention.breakdown.is_some() && !retention.cohorts.is_empty() {
        return Err(InsightError::question("cohorts", "not together with a breakdown"));
    }
    let scan = Scan::new(context, retention, context.people(&retention.scope)?, false)?;
    let cohorts = scan.count(context)?;
    let mut groups = Vec::new();
    if retention.breakdown.is_some() {
        let scan = Scan::new(context, retention, context.people(&retention.scope)?, true)?;
        groups = retention_groups::answer(context, &scan)?;
    }
    for named in &retention.cohorts {
        let people = context.people_and(&retention.scope, &named.cohort)?;
        let cohorts = Scan::new(context, retention, Some(people), false)?.count(context)?;
        groups.push(RetentionGroup { label: Label::Cohort(named.name.clone()), cohorts });
    }
    Ok(RetentionAnswer { cohorts, groups })
}

/// Who started in a bucket, and returned or not.
pub(super) fn people(
    context: &Context<'_>,
    retention: &Retention,
    cell: &RetentionCell,
) -> Result<PersonSet, InsightError> {
    let people = of_label(context, &retention.scope, &retention.cohorts, &cell.label)?;
    let by_value = matches!(cell.label, Label::Values(_) | Label::Other);
    let scan = Scan::new(context, retention, people, by_value)?;
    let chosen = if by_value { Some(retention_groups::choose(context, &scan)?) } else { None };
    let group = chosen.as_ref().map(|chosen| chosen.labels.iter().position(|label| *label == cell.label));
    if group == Some(None) {
        return Ok(PersonSet::default());
    }
    let at = bucket_of(&scan.buckets, "start_ms", cell.start_ms)?;
    let back = cell.after.map(|after| at.saturating_add(after));
    if back.is_some_and(|back| back >= scan.buckets.len()) {
        return Err(InsightError::question("after", "lies beyond the question's span"));
    }
    let states = scan.run(context, PersonSet::default, |set: &mut PersonSet, person, w, code, returns| {
        let in_group = chosen.as_ref().zip(group).is_none_or(|(chosen, group)| Some(chosen.group(code)) == group);
        if w != at || !in_group {
            return;
        }
        let returned = match back {
            None => true,
            Some(back) if retention.unbounded => last_bit(returns).is_some_and(|last| last >= back),
            Some(back) => bit(returns, back),
        };
        if returned == (cell.returned || back.is_none()) {
            set.insert(person);
        }
    })?;
    Ok(states.iter().flat_map(PersonSet::iter).collect())
}

/// A retention ready to be read.
pub(super) struct Scan<'r, 'a> {
    pub retention: &'r Retention,
    pub buckets: Buckets,
    people: Option<PersonSet>,
    start: Compiled,
    returning: Compiled,
    /// What the breakdown is by.
    pub division: Option<Division<'a>>,
}

struct State<'a, A> {
    own: A,
    starts: Presence,
    returns: Presence,
    firsts: Vec<i64>,
    codes: Codes,
    postings: Postings<'a>,
}

/// People by bucket of start, and those who returned: `returned[w * n + k]`. Unbounded: by last bucket, summed up when
/// it is finished.
#[derive(Clone)]
pub(super) struct Counts {
    people: Vec<u64>,
    returned: Vec<u64>,
}

impl Counts {
    pub fn new(n: usize) -> Counts {
        Counts { people: vec![0; n], returned: vec![0; n * n] }
    }

    #[inline]
    pub fn add(&mut self, w: usize, returns: &[u64], unbounded: bool) {
        let n = self.people.len();
        self.people[w] += 1;
        if unbounded {
            let last = last_bit(returns).filter(|&last| last >= w);
            last.into_iter().for_each(|last| self.returned[w * n + last - w] += 1);
        } else {
            each_bit_from(returns, w, |bucket| self.returned[w * n + bucket - w] += 1);
        }
    }

    pub fn join(&mut self, other: &Counts) {
        self.people.iter_mut().zip(&other.people).for_each(|(sum, count)| *sum += count);
        self.returned.iter_mut().zip(&other.returned).for_each(|(sum, count)| *sum += count);
    }

    pub fn finish(self, buckets: &Buckets, unbounded: bool) -> Vec<RetentionCohort> {
        let n = buckets.len();
        let cohort = |w: usize| {
            let mut returned = self.returned[w * n..(w + 1) * n - w].to_vec();
            if unbounded {
                (1..returned.len()).rev().for_each(|k| returned[k - 1] += returned[k]);
            }
            RetentionCohort { start_ms: buckets.starts()[w], people: self.people[w], returned }
        };
        (0..n).map(cohort).collect()
    }
}

impl<'r, 'a> Scan<'r, 'a> {
    fn new(
        context: &Context<'a>,
        retention: &'r Retention,
        people: Option<PersonSet>,
        by_value: bool,
    ) -> Result<Scan<'r, 'a>, InsightError> {
        let scope = &retention.scope;
        let buckets = Buckets::new(retention.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
        if buckets.len() > BUCKETS_MAX {
            return Err(InsightError::question("bucket", format!("retention takes at most {BUCKETS_MAX} buckets")));
        }
        Ok(Scan {
            retention,
            buckets,
            people,
            start: Compiled::new(context, &retention.start)?,
            returning: Compiled::new(context, &retention.returning)?,
            division: if by_value { retention_groups::division(context, retention)? } else { None },
        })
    }

    fn count(&self, context: &Context<'_>) -> Result<Vec<RetentionCohort>, InsightError> {
        let (n, unbounded) = (self.buckets.len(), self.retention.unbounded);
        let new = || Counts::new(n);
        let states =
            self.run(context, new, |counts: &mut Counts, _, w, _, returns| counts.add(w, returns, unbounded))?;
        let mut sum = new();
        states.iter().for_each(|counts| sum.join(counts));
        Ok(sum.finish(&self.buckets, unbounded))
    }

    /// Calls for every person and bucket of a start, with the code of the breakdown's value and the buckets of returns.
    pub fn run<A: Send>(
        &self,
        context: &Context<'_>,
        own: impl Fn() -> A + Sync,
        each: impl Fn(&mut A, u32, usize, u32, &[u64]) + Sync,
    ) -> Result<Vec<A>, InsightError> {
        let (scope, n) = (&self.retention.scope, self.buckets.len());
        let within = Within { span: (scope.from_ms, scope.until_ms), people: self.people.as_ref() };
        let values = self.division.as_ref().map(Division::values);
        let is_recurring = self.retention.kind == RetentionKind::Recurring;
        let state = || State {
            own: own(),
            starts: Presence::new(n),
            returns: Presence::new(n),
            firsts: Vec::new(),
            codes: Codes::default(),
            postings: Postings::default(),
        };
        let states = context.each_segment(state, |state, reader, segment| {
            let State { own, starts, returns, firsts, codes, postings } = state;
            if is_recurring {
                starts.fill(reader, segment, &self.start, &self.buckets, within, postings);
            } else {
                first_times(reader, segment, &self.start, within, firsts, postings);
            }
            if let (Some(division), Some(values)) = (&self.division, &values) {
                codes.clear();
                let reads = division.reads();
                for &activity in &self.start.activities {
                    reader.select(segment, activity, &self.start, reads.as_slice(), within, postings);
                    put(std::slice::from_ref(division), reader.snapshot, segment, postings);
                    codes.add(postings, &self.buckets, values);
                }
            }
            returns.fill(reader, segment, &self.returning, &self.buckets, within, postings);
            for local in 0..SEGMENT_PERSONS {
                let mut begin = |w: usize| {
                    let code = if self.division.is_some() { codes.of(local, w) } else { 0 };
                    each(own, join_person(segment, local as u16), w, code, returns.of(local));
                };
                if is_recurring {
                    each_bit(starts.of(local), begin);
                } else if let Some(first) = firsts.get(local).filter(|first| scope.contains(**first)) {
                    begin(self.buckets.of(*first));
                }
            }
        })?;
        Ok(states.into_iter().map(|state| state.own).collect())
    }
}

/// The time of each person's first such row ever, if it is before the end of the span; of others a later one, or none.
fn first_times<'a>(
    reader: &mut Reader<'a>,
    segment: u32,
    start: &Compiled,
    within: Within<'_>,
    firsts: &mut Vec<i64>,
    postings: &mut Postings<'a>,
) {
    firsts.clear();
    firsts.resize(SEGMENT_PERSONS, i64::MAX);
    let until = within.span.1;
    if start.everything {
        let people = within.people.map(|people| people.segment(segment));
        let timelines = reader.all_timelines_until(segment, until);
        for (local, first) in firsts.iter_mut().enumerate().take(timelines.persons()) {
            let counts = people.is_none_or(|people| people.is_some_and(|people| people.contains(local as u16)));
            if let Some(time) = timelines.first(local).filter(|_| counts) {
                *first = time;
            }
        }
        return;
    }
    let ever = Within { span: (ALWAYS.0, until), ..within };
    for &activity in &start.activities {
        reader.select_pieces(Need::Buckets, segment, activity, start, ever, postings, |postings| {
            let earliest = Earliest { persons: &postings.persons, firsts: &mut *firsts };
            match &postings.packed {
                Some(packed) => packed.each(earliest),
                None => earliest.visit(postings.times.iter().copied()),
            }
        });
    }
}

/// The first time of each person.
struct Earliest<'e> {
    persons: &'e [u16],
    firsts: &'e mut [i64],
}

impl Visitor for Earliest<'_> {
    #[inline]
    fn visit(self, times: impl ExactSizeIterator<Item = i64>) {
        for (&local, time) in self.persons.iter().zip(times) {
            let first = &mut self.firsts[usize::from(local)];
            *first = time.min(*first);
        }
    }
}

/// Calls with each set bit from `from` on.
#[inline]
fn each_bit_from(words: &[u64], from: usize, mut bit: impl FnMut(usize)) {
    for (index, &word) in words.iter().enumerate().skip(from / 64) {
        let mut rest = if index == from / 64 { word & (u64::MAX << (from % 64)) } else { word };
        while rest != 0 {
            bit(index * 64 + rest.trailing_zeros() as usize);
            rest &= rest - 1;
        }
    }
}
