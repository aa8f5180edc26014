//! Presence: in which buckets each person of a segment has such rows, as bits.

use super::coder::Coder;
use super::compile::Compiled;
use super::engine::Context;
use super::reader::{Need, Reader, Within};
use crate::InsightError;
use crate::definition::Buckets;
use crate::projection::{Moved, PersonSet, Postings, SEGMENT_PERSONS, SegmentSet, Timeline, join_person};

/// Bits by person and bucket.
pub(super) struct Presence {
    words: usize,
    bits: Vec<u64>,
    /// Codes of the buckets in which each session begins and ends.
    firsts: Vec<u16>,
    lasts: Vec<u16>,
}

impl Presence {
    pub fn new(buckets: usize) -> Presence {
        let words = buckets.div_ceil(64).max(1);
        Presence { words, bits: vec![0; words * SEGMENT_PERSONS], firsts: Vec::new(), lasts: Vec::new() }
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
        let coder = Coder::new(buckets, within.span);
        let mut is_first = true;
        for &activity in &compiled.activities {
            reader.select_pieces(Need::Buckets, segment, activity, compiled, within, postings, |postings| {
                match self.words {
                    1 if is_first => self.fill_with::<1>(&coder, postings),
                    2 if is_first => self.fill_with::<2>(&coder, postings),
                    _ => coder.each_block(postings, |rows, codes| {
                        for (&local, &code) in postings.persons[rows].iter().zip(codes) {
                            if usize::from(code) < buckets.len() {
                                self.set(usize::from(local), usize::from(code));
                            }
                        }
                    }),
                }
                is_first = false;
            });
        }
    }

    /// The first rows: those of a person lie together, so that bits are gathered without reading back what was just
    /// written.
    fn fill_with<const WORDS: usize>(&mut self, coder: &Coder<'_>, postings: &Postings<'_>) {
        let marks = marks::<WORDS>(coder.outside());
        let (people, _) = self.bits.as_chunks_mut::<WORDS>();
        let (mut before, mut gathered) = (u16::MAX, [0; WORDS]);
        coder.each_block(postings, |rows, codes| {
            for (&local, &code) in postings.persons[rows].iter().zip(codes) {
                // All bits where it is the person of the row before.
                let same = (u64::from(local ^ before)).wrapping_sub(1) >> 63;
                let same = 0u64.wrapping_sub(same);
                let mark = &marks[usize::from(code)];
                gathered.iter_mut().zip(mark).for_each(|(word, mark)| *word = *word & same | mark);
                people[usize::from(local)] = gathered;
                before = local;
            }
        });
    }

    /// Where any row counts, first and last of a session say it all, but for sessions that the span cuts and those
    /// that touch more than two buckets.
    fn fill_from_sessions(&mut self, reader: &mut Reader<'_>, segment: u32, buckets: &Buckets, within: Within<'_>) {
        let people = within.people.map(|people| people.segment(segment));
        let until = within.span.1;
        if people.is_some_and(|people| people.is_none()) {
            return;
        }
        let timelines = reader.all_timelines_until(segment, until);
        let coder = Coder::new(buckets, within.span);
        for (timeline, moved) in timelines.parts() {
            let walked = self.fill_from_timeline(timeline, buckets, &coder, people.flatten(), moved);
            reader.looked_at(walked, 3);
        }
        reader.give_back_first(timelines);
    }

