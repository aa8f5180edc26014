//! Walking one person's rows through the steps of a funnel.
//!
//! `chains[k]` is the start of the newest attempt that has taken `k + 1` steps. The newest is enough: whatever an older
//! one could still reach within the window, a newer one with as many steps can too.

use crate::definition::{Buckets, Exclusion, FunnelOrder};

pub(super) const STEPS_MAX: usize = 16;
const NONE: i64 = i64::MIN;

/// A row that matters to a funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub time: i64,
    /// Order at equal times: steps by lowest, then highest; then exclusions.
    pub order: u16,
    /// Bits of the steps it matches; 0 if it is an exclusion.
    pub steps: u16,
    /// Bits of the exclusions it matches.
    pub exclusions: u16,
}

impl Entry {
    pub fn step(time: i64, steps: u16) -> Entry {
        let order = (steps.trailing_zeros() as u16) << 8 | (15 - steps.leading_zeros() as u16);
        Entry { time, order, steps, exclusions: 0 }
    }

    pub fn exclusion(time: i64, exclusions: u16) -> Entry {
        Entry { time, order: u16::MAX, steps: 0, exclusions }
    }
}

/// Rows of a step that go on from a start, with it; those of the step before, and of the one at hand.
#[derive(Default)]
pub(super) struct Chains {
    before: Vec<(i64, i64)>,
    reached: Vec<(i64, i64)>,
}

/// What a person achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outcome {
    pub level: usize,
    pub converted_ms: Option<i64>,
    /// When the last step was taken.
    pub converted_at: Option<i64>,
    /// The place of the entry that took it, where there are entries.
    pub place: usize,
}

impl Outcome {
    fn dropped(level: usize) -> Outcome {
        Outcome { level, ..Outcome::default() }
    }

    fn converted(level: usize, start: i64, at: i64) -> Outcome {
        Outcome { level, converted_ms: Some(at - start), converted_at: Some(at), place: 0 }
    }

    fn at_place(self, place: usize) -> Outcome {
        Outcome { place, ..self }
    }
}

/// Steps, window and exclusions.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    pub steps: usize,
    pub window_ms: i64,
    pub order: FunnelOrder,
    /// For each exclusion the chains it ends.
    ended: Vec<std::ops::Range<usize>>,
}

impl Matcher {
    pub fn new(steps: usize, window_ms: i64, order: FunnelOrder, exclusions: &[Exclusion]) -> Matcher {
        let ended = exclusions.iter().map(|exclusion| exclusion.after - 1..exclusion.before - 1).collect();
        Matcher { steps, window_ms, order, ended }
    }

    /// The outcome of entries in order; a strict funnel also takes the times of all rows of the person.
    pub fn outcome(&self, entries: &[Entry], all_times: &[i64]) -> Outcome {
        self.outcome_from(entries, all_times, i64::MAX)
    }

    /// As [`Matcher::outcome`] of attempts that begin before `end`.
    fn outcome_from(&self, entries: &[Entry], all_times: &[i64], end: i64) -> Outcome {
        match self.order {
            FunnelOrder::Ordered => self.ordered(entries, end),
            FunnelOrder::Strict => self.strict(entries, all_times, end),
            FunnelOrder::Unordered => self.unordered(entries),
        }
    }

    /// Each bucket with a row of step 1, and the level of attempts that begin in it.
    pub fn by_bucket(&self, entries: &[Entry], all_times: &[i64], buckets: &Buckets, trend: &mut Vec<(usize, usize)>) {
        let mut from = 0;
        while let Some(start) = entries[from..].iter().position(|entry| entry.steps & 1 == 1) {
            let bucket = buckets.of(entries[from + start].time);
            let (begin, end) = (buckets.starts()[bucket], buckets.end(bucket));
            let last = end.saturating_add(self.window_ms);
            let place = |time: i64| entries.partition_point(|entry| entry.time < time);
            let until = entries.partition_point(|entry| entry.time <= last);
            let since = all_times.partition_point(|&time| time < begin);
            let outcome = self.outcome_from(&entries[place(begin)..until], &all_times[since..], end);
            trend.push((bucket, outcome.level));
            from = place(end);
        }
    }

    /// As [`Matcher::by_bucket`] where [`Matcher::apart`] serves.
    pub fn apart_by_bucket(
        &self,
        steps: &[&[i64]],
        buckets: &Buckets,
        chains: &mut Chains,
        trend: &mut Vec<(usize, usize)>,
    ) {
        let mut from = 0;
        while let Some(&time) = steps[0].get(from) {
            let bucket = buckets.of(time);
            let (begin, end) = (buckets.starts()[bucket], buckets.end(bucket));
            let last = end.saturating_add(self.window_ms);
            let until = from + steps[0][from..].partition_point(|&time| time < end);
            let mut near: [&[i64]; STEPS_MAX] = [&[]; STEPS_MAX];
            for (near, step) in near.iter_mut().zip(steps) {
                *near = &step[step.partition_point(|&time| time < begin)..step.partition_point(|&time| time <= last)];
            }
            near[0] = &steps[0][from..until];
            trend.push((bucket, self.apart(&near[..steps.len()], chains).level));
            from = until;
        }
    }

