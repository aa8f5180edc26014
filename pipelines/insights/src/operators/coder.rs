//! Buckets of many times at once: for rows in blocks, without a branch for each row. Rows outside the span get a code
//! of their own, one above the last bucket, so that they are counted where nobody looks.

use std::ops::Range;

use crate::definition::Buckets;
use crate::projection::{Postings, Visitor};

/// Rows at a time: their codes stay in the first cache.
const BLOCK: usize = 1_024;
const SLOT_BITS: u32 = 22;

/// The codes of buckets for times.
pub(super) struct Coder<'b> {
    buckets: &'b Buckets,
    span: (i64, i64),
    way: Way,
}

/// How the bucket of a time is found.
enum Way {
    /// All have one length, `odd << shift`: a division by multiplying with `2^64 / odd`, rounded up; it is exact for
    /// quotients below 2^32 of numbers below 2^32.
    Even { shift: u32, inverse: u64 },
    /// For each slot of 2^22 ms the bucket in which it begins, and how many bounds a slot has at most.
    Slots { slots: Vec<u32>, bounds: usize },
}

impl<'b> Coder<'b> {
    /// The span must lie in the buckets.
    pub fn new(buckets: &'b Buckets, span: (i64, i64)) -> Coder<'b> {
        let first = buckets.from_ms();
        let length = buckets.end(0) - first;
        let is_even = (0..buckets.len()).all(|bucket| buckets.end(bucket) - buckets.starts()[bucket] == length);
        let shift = length.trailing_zeros();
        let odd = (length >> shift) as u64;
        let small = (buckets.until_ms() - first) >> shift < i64::from(u32::MAX);
        let way = match is_even && odd > 1 && small {
            true => Way::Even { shift, inverse: u64::MAX / odd + 1 },
            false => Way::slots(buckets),
        };
        Coder { buckets, span, way }
    }

    /// Times outside it have no bucket.
    pub fn span(&self) -> (i64, i64) {
        self.span
    }

    /// The code of what is outside.
    pub fn outside(&self) -> usize {
        self.buckets.len()
    }

    /// Calls with stretches of rows, and the code of each.
    #[inline]
    pub fn each_block(&self, postings: &Postings<'_>, mut block: impl FnMut(Range<usize>, &[u16])) {
        let mut codes = [0u16; BLOCK];
        for start in (0..postings.len()).step_by(BLOCK) {
            let rows = start..postings.len().min(start + BLOCK);
            let codes = &mut codes[..rows.len()];
            match &postings.packed {
                Some(packed) => packed.slice(rows.clone()).each(Codes { coder: self, codes }),
                None => Codes { coder: self, codes }.visit(postings.times[rows.clone()].iter().copied()),
            }
            block(rows, codes);
        }
    }

    /// The code of each of these times.
    #[inline]
    pub fn codes(&self, times: impl ExactSizeIterator<Item = i64>, codes: &mut Vec<u16>) {
        codes.resize(times.len(), 0);
        Codes { coder: self, codes }.visit(times);
    }
}

impl Way {
    fn slots(buckets: &Buckets) -> Way {
        let (first, end) = (buckets.from_ms(), buckets.until_ms());
        let begins = buckets.starts();
        let bucket_at = |slot: i64| begins.partition_point(|&bound| bound <= first + (slot << SLOT_BITS)) - 1;
        let slots: Vec<u32> = (0..=((end - first) >> SLOT_BITS)).map(|slot| bucket_at(slot) as u32).collect();
        let bounds = slots.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let last = slots.last().map_or(0, |&last| buckets.len() - 1 - last as usize);
        Way::Slots { bounds: (bounds as usize).max(last), slots }
    }
}

struct Codes<'c> {
    coder: &'c Coder<'c>,
    codes: &'c mut [u16],
}

impl Visitor for Codes<'_> {
    #[inline]
    fn visit(self, times: impl ExactSizeIterator<Item = i64>) {
        let Coder { buckets, span: (from, until), way } = self.coder;
        let (first, outside) = (buckets.from_ms(), buckets.len() as u16);
        // An empty span has nothing inside.
        let length = until.saturating_sub(*from).max(0) as u64;
        match way {
            Way::Even { shift, inverse } => {
                for (code, time) in self.codes.iter_mut().zip(times) {
                    let units = (time.wrapping_sub(first) as u64) >> shift;
                    let bucket = ((u128::from(units) * u128::from(*inverse)) >> 64) as u16;
                    let inside = (time.wrapping_sub(*from) as u64) < length;
                    *code = if inside { bucket } else { outside };
                }
            }
            Way::Slots { slots, bounds } => {
                let starts = buckets.starts();
                for (code, time) in self.codes.iter_mut().zip(times) {
                    let inside = (time.wrapping_sub(*from) as u64) < length;
                    let time = if inside { time } else { first };
                    let mut bucket = slots[((time - first) >> SLOT_BITS) as usize] as usize;
                    for _ in 0..*bounds {
                        bucket += usize::from(starts.get(bucket + 1).is_some_and(|&bound| bound <= time));
                    }
                    *code = if inside { bucket as u16 } else { outside };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::definition::Bucket;

    proptest! {
        #[test]
        fn codes_are_the_buckets(
            bucket in prop::sample::select(vec![Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month, Bucket::Whole]),
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Asia/Beirut", "Asia/Kathmandu", "Australia/Lord_Howe"]),
            from in 1_600_000_000_000i64..1_800_000_000_000,
            length in 1i64..40_000_000_000,
            places in prop::collection::vec(-0.1f64..1.1, 1..50),
        ) {
            let length = if bucket == Bucket::Hour { length % 20_000_000_000 + 1 } else { length };
            let buckets = Buckets::new(bucket, zone, from, from + length, 0).unwrap();
            let coder = Coder::new(&buckets, (from, from + length));
            let mut times: Vec<i64> = places.iter().map(|place| from + (length as f64 * place) as i64).collect();
            // Bounds, and what is just before them.
            times.extend(buckets.starts().iter().flat_map(|&start| [start - 1, start]));
            times.extend([from, from + length - 1, from + length, buckets.until_ms() - 1]);
            let mut codes = Vec::new();
            coder.codes(times.iter().copied(), &mut codes);
            for (&time, &code) in times.iter().zip(&codes) {
                let inside = from <= time && time < from + length;
                let want = if inside { buckets.of(time) } else { coder.outside() };
                prop_assert_eq!(usize::from(code), want, "time {}", time);
            }
        }
    }
}
