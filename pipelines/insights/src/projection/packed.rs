//! Times as they lie in a run: a base, and offsets in planes of low 32 bits and of the bytes above. Whoever needs each
//! time once takes them from here, which saves writing them out and reading them again.

use std::ops::Range;

use super::directory::Times;
use super::run::Run;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed<'a> {
    base: i64,
    low: &'a [u32],
    high: High<'a>,
}

#[derive(Debug, Clone, Copy)]
enum High<'a> {
    None,
    Narrow(&'a [u8]),
    Wide(&'a [u16]),
}

impl<'a> Packed<'a> {
    pub(super) fn new(run: &'a Run, times: &Times, count: usize) -> Packed<'a> {
        let high = match times.high_bytes {
            0 => High::None,
            1 => High::Narrow(run.slice(times.high, count)),
            // The place is a multiple of 64, so pairs of bytes are aligned.
            _ => High::Wide(run.slice(times.high, count)),
        };
        Packed { base: times.base, low: run.slice(times.low, count), high }
    }

    pub fn slice(&self, rows: Range<usize>) -> Packed<'a> {
        let high = match self.high {
            High::None => High::None,
            High::Narrow(high) => High::Narrow(&high[rows.clone()]),
            High::Wide(high) => High::Wide(&high[rows.clone()]),
        };
        Packed { base: self.base, low: &self.low[rows], high }
    }

    /// The time of a row.
    #[inline]
    pub fn at(&self, row: usize) -> i64 {
        let high = match self.high {
            High::None => 0,
            High::Narrow(high) => i64::from(high[row]),
            High::Wide(high) => i64::from(high[row]),
        };
        self.base + (high << 32 | i64::from(self.low[row]))
    }

    /// Appends times as offsets from a base that is not after this one's.
    fn copy(&self, span: &Range<usize>, base: i64, low: &mut Vec<u32>, plane: &mut impl Plane) {
        let part = self.slice(span.clone());
        let by = part.base - base;
        let is_copied = by == 0
            && match part.high {
                High::None => {
                    plane.zeros(span.len());
                    true
                }
                High::Narrow(high) => plane.narrow(high),
                High::Wide(high) => plane.wide(high),
            };
        if is_copied {
            low.extend_from_slice(part.low);
            return;
        }
        let offset = |low: u32, high: u64| (high << 32 | u64::from(low)).wrapping_add(by as u64);
        match part.high {
            High::None => {
                low.extend(part.low.iter().map(|&low| offset(low, 0) as u32));
                plane.each(part.low.iter().map(|&low| offset(low, 0) >> 32));
            }
            High::Narrow(high) => {
                let both = part.low.iter().zip(high).map(|(&low, &high)| offset(low, u64::from(high)));
                low.extend(both.clone().map(|offset| offset as u32));
                plane.each(both.map(|offset| offset >> 32));
            }
            High::Wide(high) => {
                let both = part.low.iter().zip(high).map(|(&low, &high)| offset(low, u64::from(high)));
                low.extend(both.clone().map(|offset| offset as u32));
                plane.each(both.map(|offset| offset >> 32));
            }
        }
    }

    pub fn unpack(&self, out: &mut Vec<i64>) {
        out.clear();
        if out.capacity() < self.low.len() {
            // To grow would copy what nobody needs any more.
            *out = Vec::with_capacity(self.low.len());
        }
        self.each(Unpack(out));
    }

    /// Gives all times to a visitor, in a loop of its own for each width.
    #[inline]
    pub fn each<V: Visitor>(&self, visitor: V) {
        let base = self.base;
        match self.high {
            High::None => visitor.visit(self.low.iter().map(|&low| base + i64::from(low))),
            High::Narrow(high) => visitor
                .visit(self.low.iter().zip(high).map(|(&low, &high)| base + (i64::from(high) << 32 | i64::from(low)))),
            High::Wide(high) => visitor
                .visit(self.low.iter().zip(high).map(|(&low, &high)| base + (i64::from(high) << 32 | i64::from(low)))),
        }
    }
}

/// Times packed anew.
pub(super) struct PackedTimes {
    base: i64,
    low: Vec<u32>,
    high: HighPlane,
}

enum HighPlane {
    None,
    Narrow(Vec<u8>),
    Wide(Vec<u16>),
}

impl PackedTimes {
    /// They lie within 2^48 ms of each other, as those of a run do.
    pub fn new(times: &[i64]) -> PackedTimes {
        let base = times.iter().copied().min().unwrap_or(0);
        let last = times.iter().copied().max().unwrap_or(0);
        let offsets = times.iter().map(|time| time - base);
        let low = offsets.clone().map(|offset| offset as u32).collect();
        let high = match Width::of(base, last) {
            Width::None => HighPlane::None,
            Width::Narrow => HighPlane::Narrow(offsets.map(|offset| (offset >> 32) as u8).collect()),
            Width::Wide => HighPlane::Wide(offsets.map(|offset| (offset >> 32) as u16).collect()),
        };
        PackedTimes { base, low, high }
    }

    /// Spans (part, rows) of several times one after the other; none is before `base` or after `last`. What lies in a part
    /// as it will lie here is copied as it is.
    pub fn assemble(parts: &[Packed<'_>], spans: &[(usize, Range<usize>)], (base, last): (i64, i64)) -> PackedTimes {
        let rows = spans.iter().map(|(_, span)| span.len()).sum();
        let mut low = Vec::with_capacity(rows);
        let high = match Width::of(base, last) {
            Width::None => {
                spans.iter().for_each(|(part, span)| parts[*part].copy(span, base, &mut low, &mut NoPlane));
                HighPlane::None
            }
            Width::Narrow => {
                let mut high: Vec<u8> = Vec::with_capacity(rows);
                spans.iter().for_each(|(part, span)| parts[*part].copy(span, base, &mut low, &mut high));
                HighPlane::Narrow(high)
            }
            Width::Wide => {
                let mut high: Vec<u16> = Vec::with_capacity(rows);
                spans.iter().for_each(|(part, span)| parts[*part].copy(span, base, &mut low, &mut high));
                HighPlane::Wide(high)
            }
        };
        PackedTimes { base, low, high }
    }

    pub fn packed(&self) -> Packed<'_> {
        let high = match &self.high {
            HighPlane::None => High::None,
            HighPlane::Narrow(high) => High::Narrow(high),
            HighPlane::Wide(high) => High::Wide(high),
        };
        Packed { base: self.base, low: &self.low, high }
    }
}

/// How wide the bits above the low 32 are.
enum Width {
    None,
    Narrow,
    Wide,
}

impl Width {
    fn of(base: i64, last: i64) -> Width {
        match last.checked_sub(base).map_or(0, |span| span >> 32) {
            0 => Width::None,
            1..=0xff => Width::Narrow,
            _ => Width::Wide,
        }
    }
}

/// Where the bits above the low 32 go.
trait Plane {
    fn zeros(&mut self, count: usize);
    /// Bytes as they are; `false`: they are of another width here.
    fn narrow(&mut self, high: &[u8]) -> bool;
    fn wide(&mut self, high: &[u16]) -> bool;
    fn each(&mut self, high: impl ExactSizeIterator<Item = u64>);
}

/// There are no bits above.
struct NoPlane;

impl Plane for NoPlane {
    fn zeros(&mut self, _: usize) {}

    fn narrow(&mut self, _: &[u8]) -> bool {
        true
    }

    fn wide(&mut self, _: &[u16]) -> bool {
        true
    }

    fn each(&mut self, _: impl ExactSizeIterator<Item = u64>) {}
}

impl Plane for Vec<u8> {
    fn zeros(&mut self, count: usize) {
        self.resize(self.len() + count, 0);
    }

    fn narrow(&mut self, high: &[u8]) -> bool {
        self.extend_from_slice(high);
        true
    }

    fn wide(&mut self, _: &[u16]) -> bool {
        false
    }

    fn each(&mut self, high: impl ExactSizeIterator<Item = u64>) {
        self.extend(high.map(|high| high as u8));
    }
}

impl Plane for Vec<u16> {
    fn zeros(&mut self, count: usize) {
        self.resize(self.len() + count, 0);
    }

    fn narrow(&mut self, high: &[u8]) -> bool {
        self.extend(high.iter().map(|&high| u16::from(high)));
        true
    }

    fn wide(&mut self, high: &[u16]) -> bool {
        self.extend_from_slice(high);
        true
    }

    fn each(&mut self, high: impl ExactSizeIterator<Item = u64>) {
        self.extend(high.map(|high| high as u16));
    }
}

/// A loop over times, whatever they come from.
pub(crate) trait Visitor {
    fn visit(self, times: impl ExactSizeIterator<Item = i64>);
}

struct Unpack<'v>(&'v mut Vec<i64>);

