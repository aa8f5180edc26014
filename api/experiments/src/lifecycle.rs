//! The steps of an experiment: draft → in review → approved → running → stopped → shipped or rolled back.

use footfall_api_http::Time;
use footfall_ingest_activity::Timestamp;

use crate::catalogue::Catalogue;
use crate::check::plan;
use crate::definition::{
    ContextWeights, Decision, Design, Experiment, ExperimentState, Outcome, Period, Phase, Status,
};
use crate::error::ExperimentError;
use crate::experiments::{Author, Experiments, Item, Next};
use crate::faults::Faults;
use crate::resources::patched;
use crate::storage::Claim;
use crate::windows::Windows;

/// A step of the lifecycle.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    AskReview,
    /// By somebody other than who asked.
    Approve,
    /// Back to a draft.
    Redraft,
    Start {
        without_review: bool,
    },
    /// A new phase of an experiment that runs or was stopped, from the definition as it is wanted now.
    NewPhase {
        /// A merge patch of the definition, before the two below.
        definition: Option<serde_json::Value>,
        coverage: Option<f64>,
        weights: Option<Vec<f64>>,
        reshuffle: bool,
    },
    /// Of a bandit, by what it has seen.
    Reweigh {
        weights: Vec<f64>,
        chances: Vec<f64>,
        contexts: Vec<ContextWeights>,
    },
    /// Of a switchback, into another window.
    SwitchWindow {
        weights: Vec<f64>,
    },
    Stop,
    Ship {
        variation: String,
    },
    RollBack,
}

impl Step {
    const fn act(&self) -> &'static str {
        match self {
            Step::AskReview => "ask_review",
            Step::Approve => "approve",
            Step::Redraft => "redraft",
            Step::Start { .. } => "start",
            Step::NewPhase { .. } => "new_phase",
            Step::Reweigh { .. } => "reweigh",
            Step::SwitchWindow { .. } => "switch_window",
            Step::Stop => "stop",
            Step::Ship { .. } => "ship",
            Step::RollBack => "roll_back",
        }
    }
}

impl Experiments {
    /// Takes a step; `if_match` compares the revision that is there.
    pub async fn step(
        &self,
        project: &str,
        key: &str,
        step: Step,
        author: &Author,
        if_match: impl FnOnce(&Item<Experiment>) -> Result<(), ExperimentError> + Send,
    ) -> Result<Item<Experiment>, ExperimentError> {
        self.step_claimed((project, key), step, author, None, if_match).await
    }

    /// The same, with the outcome of what was claimed in its transaction.
    pub(crate) async fn step_claimed(
        &self,
        (project, key): (&str, &str),
        step: Step,
        author: &Author,
        claim: Option<Claim<'_>>,
        if_match: impl FnOnce(&Item<Experiment>) -> Result<(), ExperimentError> + Send,
    ) -> Result<Item<Experiment>, ExperimentError> {
        let now = self.now();
        let act = step.act();
        let decide = move |before: Option<&Item<Experiment>>, catalogue: &Catalogue| {
            let item = before.ok_or(ExperimentError::NotFound("experiment"))?;
            if_match(item)?;
            let is_run = catalogue.is_run(key) || item.definition.redirects.is_some();
            let (definition, state) = taken(key, item, &step, author, now, is_run)?;
            Ok(Next::Put(definition, state))
        };
        let done = self.change_claimed(project, key, act, author, claim, decide).await?;
        done.ok_or(ExperimentError::NotFound("experiment"))
    }
}

