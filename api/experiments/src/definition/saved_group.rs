//! Saved groups: lists of values that many conditions share by `$inGroup`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, Kind, Stateless};
use crate::catalogue::Catalogue;
use crate::faults::Faults;

const VALUES_MAX: usize = 20_000;

/// A list of values of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedGroup {
    #[schemars(length(min = 1, max = 100))]
    pub attribute: String,
    /// Texts or numbers.
    #[schemars(length(max = 20000))]
    pub values: Vec<Value>,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

impl Definition for SavedGroup {
    const KIND: Kind = Kind::SavedGroup;
    type State = Stateless;

    fn check(&self, _: &str, _: &Stateless, catalogue: &Catalogue, faults: &mut Faults) {
        faults.text("description", &self.description);
        faults.count("values", self.values.len(), VALUES_MAX);
        if !catalogue.knows_attribute(&self.attribute) {
            faults.at("attribute", format!("there is no attribute {:?}", self.attribute));
        }
        faults.each("values", &self.values, |faults, _, value| {
            if !value.is_string() && !value.is_number() {
                faults.here("must be a text or a number");
            }
        });
    }

    fn put(self, key: &str, _: Stateless, catalogue: &mut Catalogue) {
        catalogue.saved_groups.insert(key.to_owned(), self);
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.saved_groups.remove(key);
    }
}
