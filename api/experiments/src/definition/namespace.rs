//! Namespaces: experiments that share one exclude each other, since each takes a range of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Definition, Kind, SeedState, Seeds};
use crate::catalogue::Catalogue;
use crate::faults::Faults;

/// A namespace.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
    /// Of its state.
    #[serde(skip)]
    pub seeds: Seeds,
}

impl Definition for Namespace {
    const KIND: Kind = Kind::Namespace;
    type State = SeedState;

    fn check(&self, _: &str, _: &SeedState, _: &Catalogue, faults: &mut Faults) {
        faults.text("description", &self.description);
    }

    fn put(self, key: &str, state: SeedState, catalogue: &mut Catalogue) {
        catalogue.namespaces.insert(key.to_owned(), Namespace { seeds: state.seeds, ..self });
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.namespaces.remove(key);
    }
}