    /// Steps one after the other, each with its rows apart: the times of the rows of each step. As
    /// [`Matcher::outcome`] of an ordered funnel in which no row matches two steps and nothing is excluded.
    ///
    /// Step by step: each row of a step goes on from the newest start that the rows of the step before it had reached
    /// by then. A step that nobody reaches is the end, and the rows of later ones are not looked at.
    #[inline]
    pub fn apart(&self, steps: &[&[i64]], chains: &mut Chains) -> Outcome {
        match steps[0] {
            [] => Outcome::default(),
            [time, ..] if steps.len() == 1 => Outcome::converted(1, *time, *time),
            [start] => self.apart_once(steps, *start),
            _ => self.apart_often(steps, chains),
        }
    }

    /// From one start: the first row of each step after that of the step before, if it is in time.
    #[inline]
    fn apart_once(&self, steps: &[&[i64]], start: i64) -> Outcome {
        let last = start.saturating_add(self.window_ms);
        let mut at = start;
        for (level, times) in (1..).zip(&steps[1..]) {
            match times.iter().find(|&&time| time >= at) {
                Some(&time) if time <= last => at = time,
                _ => return Outcome::dropped(level),
            }
        }
        Outcome::converted(steps.len(), start, at)
    }

    fn apart_often(&self, steps: &[&[i64]], chains: &mut Chains) -> Outcome {
        if steps[1].is_empty() {
            return Outcome::dropped(1);
        }
        let Chains { before, reached } = chains;
        before.clear();
        before.extend(steps[0].iter().map(|&time| (time, time)));
        for (level, times) in (1..).zip(&steps[1..]) {
            reached.clear();
            let (mut next, mut newest) = (0, NONE);
            for &time in *times {
                while let Some(&(at, start)) = before.get(next).filter(|(at, _)| *at <= time) {
                    debug_assert!(newest <= start && at <= time);
                    newest = start;
                    next += 1;
                }
                if newest != NONE && time - newest <= self.window_ms {
                    if level + 1 == steps.len() {
                        return Outcome::converted(steps.len(), newest, time);
                    }
                    reached.push((time, newest));
                }
            }
            if reached.is_empty() {
                return Outcome::dropped(level);
            }
            std::mem::swap(before, reached);
        }
        Outcome::dropped(steps.len())
    }

    fn ordered(&self, entries: &[Entry], end: i64) -> Outcome {
        let mut chains = [NONE; STEPS_MAX];
        let mut level = 0;
        for (place, entry) in entries.iter().enumerate() {
            // From the last step down, so that a row does not take two.
            for step in (0..self.steps).rev().filter(|step| entry.steps >> step & 1 == 1) {
                let start = if step > 0 {
                    chains[step - 1]
                } else if entry.time < end {
                    entry.time
                } else {
                    NONE
                };
                if start != NONE && entry.time - start <= self.window_ms {
                    chains[step] = start;
                    level = level.max(step + 1);
                    if step + 1 == self.steps {
                        return Outcome::converted(level, start, entry.time).at_place(place);
                    }
                }
            }
            self.exclude(entry.exclusions, &mut chains);
        }
        Outcome::dropped(level)
    }

    fn exclude(&self, exclusions: u16, chains: &mut [i64; STEPS_MAX]) {
        self.excluded(exclusions).for_each(|ended| chains[ended].fill(NONE));
    }

    /// The chains that each of these exclusions ends.
    pub fn excluded(&self, exclusions: u16) -> impl Iterator<Item = std::ops::Range<usize>> {
        let is_one = move |(bit, _): &(usize, &std::ops::Range<usize>)| exclusions >> bit & 1 == 1;
        self.ended.iter().enumerate().filter(is_one).map(|(_, ended)| ended.clone())
    }

    fn strict(&self, entries: &[Entry], all_times: &[i64], end: i64) -> Outcome {
        let mut chains = [NONE; STEPS_MAX];
        let mut level = 0;
        // Rows of the person that are accounted for.
        let (mut seen, mut place) = (0, 0);
        for at_once in entries.chunk_by(|a, b| a.time == b.time) {
            let time = at_once[0].time;
            let before = seen + all_times[seen..].partition_point(|&other| other < time);
            if before > seen {
                chains.fill(NONE);
            }
            for entry in at_once {
                place += 1;
                if entry.steps != 0 {
                    let old = chains;
                    chains.fill(NONE);
                    for step in (0..self.steps).filter(|step| entry.steps >> step & 1 == 1) {
                        let start = if step > 0 {
                            old[step - 1]
                        } else if time < end {
                            time
                        } else {
                            NONE
                        };
                        if start != NONE && time - start <= self.window_ms {
                            chains[step] = start;
                            level = level.max(step + 1);
                            if step + 1 == self.steps {
                                return Outcome::converted(level, start, time).at_place(place - 1);
                            }
                        }
                    }
                }
                self.exclude(entry.exclusions, &mut chains);
            }
            let of_steps = at_once.iter().filter(|entry| entry.steps != 0).count();
            seen = before + all_times[before..].partition_point(|&other| other <= time);
            if seen - before > of_steps {
                chains.fill(NONE);
            }
        }
        Outcome::dropped(level)
    }

    fn unordered(&self, entries: &[Entry]) -> Outcome {
        let mut last = [NONE; STEPS_MAX];
        let mut level = 0;
        for entry in entries {
            (0..self.steps).filter(|step| entry.steps >> step & 1 == 1).for_each(|step| last[step] = entry.time);
            let recent = |time: &&i64| **time != NONE && entry.time - **time <= self.window_ms;
            level = level.max(last[..self.steps].iter().filter(recent).count());
            if level == self.steps {
                let start = last[..self.steps].iter().min().copied().unwrap_or(entry.time);
                return Outcome::converted(level, start, entry.time);
            }
        }
        Outcome::dropped(level)
    }
}
