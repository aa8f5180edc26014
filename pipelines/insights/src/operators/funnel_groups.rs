//! The answer of a funnel: people by group, level and, if wished, bucket; and the people of one of its numbers.

use super::division::Division;
use super::engine::Context;
use super::funnel::{Found, Plan};
use super::order::bucket_of;
use super::retention_groups::Chosen;
use super::trend_people::of_label;
use crate::InsightError;
use crate::definition::{
    Funnel, FunnelAnswer, FunnelBucket, FunnelCell, FunnelGroup, FunnelStanding, FunnelTimesAnswer, Label, RANKS,
    StepTimes,
};
use crate::projection::PersonSet;
use crate::spill::{Gather, Sorted, Tally, Totals};

/// Values of a breakdown times buckets times steps.
const CELLS_MAX: usize = 8_000_000;
/// Where a breakdown has more values, those that stand for themselves are looked for first, in a pass of its own.
const VALUES_AT_ONCE: usize = 4096;

pub(super) fn answer(context: &Context<'_>, funnel: &Funnel) -> Result<FunnelAnswer, InsightError> {
    if funnel.cohorts.is_empty() {
        let plan = Plan::new(context, funnel, context.people(&funnel.scope)?)?;
        return Ok(FunnelAnswer { groups: groups(context, funnel, &plan)? });
    }
    let mut all = Vec::new();
    for named in &funnel.cohorts {
        let plan = Plan::new(context, funnel, Some(context.people_and(&funnel.scope, &named.cohort)?))?;
        for mut group in groups(context, funnel, &plan)? {
            (group.value, group.label) = (Some(named.name.clone()), Label::Cohort(named.name.clone()));
            all.push(group);
        }
    }
    Ok(FunnelAnswer { groups: all })
}

/// What is counted of one value of the breakdown.
#[derive(Clone, Default)]
struct Sum {
    /// By exact level.
    levels: Vec<u64>,
    /// By bucket and exact level.
    trend: Vec<u64>,
}

impl Sum {
    fn new(plan: &Plan<'_>) -> Sum {
        let buckets = plan.buckets.as_ref().map_or(0, |buckets| buckets.len());
        Sum { levels: vec![0; plan.steps], trend: vec![0; buckets * plan.steps] }
    }

    fn add(&mut self, found: Found<'_>) {
        let steps = self.levels.len();
        self.levels[found.outcome.level - 1] += 1;
        found.trend.iter().for_each(|&(bucket, level)| self.trend[bucket * steps + level - 1] += 1);
    }

    fn join(&mut self, other: &Sum) {
        self.levels.iter_mut().zip(&other.levels).for_each(|(sum, count)| *sum += count);
        self.trend.iter_mut().zip(&other.trend).for_each(|(sum, count)| *sum += count);
    }

    fn finish(self, plan: &Plan<'_>, label: Label, times: &[Times]) -> FunnelGroup {
        let at_least = |exact: &[u64]| {
            let mut reached = exact.to_vec();
            (1..reached.len()).rev().for_each(|level| reached[level - 1] += reached[level]);
            reached
        };
        let starts = plan.buckets.iter().flat_map(|buckets| buckets.starts());
        let trend = starts.zip(self.trend.chunks(plan.steps.max(1)));
        let value = match &label {
            Label::Values(values) => values.first().cloned().flatten(),
            _ => None,
        };
        let converted = times.first().cloned().unwrap_or_default();
        let step = |step: &Times| StepTimes { mean_ms: step.mean_ms(), times_ms: step.at.clone() };
        FunnelGroup {
            value,
            label,
            reached: at_least(&self.levels),
            mean_ms: converted.mean_ms(),
            times: plan.bounds_ms.as_ref().map(|bounds| FunnelTimesAnswer {
                bounds_ms: bounds.clone(),
                histogram: converted.histogram.clone(),
                steps: times.iter().skip(1).map(step).collect(),
            }),
            converted_ms: converted.at,
            trend: trend.map(|(&start_ms, exact)| FunnelBucket { start_ms, reached: at_least(exact) }).collect(),
        }
    }
}