fn taken(
    key: &str,
    item: &Item<Experiment>,
    step: &Step,
    author: &Author,
    now: Timestamp,
    is_run: bool,
) -> Result<(Experiment, ExperimentState), ExperimentError> {
    let (mut definition, mut state) = (item.definition.clone(), item.state.clone());
    let from = state.status;
    let impossible = |what: &str| Err(ExperimentError::Step(format!("it is {}, and {what}", from.name())));
    match step {
        Step::AskReview if from == Status::Draft => {
            state.review_asked_by = Some(author.name());
            state.status = Status::InReview;
        }
        Step::AskReview => return impossible("only a draft goes into review"),
        Step::Approve if from == Status::InReview => {
            let name = author.name();
            if state.review_asked_by.as_ref() == Some(&name) || state.authors.contains(&name) {
                return impossible("somebody else than who has written it or asked for the review has to approve it");
            }
            state.approved_by = Some(name);
            state.status = Status::Approved;
        }
        Step::Approve => return impossible("only what is in review can be approved"),
        Step::Redraft if matches!(from, Status::InReview | Status::Approved) => {
            let ExperimentState { phases, authors, .. } = state;
            state = ExperimentState { phases, authors, ..ExperimentState::default() };
        }
        Step::Redraft => return impossible("only what was not started yet becomes a draft again"),
        Step::Start { without_review } => {
            let may = from == Status::Approved || (*without_review && matches!(from, Status::Draft | Status::InReview));
            if !may {
                return impossible("only an approved experiment starts; without_review starts a draft");
            }
            check_start(&definition, is_run)?;
            begin(&definition, &mut state, author, now, key.to_owned());
        }
        Step::NewPhase { definition: patch, coverage, weights, reshuffle } => {
            if !matches!(from, Status::Running | Status::Stopped) {
                return impossible("only an experiment that runs or was stopped has a new phase");
            }
            if let Some(patch) = patch {
                definition = patched(&definition, patch).map_err(|fault| ExperimentError::Invalid(vec![fault]))?;
            }
            definition.coverage = coverage.unwrap_or(definition.coverage);
            if let Some(weights) = weights {
                set_weights(&mut definition, weights)?;
            }
            let seed = state.phase().map_or(key.to_owned(), |phase| phase.seed.clone());
            let seed = if *reshuffle { format!("{key}:{}", state.phases.len()) } else { seed };
            if *reshuffle && !definition.sticky.is_off && definition.sticky == item.definition.sticky {
                // SDKs that remember who had what would go on as before, beside those that do not.
                definition.sticky.bucket_version += 1;
            }
            if from == Status::Stopped {
                check_start(&definition, is_run)?;
            }
            end_phase(&mut state, now);
            begin(&definition, &mut state, author, now, seed);
        }
        Step::Reweigh { weights, chances, contexts } => {
            let phase = state.phases.last_mut().filter(|phase| from == Status::Running && phase.ended_at.is_none());
            let (Some(phase), Some(_)) = (phase, &definition.bandit) else {
                return impossible("only a running bandit changes its weights");
            };
            let (weights, chances, contexts) = (weights.clone(), chances.clone(), contexts.clone());
            phase.periods.push(Period { started_at: Time::from(now), weights, chances, contexts });
        }
        Step::SwitchWindow { weights } => {
            let phase = state.phases.last_mut().filter(|phase| from == Status::Running && phase.ended_at.is_none());
            let (Some(phase), Design::Switchback { .. }) = (phase, &definition.design) else {
                return impossible("only a running switchback goes into another window");
            };
            phase.periods.push(Period {
                started_at: Time::from(now),
                weights: weights.clone(),
                chances: Vec::new(),
                contexts: Vec::new(),
            });
        }
        Step::Stop if from == Status::Running => {
            end_phase(&mut state, now);
            state.status = Status::Stopped;
        }
        Step::Stop => return impossible("only a running experiment stops"),
        Step::Ship { variation } => {
            if !definition.variations.iter().any(|known| known.key == *variation) {
                return Err(ExperimentError::Step(format!("there is no variation {variation:?}")));
            }
            decide(&mut state, Outcome::Ship, variation.clone(), author, now)?;
        }
        Step::RollBack => {
            let control = definition.variations.first().map(|variation| variation.key.clone()).unwrap_or_default();
            decide(&mut state, Outcome::RollBack, control, author, now)?;
        }
    }
    Ok((definition, state))
}

fn check_start(definition: &Experiment, is_run: bool) -> Result<(), ExperimentError> {
    let mut faults = Faults::below("definition");
    if definition.hypothesis.trim().is_empty() {
        faults.at("hypothesis", "is needed before the start");
    }
    if definition.goals.is_empty() {
        faults.at("goals", "at least one is needed before the start");
    }
    if !is_run {
        faults.here("no rule of any feature runs it (that is on, in a feature that is not archived) and it redirects nobody, so that nobody would be assigned");
    }
    plan::check_power(definition, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(ExperimentError::Invalid(faults.into_vec())) }
}

fn set_weights(definition: &mut Experiment, weights: &[f64]) -> Result<(), ExperimentError> {
    if weights.len() != definition.variations.len() {
        return Err(ExperimentError::Step(format!("there are {} variations", definition.variations.len())));
    }
    definition.variations.iter_mut().zip(weights).for_each(|(variation, weight)| variation.weight = *weight);
    Ok(())
}

fn begin(definition: &Experiment, state: &mut ExperimentState, author: &Author, now: Timestamp, seed: String) {
    state.status = Status::Running;
    state.phases.push(Phase {
        started_at: Time::from(now),
        ended_at: None,
        seed,
        coverage: definition.coverage,
        weights: definition.weights(),
        condition: definition.condition.clone(),
        namespace: definition.namespace.clone(),
        reason: author.reason.clone(),
        periods: Vec::new(),
    });
    // From the first moment everybody has the variation of the first window.
    if let Some(phase) = state.phases.last_mut()
        && let Some(weights) = Windows::of(definition, phase).map(|windows| windows.weights(0))
    {
        phase.periods.push(Period { started_at: phase.started_at, weights, chances: Vec::new(), contexts: Vec::new() });
    }
}

fn end_phase(state: &mut ExperimentState, now: Timestamp) {
    if let Some(phase) = state.phases.last_mut().filter(|phase| phase.ended_at.is_none()) {
        phase.ended_at = Some(Time::from(now));
    }
}

fn decide(
    state: &mut ExperimentState,
    outcome: Outcome,
    variation: String,
    author: &Author,
    now: Timestamp,
) -> Result<(), ExperimentError> {
    if !matches!(state.status, Status::Running | Status::Stopped | Status::Shipped | Status::RolledBack) {
        return Err(ExperimentError::Step(format!("it is {}, and was never started", state.status.name())));
    }
    end_phase(state, now);
    state.status = if outcome == Outcome::Ship { Status::Shipped } else { Status::RolledBack };
    let (reason, decided_by) = (author.reason.clone(), author.name());
    state.decision = Some(Decision { outcome, variation, reason, decided_at: Time::from(now), decided_by });
    Ok(())
}
