//! New people of a trend: those whose first row of all lies in a bucket. The first session of a person says when it was.

use super::compile::Compiled;
use super::engine::Context;
use super::reader::{Need, Reader, Within};
use super::trend_groups::{Chosen, Groups};
use crate::InsightError;
use crate::definition::Buckets;
use crate::projection::{Postings, SEGMENT_PERSONS, SegmentSet};

/// Whose first row is in no bucket.
const NONE: u32 = u32::MAX;

/// How many there are, at `group * buckets + bucket`.
pub(super) fn count(
    context: &Context<'_>,
    compiled: &Compiled,
    (groups, chosen): (&Groups<'_>, &Chosen),
    buckets: &Buckets,
    within: Within<'_>,
) -> Result<Vec<u64>, InsightError> {
    let cells = chosen.labels.len() * buckets.len();
    let state = || (vec![0u64; cells], vec![NONE; SEGMENT_PERSONS], Vec::<u64>::new(), Postings::default());
    let states = context.each_segment(state, |(counts, firsts, found, postings), reader, segment| {
        if !fill(firsts, reader, segment, buckets, within) {
            return;
        }
        if compiled.everything && groups.is_empty() {
            firsts.iter().filter(|first| **first != NONE).for_each(|&first| counts[first as usize] += 1);
            return;
        }
        found.clear();
        for &activity in &compiled.activities {
            let need = groups.need(Need::Span);
            reader.select_with(need, segment, activity, compiled, &groups.columns, within, postings);
            groups.put(reader.snapshot, segment, postings);
            for (row, &local) in postings.persons.iter().enumerate() {
                if firsts[usize::from(local)] == NONE {
                    continue;
                }
                let group = if groups.is_empty() { 0 } else { groups.group(chosen, &postings.columns, row) };
                let one = (group as u64) << 16 | u64::from(local);
                if found.last() != Some(&one) {
                    found.push(one);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        for one in found.iter() {
            let first = firsts[usize::from(*one as u16)];
            counts[(one >> 16) as usize * buckets.len() + first as usize] += 1;
        }
    })?;
    let mut sums = vec![0; cells];
    for (counts, ..) in states {
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    Ok(sums)
}

/// The buckets of the first rows of people who are asked about; `false` where nobody's is in any.
fn fill(firsts: &mut [u32], reader: &mut Reader<'_>, segment: u32, buckets: &Buckets, within: Within<'_>) -> bool {
    firsts.fill(NONE);
    let people = within.people.map(|people| people.segment(segment));
    if people.is_some_and(|people| people.is_none()) {
        return false;
    }
    let mut any = false;
    each_first(reader, segment, within.span, |local, time| {
        if people.flatten().is_none_or(|people| people.contains(local)) {
            firsts[usize::from(local)] = buckets.of(time) as u32;
            any = true;
        }
    });
    any
}

/// People of a segment whose first row lies in a span.
pub(super) fn new_in(reader: &mut Reader<'_>, segment: u32, span: (i64, i64)) -> SegmentSet {
    let mut new = SegmentSet::default();
    each_first(reader, segment, span, |local, _| new.insert(local));
    new
}

/// Calls with the people of a segment whose first row lies in a span, and its time.
fn each_first(reader: &mut Reader<'_>, segment: u32, (from, until): (i64, i64), mut each: impl FnMut(u16, i64)) {
    let timelines = reader.all_timelines_until(segment, until);
    for local in 0..timelines.persons() {
        if let Some(first) = timelines.first(local).filter(|first| (from..until).contains(first)) {
            each(local as u16, first);
        }
    }
    reader.give_back_first(timelines);
}
