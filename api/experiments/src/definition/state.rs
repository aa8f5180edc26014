//! Where an experiment stands: what its lifecycle has written down.

use footfall_api_http::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NamespaceShare;

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
}

impl Phase {
    /// The weights that hold since the last change of them.
    pub fn weights_now(&self) -> &[f64] {
        self.periods.last().map_or(&self.weights, |period| &period.weights)
    }

    /// When each period began, with its weights; the first is that of the phase.
    pub fn periods(&self) -> impl Iterator<Item = (Time, &[f64])> {
        let first = std::iter::once((self.started_at, self.weights.as_slice()));
        first.chain(self.periods.iter().map(|period| (period.started_at, period.weights.as_slice())))
    }
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
}

impl ExperimentState {
    pub fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// True while its ranges of a namespace are taken.
    pub fn holds_its_place(&self) -> bool {
        !matches!(self.status, Status::Stopped | Status::Shipped | Status::RolledBack)
    }

    pub fn phase(&self) -> Option<&Phase> {
        self.phases.last()
    }
}
