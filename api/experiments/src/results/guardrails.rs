//! Guardrails: a running experiment whose harm is sure is rolled back by the program, with a record of why.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::definition::{Experiment, Guardrail};
use crate::error::ExperimentError;
use crate::experiments::{Author, Experiments};
use crate::lifecycle::Step;

use super::analysis::ResultsAsked;
use super::report::{Report, TreatmentReport, Watched};

/// For one experiment.
const LOOK_MAX: Duration = Duration::from_secs(10);
/// Experiments that are looked at at one time; the tables answer others as well.
const AT_ONCE: usize = 4;
/// Of those that took too long the last time: they have a lane of their own, so that nobody waits for them …
const SLOW_AT_ONCE: usize = 2;
/// … and no more of a round than this. Who was not reached comes first in the next.
const SLOW_ROUND: Duration = Duration::from_secs(15);

/// An experiment with a guardrail that rolls back.
#[derive(Debug, Clone)]
struct Watching {
    project: String,
    key: String,
    experiment: Experiment,
}

/// Experiments whose last look took too long, with the round in which they were looked at.
#[derive(Debug, Default)]
pub struct SlowLooks {
    rounds: u64,
    looked: HashMap<(String, String), u64>,
}

impl Experiments {
    /// Looks at every running experiment with a guardrail that rolls back, several at a time; returns how many were rolled back.
    pub async fn watch_guardrails(&self) -> Result<usize, ExperimentError> {
        if self.facts().is_none() {
            return Ok(0);
        }
        let mut watched = Vec::new();
        for project in crate::storage::projects(self.access().database()).await? {
            let catalogue = crate::storage::catalogue(self.access().database(), &project).await?;
            for (key, (experiment, state)) in catalogue.experiments {
                let is_watched = experiment.guardrails.iter().any(|guardrail| guardrail.rolls_back);
                if state.is_running() && is_watched {
                    watched.push(Watching { project: project.clone(), key, experiment });
                }
            }
        }
        let (usual, slow) = self.slow_looks(|looks| looks.lanes(watched));
        let until = Instant::now() + SLOW_ROUND;
        let (usual, slow) = tokio::join!(self.look(usual, AT_ONCE, None), self.look(slow, SLOW_AT_ONCE, Some(until)));
        Ok(usual + slow)
    }

    /// Looks at these, so many at one time, none begun after `until`.
    async fn look(&self, waiting: Vec<Watching>, at_once: usize, until: Option<Instant>) -> usize {
        let mut waiting: VecDeque<Watching> = waiting.into();
        let mut under_way = JoinSet::new();
        let mut rolled_back = 0;
        loop {
            while under_way.len() < at_once && until.is_none_or(|until| Instant::now() < until) {
                let Some(next) = waiting.pop_front() else { break };
                let experiments = self.clone();
                under_way.spawn(async move { experiments.look_at(next).await });
            }
            match under_way.join_next().await {
                Some(Ok(done)) => rolled_back += usize::from(done),
                // The others are watched on.
                Some(Err(error)) => tracing::error!(%error, "the look at a guardrail broke"),
                None => return rolled_back,
            }
        }
    }

    async fn look_at(&self, Watching { project, key, experiment }: Watching) -> bool {
        let found = timeout(LOOK_MAX, self.guard(&project, &key, &experiment)).await;
        let is_slow = found.is_err();
        let done = match found {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => {
                tracing::error!(%error, project, key, "a guardrail could not be watched");
                false
            }
            Err(_) => {
                tracing::error!(project, key, "a guardrail could not be watched within {LOOK_MAX:?}");
                false
            }
        };
        self.slow_looks(|looks| looks.remember((project, key), is_slow));
        done
    }

    async fn guard(&self, project: &str, key: &str, experiment: &Experiment) -> Result<bool, ExperimentError> {
        let report = self.report_of(project, key, &ResultsAsked::default(), false).await?;
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

impl SlowLooks {
    /// Those that are looked at as usual, and those that were slow, the one that was looked at longest ago first.
    fn lanes(&mut self, watched: Vec<Watching>) -> (Vec<Watching>, Vec<Watching>) {
        self.rounds += 1;
        let place = |one: &Watching| (one.project.clone(), one.key.clone());
        let is_there = |known: &(String, String)| watched.iter().any(|one| place(one) == *known);
        self.looked.retain(|known, _| is_there(known));
        let (mut slow, usual): (Vec<Watching>, Vec<Watching>) =
            watched.into_iter().partition(|one| self.looked.contains_key(&place(one)));
        slow.sort_by_key(|one| self.looked.get(&place(one)).copied());
        (usual, slow)
    }

    fn remember(&mut self, place: (String, String), is_slow: bool) {
        if is_slow {
            self.looked.insert(place, self.rounds);
        } else {
            self.looked.remove(&place);
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn watching(keys: &[&str]) -> Vec<Watching> {
        let experiment: Experiment = serde_json::from_value(serde_json::json!({
            "hypothesis": "", "owner": "olga", "variations": [{"key": "a", "weight": 0.5}, {"key": "b", "weight": 0.5}],
        }))
        .unwrap();
        let of = |key: &&str| Watching { project: "shop".into(), key: (*key).into(), experiment: experiment.clone() };
        keys.iter().map(of).collect()
    }

    fn keys(lanes: (Vec<Watching>, Vec<Watching>)) -> [Vec<String>; 2] {
        [lanes.0, lanes.1].map(|lane| lane.into_iter().map(|one| one.key).collect())
    }

    #[test]
    fn who_was_slow_waits_beside_the_others_and_who_was_not_reached_comes_first() {
        let mut looks = SlowLooks::default();
        let place = |key: &str| ("shop".to_owned(), key.to_owned());
        assert_eq!(keys(looks.lanes(watching(&["a", "b", "c", "d"]))), [vec!["a", "b", "c", "d"], vec![]]);
        ["a", "b", "c"].into_iter().for_each(|key| looks.remember(place(key), true));
        looks.remember(place("d"), false);
        assert_eq!(keys(looks.lanes(watching(&["a", "b", "c", "d"]))), [vec!["d"], vec!["a", "b", "c"]]);
        // Only a was reached, and was slow again; b has ended.
        looks.remember(place("a"), true);
        let [usual, slow] = keys(looks.lanes(watching(&["a", "c", "d"])));
        assert_eq!((usual, slow), (vec!["d".to_owned()], vec!["c".to_owned(), "a".to_owned()]));
        looks.remember(place("c"), false);
        assert_eq!(keys(looks.lanes(watching(&["a", "c", "d"]))), [vec!["c", "d"], vec!["a"]]);
    }
}
