//! Experiments: a hypothesis, variations with weights, for whom, and by which metrics it is judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use footfall_models_experiment::statistics::bandit::USERS_MIN;

use super::{
    Analysis, BanditContext, Definition, Design, ExperimentState, Kind, Measure, Prerequisite, Redirects, Status,
    Sticky, context,
};
use crate::catalogue::Catalogue;
use crate::check::{condition, namespaces, needed, plan};
use crate::faults::Faults;

const VARIATIONS_MAX: usize = 100;
const METRICS_MAX: usize = 100;
/// Weights are decimal fractions, whose sum may be off by rounding.
const WEIGHTS_TOLERANCE: f64 = 1e-6;

/// An experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    #[schemars(length(max = 4000))]
    pub hypothesis: String,
    #[schemars(length(min = 1, max = 200))]
    pub owner: String,
    /// The first is control.
    #[schemars(length(min = 2, max = 100))]
    pub variations: Vec<Variation>,
    /// The share of targeted users who take part.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub coverage: f64,
    #[serde(default = "default_hash_attribute")]
    #[schemars(length(min = 1, max = 100))]
    pub hash_attribute: String,
    /// For users without the hash attribute.
    #[serde(default)]
    pub fallback_attribute: Option<String>,
    /// For whom, in GrowthBook's condition language.
    #[serde(default)]
    pub condition: Option<Value>,
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub prerequisites: Vec<Prerequisite>,
    #[serde(default)]
    pub namespace: Option<NamespaceShare>,
    #[serde(default)]
    pub holdout: Option<String>,
    /// Metrics that decide.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub goals: Vec<String>,
    /// Metrics that explain.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub secondary: Vec<String>,
    /// Metrics that must not suffer.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub guardrails: Vec<Guardrail>,
    #[serde(default)]
    pub analysis: Analysis,
    #[serde(default)]
    pub plan: Option<Plan>,
    #[serde(default)]
    pub bandit: Option<Bandit>,
    /// What is divided between the variations.
    #[serde(default, skip_serializing_if = "Design::is_people")]
    pub design: Design,
    /// Sends visitors of pages to addresses by their variation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirects: Option<Redirects>,
    #[serde(default, skip_serializing_if = "Sticky::is_usual")]
    pub sticky: Sticky,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(max = 100)))]
    pub tags: Vec<String>,
}

/// One variation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    #[schemars(length(min = 1, max = 100))]
    pub key: String,
    /// All weights together are 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight: f64,
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub name: String,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

/// A range of a namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamespaceShare {
    #[schemars(length(min = 1, max = 100))]
    pub namespace: String,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub start: f64,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub end: f64,
}

/// A metric that must not get worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    #[schemars(length(min = 1, max = 100))]
    pub metric: String,
    /// How much worse, relative to control, is still borne: 0.02 are two percent.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tolerance: f64,
    /// Rolls the experiment back by itself as soon as the harm is sure.
    #[serde(default)]
    pub rolls_back: bool,
}

/// What is expected, so that its power is known before it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Mean of the first goal now.
    pub baseline_mean: f64,
    /// Its variance between users; p(1 − p) of a conversion.
    #[schemars(range(min = 0.0))]
    pub baseline_variance: f64,
    #[schemars(range(min = 1.0))]
    pub users_per_day: f64,
    #[schemars(range(min = 1.0, max = 1000.0))]
    pub days: f64,
    /// The least relative effect that is worth seeing.
    #[schemars(range(min = 0.0))]
    pub minimum_effect: f64,
    /// Start although the power is below 0.8.
    #[serde(default)]
    pub accepts_low_power: bool,
}

/// Weights that follow what the first goal has shown, instead of staying what they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bandit {
    /// Between two looks.
    #[schemars(range(min = 1, max = 720))]
    pub every_hours: u32,
    /// With fewer people in any arm the weights stay.
    #[serde(default = "default_people_min")]
    #[schemars(range(min = 100, max = 1_000_000_000))]
    pub people_min: u32,
    /// The least share of each arm; those of all arms together are at most one half.
    #[serde(default = "default_floor")]
    #[schemars(range(min = 0.0, max = 0.25))]
    pub floor: f64,
    /// Groups of users with weights of their own; the weights of the bandit itself are those of all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub contexts: Vec<BanditContext>,
}

