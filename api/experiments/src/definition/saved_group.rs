//! Saved groups: lists of values that many conditions share by `$inGroup`, written out or the people of a saved cohort.

use footfall_api_http::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, Kind};
use crate::catalogue::Catalogue;
use crate::faults::Faults;

/// Values of one group: all of them go to every client that asks for flags.
pub const VALUES_MAX: usize = 20_000;

/// A list of values of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedGroup {
    #[schemars(length(min = 1, max = 100))]
    pub attribute: String,
    /// Texts or numbers. None where `cohort` says who is in it.
    #[serde(default)]
    #[schemars(length(max = 20000))]
    pub values: Vec<Value>,
    /// The key of a saved cohort: the values are the distinct ids of its people, looked up anew every few minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub cohort: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

/// Who was found in a group's cohort.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Members {
    /// The cohort that was asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cohort: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// When they last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
    /// Why they could not be looked up the last time; the group keeps whom it had.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fault: String,
}

impl Definition for SavedGroup {
    const KIND: Kind = Kind::SavedGroup;
    type State = Members;

    fn check(&self, _: &str, _: &Members, catalogue: &Catalogue, faults: &mut Faults) {
        faults.text("description", &self.description);
        faults.count("values", self.values.len(), VALUES_MAX);
        if !catalogue.knows_attribute(&self.attribute) {
            faults.at("attribute", format!("there is no attribute {:?}", self.attribute));
        }
        if let Some(cohort) = &self.cohort {
            faults.key("cohort", cohort);
            if !self.values.is_empty() {
                faults.at("values", "are those of the cohort");
            }
        }
        faults.each("values", &self.values, |faults, _, value| {
            if !value.is_string() && !value.is_number() {
                faults.here("must be a text or a number");
            }
        });
    }

    fn put(mut self, key: &str, members: Members, catalogue: &mut Catalogue) {
        if self.cohort.as_deref().is_some_and(|cohort| cohort == members.cohort) {
            self.values = members.values.into_iter().map(Value::String).collect();
        }
        catalogue.saved_groups.insert(key.to_owned(), self);
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.saved_groups.remove(key);
    }

    fn names_people(&self) -> bool {
        self.cohort.is_some()
    }
}