impl Visitor for Unpack<'_> {
    #[inline]
    fn visit(self, times: impl ExactSizeIterator<Item = i64>) {
        self.0.extend(times);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times() -> impl Strategy<Value = Vec<i64>> {
        let span = prop::sample::select(vec![100_i64, 1 << 33, 1 << 44]);
        (-1_i64 << 41..1 << 41, span)
            .prop_flat_map(|(from, span)| prop::collection::vec((0..span).prop_map(move |by| from + by), 1..40))
    }

    proptest! {
        #[test]
        fn spans_come_back_as_the_times_they_are_of(
            parts in prop::collection::vec(times(), 1..4),
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..12),
            around in (0_i64..1 << 35, 0_i64..1 << 35),
        ) {
            let packed: Vec<PackedTimes> = parts.iter().map(|times| PackedTimes::new(times)).collect();
            let packed: Vec<Packed<'_>> = packed.iter().map(PackedTimes::packed).collect();
            let mut spans = Vec::new();
            for (part, from, end) in picks {
                let part = part.index(parts.len());
                let from = from.index(parts[part].len());
                spans.push((part, from..from + end.index(parts[part].len() - from + 1)));
            }
            let want: Vec<i64> =
                spans.iter().flat_map(|(part, span)| parts[*part][span.clone()].iter().copied()).collect();
            let all = parts.iter().flatten().copied();
            let ends = (all.clone().min().unwrap_or(0) - around.0, all.max().unwrap_or(0) + around.1);
            let got = PackedTimes::assemble(&packed, &spans, ends);
            let mut unpacked = Vec::new();
            got.packed().unpack(&mut unpacked);
            prop_assert_eq!(&unpacked, &want);
            prop_assert!((0..want.len()).all(|row| got.packed().at(row) == want[row]));
        }
    }
}
