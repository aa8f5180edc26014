//! Sessions of a trend in which any row counts: the timeline has them, and first and last of each say it all but for those
//! that the span cuts or that touch more than two buckets.

use super::coder::Coder;
use super::engine::Context;
use super::presence::{is_plain, session_codes};
use super::reader::Within;
use crate::InsightError;
use crate::definition::Buckets;

/// How many there are by bucket.
pub(super) fn count(context: &Context<'_>, buckets: &Buckets, within: Within<'_>) -> Result<Vec<u64>, InsightError> {
    let coder = Coder::new(buckets, within.span);
    let (from, until) = within.span;
    // One more, of sessions that are no part of the span.
    let state = || (vec![0u64; buckets.len() + 1], Vec::<u16>::new(), Vec::<u16>::new());
    let states = context.each_segment(state, |(counts, firsts, lasts), reader, segment| {
        let people = within.people.map(|people| people.segment(segment));
        if people.is_some_and(|people| people.is_none()) {
            return;
        }
        let people = people.flatten();
        let timeline = reader.timeline_until(segment, until);
        session_codes(&coder, &timeline, firsts, lasts);
        let mut walked = 0;
        for local in 0..timeline.persons() {
            if people.is_some_and(|people| !people.contains(local as u16)) {
                continue;
            }
            for session in timeline.sessions_of(local) {
                let (first, last) = (firsts[session], lasts[session]);
                if is_plain(first, last, coder.outside()) {
                    counts[usize::from(first)] += 1;
                    counts[usize::from(last)] += u64::from(last != first);
                    continue;
                }
                let start = timeline.starts[session];
                if start + timeline.duration(session) < from || until <= start {
                    continue;
                }
                let mut before = usize::MAX;
                timeline.walk(session, |time, _| {
                    if from <= time && time < until {
                        let bucket = buckets.of(time);
                        counts[bucket] += u64::from(bucket != before);
                        before = bucket;
                    }
                });
                walked += timeline.rows_of(session).len();
            }
        }
        reader.looked_at(walked, 3);
        reader.give_back(timeline);
    })?;
    let mut sums = vec![0; buckets.len()];
    for (counts, ..) in states {
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    Ok(sums)
}
