//! Lifecycle: each bucket of a person's presence compared with the one before, and with all before that.

use super::compile::Compiled;
use super::engine::Context;
use super::order::bucket_of;
use super::presence::{Presence, bit};
use super::reader::{Need, Within};
use crate::InsightError;
use crate::definition::{Buckets, Lifecycle, LifecycleAnswer, LifecycleBucket, LifecycleCell, LifecycleStanding};
use crate::operators::ALWAYS;
use crate::projection::{PersonSet, Postings, SEGMENT_PERSONS, SegmentSet, join_person};

pub(super) fn answer(context: &Context<'_>, lifecycle: &Lifecycle) -> Result<LifecycleAnswer, InsightError> {
    let scope = &lifecycle.scope;
    // With one bucket before the span, for the standing in its first.
    let buckets = Buckets::new(lifecycle.bucket, &scope.zone, scope.from_ms, scope.until_ms, 1)?;
    let people = context.people(scope)?;
    let within = Within { span: (buckets.from_ms(), buckets.until_ms()), people: people.as_ref() };
    let earlier = Within { span: (ALWAYS.0, buckets.from_ms()), people: people.as_ref() };
    let compiled = Compiled::new(context, &lifecycle.select)?;
    let empty: Vec<LifecycleBucket> =
        buckets.starts().iter().map(|&start_ms| LifecycleBucket { start_ms, ..LifecycleBucket::default() }).collect();
    let state = || (Presence::new(buckets.len()), empty.clone(), Masks::new(buckets.len()), Postings::default());
    let states = context.each_segment(state, |(presence, counts, masks, postings), reader, segment| {
        let before = before(reader, segment, &compiled, earlier, postings);
        presence.fill(reader, segment, &compiled, &buckets, within, postings);
        for local in 0..SEGMENT_PERSONS {
            let (bits, before) = (presence.of(local), before.contains(local as u16));
            if bits.iter().all(|&word| word == 0) {
                continue;
            }
            match masks.slot(bits, before) {
                Some(count) => *count += 1,
                None => add(counts, bits, before, 1),
            }
        }
    })?;
    let mut sum = empty;
    for (_, mut counts, masks, _) in states {
        masks.each(|bits, before, people| add(&mut counts, &[bits], before, people));
        for (sum, count) in sum.iter_mut().zip(counts) {
            sum.new += count.new;
            sum.returning += count.returning;
            sum.resurrecting += count.resurrecting;
            sum.dormant += count.dormant;
        }
    }
    sum.remove(0);
    Ok(LifecycleAnswer { buckets: sum })
}

/// People of one standing in a bucket.
pub(super) fn people(
    context: &Context<'_>,
    lifecycle: &Lifecycle,
    cell: &LifecycleCell,
) -> Result<PersonSet, InsightError> {
    let scope = &lifecycle.scope;
    let buckets = Buckets::new(lifecycle.bucket, &scope.zone, scope.from_ms, scope.until_ms, 1)?;
    let at = bucket_of(&buckets, "bucket_ms", cell.bucket_ms)?;
    if at == 0 {
        return Err(InsightError::question("bucket_ms", "lies before the question's span"));
    }
    let people = context.people(scope)?;
    let within = Within { span: (buckets.starts()[at - 1], buckets.end(at)), people: people.as_ref() };
    let earlier = Within { span: (ALWAYS.0, buckets.starts()[at]), people: people.as_ref() };
    let compiled = Compiled::new(context, &lifecycle.select)?;
    let state = || (Presence::new(buckets.len()), PersonSet::default(), Postings::default());
    let states = context.each_segment(state, |(presence, found, postings), reader, segment| {
        let before = before(reader, segment, &compiled, earlier, postings);
        presence.fill(reader, segment, &compiled, &buckets, within, postings);
        for (local, bits) in presence.people() {
            let standing = match (bit(bits, at), bit(bits, at - 1)) {
                (true, true) => LifecycleStanding::Returning,
                (true, false) if before.contains(local as u16) => LifecycleStanding::Resurrecting,
                (true, false) => LifecycleStanding::New,
                (false, _) => LifecycleStanding::Dormant,
            };
            if standing == cell.standing {
                found.insert(join_person(segment, local as u16));
            }
        }
    })?;
    Ok(states.iter().flat_map(|(_, found, _)| found.iter()).collect())
}

/// Persons with such rows before the buckets.
fn before<'a>(
    reader: &mut super::reader::Reader<'a>,
    segment: u32,
    compiled: &Compiled,
    earlier: Within<'_>,
    postings: &mut Postings<'a>,
) -> SegmentSet {
    let mut before = SegmentSet::default();
    let until = earlier.span.1;
    if reader.snapshot.first_time(segment) >= until {
        return before;
    }
    if compiled.everything {
        let timelines = reader.all_timelines_until(segment, until);
        for local in 0..timelines.persons() {
            if timelines.first(local).is_some_and(|first| first < until) {
                before.insert(local as u16);
            }
        }
        reader.give_back_first(timelines);
        return before;
    }
    for &activity in &compiled.activities {
        reader.select_pieces(Need::Span, segment, activity, compiled, earlier, postings, |postings| {
            postings.persons.iter().for_each(|&local| before.insert(local));
        });
    }
    before
}

fn add(counts: &mut [LifecycleBucket], bits: &[u64], mut before: bool, people: u64) {
    let mut previous = false;
    for (index, count) in counts.iter_mut().enumerate() {
        let now = bit(bits, index);
        match (now, previous) {
            (true, true) => count.returning += people,
            (true, false) if before => count.resurrecting += people,
            (true, false) => count.new += people,
            (false, true) => count.dormant += people,
            (false, false) => {}
        }
        before |= now;
        previous = now;
    }
}

/// People by their bits, where there are few buckets: the standings are worked out once for each pattern.
struct Masks {
    counts: Vec<u64>,
}

const MASK_BITS_MAX: usize = 16;

impl Masks {
    fn new(buckets: usize) -> Masks {
        Masks { counts: vec![0; if buckets <= MASK_BITS_MAX { 2 << buckets } else { 0 }] }
    }

    #[inline]
    fn slot(&mut self, bits: &[u64], before: bool) -> Option<&mut u64> {
        self.counts.get_mut((bits[0] << 1) as usize | usize::from(before)).filter(|_| bits.len() == 1)
    }

    fn each(self, mut with: impl FnMut(u64, bool, u64)) {
        for (index, people) in (0u64..).zip(self.counts).filter(|(_, people)| *people > 0) {
            with(index >> 1, index & 1 == 1, people);
        }
    }
}