/// How times of one kind and value spread.
#[derive(Clone, Default)]
struct Times {
    count: u64,
    sum: i128,
    /// At the ranks that answers have.
    at: Vec<i64>,
    histogram: Vec<u64>,
}

impl Times {
    fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// Of every cell.
    fn of(context: &Context<'_>, sorted: &Sorted<'_>, bounds_ms: &[i64]) -> Result<Vec<Times>, InsightError> {
        let new = |ranked: crate::spill::Ranked| Times {
            count: ranked.count,
            sum: 0,
            at: ranked.at,
            histogram: vec![0; bounds_ms.len() + 1],
        };
        let mut all: Vec<Times> = sorted.ranked(context, &RANKS)?.into_iter().map(new).collect();
        sorted.each(context, |cell, time| {
            let times = &mut all[cell];
            times.sum += i128::from(time);
            times.histogram[bounds_ms.partition_point(|&bound| bound <= time)] += 1;
        })?;
        Ok(all)
    }
}

fn groups(context: &Context<'_>, funnel: &Funnel, plan: &Plan<'_>) -> Result<Vec<FunnelGroup>, InsightError> {
    let values = plan.division.as_ref().map_or(1, Division::size);
    let buckets = plan.buckets.as_ref().map_or(0, |buckets| buckets.len());
    if values.saturating_mul(buckets) * plan.steps > CELLS_MAX {
        let problem = format!("values by buckets by steps are more than {CELLS_MAX}: take longer buckets");
        return Err(InsightError::question("trend", problem));
    }
    let chosen = match &plan.division {
        Some(division) if values > VALUES_AT_ONCE => Some(choose(context, funnel, plan, division)?),
        _ => None,
    };
    // Times to convert, and from step to step where that is asked for.
    let kinds = 1 + if plan.bounds_ms.is_some() { plan.next_steps() } else { 0 };
    let state = || (Vec::new(), Gather::new(context.room()));
    let states = plan.run(context, state, |(sums, times): &mut (Vec<Option<Sum>>, Gather<'_>), _, found| {
        let place = chosen.as_ref().map_or(found.code as usize, |chosen| chosen.group(found.code));
        if sums.len() <= place {
            sums.resize(place + 1, None);
        }
        sums[place].get_or_insert_with(|| Sum::new(plan)).add(found);
        found.outcome.converted_ms.into_iter().for_each(|ms| times.push(place * kinds, ms));
        for (kind, pair) in (1..kinds).zip(found.times.windows(2)) {
            times.push(place * kinds + kind, pair[1] - pair[0]);
        }
    })?;
    let (mut joined, mut gathers): (Vec<Option<Sum>>, Vec<Gather<'_>>) = (Vec::new(), Vec::new());
    for (sums, times) in states {
        joined.resize(joined.len().max(sums.len()), None);
        for (all, sum) in joined.iter_mut().zip(&sums) {
            if let Some(sum) = sum {
                all.get_or_insert_with(|| Sum::new(plan)).join(sum);
            }
        }
        gathers.push(times);
    }
    let times = Sorted::of(gathers, joined.len() * kinds);
    let bounds_ms = plan.bounds_ms.as_deref().unwrap_or_default();
    let Some(division) = &plan.division else {
        let times = Times::of(context, &times, bounds_ms)?;
        let nothing = vec![Times { histogram: vec![0; bounds_ms.len() + 1], ..Times::default() }; kinds];
        let all = joined.into_iter().next().flatten().unwrap_or_else(|| Sum::new(plan));
        let times = if times.is_empty() { &nothing } else { &times };
        return Ok(vec![all.finish(plan, Label::Everything, times)]);
    };
    // What was told apart by code becomes what answers tell apart.
    let (chosen, sums, times) = match chosen {
        Some(chosen) => (chosen, joined, times),
        None => {
            let mut counts: Tally<'_, u32, u64> = Tally::new(context.room());
            for (code, sum) in (0u32..).zip(&joined).filter_map(|(code, sum)| Some((code, sum.as_ref()?))) {
                counts.add(code, sum.levels.iter().sum());
            }
            let chosen = Chosen::new(context, &Totals::of([counts]), top(funnel), &division.values())?;
            let mut sums: Vec<Option<Sum>> = vec![None; chosen.labels.len()];
            for (code, sum) in (0u32..).zip(&joined).filter_map(|(code, sum)| Some((code, sum.as_ref()?))) {
                sums[chosen.group(code)].get_or_insert_with(|| Sum::new(plan)).join(sum);
            }
            let cell = |cell: usize| chosen.group((cell / kinds) as u32) * kinds + cell % kinds;
            let times = times.regrouped(context, chosen.labels.len() * kinds, cell)?;
            (chosen, sums, times)
        }
    };
    let times = Times::of(context, &times, bounds_ms)?;
    let group = |(place, label): (usize, &Label)| {
        let sum = sums.get(place).cloned().flatten().unwrap_or_else(|| Sum::new(plan));
        sum.finish(plan, label.clone(), times.get(place * kinds..(place + 1) * kinds).unwrap_or_default())
    };
    let mut groups: Vec<FunnelGroup> = chosen.labels.iter().enumerate().map(group).collect();
    groups.sort_by(|a, b| a.label.cmp(&b.label));
    Ok(groups)
}

/// The values that stand for themselves: those with most people.
fn choose(
    context: &Context<'_>,
    funnel: &Funnel,
    plan: &Plan<'_>,
    division: &Division<'_>,
) -> Result<Chosen, InsightError> {
    let new = || Tally::<u32, u64>::new(context.room());
    let tallies = plan.run(context, new, |counts, _, found| counts.add(found.code, 1))?;
    Chosen::new(context, &Totals::of(tallies), top(funnel), &division.values())
}

fn top(funnel: &Funnel) -> usize {
    funnel.breakdown.as_ref().and_then(|breakdown| breakdown.top).unwrap_or(usize::MAX)
}

/// The people of one number.
pub(super) fn people_of(context: &Context<'_>, funnel: &Funnel, cell: &FunnelCell) -> Result<PersonSet, InsightError> {
    if !(1..=funnel.steps.len()).contains(&cell.step) {
        return Err(InsightError::question("step", "must be one of the funnel's, from 1"));
    }
    let people = of_label(context, &funnel.scope, &funnel.cohorts, &cell.label)?;
    let plan = Plan::new(context, funnel, people)?;
    let bucket = match (cell.bucket_ms, &plan.buckets) {
        (None, _) => None,
        (Some(time), Some(buckets)) => Some(bucket_of(buckets, "bucket_ms", time)?),
        (Some(_), None) => return Err(InsightError::question("bucket_ms", "the question has no trend")),
    };
    let mut chosen = None;
    if matches!(cell.label, Label::Values(_) | Label::Other) {
        let Some(division) = &plan.division else { return Ok(PersonSet::default()) };
        let all = choose(context, funnel, &plan, division)?;
        let Some(group) = all.labels.iter().position(|label| *label == cell.label) else {
            return Ok(PersonSet::default());
        };
        chosen = Some((all, group));
    }
    let states = plan.run(context, PersonSet::default, |set: &mut PersonSet, person, found| {
        let level = match bucket {
            None => found.outcome.level,
            Some(bucket) => found.trend.iter().find(|one| one.0 == bucket).map_or(0, |one| one.1),
        };
        let stands = match cell.standing {
            FunnelStanding::Reached => level >= cell.step,
            FunnelStanding::Dropped => level == cell.step,
        };
        if stands && chosen.as_ref().is_none_or(|(chosen, group)| chosen.group(found.code) == *group) {
            set.insert(person);
        }
    })?;
    Ok(states.iter().flat_map(PersonSet::iter).collect())
}
