//! Funnels, naively: every row of the first step is tried as the start.

use std::collections::BTreeMap;

use super::division::is_by_person;
use super::funnel_times::percentiles;
use super::{Row, World, buckets_of, scope_of};
use crate::definition::{
    Attribution, Exclusion, Funnel, FunnelAnswer, FunnelBucket, FunnelGroup, FunnelOrder, Label, Selector,
};

/// Level; time of the last step and milliseconds since the first.
type Stretch = (usize, Option<(i64, i64)>);

pub(super) const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);

/// A row that is of some steps (0 …), or that excludes (by number of the exclusion).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub time: i64,
    pub excludes: bool,
    /// Lowest and highest step.
    ends: (usize, usize),
    /// The number whose bits are the steps.
    bits: u32,
    pub of: Vec<usize>,
}

impl World {
    pub(super) fn funnel(&self, funnel: &Funnel) -> FunnelAnswer {
        if !funnel.cohorts.is_empty() {
            let mut groups = Vec::new();
            for named in &funnel.cohorts {
                let scope = scope_of(&funnel.scope, &named.cohort);
                let mut alone = self.funnel(&Funnel { scope, cohorts: Vec::new(), ..funnel.clone() }).groups;
                alone[0].value = Some(named.name.clone());
                alone[0].label = Label::Cohort(named.name.clone());
                groups.extend(alone);
            }
            return FunnelAnswer { groups };
        }
        let buckets = funnel.trend.map_or(Vec::new(), |bucket| buckets_of(bucket, &funnel.scope, 0));
        let mut by_value: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for person in self.persons_of(&funnel.scope) {
            if self.level(&person, funnel, ALWAYS).0 > 0 {
                by_value.entry(self.touched(&person, funnel)).or_default().push(person);
            }
        }
        let mut groups: BTreeMap<Label, Vec<String>> = BTreeMap::new();
        match &funnel.breakdown {
            None => {
                groups.insert(Label::Everything, by_value.into_values().flatten().collect());
            }
            Some(breakdown) => {
                let mut ranked: Vec<_> = by_value.into_iter().collect();
                ranked.sort_by_key(|(_, people)| std::cmp::Reverse(people.len()));
                for (place, (value, people)) in ranked.into_iter().enumerate() {
                    let is_top = breakdown.top.is_none_or(|top| place < top);
                    let label = if is_top { Label::Values(vec![value]) } else { Label::Other };
                    groups.entry(label).or_default().extend(people);
                }
            }
        }
        let group = |(label, people): (Label, Vec<String>)| {
            let reached = |starts: (i64, i64)| {
                let levels: Vec<usize> = people.iter().map(|person| self.level(person, funnel, starts).0).collect();
                (1..=funnel.steps.len())
                    .map(|level| levels.iter().filter(|one| **one >= level).count() as u64)
                    .collect::<Vec<u64>>()
            };
            let mut converted_ms: Vec<i64> =
                people.iter().filter_map(|person| self.level(person, funnel, ALWAYS).1).collect();
            converted_ms.sort();
            let value = if let Label::Values(values) = &label { values[0].clone() } else { None };
            let trend = buckets.iter().map(|&bucket| FunnelBucket { start_ms: bucket.0, reached: reached(bucket) });
            let mean_ms = converted_ms.iter().map(|ms| *ms as f64).sum::<f64>() / converted_ms.len() as f64;
            FunnelGroup {
                value,
                label,
                reached: reached(ALWAYS),
                mean_ms: (!converted_ms.is_empty()).then_some(mean_ms),
                times: funnel.times.as_ref().map(|times| self.funnel_times(funnel, times, &people, &converted_ms)),
                converted_ms: percentiles(&converted_ms),
                trend: trend.collect(),
            }
        };
        FunnelAnswer { groups: groups.into_iter().map(group).collect() }
    }

    /// How far a person got, and how long all of it took; of attempts that begin within `starts`.
    pub(super) fn level(&self, person: &str, funnel: &Funnel, starts: (i64, i64)) -> (usize, Option<i64>) {
        let (level, converted) = self.stretch(person, funnel, starts);
        (level, converted.map(|(_, ms)| ms))
    }

