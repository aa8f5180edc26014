//! What a project configures: eight kinds of definitions, each with its own file, its rules and what it refers to.

mod analysis;
mod attribute;
mod context;
mod design;
mod environment;
mod experiment;
mod feature;
mod holdout;
mod metric;
mod namespace;
mod redirect;
mod saved_group;
mod seeds;
mod state;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use analysis::{Analysis, Covariate, TestMethod};
pub use attribute::{Attribute, AttributeType, OWN_IDS};
pub use context::{BanditContext, ContextWeights, leaf_of};
pub use design::{Design, WINDOWS_MAX};
pub use environment::{Environment, PRODUCTION};
pub use experiment::{Bandit, Experiment, Guardrail, NamespaceShare, Plan, Variation};
pub use feature::{Feature, Prerequisite, Rule, Serve, ValueType, VariationValue};
pub use holdout::Holdout;
pub use metric::{
    Aggregate, Cap, Compared, Comparison, Measure, Metric, MetricPrior, Operand, QuantileOf, Source, Window,
};
pub use namespace::Namespace;
pub use redirect::{Page, PageBy, Redirects, Sticky};
pub use saved_group::{Members, SavedGroup, VALUES_MAX};
pub use seeds::{SeedState, Seeds};
pub use state::{Decision, ExperimentState, Outcome, PART_SEPARATOR, Period, Phase, Status, WeightsPart};

use crate::catalogue::Catalogue;
use crate::faults::Faults;

/// The kinds of definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Environment,
    Attribute,
    SavedGroup,
    Namespace,
    Holdout,
    Feature,
    Experiment,
    Metric,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Environment,
        Kind::Attribute,
        Kind::SavedGroup,
        Kind::Namespace,
        Kind::Holdout,
        Kind::Feature,
        Kind::Experiment,
        Kind::Metric,
    ];

    /// The stable name, as tables and the audit have it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Environment => "environment",
            Kind::Attribute => "attribute",
            Kind::SavedGroup => "saved_group",
            Kind::Namespace => "namespace",
            Kind::Holdout => "holdout",
            Kind::Feature => "feature",
            Kind::Experiment => "experiment",
            Kind::Metric => "metric",
        }
    }

    /// The segment of its paths.
    pub const fn collection(self) -> &'static str {
        match self {
            Kind::Environment => "environments",
            Kind::Attribute => "attributes",
            Kind::SavedGroup => "saved-groups",
            Kind::Namespace => "namespaces",
            Kind::Holdout => "holdouts",
            Kind::Feature => "features",
            Kind::Experiment => "experiments",
            Kind::Metric => "metrics",
        }
    }

    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The state of what has none beside its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Stateless {}

/// One kind of definition.
pub trait Definition: Serialize + DeserializeOwned + JsonSchema + Clone + PartialEq + Send + Sync + 'static {
    const KIND: Kind;
    /// What the lifecycle keeps beside the definition.
    type State: Serialize + DeserializeOwned + JsonSchema + Clone + Default + Send + Sync + 'static;

    /// Everything that is wrong with it, in a catalogue that holds it already.
    fn check(&self, key: &str, state: &Self::State, catalogue: &Catalogue, faults: &mut Faults);

    /// What a change from `before` must not touch in this state; the catalogue holds the changed one.
    fn check_change(
        &self,
        _before: &Self,
        _states: (&Self::State, &Self::State),
        _catalogue: &Catalogue,
        _faults: &mut Faults,
    ) {
    }

    /// True where this changes nothing that is judged: what was accepted once is switched off, stopped and rolled back whatever is asked of
    /// definitions by now.
    fn stands(&self, _before: &Self, _states: (&Self::State, &Self::State)) -> bool {
        false
    }

    /// What is wrong with the change of a definition that stands.
    fn check_standing(&self, _catalogue: &Catalogue, _faults: &mut Faults) {}

    /// The state of a definition that somebody has written instead of `before`; none before is a new one.
    fn written(&self, _before: Option<&Self>, state: Self::State, _author: &str) -> Self::State {
        state
    }

    /// It tells people apart by what the tables know of them, so that whoever writes it has to be allowed to ask that.
    fn names_people(&self) -> bool {
        false
    }

    fn put(self, key: &str, state: Self::State, catalogue: &mut Catalogue);

    fn take(key: &str, catalogue: &mut Catalogue);
}
