//! Paths: the rows around each row of an activity. Where the gap is that of sessions no time is looked at: rows of a
//! path lie in one session.

use hashbrown::HashMap;

use super::engine::Context;
use crate::InsightError;
use crate::definition::{Anchor, PathCount, PathEdge, Paths, PathsAnswer};
use crate::projection::{Codes, SESSION_GAP_MS, Timeline};

const LENGTH_MAX: usize = 8;
/// Keys of at most so many bits are counted in an array.
const DENSE_BITS_MAX: u32 = 20;

/// Codes of a path as one number, `bits` for each.
struct Counts {
    bits: u32,
    dense: Vec<u32>,
    sparse: HashMap<u128, u64>,
}

pub(super) fn answer(context: &Context<'_>, paths: &Paths) -> Result<PathsAnswer, InsightError> {
    if !(1..=LENGTH_MAX).contains(&paths.length) {
        return Err(InsightError::question("length", format!("must be 1 to {LENGTH_MAX}")));
    }
    let people = context.people(&paths.scope)?;
    let activities = context.snapshot.ranks().len();
    let (name, after) = match &paths.anchor {
        Anchor::After(name) => (name, true),
        Anchor::Before(name) => (name, false),
    };
    let known = context.snapshot.dictionaries.activities.find(name).filter(|&code| (code as usize) < activities);
    let Some(anchor) = known.map(|code| code as u16) else {
        return Ok(PathsAnswer { paths: Vec::new(), edges: Vec::new() });
    };
    let bits = usize::BITS - activities.saturating_sub(1).leading_zeros();
    let state = || Counts::new(bits.max(1), paths.length);
    let scan = Scan { paths, anchor, after };
    let states = context.each_segment(state, |counts, reader, segment| {
        let people = people.as_ref().map(|people| people.segment(segment));
        let (first, last) = reader.snapshot.span(segment);
        let everybody = people.is_none() && paths.scope.from_ms <= first && last < paths.scope.until_ms;
        if everybody && paths.gap_ms == SESSION_GAP_MS {
            let timeline = reader.timeline_without_times(segment);
            match &timeline.codes {
                // Where codes are narrow, an anchor that is not has no rows.
                Codes::Narrow(codes) => {
                    if let Ok(anchor) = u8::try_from(anchor) {
                        let hits = memchr::memchr_iter(anchor, codes);
                        scan.in_sessions(&timeline.first_rows, codes, hits, counts);
                    }
                }
                Codes::Wide(codes) => {
                    let hits = (0..codes.len()).filter(|&row| codes[row] == anchor);
                    scan.in_sessions(&timeline.first_rows, codes, hits, counts);
                }
            }
            return reader.looked_at(timeline.rows(), 1);
        }
        let timeline = reader.timeline(segment);
        let wanted =
            |local: usize| people.is_none_or(|people| people.is_some_and(|people| people.contains(local as u16)));
        (0..timeline.persons()).filter(|&local| wanted(local)).for_each(|local| scan.by_time(&timeline, local, counts));
        reader.looked_at(timeline.rows(), 4);
    })?;
    let mut all: HashMap<u128, u64> = HashMap::new();
    for state in states {
        let dense =
            (0u128..).zip(state.dense).filter(|(_, count)| *count > 0).map(|(key, count)| (key, u64::from(count)));
        dense.chain(state.sparse).for_each(|(key, count)| *all.entry(key).or_default() += count);
    }
    Ok(name_paths(context, paths, bits.max(1), &all))
}

struct Scan<'p> {
    paths: &'p Paths,
    anchor: u16,
    after: bool,
}

impl Scan<'_> {
    /// Rows of a path in one session, whatever their times. `hits` are the rows of the anchor.
    fn in_sessions<C: Copy + Into<usize>>(
        &self,
        first_rows: &[u32],
        codes: &[C],
        hits: impl Iterator<Item = usize>,
        counts: &mut Counts,
    ) {
        let mut session = 0;
        let length = self.paths.length;
        for row in hits {
            while first_rows[session + 1] as usize <= row {
                session += 1;
            }
            let path = if self.after {
                let end = row + 1 + length;
                if end <= first_rows[session + 1] as usize { codes.get(row + 1..end) } else { None }
            } else {
                let first = first_rows[session] as usize + length;
                if row >= first { codes.get(row - length..row) } else { None }
            };
            if let Some(path) = path {
                counts.add(path.iter().map(|&code| code.into()));
            }
        }
    }

    fn by_time(&self, timeline: &Timeline<'_>, local: usize, counts: &mut Counts) {
        let rows = timeline.rows_of_person(local);
        if !rows.clone().any(|row| timeline.code(row) == self.anchor) {
            return;
        }
        let mut times = Vec::with_capacity(rows.len());
        timeline.times_of_person(local, &mut times);
        let length = self.paths.length;
        for row in rows.clone().filter(|&row| timeline.code(row) == self.anchor) {
            let place = row - rows.start;
            let Some(ends) = (if self.after {
                Some((place, place + length))
            } else {
                place.checked_sub(length).map(|first| (first, place))
            }) else {
                continue;
            };
            let close = times
                .get(ends.0..=ends.1)
                .is_some_and(|times| times.windows(2).all(|pair| pair[1] - pair[0] <= self.paths.gap_ms));
            if close && self.paths.scope.contains(times[place]) {
                let first = rows.start + if self.after { place + 1 } else { place - length };
                counts.add((first..first + length).map(|row| usize::from(timeline.code(row))));
            }
        }
    }
}

impl Counts {
    fn new(bits: u32, length: usize) -> Counts {
        let all = bits * length as u32;
        Counts { bits, dense: vec![0; if all <= DENSE_BITS_MAX { 1 << all } else { 0 }], sparse: HashMap::new() }
    }

    #[inline]
    fn add(&mut self, path: impl Iterator<Item = usize>) {
        if self.dense.is_empty() {
            let key = path.fold(0u128, |key, code| key << self.bits | code as u128);
            *self.sparse.entry(key).or_default() += 1;
        } else {
            let key = path.fold(0usize, |key, code| key << self.bits | code);
            self.dense[key] += 1;
        }
    }
}

fn name_paths(context: &Context<'_>, paths: &Paths, bits: u32, all: &HashMap<u128, u64>) -> PathsAnswer {
    let names = context.snapshot.dictionaries.activities.names();
    let codes = |key: u128| -> Vec<u32> {
        let code = |place: usize| (key >> (bits as usize * (paths.length - 1 - place))) as u32 & ((1 << bits) - 1);
        (0..paths.length).map(code).collect()
    };
    let mut counted: Vec<PathCount> = Vec::new();
    let mut edges: HashMap<(usize, u32, u32), u64> = HashMap::new();
    for (&key, &count) in all {
        let codes = codes(key);
        for (place, pair) in codes.windows(2).enumerate() {
            *edges.entry((place, pair[0], pair[1])).or_default() += count;
        }
        counted.push(PathCount { activities: codes.iter().map(|&code| names.text(code).to_owned()).collect(), count });
    }
    counted.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.activities.cmp(&b.activities)));
    counted.truncate(paths.top);
    let edge = |((place, from, to), count): ((usize, u32, u32), u64)| PathEdge {
        place,
        from: names.text(from).to_owned(),
        to: names.text(to).to_owned(),
        count,
    };
    let mut edges: Vec<PathEdge> = edges.into_iter().map(edge).collect();
    edges.sort_unstable_by(|a, b| {
        b.count.cmp(&a.count).then_with(|| (a.place, &a.from, &a.to).cmp(&(b.place, &b.from, &b.to)))
    });
    PathsAnswer { paths: counted, edges }
}
