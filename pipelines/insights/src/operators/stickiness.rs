//! Stickiness: bits of presence, counted.

use super::compile::Compiled;
use super::engine::Context;
use super::presence::{self, Presence};
use super::reader::Within;
use crate::InsightError;
use crate::definition::{Buckets, Stickiness, StickinessAnswer, StickinessCell};
use crate::projection::{PersonSet, Postings};

pub(super) fn answer(context: &Context<'_>, stickiness: &Stickiness) -> Result<StickinessAnswer, InsightError> {
    let scope = &stickiness.scope;
    let buckets = Buckets::new(stickiness.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let compiled = Compiled::new(context, &stickiness.select)?;
    let state = || (Presence::new(buckets.len()), vec![0u64; buckets.len()], Postings::default());
    let states = context.each_segment(state, |(presence, counts, postings), reader, segment| {
        presence.fill(reader, segment, &compiled, &buckets, within, postings);
        for (_, bits) in presence.people() {
            let days: u32 = bits.iter().map(|word| word.count_ones()).sum();
            counts[days as usize - 1] += 1;
        }
    })?;
    let mut people = vec![0; buckets.len()];
    for (_, counts, _) in states {
        people.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    Ok(StickinessAnswer { people })
}

/// People in exactly so many buckets.
pub(super) fn people(
    context: &Context<'_>,
    stickiness: &Stickiness,
    cell: &StickinessCell,
) -> Result<PersonSet, InsightError> {
    let scope = &stickiness.scope;
    let buckets = Buckets::new(stickiness.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let compiled = Compiled::new(context, &stickiness.select)?;
    presence::people(context, &compiled, &buckets, within, |bits| presence::count(bits) == cell.buckets)
}
