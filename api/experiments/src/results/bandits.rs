//! Bandits: on their schedule the weights of a running experiment follow what its first goal has shown, with a record of why.

use std::collections::BTreeSet;

use footfall_api_http::Time;
use footfall_ingest_activity::Timestamp;
use footfall_models_experiment::statistics::Statistic;
use footfall_models_experiment::statistics::bandit::{
    ArmPosterior, best_arm_probabilities, means_over_periods, weights,
};
use footfall_models_experiment::statistics::periods::{self, Period};

use crate::definition::{Bandit, ContextWeights, Experiment, Phase, Variation, WeightsPart, leaf_of};
use crate::error::ExperimentError;
use crate::experiments::{Author, Experiments, Item};
use crate::lifecycle::Step;

use super::analysis::{Cells, Frame, ResultsAsked};
use super::question::Parts;
use super::report::{ContextArm, ContextReport, finite};
use super::samples::Cell;

const HOUR_MILLIS: i64 = 3_600_000;
/// A smaller change of every weight is none.
const CHANGE_MIN: f64 = 0.01;
/// Of one phase; then the weights stay, and a new phase begins anew.
const PERIODS_MAX: usize = 300;

impl Experiments {
    /// Looks at every running bandit whose time has come; returns how many changed their weights.
    pub async fn turn_bandits(&self) -> Result<usize, ExperimentError> {
        if self.facts().is_none() {
            return Ok(0);
        }
        let mut turned = 0;
        for project in crate::storage::projects(self.access().database()).await? {
            let catalogue = crate::storage::catalogue(self.access().database(), &project).await?;
            for (key, (experiment, state)) in &catalogue.experiments {
                let Some(bandit) = experiment.bandit.as_ref().filter(|_| state.is_running()) else { continue };
                let judged = self.judged(&project, key);
                let is_due = state.phase().is_some_and(|phase| is_due(bandit, phase, judged, Time::from(self.now())));
                if !is_due {
                    continue;
                }
                match self.turn(&project, key, bandit).await {
                    Ok(done) => turned += usize::from(done),
                    // The others are turned all the same.
                    Err(error) => {
                        tracing::error!(%error, project, key, "the weights of a bandit could not be looked at")
                    }
                }
            }
        }
        Ok(turned)
    }

