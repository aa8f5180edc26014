//! Contexts of a bandit: groups of users told apart by conditions, each with weights of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::check::condition;
use crate::faults::Faults;

const CONTEXTS_MAX: usize = 20;
/// The leaf of users for whom no context holds, as SDKs tell it.
const OTHERS_LEAF: &str = "-1";

/// A context; of several that hold for a user the first counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BanditContext {
    #[schemars(length(min = 1, max = 100))]
    pub key: String,
    /// For whom, in GrowthBook's condition language.
    pub condition: Value,
}

/// The weights of one context since a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContextWeights {
    pub weights: Vec<f64>,
    /// Of each arm to be the best in this context; empty as long as too little is known of it.
    pub chances: Vec<f64>,
}

/// The leaf by which SDKs tell the context at `index`; past the last it is that of all others.
pub fn leaf_of(index: usize, contexts: usize) -> String {
    if index < contexts { (index + 1).to_string() } else { OTHERS_LEAF.to_owned() }
}

pub(super) fn check(contexts: &[BanditContext], catalogue: &Catalogue, faults: &mut Faults) {
    faults.count("contexts", contexts.len(), CONTEXTS_MAX);
    faults.distinct("contexts", "key", contexts.iter().map(|context| context.key.as_str()));
    faults.each("contexts", contexts, |faults, _, context| {
        faults.key("key", &context.key);
        faults.within("condition", |faults| condition::check(&context.condition, catalogue, faults));
    });
}
