//! What an evaluation answers, borrowed from the payload and the user.

use super::bandit::Leaf;
use super::experiment::Experiment;
use crate::Value;
use crate::value::Object;

/// Where the value of a feature comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    UnknownFeature,
    DefaultValue,
    Force,
    Experiment,
    Override,
    Prerequisite,
    CyclicPrerequisite,
}

impl Source {
    /// Its name in the SDKs.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::UnknownFeature => "unknownFeature",
            Source::DefaultValue => "defaultValue",
            Source::Force => "force",
            Source::Experiment => "experiment",
            Source::Override => "override",
            Source::Prerequisite => "prerequisite",
            Source::CyclicPrerequisite => "cyclicPrerequisite",
        }
    }
}

/// What a user gets of an experiment.
#[derive(Clone, Copy, Debug)]
pub struct Assignment<'a> {
    pub experiment: &'a Experiment,
    pub feature: Option<&'a str>,
    /// False if the user gets the first variation without being part of the experiment.
    pub in_experiment: bool,
    /// True if the hash decided, so that this is an exposure.
    pub hash_used: bool,
    pub variation: usize,
    pub attribute: &'a str,
    /// None if the user has no such attribute.
    pub unit: Option<&'a Value>,
    pub bucket: Option<f64>,
    pub sticky_used: bool,
    pub leaf: Option<&'a Leaf>,
}

/// The value of a feature for a user.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a> {
    pub value: &'a Value,
    pub source: Source,
    /// Empty if no rule decided or it has no id.
    pub rule: &'a str,
    pub assignment: Option<Assignment<'a>>,
}

impl<'a> Assignment<'a> {
    /// The value of the variation; none if the experiment has no variations.
    pub fn value(&self) -> Option<&'a Value> {
        self.experiment.variations.get(self.variation)
    }

    /// True if the user is counted, but the rules that follow decide the value (a holdout).
    pub fn is_passthrough(&self) -> bool {
        self.experiment.meta.get(self.variation).is_some_and(|meta| meta.is_passthrough)
    }

    fn has_leaf_decided(&self) -> Option<&'a Leaf> {
        self.leaf.filter(|_| self.hash_used && self.in_experiment)
    }

    /// As the SDKs show it (`experimentResult`).
    pub fn to_value(&self) -> Value {
        let mut shown = Object::default();
        shown.insert("key", self.experiment.variation_key(self.variation).as_ref());
        shown.insert("featureId", self.feature.map_or(Value::Null, Value::from));
        shown.insert("inExperiment", self.in_experiment);
        shown.insert("hashUsed", self.hash_used);
        shown.insert("variationId", self.variation as f64);
        if let Some(value) = self.value() {
            shown.insert("value", value.clone());
        }
        shown.insert("hashAttribute", self.attribute);
        shown.insert("hashValue", self.unit.cloned().unwrap_or_else(|| "".into()));
        shown.insert("stickyBucketUsed", self.sticky_used);
        let meta = self.experiment.meta.get(self.variation);
        if let Some(name) = meta.and_then(|meta| meta.name.as_deref()) {
            shown.insert("name", name);
        }
        if let Some(bucket) = self.bucket {
            shown.insert("bucket", bucket);
        }
        if self.is_passthrough() {
            shown.insert("passthrough", true);
        }
        if let Some(leaf) = self.has_leaf_decided() {
            shown.insert("leafId", leaf.id.clone());
            shown.insert("variationWeights", leaf.variation_weights.clone());
            if let Some(version) = &leaf.bandit_version {
                shown.insert("banditVersion", version.clone());
            }
        }
        shown.into()
    }

    /// The experiment as the SDKs show it beside the result.
    pub fn experiment_value(&self) -> Value {
        let mut shown = self.experiment.definition.clone();
        if let (Some(leaf), Value::Object(object)) = (self.leaf, &mut shown) {
            leaf.show_in(object, self.has_leaf_decided().is_some());
        }
        shown
    }
}

impl Evaluation<'_> {
    pub fn is_on(&self) -> bool {
        self.value.is_truthy()
    }

    /// As the SDKs show it.
    pub fn to_value(&self) -> Value {
        let mut shown = Object::default();
        shown.insert("value", self.value.clone());
        shown.insert("on", self.is_on());
        shown.insert("off", !self.is_on());
        shown.insert("source", self.source.as_str());
        shown.insert("ruleId", self.rule);
        if let Some(assignment) = &self.assignment {
            shown.insert("experiment", assignment.experiment_value());
            shown.insert("experimentResult", assignment.to_value());
        }
        shown.into()
    }
}
