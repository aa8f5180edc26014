//! Presence: in which buckets each person of a segment has such rows, as bits.

use super::compile::Compiled;
use super::engine::Context;
use super::reader::{Reader, Within};
use crate::InsightError;
use crate::definition::Buckets;
use crate::projection::{PersonSet, Postings, SEGMENT_PERSONS, join_person};

/// Bits by person and bucket.
pub(super) struct Presence {
    words: usize,
    bits: Vec<u64>,
}

impl Presence {
    pub fn new(buckets: usize) -> Presence {
        let words = buckets.div_ceil(64).max(1);
        Presence { words, bits: vec![0; words * SEGMENT_PERSONS] }
    }

    #[inline]
    fn set(&mut self, local: usize, bucket: usize) {
        self.bits[local * self.words + bucket / 64] |= 1 << (bucket % 64);
    }

    #[inline]
    pub fn of(&self, local: usize) -> &[u64] {
        &self.bits[local * self.words..(local + 1) * self.words]
    }

    /// Persons who are in any bucket, with their bits.
    pub fn people(&self) -> impl Iterator<Item = (usize, &[u64])> {
        self.bits.chunks_exact(self.words).enumerate().filter(|(_, bits)| bits.iter().any(|&word| word != 0))
    }

    /// Fills it with the rows of a segment; the span must lie in the buckets.
    pub fn fill<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        segment: u32,
        compiled: &Compiled,
        buckets: &Buckets,
        within: Within<'_>,
        postings: &mut Postings<'a>,
    ) {
        self.bits.fill(0);
        if compiled.everything {
            return self.fill_from_sessions(reader, segment, buckets, within);
        }
        for &activity in &compiled.activities {
            reader.select(segment, activity, compiled, &[], within, postings);
            for (&local, &time) in postings.persons.iter().zip(&postings.times) {
                self.set(usize::from(local), buckets.of(time));
            }
        }
    }

    /// Where any row counts, first and last of a session say it all, but for sessions that the span cuts and those
    /// that touch more than two buckets.
    fn fill_from_sessions(&mut self, reader: &mut Reader<'_>, segment: u32, buckets: &Buckets, within: Within<'_>) {
        let people = within.people.map(|people| people.segment(segment));
        let (from, until) = within.span;
        if people.is_some_and(|people| people.is_none()) {
            return;
        }
        let timeline = reader.timeline(segment);
        let mut walked = 0;
        for local in 0..timeline.persons() {
            if people.flatten().is_some_and(|people| !people.contains(local as u16)) {
                continue;
            }
            for session in timeline.sessions_of(local) {
                let start = timeline.starts[session];
                let end = start + timeline.duration(session);
                if end < from || until <= start {
                    continue;
                }
                let inside = from <= start && end < until;
                if inside {
                    let first = buckets.of(start);
                    self.set(local, first);
                    if end < buckets.end(first) {
                        continue;
                    }
                    let last = buckets.of(end);
                    self.set(local, last);
                    if last == first + 1 {
                        continue;
                    }
                }
                walked += timeline.rows_of(session).len();
                timeline.walk(session, |time, _| {
                    if from <= time && time < until {
                        self.set(local, buckets.of(time));
                    }
                });
            }
        }
        reader.looked_at(walked, 3);
    }
}

/// People whose bits are wanted; only of those who are in any bucket.
pub(super) fn people(
    context: &Context<'_>,
    compiled: &Compiled,
    buckets: &Buckets,
    within: Within<'_>,
    wanted: impl Fn(&[u64]) -> bool + Sync,
) -> Result<PersonSet, InsightError> {
    let state = || (Presence::new(buckets.len()), PersonSet::default(), Postings::default());
    let states = context.each_segment(state, |(presence, found, postings), reader, segment| {
        presence.fill(reader, segment, compiled, buckets, within, postings);
        for (local, _) in presence.people().filter(|(_, bits)| wanted(bits)) {
            found.insert(join_person(segment, local as u16));
        }
    })?;
    Ok(states.iter().flat_map(|(_, found, _)| found.iter()).collect())
}

/// How many bits are set.
pub(super) fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// The highest set bit.
pub(super) fn last_bit(words: &[u64]) -> Option<usize> {
    let (index, word) = words.iter().enumerate().rev().find(|(_, word)| **word != 0)?;
    Some(index * 64 + 63 - word.leading_zeros() as usize)
}

pub(super) fn bit(words: &[u64], bit: usize) -> bool {
    words[bit / 64] >> (bit % 64) & 1 == 1
}

/// Calls with each set bit, ascending.
#[inline]
pub(super) fn each_bit(words: &[u64], mut bit: impl FnMut(usize)) {
    for (index, &word) in words.iter().enumerate() {
        let mut rest = word;
        while rest != 0 {
            bit(index * 64 + rest.trailing_zeros() as usize);
            rest &= rest - 1;
        }
    }
}
