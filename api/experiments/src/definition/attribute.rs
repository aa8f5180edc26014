//! Attributes of users that conditions may ask for, and by which units are hashed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Definition, Kind, Stateless};
use crate::catalogue::{Catalogue, GIVEN};
use crate::faults::Faults;

/// Attributes that are the id of the user, under each of the names that rules have for it.
pub const OWN_IDS: [&str; 2] = ["id", "distinct_id"];
/// PostHog's clients know five types of groups.
const GROUP_TYPE_MAX: u8 = 4;

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
    /// It is the key of a group, as PostHog's SDKs send it in `groups`: the number of that type of group in PostHog's filters. Once it is
    /// set it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4))]
    pub group_type_index: Option<u8>,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

impl Definition for Attribute {
    const KIND: Kind = Kind::Attribute;
    type State = Stateless;

    fn check(&self, key: &str, _: &Stateless, catalogue: &Catalogue, faults: &mut Faults) {
        faults.text("description", &self.description);
        if let Some(index) = self.group_type_index {
            let same = catalogue.group_types().find(|(other, name)| *other == index && *name != key);
            match same {
                _ if index > GROUP_TYPE_MAX => {
                    faults.at("group_type_index", format!("must be between 0 and {GROUP_TYPE_MAX}"));
                }
                _ if GIVEN.contains(&key) => faults.at("group_type_index", format!("{key} is not a group's")),
                _ if !self.identifies => faults.at("group_type_index", "goes with an attribute that identifies"),
                Some((_, name)) => faults.at("group_type_index", format!("is that of {name:?} already")),
                None => {}
            }
        }
        let may_identify = matches!(self.kind, AttributeType::String | AttributeType::Number);
        if self.identifies && !may_identify {
            faults.at("identifies", "only texts and numbers tell users apart");
        }
        if self.is_personal && !self.identifies {
            faults.at("is_personal", "goes with an attribute that identifies");
        }
    }

    fn check_change(&self, before: &Self, _: (&Stateless, &Stateless), _: &Catalogue, faults: &mut Faults) {
        if before.group_type_index.is_some() && before.group_type_index != self.group_type_index {
            faults.at("group_type_index", "stays what it is, since filters and clients know the type by it");
        }
    }

    fn put(self, key: &str, _: Stateless, catalogue: &mut Catalogue) {
        catalogue.attributes.insert(key.to_owned(), self);
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.attributes.remove(key);
    }
}
