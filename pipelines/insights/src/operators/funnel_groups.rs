//! The answer of a funnel: people by group, level and, if wished, bucket; and the people of one of its numbers.

use hashbrown::HashMap;

use super::division::Division;
use super::engine::Context;
use super::funnel::{Found, Plan};
use super::order::bucket_of;
use super::retention_groups::Chosen;
use super::trend_people::of_label;
use crate::InsightError;
use crate::definition::{
    Funnel, FunnelAnswer, FunnelBucket, FunnelCell, FunnelGroup, FunnelStanding, FunnelTimesAnswer, Label, mean,
};
use crate::projection::PersonSet;

/// Values of a breakdown times buckets times steps.
const CELLS_MAX: usize = 8_000_000;

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
    converted_ms: Vec<i64>,
    /// By bucket and exact level.
    trend: Vec<u64>,
    /// From each step to the next, if that is asked for.
    step_ms: Vec<Vec<i64>>,
}

impl Sum {
    fn new(plan: &Plan<'_>) -> Sum {
        let buckets = plan.buckets.as_ref().map_or(0, |buckets| buckets.len());
        let steps = if plan.bounds_ms.is_some() { plan.next_steps() } else { 0 };
        Sum {
            levels: vec![0; plan.steps],
            converted_ms: Vec::new(),
            trend: vec![0; buckets * plan.steps],
            step_ms: vec![Vec::new(); steps],
        }
    }

    fn add(&mut self, found: Found<'_>) {
        let steps = self.levels.len();
        self.levels[found.outcome.level - 1] += 1;
        self.converted_ms.extend(found.outcome.converted_ms);
        found.trend.iter().for_each(|&(bucket, level)| self.trend[bucket * steps + level - 1] += 1);
        for (step_ms, pair) in self.step_ms.iter_mut().zip(found.times.windows(2)) {
            step_ms.push(pair[1] - pair[0]);
        }
    }

    fn join(&mut self, other: Sum) {
        self.levels.iter_mut().zip(other.levels).for_each(|(sum, count)| *sum += count);
        self.converted_ms.extend(other.converted_ms);
        self.trend.iter_mut().zip(other.trend).for_each(|(sum, count)| *sum += count);
        self.step_ms.iter_mut().zip(other.step_ms).for_each(|(all, times)| all.extend(times));
    }

    fn finish(mut self, plan: &Plan<'_>, label: Label) -> FunnelGroup {
        let at_least = |exact: &[u64]| {
            let mut reached = exact.to_vec();
            (1..reached.len()).rev().for_each(|level| reached[level - 1] += reached[level]);
            reached
        };
        self.converted_ms.sort_unstable();
        let starts = plan.buckets.iter().flat_map(|buckets| buckets.starts());
        let trend = starts.zip(self.trend.chunks(plan.steps.max(1)));
        let value = match &label {
            Label::Values(values) => values.first().cloned().flatten(),
            _ => None,
        };
        FunnelGroup {
            value,
            label,
            reached: at_least(&self.levels),
            mean_ms: mean(&self.converted_ms),
            times: plan
                .bounds_ms
                .as_ref()
                .map(|bounds| FunnelTimesAnswer::new(bounds.clone(), &self.converted_ms, self.step_ms)),
            converted_ms: self.converted_ms,
            trend: trend.map(|(&start_ms, exact)| FunnelBucket { start_ms, reached: at_least(exact) }).collect(),
        }
    }
}

fn groups(context: &Context<'_>, funnel: &Funnel, plan: &Plan<'_>) -> Result<Vec<FunnelGroup>, InsightError> {
    let values = plan.division.as_ref().map_or(1, Division::size);
    let buckets = plan.buckets.as_ref().map_or(0, |buckets| buckets.len());
    if values.saturating_mul(buckets) * plan.steps > CELLS_MAX {
        let problem = format!("values by buckets by steps are more than {CELLS_MAX}: take longer buckets");
        return Err(InsightError::question("trend", problem));
    }
    let states = plan.run(context, Vec::new, |sums: &mut Vec<Option<Sum>>, _, found| {
        let code = found.code as usize;
        if sums.len() <= code {
            sums.resize(code + 1, None);
        }
        sums[code].get_or_insert_with(|| Sum::new(plan)).add(found);
    })?;
    let mut joined: HashMap<u32, Sum> = HashMap::new();
    for (code, sum) in states.into_iter().flat_map(|sums| (0u32..).zip(sums)) {
        if let Some(sum) = sum {
            joined.entry(code).or_insert_with(|| Sum::new(plan)).join(sum);
        }
    }
    let Some(division) = &plan.division else {
        let all = joined.into_values().next().unwrap_or_else(|| Sum::new(plan));
        return Ok(vec![all.finish(plan, Label::Everything)]);
    };
    let counts = joined.iter().map(|(&code, sum)| (code, sum.levels.iter().sum())).collect();
    let chosen = Chosen::new(counts, top(funnel), &division.values());
    let mut sums = vec![Sum::new(plan); chosen.labels.len()];
    joined.into_iter().for_each(|(code, sum)| sums[chosen.group(code)].join(sum));
    let labelled = sums.into_iter().zip(&chosen.labels);
    let mut groups: Vec<FunnelGroup> = labelled.map(|(sum, label)| sum.finish(plan, label.clone())).collect();
    groups.sort_by(|a, b| a.label.cmp(&b.label));
    Ok(groups)
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
        let add = |counts: &mut HashMap<u32, u64>, _, found: Found<'_>| *counts.entry(found.code).or_default() += 1;
        let mut counts: HashMap<u32, u64> = HashMap::new();
        for state in plan.run(context, HashMap::new, add)? {
            state.into_iter().for_each(|(code, count)| *counts.entry(code).or_default() += count);
        }
        let all = Chosen::new(counts, top(funnel), &division.values());
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