    async fn turn(&self, project: &str, key: &str, bandit: &Bandit) -> Result<bool, ExperimentError> {
        let looked = self.looked(project, key, &ResultsAsked::default()).await?;
        let frame = looked.frame();
        let Some(&(goal, metric)) = frame.metrics.first() else { return Ok(false) };
        let starts = looked.starts();
        let answered = self.ask(project, key, &looked, &frame, Parts::Periods(&starts), false).await?;
        let contexts = bandit.contexts.len();
        let mut next: Vec<ContextWeights> = Vec::new();
        let (mut changes, mut reasons) = (false, Vec::new());
        for context in 0..=contexts {
            let before = looked.phase.context_weights_now(context, contexts);
            let Some(arms) = frame.arms_of_context(context, &answered.cells, bandit) else {
                next.push(ContextWeights { weights: before.to_vec(), chances: Vec::new() });
                continue;
            };
            let posteriors: Vec<ArmPosterior> =
                arms.iter().map(|(mean, error)| ArmPosterior::new(*mean, *error, None)).collect();
            let chances = best_arm_probabilities(&posteriors, metric.lower_is_better);
            let weights = weights(&chances, bandit.floor);
            if before.iter().zip(&weights).any(|(before, next)| (before - next).abs() >= CHANGE_MIN) {
                changes = true;
                let told =
                    |values: &[f64]| values.iter().map(|value| format!("{value:.3}")).collect::<Vec<_>>().join(", ");
                let place = match bandit.contexts.get(context) {
                    Some(context) => format!("{}: ", context.key),
                    None if contexts > 0 => "all others: ".to_owned(),
                    None => String::new(),
                };
                let (chances, weights, before) = (told(&chances), told(&weights), told(before));
                reasons.push(format!("{place}chances to be best {chances}; weights {weights} instead of {before}"));
            }
            next.push(ContextWeights { weights, chances });
        }
        if !changes && next.iter().all(|context| !context.chances.is_empty()) {
            // All that there is to say was said: the same is not asked again before its time.
            self.remember_judged(project, key);
        }
        let Some(others) = next.pop().filter(|_| changes) else { return Ok(false) };
        let reason = format!("bandit by {goal}: {}", reasons.join("; "));
        let revision = looked.item.revision;
        // Whoever changed it meanwhile, or another process, has the word: the next round judges anew.
        let unchanged = |item: &Item<Experiment>| match item.revision == revision {
            true => Ok(()),
            false => Err(ExperimentError::Stale),
        };
        let ContextWeights { weights, chances } = others;
        let step = Step::Reweigh { weights, chances, contexts: next };
        match self.step(project, key, step, &Author::system(reason), unchanged).await {
            Ok(_) => Ok(true),
            Err(ExperimentError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// So many hours after the last change of its weights, or after the last look at all its arms that changed nothing.
fn is_due(bandit: &Bandit, phase: &Phase, judged: Option<Timestamp>, now: Time) -> bool {
    let last = Timestamp::from(phase.periods().last().map_or(phase.started_at, |(start, _)| start)).millis();
    let last = judged.map_or(last, |judged| last.max(judged.millis()));
    let hours = i64::from(bandit.every_hours);
    phase.periods.len() < PERIODS_MAX && Timestamp::from(now).millis() - last >= hours * HOUR_MILLIS
}

impl Frame<'_> {
    /// The periods of two arms, of each context for itself: a context that tells no spread in all of its periods says nothing, for
    /// people of another are no replacement.
    pub(super) fn periods(&self, index: usize, arms: (&str, &str), cells: &Cells) -> Vec<Period> {
        let parts = self.weights_parts();
        let contexts: BTreeSet<usize> = parts.iter().map(|part| part.context).collect();
        let of_context = |context: usize| {
            let own = parts.iter().filter(move |part| part.context == context);
            periods::joined(own.filter_map(|part| self.period(index, arms, &part.name, cells)))
        };
        contexts.into_iter().flat_map(of_context).collect()
    }

    /// Two arms in one period, which weighs as many people as all arms had in it.
    pub(super) fn period(&self, index: usize, (a, b): (&str, &str), part: &str, cells: &Cells) -> Option<Period> {
        let of = |variation: &str| cells.get(variation)?.get(part)?.statistics.get(index).copied().flatten();
        let users = self.experiment.variations.iter().filter_map(|one| of(&one.key)).map(|arm| arm.n()).sum();
        Some(Period { a: of(a)?, b: of(b)?, users })
    }

    /// Mean and standard error of each arm in a context, by the first metric; none while an arm has too few people in it.
    fn arms_of_context(&self, context: usize, cells: &Cells, bandit: &Bandit) -> Option<Vec<(f64, f64)>> {
        let nobody = Cell::default();
        let of = |variation: &str, part: &str| cells.get(variation).and_then(|parts| parts.get(part));
        let variations = &self.experiment.variations;
        let kind =
            variations.iter().find_map(|one| cells.get(&one.key)?.values().next()?.statistics.first().copied())??;
        let period = |part: &WeightsPart| -> Vec<Statistic> {
            let arm = |key: &str| of(key, &part.name).unwrap_or(&nobody).statistics.first().copied().flatten();
            variations.iter().map(|one| arm(&one.key).unwrap_or_else(|| kind.empty()).unadjusted()).collect()
        };
        let parts = self.weights_parts();
        let periods: Vec<Vec<Statistic>> = parts.iter().filter(|part| part.context == context).map(period).collect();
        means_over_periods(&periods, f64::from(bandit.people_min))
    }

    /// Each context of a contextual bandit with what its arms come to.
    pub(super) fn contexts(&self, cells: &Cells) -> Vec<ContextReport> {
        let Some(bandit) = self.experiment.bandit.as_ref().filter(|bandit| !bandit.contexts.is_empty()) else {
            return Vec::new();
        };
        let contexts = bandit.contexts.len();
        let parts = self.weights_parts();
        let report = |context: usize| {
            let own: Vec<&WeightsPart> = parts.iter().filter(|part| part.context == context).collect();
            let means = self.arms_of_context(context, cells, bandit);
            let weights = self.phase.context_weights_now(context, contexts);
            let last = self.phase.periods.last();
            let chances = last.map(|period| period.contexts.get(context).map_or(&period.chances, |own| &own.chances));
            let arm = |(index, one): (usize, &Variation)| {
                let people = |part: &&WeightsPart| {
                    let cell = cells.get(&one.key).and_then(|parts| parts.get(&part.name));
                    cell.map_or(0.0, |cell| cell.people)
                };
                let mean = means.as_ref().and_then(|means| means.get(index));
                ContextArm {
                    variation: one.key.clone(),
                    people: own.iter().map(people).sum(),
                    mean: mean.and_then(|(mean, _)| finite(*mean)),
                    standard_error: mean.and_then(|(_, error)| finite(*error)),
                    weight: weights.get(index).copied().unwrap_or(0.0),
                    chance: chances.and_then(|chances| chances.get(index)).copied().and_then(finite),
                }
            };
            ContextReport {
                context: bandit.contexts.get(context).map(|context| context.key.clone()),
                leaf: leaf_of(context, contexts),
                arms: self.experiment.variations.iter().enumerate().map(arm).collect(),
            }
        };
        (0..=contexts).map(report).collect()
    }

    /// People of whom no context is known.
    pub(super) fn without_context(&self, cells: &Cells) -> f64 {
        let known: BTreeSet<String> = self.weights_parts().into_iter().map(|part| part.name).collect();
        let parts = cells.values().flatten();
        parts.filter(|(part, _)| !known.contains(*part)).map(|(_, cell)| cell.people).sum()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_nothing_is_looked_at_again_when_its_time_has_come() {
        let bandit: Bandit = serde_json::from_value(serde_json::json!({"every_hours": 24})).unwrap();
        let phase: Phase = serde_json::from_value(serde_json::json!({
            "started_at": "2026-11-24T12:00:00Z", "ended_at": null, "seed": "s", "coverage": 1.0, "weights": [0.5, 0.5], "condition": null,
            "namespace": null, "reason": "",
        }))
        .unwrap();
        let start = Timestamp::from(phase.started_at);
        let after = |hours: i64| start.plus_millis(hours * HOUR_MILLIS);
        let due =
            |judged: Option<i64>, hours: i64| is_due(&bandit, &phase, judged.map(after), Time::from(after(hours)));
        assert_eq!([due(None, 23), due(None, 24), due(Some(24), 25), due(Some(24), 48)], [false, true, false, true]);
    }
}
