//! Bandits: on their schedule the weights of a running experiment follow what its first goal has shown, with a record of why.

use footfall_api_http::Time;
use footfall_ingest_activity::Timestamp;
use footfall_models_experiment::statistics::Statistic;
use footfall_models_experiment::statistics::bandit::{
    ArmPosterior, best_arm_probabilities, means_over_periods, weights,
};

use crate::definition::{Bandit, Experiment, Phase};
use crate::error::ExperimentError;
use crate::experiments::{Author, Experiments, Item};
use crate::lifecycle::Step;

use super::analysis::{Cells, Looked};
use super::question::Parts;
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
                let is_due = state.phase().is_some_and(|phase| is_due(bandit, phase, Time::from(self.now())));
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
        let looked = self.looked(project, key, None).await?;
        let frame = looked.frame();
        let Some(&(goal, metric)) = frame.metrics.first() else { return Ok(false) };
        let starts = looked.starts();
        let answered = self.ask(project, key, &looked, &frame, Parts::Periods(&starts), false).await?;
        let Some(arms) = arms(&looked, &starts, &answered.cells, bandit) else { return Ok(false) };
        let posteriors: Vec<ArmPosterior> =
            arms.iter().map(|(mean, error)| ArmPosterior::new(*mean, *error, None)).collect();
        let chances = best_arm_probabilities(&posteriors, metric.lower_is_better);
        let next = weights(&chances, bandit.floor);
        let before = looked.phase.weights_now();
        let changes = before.iter().zip(&next).any(|(before, next)| (before - next).abs() >= CHANGE_MIN);
        if !changes {
            return Ok(false);
        }
        let told = |values: &[f64]| values.iter().map(|value| format!("{value:.3}")).collect::<Vec<_>>().join(", ");
        let reason = format!(
            "bandit by {goal}: chances to be best {}; weights {} instead of {}",
            told(&chances),
            told(&next),
            told(before)
        );
        let revision = looked.item.revision;
        // Whoever changed it meanwhile, or another process, has the word: the next round judges anew.
        let unchanged = |item: &Item<Experiment>| match item.revision == revision {
            true => Ok(()),
            false => Err(ExperimentError::Stale),
        };
        let step = Step::Reweigh { weights: next, chances };
        match self.step(project, key, step, &Author::system(reason), unchanged).await {
            Ok(_) => Ok(true),
            Err(ExperimentError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn is_due(bandit: &Bandit, phase: &Phase, now: Time) -> bool {
    let last = phase.periods().last().map_or(phase.started_at, |(start, _)| start);
    let hours = i64::from(bandit.every_hours);
    phase.periods.len() < PERIODS_MAX
        && Timestamp::from(now).millis() - Timestamp::from(last).millis() >= hours * HOUR_MILLIS
}

/// Mean and standard error of each arm; none while an arm has too few people.
fn arms(looked: &Looked, starts: &[String], cells: &Cells, bandit: &Bandit) -> Option<Vec<(f64, f64)>> {
    let nobody = Cell::default();
    let of = |variation: &str, start: &String| cells.get(variation).and_then(|parts| parts.get(start));
    let variations = &looked.item.definition.variations;
    let kind =
        variations.iter().find_map(|one| cells.get(&one.key)?.values().next()?.statistics.first().copied())??;
    let period = |start: &String| -> Vec<Statistic> {
        let arm = |key: &str| of(key, start).unwrap_or(&nobody).statistics.first().copied().flatten();
        variations.iter().map(|one| arm(&one.key).unwrap_or_else(|| kind.empty()).unadjusted()).collect()
    };
    let periods: Vec<Vec<Statistic>> = starts.iter().map(period).collect();
    means_over_periods(&periods, f64::from(bandit.people_min))
}
