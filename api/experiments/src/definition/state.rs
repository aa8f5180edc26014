//! Where an experiment stands: what its lifecycle has written down.

use footfall_api_http::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ContextWeights, NamespaceShare, leaf_of};

/// Draft → in review → approved → running → stopped → shipped or rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Draft,
    InReview,
    Approved,
    Running,
    Stopped,
    Shipped,
    RolledBack,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::InReview => "in review",
            Status::Approved => "approved",
            Status::Running => "running",
            Status::Stopped => "stopped",
            Status::Shipped => "shipped",
            Status::RolledBack => "rolled back",
        }
    }
}

/// What the experiment came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One variation for everybody.
    Ship,
    /// The first variation for everybody.
    RollBack,
}

/// The decision that ended it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub outcome: Outcome,
    pub variation: String,
    pub reason: String,
    pub decided_at: Time,
    /// An account or key; `system` for a guardrail.
    pub decided_by: String,
}

/// Between the beginning of a period and a leaf.
pub const PART_SEPARATOR: char = ' ';

/// A time in which users were assigned by one rule. Results never mix phases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    pub started_at: Time,
    pub ended_at: Option<Time>,
    /// Hashed with each unit: another seed divides users anew.
    pub seed: String,
    pub coverage: f64,
    pub weights: Vec<f64>,
    pub condition: Option<Value>,
    pub namespace: Option<NamespaceShare>,
    pub reason: String,
    /// Of a bandit: when its weights were changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub periods: Vec<Period>,
}

/// A part of a bandit's phase in which its weights are the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    pub started_at: Time,
    pub weights: Vec<f64>,
    /// Of each arm to be the best, as known when it began.
    pub chances: Vec<f64>,
    /// Of each context of a contextual bandit; what stands above is of all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<ContextWeights>,
}

impl Phase {
    /// The weights that hold since the last change of them.
    pub fn weights_now(&self) -> &[f64] {
        self.periods.last().map_or(&self.weights, |period| &period.weights)
    }

    /// The weights of a context since the last change of them; past the last context those of all others.
    pub fn context_weights_now(&self, context: usize, contexts: usize) -> &[f64] {
        match self.periods.last() {
            Some(period) if context < contexts => {
                period.contexts.get(context).map_or(&period.weights, |own| own.weights.as_slice())
            }
            _ => self.weights_now(),
        }
    }

    /// When each period began, with its weights; the first is that of the phase.
    pub fn periods(&self) -> impl Iterator<Item = (Time, &[f64])> {
        let first = std::iter::once((self.started_at, self.weights.as_slice()));
        first.chain(self.periods.iter().map(|period| (period.started_at, period.weights.as_slice())))
    }
}

/// A part of a bandit's phase in which its weights are the same: a period, or one context in it.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsPart {
    /// As the answers of the tables name it.
    pub name: String,
    pub context: usize,
    pub weights: Vec<f64>,
}

impl Phase {
    /// All parts in the order of time; of a contextual bandit with so many contexts those of each period, all others last.
    pub fn weights_parts(&self, contexts: usize) -> Vec<WeightsPart> {
        let first = Period {
            started_at: self.started_at,
            weights: self.weights.clone(),
            chances: Vec::new(),
            contexts: vec![ContextWeights { weights: self.weights.clone(), chances: Vec::new() }; contexts],
        };
        let periods = std::iter::once(&first).chain(&self.periods);
        let of = |period: &Period| {
            let part = |context: usize| {
                let own = period.contexts.get(context).map(|own| own.weights.clone());
                let start = period.started_at.to_string();
                let name = if contexts == 0 { start } else { part_name(&start, &leaf_of(context, contexts)) };
                WeightsPart { name, context, weights: own.unwrap_or_else(|| period.weights.clone()) }
            };
            (0..=contexts).map(part).collect::<Vec<_>>()
        };
        periods.flat_map(of).collect()
    }
}

/// A leaf in a period, as the answers of the tables name it.
fn part_name(start: &str, leaf: &str) -> String {
    format!("{start}{PART_SEPARATOR}{leaf}")
}

/// Where an experiment stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ExperimentState {
    pub status: Status,
    pub phases: Vec<Phase>,
    pub decision: Option<Decision>,
    /// Who asked for the review: somebody else approves.
    pub review_asked_by: Option<String>,
    pub approved_by: Option<String>,
    /// Who has written the definition, as long as it was not started: none of them approves it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
}

impl ExperimentState {
    pub fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// True while people get something by it that those who are held out must not have.
    pub fn gives_what_is_new(&self) -> bool {
        matches!(self.status, Status::Running | Status::Shipped)
    }

    /// True while its ranges of a namespace are taken.
    pub fn holds_its_place(&self) -> bool {
        !matches!(self.status, Status::Stopped | Status::Shipped | Status::RolledBack)
    }

    pub fn phase(&self) -> Option<&Phase> {
        self.phases.last()
    }
}
