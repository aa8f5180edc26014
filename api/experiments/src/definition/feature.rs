//! Features (flags): a default value, and rules in order that give others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, Kind, SeedState, Seeds};
use crate::catalogue::Catalogue;
use crate::check::{condition, filters, graph, needed};
use crate::faults::Faults;

const RULES_MAX: usize = 100;
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// What kind of values a feature has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    Boolean,
    String,
    Number,
    Json,
}

/// A feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    pub value_type: ValueType,
    /// Where no rule applies.
    pub default_value: Value,
    /// In force while it is switched off; `false` for booleans and the default for others where it is absent.
    #[serde(default)]
    pub off_value: Option<Value>,
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub rules: Vec<Rule>,
    /// Environments where it is switched off.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub off_in: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub prerequisites: Vec<Prerequisite>,
    #[serde(default)]
    pub holdout: Option<String>,
    /// PostHog's `filters`, for flags that are to fall as PostHog lets them fall. Such a flag has no rules.
    #[serde(default)]
    pub posthog_filters: Option<Value>,
    /// Who signs in keeps the value that they had while anonymous, where their SDK tells the server both ids (PostHog's does).
    #[serde(default)]
    pub keeps_at_sign_in: bool,
    #[serde(default)]
    pub is_archived: bool,
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub owner: String,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(max = 100)))]
    pub tags: Vec<String>,
    /// Of its state.
    #[serde(skip)]
    pub seeds: Seeds,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unique in the feature.
    #[schemars(length(min = 1, max = 100))]
    pub id: String,
    pub serve: Serve,
    /// For whom, in GrowthBook's condition language; everybody where it is absent.
    #[serde(default)]
    pub condition: Option<Value>,
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub prerequisites: Vec<Prerequisite>,
    /// All of them where it is absent.
    #[serde(default)]
    pub environments: Option<Vec<String>>,
    #[serde(default)]
    pub is_off: bool,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

/// What a rule gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Serve {
    /// One value to all.
    Force { value: Value },
    /// One value to a share of the users.
    Rollout {
        value: Value,
        #[schemars(range(min = 0.0, max = 1.0))]
        coverage: f64,
        #[serde(default = "super::experiment::default_hash_attribute")]
        #[schemars(length(min = 1, max = 100))]
        hash_attribute: String,
    },
    /// Each variation of an experiment gives its value.
    Experiment {
        #[schemars(length(min = 1, max = 100))]
        experiment: String,
        #[schemars(length(min = 2, max = 100))]
        values: Vec<VariationValue>,
    },
}

/// The value of one variation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariationValue {
    #[schemars(length(min = 1, max = 100))]
    pub variation: String,
    pub value: Value,
}

/// Another feature whose value has to fulfil a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prerequisite {
    #[schemars(length(min = 1, max = 100))]
    pub feature: String,
    /// On `value`; by default `{"value": true}`.
    #[serde(default = "is_true")]
    pub condition: Value,
}

fn is_true() -> Value {
    serde_json::json!({"value": true})
}

impl Serve {
    /// The experiment that decides.
    pub fn experiment(&self) -> Option<&str> {
        match self {
            Serve::Experiment { experiment, .. } => Some(experiment),
            _ => None,
        }
    }
}

impl ValueType {
    pub fn fits(self, value: &Value) -> bool {
        match self {
            ValueType::Boolean => value.is_boolean(),
            ValueType::String => value.is_string(),
            ValueType::Number => value.is_number(),
            ValueType::Json => true,
        }
    }

    fn check(self, member: &str, value: &Value, faults: &mut Faults) {
        let name = match self {
            ValueType::Boolean => "true or false",
            ValueType::String => "a text",
            ValueType::Number => "a number",
            ValueType::Json => "JSON",
        };
        if !self.fits(value) {
            faults.at(member, format!("must be {name}, as value_type says"));
        }
        if value.to_string().len() > VALUE_BYTES_MAX {
            faults.at(member, format!("must have at most {VALUE_BYTES_MAX} bytes"));
        }
    }
}