const fn default_people_min() -> u32 {
    100
}

const fn default_floor() -> f64 {
    0.01
}

pub(super) fn default_hash_attribute() -> String {
    "id".to_owned()
}

fn one() -> f64 {
    1.0
}

impl Experiment {
    /// Every metric that it names, each once.
    pub fn metrics(&self) -> Vec<&str> {
        let guardrails = self.guardrails.iter().map(|guardrail| &guardrail.metric);
        let mut all: Vec<&str> = Vec::new();
        for key in self.goals.iter().chain(&self.secondary).chain(guardrails) {
            if !all.contains(&key.as_str()) {
                all.push(key);
            }
        }
        all
    }

    /// Of a bandit its contexts, none of them being one that is not contextual.
    pub fn contexts(&self) -> Option<&[BanditContext]> {
        self.bandit.as_ref().map(|bandit| bandit.contexts.as_slice())
    }

    pub fn weights(&self) -> Vec<f64> {
        self.variations.iter().map(|variation| variation.weight).collect()
    }

    /// SDKs tell a variation by its key or by its place: a key that is another's place would be taken for it.
    fn check_places(&self, faults: &mut Faults) {
        faults.each("variations", &self.variations, |faults, index, variation| {
            if variation.key.parse::<usize>().is_ok_and(|place| place != index) {
                faults.at(
                    "key",
                    format!("is a number, and SDKs tell variations by their places too: here it could only be {index}"),
                );
            }
        });
    }

    fn check_variations(&self, faults: &mut Faults) {
        let count = self.variations.len();
        if !(2..=VARIATIONS_MAX).contains(&count) {
            faults.at("variations", format!("must be 2 to {VARIATIONS_MAX}, and are {count}"));
        }
        faults.distinct("variations", "key", self.variations.iter().map(|variation| variation.key.as_str()));
        faults.each("variations", &self.variations, |faults, _, variation| {
            faults.key("key", &variation.key);
            faults.share("weight", variation.weight);
            faults.line("name", &variation.name);
            faults.text("description", &variation.description);
        });
        let sum: f64 = self.weights().iter().sum();
        if (sum - 1.0).abs() > WEIGHTS_TOLERANCE {
            faults.at("variations", format!("the weights must sum to 1, and sum to {sum}"));
        }
    }

    fn check_metrics(&self, catalogue: &Catalogue, faults: &mut Faults) {
        for (member, keys) in [("goals", &self.goals), ("secondary", &self.secondary)] {
            faults.count(member, keys.len(), METRICS_MAX);
            faults.distinct(member, "metric", keys.iter().map(String::as_str));
            faults.each(member, keys, |faults, _, key| {
                if !catalogue.metrics.contains_key(key) {
                    faults.here(format!("there is no metric {key:?}"));
                }
            });
        }
        faults.each("guardrails", &self.guardrails, |faults, _, guardrail| {
            faults.share("tolerance", guardrail.tolerance);
            if !catalogue.metrics.contains_key(&guardrail.metric) {
                faults.at("metric", format!("there is no metric {:?}", guardrail.metric));
            }
        });
    }

    fn check_bandit(&self, bandit: &Bandit, catalogue: &Catalogue, faults: &mut Faults) {
        faults.within("bandit", |faults| {
            if !(1..=720).contains(&bandit.every_hours) {
                faults.at("every_hours", "must be 1 to 720");
            }
            if f64::from(bandit.people_min) < USERS_MIN {
                faults.at("people_min", format!("must be at least {USERS_MIN}"));
            }
            let floors = bandit.floor * self.variations.len() as f64;
            if !(0.0..=0.5).contains(&floors) {
                faults.at(
                    "floor",
                    "must leave half of the people to the best: at most 0.5 over the number of variations",
                );
            }
            context::check(&bandit.contexts, catalogue, faults);
        });
        let goal = self.goals.first().and_then(|goal| catalogue.metrics.get(goal));
        if goal.is_some_and(|goal| matches!(goal.measure, Measure::Quantile { .. })) {
            faults.at("goals", "the first decides over the weights of a bandit, and cannot be a quantile");
        }
    }
}

impl Definition for Experiment {
    const KIND: Kind = Kind::Experiment;
    type State = ExperimentState;