    /// How far a person got; when the last step was taken, and how long after the first.
    pub(super) fn stretch(&self, person: &str, funnel: &Funnel, starts: (i64, i64)) -> Stretch {
        let span = (funnel.scope.from_ms, funnel.scope.until_ms);
        match funnel.order {
            FunnelOrder::Ordered => {
                self.ordered_level(person, &funnel.steps, funnel.window_ms, &funnel.exclusions, span, starts)
            }
            FunnelOrder::Strict => self.strict_level(person, funnel, starts),
            FunnelOrder::Unordered => self.unordered_level(person, funnel),
        }
    }

    fn steps_of(&self, row: &Row, steps: &[Selector]) -> Vec<usize> {
        (0..steps.len()).filter(|&step| self.matches(&steps[step], row)).collect()
    }

    pub(super) fn entries(
        &self,
        person: &str,
        steps: &[Selector],
        exclusions: &[Exclusion],
        span: (i64, i64),
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        for row in self.rows_of(person).into_iter().filter(|row| (span.0..span.1).contains(&row.time_ms)) {
            let of = self.steps_of(row, steps);
            if let (Some(&low), Some(&high)) = (of.first(), of.last()) {
                entries.push(Entry { time: row.time_ms, excludes: false, ends: (low, high), bits: bits_of(&of), of });
            }
            let of: Vec<usize> =
                (0..exclusions.len()).filter(|&one| self.matches(&exclusions[one].select, row)).collect();
            if !of.is_empty() {
                entries.push(Entry { time: row.time_ms, excludes: true, ends: (0, 0), bits: 0, of });
            }
        }
        entries.sort();
        entries
    }

    /// Level and time to convert.
    pub(super) fn ordered_level(
        &self,
        person: &str,
        steps: &[Selector],
        window_ms: i64,
        exclusions: &[Exclusion],
        span: (i64, i64),
        starts: (i64, i64),
    ) -> Stretch {
        let entries = self.entries(person, steps, exclusions, span);
        let mut level = 0;
        // Place of the row that completes, and its time to convert.
        let mut converted: Option<(usize, i64)> = None;
        let starts =
            |entry: &Entry| !entry.excludes && entry.of.contains(&0) && (starts.0..starts.1).contains(&entry.time);
        for (start, first) in entries.iter().enumerate().filter(|(_, entry)| starts(entry)) {
            let mut taken = vec![false; steps.len()];
            taken[0] = true;
            level = level.max(1);
            let mut done = (steps.len() == 1).then_some((start, 0));
            for (place, entry) in entries.iter().enumerate().skip(start + 1) {
                if entry.excludes {
                    for exclusion in entry.of.iter().map(|&one| &exclusions[one]) {
                        (exclusion.after..exclusion.before).for_each(|steps_taken| taken[steps_taken - 1] = false);
                    }
                    continue;
                }
                let in_time = entry.time - first.time <= window_ms;
                for &step in entry.of.iter().rev().filter(|&&step| step > 0) {
                    if in_time && taken[step - 1] {
                        taken[step] = true;
                        level = level.max(step + 1);
                        if step + 1 == steps.len() && done.is_none() {
                            done = Some((place, entry.time - first.time));
                        }
                    }
                }
            }
            converted = [converted, done].into_iter().flatten().min();
        }
        (level, converted.map(|(place, ms)| (entries[place].time, ms)))
    }