impl Feature {
    /// The value while it is switched off.
    pub fn off_value(&self) -> &Value {
        match (&self.off_value, self.value_type) {
            (Some(value), _) => value,
            (None, ValueType::Boolean) => &Value::Bool(false),
            (None, _) => &self.default_value,
        }
    }

    /// Experiments that its rules name.
    pub fn experiments(&self) -> impl Iterator<Item = (&Rule, &str, &[VariationValue])> {
        self.rules.iter().filter_map(|rule| match &rule.serve {
            Serve::Experiment { experiment, values } => Some((rule, experiment.as_str(), values.as_slice())),
            _ => None,
        })
    }

    /// All that is asked, in its order, until the last rule of an experiment has decided.
    fn asked_until(&self, experiment: &str) -> Vec<Rule> {
        let rules: Vec<&Rule> = self.rules.iter().filter(|rule| !rule.is_off).collect();
        let last = rules.iter().rposition(|rule| rule.serve.experiment() == Some(experiment));
        let asked = rules.into_iter().take(last.map_or(0, |last| last + 1));
        asked.map(|rule| Rule { description: String::new(), ..rule.clone() }).collect()
    }

    /// Features that it needs, in itself or in a rule.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        let of_rules = self.rules.iter().flat_map(|rule| &rule.prerequisites);
        let needed = self.prerequisites.iter().chain(of_rules).map(|prerequisite| prerequisite.feature.as_str());
        needed.chain(self.posthog_filters.iter().flat_map(filters::flags))
    }

    fn check_rule(&self, rule: &Rule, catalogue: &Catalogue, faults: &mut Faults) {
        faults.key("id", &rule.id);
        faults.text("description", &rule.description);
        if let Some(wanted) = &rule.condition {
            faults.of(format!("rule {}", rule.id), |faults| {
                faults.within("condition", |faults| condition::check(wanted, catalogue, faults));
            });
        }
        needed::check(&rule.prerequisites, !self.is_archived, catalogue, faults);
        for (index, environment) in rule.environments.iter().flatten().enumerate() {
            faults.within("environments", |faults| catalogue.check_environment(index, environment, faults));
        }
        faults.within("serve", |faults| match &rule.serve {
            Serve::Force { value } => faults.within("force", |faults| self.value_type.check("value", value, faults)),
            Serve::Rollout { value, coverage, hash_attribute } => faults.within("rollout", |faults| {
                self.value_type.check("value", value, faults);
                faults.share("coverage", *coverage);
                catalogue.check_identifier("hash_attribute", hash_attribute, faults);
            }),
            Serve::Experiment { experiment, values } => {
                faults.within("experiment", |faults| self.check_variations(experiment, values, catalogue, faults));
            }
        });
    }

    fn check_switch(&self, catalogue: &Catalogue, faults: &mut Faults) {
        for (index, environment) in self.off_in.iter().enumerate() {
            faults.within("off_in", |faults| catalogue.check_environment(index, environment, faults));
        }
    }

    /// An experiment divides by one id, whichever feature runs it.
    fn check_keeping(&self, key: &str, catalogue: &Catalogue, faults: &mut Faults) {
        for (_, experiment, _) in self.experiments() {
            let mut others = catalogue.features_of(experiment).filter(|(other, _)| *other != key);
            if let Some((other, _)) = others.find(|(_, other)| other.keeps_at_sign_in != self.keeps_at_sign_in) {
                let detail = format!("the feature {other} runs the experiment {experiment} too, and says otherwise");
                faults.at("keeps_at_sign_in", detail);
            }
        }
    }

    fn check_variations(&self, key: &str, values: &[VariationValue], catalogue: &Catalogue, faults: &mut Faults) {
        let Some((experiment, _)) = catalogue.experiments.get(key) else {
            return faults.at("experiment", format!("there is no experiment {key:?}"));
        };
        faults.distinct("values", "variation", values.iter().map(|value| value.variation.as_str()));
        faults.each("values", values, |faults, _, value| {
            self.value_type.check("value", &value.value, faults);
            if !experiment.variations.iter().any(|variation| variation.key == value.variation) {
                faults.at("variation", format!("the experiment {key} has no variation {:?}", value.variation));
            }
        });
        for variation in &experiment.variations {
            if !values.iter().any(|value| value.variation == variation.key) {
                faults.at("values", format!("the variation {:?} has no value", variation.key));
            }
        }
    }
}