    fn check(&self, key: &str, state: &ExperimentState, catalogue: &Catalogue, faults: &mut Faults) {
        faults.line("owner", &self.owner);
        faults.text("hypothesis", &self.hypothesis);
        faults.text("description", &self.description);
        faults.count("tags", self.tags.len(), 50);
        self.check_variations(faults);
        if state.phases.is_empty() {
            self.check_places(faults);
        }
        faults.share("coverage", self.coverage);
        catalogue.check_identifier("hash_attribute", &self.hash_attribute, faults);
        if let Some(attribute) = &self.fallback_attribute {
            catalogue.check_identifier("fallback_attribute", attribute, faults);
        }
        if let Some(wanted) = &self.condition {
            faults.within("condition", |faults| condition::check(wanted, catalogue, faults));
        }
        needed::check(&self.prerequisites, true, catalogue, faults);
        if self.holdout.as_ref().is_some_and(|holdout| !catalogue.holdouts.contains_key(holdout)) {
            faults.at("holdout", "there is no such holdout");
        }
        if state.holds_its_place() {
            namespaces::check(key, self, state.phases.is_empty(), catalogue, faults);
        }
        self.check_metrics(catalogue, faults);
        faults.within("analysis", |faults| self.analysis.check(self, catalogue, faults));
        if let Some(bandit) = &self.bandit {
            self.check_bandit(bandit, catalogue, faults);
        }
        faults.within("design", |faults| self.design.check(self, state.phases.is_empty(), catalogue, faults));
        if let Some(redirects) = &self.redirects {
            faults.within("redirects", |faults| redirects.check(self, catalogue, faults));
        }
        faults.within("sticky", |faults| self.sticky.check(faults));
        if let Some(wanted) = &self.plan {
            faults.within("plan", |faults| plan::check_form(wanted, faults));
        }
    }

    fn stands(&self, before: &Experiment, (state, next): (&ExperimentState, &ExperimentState)) -> bool {
        // What begins is judged, as it was written and among all others as they are now.
        self == before && next.phases.len() == state.phases.len()
    }

    fn check_change(
        &self,
        before: &Experiment,
        (state, next): (&ExperimentState, &ExperimentState),
        catalogue: &Catalogue,
        faults: &mut Faults,
    ) {
        if next.phases.len() > state.phases.len() {
            faults.within("design", |faults| self.design.check_tellers(catalogue, faults));
        }
        if state.phases.is_empty() {
            return;
        }
        let keys = |experiment: &Experiment| experiment.variations.iter().map(|v| v.key.clone()).collect::<Vec<_>>();
        let changed = [
            ("variations", keys(self) != keys(before)),
            ("hash_attribute", self.hash_attribute != before.hash_attribute),
            ("fallback_attribute", self.fallback_attribute != before.fallback_attribute),
            ("bandit", self.contexts() != before.contexts()),
            ("design", self.design != before.design),
        ];
        for (member, _) in changed.into_iter().filter(|(_, changed)| *changed) {
            faults.at(member, "cannot be changed once users were assigned; make a new experiment");
        }
        let of_phase = [
            ("variations", self.weights() != before.weights()),
            ("coverage", self.coverage != before.coverage),
            ("condition", self.condition != before.condition),
            ("prerequisites", self.prerequisites != before.prerequisites),
            ("namespace", self.namespace != before.namespace),
            ("holdout", self.holdout != before.holdout),
            ("redirects", self.redirects != before.redirects),
        ];
        let within_phase = state.is_running() && next.phases.len() == state.phases.len();
        for (member, _) in of_phase.into_iter().filter(|(_, changed)| within_phase && *changed) {
            faults.at(member, "says who takes part, and the experiment is running; begin a new phase");
        }
    }

    /// What was reviewed is not what was written since.
    fn written(&self, _: Option<&Experiment>, mut state: ExperimentState, author: &str) -> ExperimentState {
        if !state.phases.is_empty() {
            return state;
        }
        if matches!(state.status, Status::InReview | Status::Approved) {
            state.status = Status::Draft;
            (state.review_asked_by, state.approved_by) = (None, None);
        }
        if !state.authors.iter().any(|known| known == author) {
            state.authors.push(author.to_owned());
        }
        state
    }

    fn put(self, key: &str, state: ExperimentState, catalogue: &mut Catalogue) {
        catalogue.experiments.insert(key.to_owned(), (self, state));
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.experiments.remove(key);
    }
}
