//! Attributes of users that conditions may ask for, and by which units are hashed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Definition, Kind, Stateless};
use crate::catalogue::Catalogue;
use crate::faults::Faults;

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    String,
    Number,
    Boolean,
    StringList,
    NumberList,
    /// Three or more numbers with dots, as 1.20.3.
    Version,
    Json,
}

/// An attribute. Those named `id` and `distinct_id` are always there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// It tells users apart, so that experiments and rollouts may go by it.
    #[serde(default)]
    pub identifies: bool,
    /// No two people share a value of it, as customers' numbers mostly are and companies are not: who is divided by it counts for themselves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_personal: bool,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

impl Definition for Attribute {
    const KIND: Kind = Kind::Attribute;
    type State = Stateless;

    fn check(&self, _: &str, _: &Stateless, _: &Catalogue, faults: &mut Faults) {
        faults.text("description", &self.description);
        let may_identify = matches!(self.kind, AttributeType::String | AttributeType::Number);
        if self.identifies && !may_identify {
            faults.at("identifies", "only texts and numbers tell users apart");
        }
        if self.is_personal && !self.identifies {
            faults.at("is_personal", "goes with an attribute that identifies");
        }
    }

    fn put(self, key: &str, _: Stateless, catalogue: &mut Catalogue) {
        catalogue.attributes.insert(key.to_owned(), self);
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.attributes.remove(key);
    }
}