impl Definition for Feature {
    const KIND: Kind = Kind::Feature;
    type State = SeedState;

    fn check(&self, key: &str, _: &SeedState, catalogue: &Catalogue, faults: &mut Faults) {
        faults.line("owner", &self.owner);
        faults.text("description", &self.description);
        faults.count("tags", self.tags.len(), 50);
        faults.count("rules", self.rules.len(), RULES_MAX);
        self.value_type.check("default_value", &self.default_value, faults);
        if let Some(value) = &self.off_value {
            self.value_type.check("off_value", value, faults);
        }
        faults.distinct("rules", "id", self.rules.iter().map(|rule| rule.id.as_str()));
        faults.each("rules", &self.rules, |faults, _, rule| self.check_rule(rule, catalogue, faults));
        self.check_switch(catalogue, faults);
        if self.holdout.as_ref().is_some_and(|holdout| !catalogue.holdouts.contains_key(holdout)) {
            faults.at("holdout", "there is no such holdout");
        }
        if let Some(filters) = &self.posthog_filters {
            if !self.rules.is_empty() || !self.prerequisites.is_empty() || self.holdout.is_some() {
                faults.at("posthog_filters", "a flag with PostHog's filters has no rules, prerequisites or holdout");
            }
            faults.within("posthog_filters", |faults| filters::check(filters, catalogue, faults));
        }
        self.check_keeping(key, catalogue, faults);
        needed::check(&self.prerequisites, !self.is_archived, catalogue, faults);
        if let Some(circle) = graph::circle_through(key, catalogue) {
            let place = if self.posthog_filters.is_some() { "posthog_filters" } else { "prerequisites" };
            faults.at(place, format!("is a circle: {}", circle.join(" → ")));
        }
    }

    fn stands(&self, before: &Feature, _: (&SeedState, &SeedState)) -> bool {
        let switched = Feature { off_in: self.off_in.clone(), ..before.clone() };
        switched == *self
    }

    fn check_standing(&self, catalogue: &Catalogue, faults: &mut Faults) {
        self.check_switch(catalogue, faults);
    }

    /// What an experiment's people get, and who they are, stays while it runs: its rule, and what is asked before it.
    fn check_change(&self, before: &Feature, _: (&SeedState, &SeedState), catalogue: &Catalogue, faults: &mut Faults) {
        let is_running = |key: &str| catalogue.experiments.get(key).is_some_and(|(_, state)| state.is_running());
        let Some((_, running, _)) =
            before.experiments().filter(|&(rule, key, _)| !rule.is_off && is_running(key)).last()
        else {
            return;
        };
        let changed = [
            ("rules", self.asked_until(running) != before.asked_until(running)),
            ("prerequisites", self.prerequisites != before.prerequisites),
            ("holdout", self.holdout != before.holdout),
            ("keeps_at_sign_in", self.keeps_at_sign_in != before.keeps_at_sign_in),
            ("is_archived", self.is_archived && !before.is_archived),
        ];
        for (member, _) in changed.into_iter().filter(|(_, changed)| *changed) {
            faults.at(
                member,
                format!(
                    "says who takes part in the experiment {running} and what they get, which is running: stop it, change this, and begin a new phase"
                ),
            );
        }
    }

    fn put(self, key: &str, state: SeedState, catalogue: &mut Catalogue) {
        catalogue.features.insert(key.to_owned(), Feature { seeds: state.seeds, ..self });
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.features.remove(key);
    }
}
