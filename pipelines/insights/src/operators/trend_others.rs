//! People of the activities that a breakdown by activity left out: who did several of them counts once, so they are
//! gathered as bits.

use super::coder::Coder;
use crate::projection::{Postings, SEGMENT_PERSONS};

/// Bits by bucket and person of the segment at hand, and how many there were in those before.
pub(super) struct Others {
    bits: Vec<u64>,
    people: Vec<u64>,
    is_empty: bool,
}

const WORDS: usize = SEGMENT_PERSONS.div_ceil(64);

impl Others {
    pub fn new(buckets: usize) -> Others {
        Others { bits: vec![0; buckets * WORDS], people: vec![0; buckets], is_empty: true }
    }

    pub fn see(&mut self, coder: &Coder<'_>, postings: &Postings<'_>) {
        self.is_empty = false;
        coder.each_block(postings, |rows, codes| {
            for (&local, &code) in postings.persons[rows].iter().zip(codes) {
                if usize::from(code) < coder.outside() {
                    self.bits[usize::from(code) * WORDS + usize::from(local) / 64] |= 1 << (local % 64);
                }
            }
        });
    }

    /// Counts the people of a segment, for the next.
    pub fn count(&mut self) {
        if std::mem::replace(&mut self.is_empty, true) {
            return;
        }
        for (people, bits) in self.people.iter_mut().zip(self.bits.chunks_exact_mut(WORDS)) {
            *people += bits.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
            bits.fill(0);
        }
    }

    pub fn add_to(&self, people: &mut [u64]) {
        people.iter_mut().zip(&self.people).for_each(|(sum, people)| *sum += people);
    }
}
