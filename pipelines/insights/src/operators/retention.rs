//! Retention: the bucket of the start, and the bits of presence after it.

use super::compile::Compiled;
use super::engine::Context;
use super::presence::{Presence, each_bit, last_bit};
use super::reader::{Reader, Within};
use crate::InsightError;
use crate::definition::{Buckets, Retention, RetentionAnswer, RetentionCohort, RetentionKind};
use crate::operators::ALWAYS;
use crate::projection::{Postings, SEGMENT_PERSONS};

/// Bounded: `returned[w * n + k]`. Unbounded: people by start and last bucket, summed up at the end.
struct State<'a> {
    starts: Presence,
    returns: Presence,
    firsts: Vec<i64>,
    people: Vec<u64>,
    returned: Vec<u64>,
    postings: Postings<'a>,
}

pub(super) fn answer(context: &Context<'_>, retention: &Retention) -> Result<RetentionAnswer, InsightError> {
    let scope = &retention.scope;
    let buckets = Buckets::new(retention.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
    let n = buckets.len();
    if n > BUCKETS_MAX {
        return Err(InsightError::question("bucket", format!("retention takes at most {BUCKETS_MAX} buckets")));
    }
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let (start, returning) =
        (Compiled::new(context.snapshot, &retention.start)?, Compiled::new(context.snapshot, &retention.returning)?);
    let state = || State {
        starts: Presence::new(n),
        returns: Presence::new(n),
        firsts: Vec::new(),
        people: vec![0; n],
        returned: vec![0; n * n],
        postings: Postings::default(),
    };
    let states = context.each_segment(state, |state, reader, segment| {
        if retention.kind == RetentionKind::Recurring {
            state.starts.fill(reader, segment, &start, &buckets, within, &mut state.postings);
        } else {
            first_times(reader, segment, &start, within, state);
        }
        state.returns.fill(reader, segment, &returning, &buckets, within, &mut state.postings);
        for local in 0..SEGMENT_PERSONS {
            let returns = state.returns.of(local);
            let last = if retention.unbounded { last_bit(returns) } else { None };
            let (people, returned) = (&mut state.people, &mut state.returned);
            let mut begin = |w: usize| {
                people[w] += 1;
                if retention.unbounded {
                    last.into_iter().filter(|&last| last >= w).for_each(|last| returned[w * n + last - w] += 1);
                } else {
                    each_bit_from(returns, w, |bucket| returned[w * n + bucket - w] += 1);
                }
            };
            match retention.kind {
                RetentionKind::Recurring => each_bit(state.starts.of(local), begin),
                RetentionKind::FirstTime => {
                    let first = state.firsts[local];
                    if scope.contains(first) {
                        begin(buckets.of(first));
                    }
                }
            }
        }
    })?;
    let mut cohorts: Vec<RetentionCohort> = (0..n)
        .map(|w| RetentionCohort { start_ms: buckets.starts()[w], people: 0, returned: vec![0; n - w] })
        .collect();
    for state in states {
        for (w, cohort) in cohorts.iter_mut().enumerate() {
            cohort.people += state.people[w];
            cohort.returned.iter_mut().zip(&state.returned[w * n..]).for_each(|(sum, count)| *sum += count);
        }
    }
    if retention.unbounded {
        for cohort in &mut cohorts {
            (1..cohort.returned.len()).rev().for_each(|k| cohort.returned[k - 1] += cohort.returned[k]);
        }
    }
    Ok(RetentionAnswer { cohorts })
}

const BUCKETS_MAX: usize = 2_000;

/// The time of each person's first such row ever.
fn first_times<'a>(reader: &mut Reader<'a>, segment: u32, start: &Compiled, within: Within<'_>, state: &mut State<'a>) {
    state.firsts.clear();
    state.firsts.resize(SEGMENT_PERSONS, i64::MAX);
    if start.everything {
        let people = within.people.map(|people| people.segment(segment));
        let timeline = reader.timeline(segment);
        for local in 0..timeline.persons() {
            let counts = people.is_none_or(|people| people.is_some_and(|people| people.contains(local as u16)));
            if let Some(session) = timeline.sessions_of(local).next().filter(|_| counts) {
                state.firsts[local] = timeline.starts[session];
            }
        }
        return;
    }
    let ever = Within { span: ALWAYS, ..within };
    for &activity in &start.activities {
        reader.select(segment, activity, start, &[], ever, &mut state.postings);
        for (&local, &time) in state.postings.persons.iter().zip(&state.postings.times) {
            let first = &mut state.firsts[usize::from(local)];
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
