//! Holdouts: users who get none of the experiments and features that name it, and as many to compare them with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Definition, Kind, Stateless};
use crate::catalogue::Catalogue;
use crate::faults::Faults;

const METRICS_MAX: usize = 100;

/// A holdout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holdout {
    /// The share of users who are held out; at most one half, since as many are compared with them.
    #[schemars(range(min = 0.0, max = 0.5))]
    pub share: f64,
    #[serde(default = "super::experiment::default_hash_attribute")]
    #[schemars(length(min = 1, max = 100))]
    pub hash_attribute: String,
    /// By which both are compared.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub metrics: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

impl Definition for Holdout {
    const KIND: Kind = Kind::Holdout;
    type State = Stateless;

    fn check(&self, _: &str, _: &Stateless, catalogue: &Catalogue, faults: &mut Faults) {
        faults.text("description", &self.description);
        if !(0.0..=0.5).contains(&self.share) {
            faults.at("share", "must be between 0 and 0.5");
        }
        faults.count("metrics", self.metrics.len(), METRICS_MAX);
        faults.distinct("metrics", "metric", self.metrics.iter().map(String::as_str));
        faults.each("metrics", &self.metrics, |faults, _, key| {
            if !catalogue.metrics.contains_key(key) {
                faults.here(format!("there is no metric {key:?}"));
            }
        });
        catalogue.check_identifier("hash_attribute", &self.hash_attribute, faults);
    }

    fn put(self, key: &str, _: Stateless, catalogue: &mut Catalogue) {
        catalogue.holdouts.insert(key.to_owned(), self);
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.holdouts.remove(key);
    }
}
