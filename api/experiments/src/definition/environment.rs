//! Environments: where an app runs. `production` is always there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Definition, Kind, Stateless};
use crate::catalogue::Catalogue;
use crate::faults::Faults;

/// The environment of keys that name none.
pub const PRODUCTION: &str = "production";

/// An environment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

impl Definition for Environment {
    const KIND: Kind = Kind::Environment;
    type State = Stateless;

    fn check(&self, _: &str, _: &Stateless, _: &Catalogue, faults: &mut Faults) {
        faults.text("description", &self.description);
    }

    fn put(self, key: &str, _: Stateless, catalogue: &mut Catalogue) {
        catalogue.environments.insert(key.to_owned(), self);
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.environments.remove(key);
    }
}
