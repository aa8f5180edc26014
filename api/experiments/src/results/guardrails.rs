//! Guardrails: a running experiment whose harm is sure is rolled back by the program, with a record of why.

use std::time::Duration;

use tokio::time::timeout;

use crate::definition::{Experiment, Guardrail};
use crate::error::ExperimentError;
use crate::experiments::{Author, Experiments};
use crate::lifecycle::Step;

use super::report::{Report, TreatmentReport, Watched};

/// For one experiment: the others have to be seen within the minute too.
const LOOK_MAX: Duration = Duration::from_secs(10);

impl Experiments {
    /// Looks at every running experiment with a guardrail that rolls back; returns how many were rolled back.
    pub async fn watch_guardrails(&self) -> Result<usize, ExperimentError> {
        if self.facts().is_none() {
            return Ok(0);
        }
        let mut rolled_back = 0;
        for project in crate::storage::projects(self.access().database()).await? {
            let catalogue = crate::storage::catalogue(self.access().database(), &project).await?;
            for (key, (experiment, state)) in &catalogue.experiments {
                let is_watched = experiment.guardrails.iter().any(|guardrail| guardrail.rolls_back);
                if !state.is_running() || !is_watched {
                    continue;
                }
                match timeout(LOOK_MAX, self.guard(&project, key, experiment)).await {
                    Ok(Ok(done)) => rolled_back += usize::from(done),
                    // The others are watched on.
                    Ok(Err(error)) => tracing::error!(%error, project, key, "a guardrail could not be watched"),
                    Err(_) => tracing::error!(project, key, "a guardrail could not be watched within {LOOK_MAX:?}"),
                }
            }
        }
        Ok(rolled_back)
    }

    async fn guard(&self, project: &str, key: &str, experiment: &Experiment) -> Result<bool, ExperimentError> {
        let report = self.report_of(project, key, None, false).await?;
        let broken = experiment.guardrails.iter().filter(|guardrail| guardrail.rolls_back);
        let Some(reason) = broken.filter_map(|guardrail| harm(&report, guardrail)).next() else { return Ok(false) };
        let revision = report.revision;
        let author = Author::system(reason);
        // Whoever changed it meanwhile has looked at it: the next round judges anew.
        let unchanged = |item: &crate::experiments::Item<Experiment>| match item.revision == revision {
            true => Ok(()),
            false => Err(ExperimentError::Stale),
        };
        match self.step(project, key, Step::RollBack, &author, unchanged).await {
            Ok(_) => Ok(true),
            Err(ExperimentError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Why a guardrail is broken: the whole interval lies beyond what is borne.
fn harm(report: &Report, guardrail: &Guardrail) -> Option<String> {
    let metric = report.metrics.iter().find(|metric| metric.key == guardrail.metric)?;
    let is_harmed = |comparison: &&TreatmentReport| {
        let Some(Watched { interval, is_absolute }) = comparison.watched else { return false };
        // Any share of nothing is nothing.
        let tolerance = if is_absolute { 0.0 } else { guardrail.tolerance };
        match metric.lower_is_better {
            true => interval.low.is_some_and(|low| low > tolerance),
            false => interval.high.is_some_and(|high| high < -tolerance),
        }
    };
    let harmed = metric.comparisons.iter().find(is_harmed)?;
    Some(format!(
        "guardrail {} is broken by {}: {} ({} was borne)",
        guardrail.metric, harmed.variation, harmed.can_be_said, guardrail.tolerance
    ))
}