    /// Level; and the times of the rows of the conversion, the earliest that ends, then the shortest.
    fn strict_attempt(&self, person: &str, funnel: &Funnel, starts: (i64, i64)) -> (usize, Option<Vec<i64>>) {
        // Time, whether of no step, lowest and highest step, the bits of all, all.
        type Ordered = (i64, bool, (usize, usize, u32), Vec<usize>);
        let mut rows: Vec<Ordered> = Vec::new();
        let inside: Vec<&Row> =
            self.rows_of(person).into_iter().filter(|row| funnel.scope.contains(row.time_ms)).collect();
        for row in &inside {
            let of = self.steps_of(row, &funnel.steps);
            let ends = (of.first().copied().unwrap_or(0), of.last().copied().unwrap_or(0), bits_of(&of));
            rows.push((row.time_ms, of.is_empty(), ends, of));
        }
        rows.sort();
        let excluded = |exclusion: &Exclusion, from: i64, until: i64| {
            inside.iter().any(|row| self.matches(&exclusion.select, row) && from <= row.time_ms && row.time_ms < until)
        };
        let (mut level, mut converted) = (0, None);
        for start in (0..rows.len()).filter(|&row| (starts.0..starts.1).contains(&rows[row].0)) {
            let mut taken = 0;
            while let Some(row) = rows.get(start + taken) {
                let in_order = taken < funnel.steps.len() && row.3.contains(&taken);
                let in_time = row.0 - rows[start].0 <= funnel.window_ms;
                // An exclusion between having taken `k` steps and the next.
                let barred = funnel.exclusions.iter().any(|exclusion| {
                    let active = exclusion.after <= taken && taken < exclusion.before;
                    active && excluded(exclusion, rows[start + taken - 1].0, row.0)
                });
                if !in_order || !in_time || barred {
                    break;
                }
                taken += 1;
            }
            level = level.max(taken);
            if taken == funnel.steps.len() {
                let last = start + taken - 1;
                let done = (last, rows[last].0 - rows[start].0);
                converted = Some(converted.map_or(done, |best: (usize, i64)| best.min(done)));
            }
        }
        let times = |(last, _): (usize, i64)| rows[last + 1 - funnel.steps.len()..=last].iter().map(|row| row.0);
        (level, converted.map(|done| times(done).collect()))
    }

    fn strict_level(&self, person: &str, funnel: &Funnel, starts: (i64, i64)) -> Stretch {
        let (level, converted) = self.strict_attempt(person, funnel, starts);
        let ends = |times: Vec<i64>| (times[times.len() - 1], times[times.len() - 1] - times[0]);
        (level, converted.map(ends))
    }

    /// When each step of the conversion that counts was taken.
    pub(super) fn strict_conversion(&self, person: &str, funnel: &Funnel) -> Option<Vec<i64>> {
        self.strict_attempt(person, funnel, ALWAYS).1
    }

    fn unordered_level(&self, person: &str, funnel: &Funnel) -> Stretch {
        let entries = self.entries(person, &funnel.steps, &[], (funnel.scope.from_ms, funnel.scope.until_ms));
        let mut level = 0;
        for (place, end) in entries.iter().enumerate() {
            let before = || entries[..=place].iter().filter(|entry| end.time - entry.time <= funnel.window_ms);
            let last_of = |step: usize| before().filter(|entry| entry.of.contains(&step)).map(|entry| entry.time).max();
            let lasts: Vec<i64> = (0..funnel.steps.len()).filter_map(last_of).collect();
            level = level.max(lasts.len());
            if lasts.len() == funnel.steps.len() {
                return (level, lasts.iter().min().map(|first| (end.time, end.time - first)));
            }
        }
        (level, None)
    }

    pub(super) fn touched(&self, person: &str, funnel: &Funnel) -> Option<String> {
        let breakdown = funnel.breakdown.as_ref()?;
        if is_by_person(&breakdown.property) {
            return self.value_of_person(&breakdown.property, person);
        }
        let step = &funnel.steps[breakdown.step - 1];
        let rows = self.rows_of(person).into_iter();
        let of_step = rows.filter(|row| funnel.scope.contains(row.time_ms) && self.matches(step, row));
        let mut values: Vec<(i64, Option<String>)> =
            of_step.map(|row| (row.time_ms, self.value_of(&breakdown.property, row))).collect();
        let wanted = match breakdown.attribution {
            Attribution::FirstTouch => values.iter().map(|value| value.0).min(),
            Attribution::LastTouch => values.iter().map(|value| value.0).max(),
        };
        values.retain(|value| Some(value.0) == wanted);
        values.into_iter().map(|value| value.1).min().flatten()
    }
}

fn bits_of(steps: &[usize]) -> u32 {
    steps.iter().fold(0, |bits, step| bits | 1u32 << step)
}
