//! Contextual bandits: the weights of a rule depend on which leaf of a tree of conditions a user belongs to.

use super::bucket::{BucketRange, bucket_ranges, equal_weights};
use super::condition::{Condition, SavedGroups};
use super::experiment::{Experiment, numbers};
use crate::Value;
use crate::value::Object;

/// The leaf of users for whom no context holds.
const FALLBACK_LEAF: f64 = -1.0;

/// The contexts of a bandit, first match wins, with the ranges that their weights give in one experiment.
#[derive(Clone, Debug)]
pub(super) struct Bandit {
    contexts: Vec<(Condition, Leaf)>,
    fallback: Leaf,
}

/// What one context of a bandit does to the experiment.
#[derive(Clone, Debug)]
pub struct Leaf {
    pub id: Value,
    pub variation_weights: Value,
    pub bandit_version: Option<Value>,
    pub(super) ranges: Vec<BucketRange>,
    is_fallback: bool,
}

impl Bandit {
    /// Reads `{banditVersion, contexts: [{leafId, condition, weights}, …]}` for one experiment.
    pub(super) fn compile(definition: &Value, experiment: &Experiment, groups: &SavedGroups) -> Bandit {
        let bandit_version = definition.get("banditVersion").cloned();
        let context = |context: &Value| {
            let condition = context.get("condition").filter(|condition| condition.is_truthy());
            let condition = condition.map(|condition| Condition::compile(condition, groups)).unwrap_or_default();
            let weights = context.get("weights").cloned().unwrap_or_default();
            let own = experiment.has_own_ranges.then(|| experiment.ranges.clone());
            let listed = weights.as_array().map(|_| numbers(&weights));
            let by_weight = || bucket_ranges(experiment.variations.len(), experiment.coverage, listed.as_deref());
            let leaf = Leaf {
                id: context.get("leafId").cloned().unwrap_or_default(),
                ranges: own.unwrap_or_else(by_weight),
                variation_weights: weights,
                bandit_version: bandit_version.clone(),
                is_fallback: false,
            };
            (condition, leaf)
        };
        let contexts = definition.get("contexts").and_then(Value::as_array).unwrap_or_default();
        let equal = || equal_weights(experiment.variations.len()).into_iter().map(Value::Number).collect::<Vec<_>>();
        Bandit {
            contexts: contexts.iter().map(context).collect(),
            fallback: Leaf {
                id: FALLBACK_LEAF.into(),
                variation_weights: experiment.definition.get("weights").cloned().unwrap_or_else(|| equal().into()),
                bandit_version: bandit_version.clone(),
                ranges: experiment.ranges.clone(),
                is_fallback: true,
            },
        }
    }

    #[inline]
    pub(super) fn leaf(&self, attributes: &Value) -> &Leaf {
        let context = self.contexts.iter().find(|(condition, _)| condition.holds(attributes));
        context.map_or(&self.fallback, |(_, leaf)| leaf)
    }
}

impl Leaf {
    /// Puts the leaf's weights, and if it decided the variation the leaf itself, into the experiment that is shown.
    pub(super) fn show_in(&self, definition: &mut Object, has_decided: bool) {
        if !self.is_fallback {
            definition.insert("weights", self.variation_weights.clone());
        }
        if has_decided {
            let mut shown = Object::default();
            shown.insert("leafId", self.id.clone());
            shown.insert("variationWeights", self.variation_weights.clone());
            if let Some(version) = &self.bandit_version {
                shown.insert("banditVersion", version.clone());
            }
            definition.insert("contextualBandit", shown);
        }
    }
}
