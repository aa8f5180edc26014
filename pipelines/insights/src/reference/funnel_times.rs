//! Times of a funnel, naively: the chain of the conversion that counts is walked alone.

use super::World;
use super::funnel::{ALWAYS, Entry};
use crate::definition::{Exclusion, Funnel, FunnelOrder, FunnelTimes, FunnelTimesAnswer, StepTimes};

impl World {
    pub(super) fn funnel_times(
        &self,
        funnel: &Funnel,
        asked: &FunnelTimes,
        people: &[String],
        converted_ms: &[i64],
    ) -> FunnelTimesAnswer {
        let mut bounds_ms = asked.bounds_ms.clone();
        if bounds_ms.is_empty() {
            bounds_ms = (0..44).map(|power| 1_000 << power).filter(|bound| *bound <= funnel.window_ms).collect();
        }
        let mut histogram = vec![0; bounds_ms.len() + 1];
        for time in converted_ms {
            histogram[bounds_ms.iter().filter(|bound| *bound <= time).count()] += 1;
        }
        let taken: Vec<Vec<i64>> = people.iter().filter_map(|person| self.taken(person, funnel)).collect();
        let step = |step: usize| {
            let mut times_ms: Vec<i64> = taken.iter().map(|taken| taken[step] - taken[step - 1]).collect();
            times_ms.sort();
            let sum: i64 = times_ms.iter().sum();
            let mean_ms = (!times_ms.is_empty()).then(|| sum as f64 / times_ms.len() as f64);
            StepTimes { mean_ms, times_ms: percentiles(&times_ms) }
        };
        let steps = if funnel.order == FunnelOrder::Unordered { 1 } else { funnel.steps.len() };
        FunnelTimesAnswer { bounds_ms, histogram, steps: (1..steps).map(step).collect() }
    }

    /// When each step of the conversion was taken, of somebody who converted.
    fn taken(&self, person: &str, funnel: &Funnel) -> Option<Vec<i64>> {
        let (at, ms) = self.stretch(person, funnel, ALWAYS).1?;
        let start = at - ms;
        match funnel.order {
            FunnelOrder::Ordered => {
                let span = (funnel.scope.from_ms, funnel.scope.until_ms);
                let entries = self.entries(person, &funnel.steps, &funnel.exclusions, span);
                let is_start = |entry: &Entry| !entry.excludes && entry.time == start && entry.of.contains(&0);
                let first = entries.iter().position(is_start)?;
                chain(&entries[first..], funnel.steps.len(), &funnel.exclusions)
            }
            FunnelOrder::Strict => self.strict_conversion(person, funnel),
            FunnelOrder::Unordered => None,
        }
    }
}

/// Of ascending times those that answers have.
pub(super) fn percentiles(ascending: &[i64]) -> Vec<i64> {
    let Some(last) = ascending.len().checked_sub(1) else { return Vec::new() };
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0].iter().map(|rank| ascending[(last as f64 * rank) as usize]).collect()
}

/// The first way through all steps that begins with the first entry.
fn chain(entries: &[Entry], steps: usize, exclusions: &[Exclusion]) -> Option<Vec<i64>> {
    // For each number of steps the times of the way that was first, unless an exclusion ended it.
    let mut ways: Vec<Option<Vec<i64>>> = vec![None; steps];
    ways[0] = Some(vec![entries[0].time]);
    for entry in &entries[1..] {
        if ways[steps - 1].is_some() {
            break;
        }
        if entry.excludes {
            for exclusion in entry.of.iter().map(|&one| &exclusions[one]) {
                (exclusion.after..exclusion.before).for_each(|taken| ways[taken - 1] = None);
            }
            continue;
        }
        for &step in entry.of.iter().rev().filter(|&&step| step > 0) {
            if let (Some(way), None) = (ways[step - 1].clone(), &ways[step]) {
                ways[step] = Some(way.into_iter().chain([entry.time]).collect());
            }
        }
    }
    ways[steps - 1].clone()
}