    /// Adds the sessions of a timeline, of these people who have not moved; how many rows had to be looked at.
    fn fill_from_timeline(
        &mut self,
        timeline: &Timeline<'_>,
        buckets: &Buckets,
        coder: &Coder<'_>,
        people: Option<&SegmentSet>,
        moved: &Moved<'_>,
    ) -> usize {
        let counts = |local: usize| {
            let local = local as u16;
            people.is_none_or(|people| people.contains(local)) && !moved.contains(local)
        };
        let (from, until) = coder.span();
        session_codes(coder, timeline, &mut self.firsts, &mut self.lasts);
        let mut walk = |bits: &mut [u64], session: usize| {
            let start = timeline.starts[session];
            if start + timeline.duration(session) < from || until <= start {
                return 0;
            }
            timeline.walk(session, |time, _| {
                if from <= time && time < until {
                    let bucket = buckets.of(time);
                    bits[bucket / 64] |= 1 << (bucket % 64);
                }
            });
            timeline.rows_of(session).len()
        };
        let codes = (self.firsts.as_slice(), self.lasts.as_slice());
        match self.words {
            1 => of_sessions::<1>(coder, timeline, counts, codes, &mut self.bits, &mut walk),
            2 => of_sessions::<2>(coder, timeline, counts, codes, &mut self.bits, &mut walk),
            words => {
                let mut walked = 0;
                for (local, bits) in self.bits.chunks_exact_mut(words).enumerate().take(timeline.persons()) {
                    if !counts(local) {
                        continue;
                    }
                    for session in timeline.sessions_of(local) {
                        let (first, last) = (codes.0[session], codes.1[session]);
                        match is_plain(first, last, coder.outside()) {
                            true => [first, last]
                                .into_iter()
                                .filter(|code| usize::from(*code) < coder.outside())
                                .for_each(|code| bits[usize::from(code) / 64] |= 1 << (code % 64)),
                            false => walked += walk(bits, session),
                        }
                    }
                }
                walked
            }
        }
    }
}

/// The last code of sessions that only their rows tell about.
const UNKNOWN: u16 = u16::MAX;

/// The codes of the buckets in which sessions begin and end.
pub(super) fn session_codes(coder: &Coder<'_>, timeline: &Timeline<'_>, firsts: &mut Vec<u16>, lasts: &mut Vec<u16>) {
    let (from, until) = coder.span();
    coder.codes(timeline.starts.iter().copied(), firsts);
    let ends = timeline.starts.iter().zip(timeline.durations.iter());
    coder.codes(ends.map(|(&start, &duration)| start + i64::from(duration)), lasts);
    // Durations that are not known lie beyond what a session can last. Those that do not fit into the span may have it in their midst.
    let long = until.saturating_sub(from).clamp(0, i64::from(u32::MAX)) as u32;
    if timeline.durations.iter().fold(0, |most, &duration| most.max(duration)) >= long {
        let of_long = lasts.iter_mut().zip(timeline.durations.iter()).filter(|(_, duration)| **duration >= long);
        of_long.for_each(|(last, _)| *last = UNKNOWN);
    }
}

/// Whether a session touches no buckets but those of its ends: it lies in the span, or is no part of it.
#[inline]
pub(super) fn is_plain(first: u16, last: u16, outside: usize) -> bool {
    (first == last) | ((last.wrapping_sub(first) == 1) & (usize::from(last) < outside))
}

/// For each code of a bucket its bit; of what is outside none.
fn marks<const WORDS: usize>(buckets: usize) -> Vec<[u64; WORDS]> {
    let mark = |bucket: usize| {
        let mut mark = [0; WORDS];
        mark[bucket / 64] = 1 << (bucket % 64);
        mark
    };
    (0..buckets).map(mark).chain([[0; WORDS]]).collect()
}

/// Adds the bits of each person who counts out of the codes of sessions; how many rows had to be looked at.
fn of_sessions<const WORDS: usize>(
    coder: &Coder<'_>,
    timeline: &Timeline<'_>,
    counts: impl Fn(usize) -> bool,
    (firsts, lasts): (&[u16], &[u16]),
    bits: &mut [u64],
    walk: &mut impl FnMut(&mut [u64], usize) -> usize,
) -> usize {
    let marks = marks::<WORDS>(coder.outside());
    let (all, _) = bits.as_chunks_mut::<WORDS>();
    let mut walked = 0;
    for (local, bits) in all.iter_mut().enumerate().take(timeline.persons()) {
        if !counts(local) {
            continue;
        }
        let mut gathered = [0; WORDS];
        let sessions = timeline.sessions_of(local);
        for (session, (&first, &last)) in sessions.clone().zip(firsts[sessions.clone()].iter().zip(&lasts[sessions])) {
            if is_plain(first, last, coder.outside()) {
                let (first, last) = (&marks[usize::from(first)], &marks[usize::from(last)]);
                gathered.iter_mut().zip(first.iter().zip(last)).for_each(|(word, (a, b))| *word |= a | b);
            } else {
                walked += walk(&mut gathered, session);
            }
        }
        bits.iter_mut().zip(gathered).for_each(|(bits, word)| *bits |= word);
    }
    walked
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
