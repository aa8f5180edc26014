//! What units are hashed with. A rule, a namespace and an experiment of one name must not divide people alike, so that each has a seed of its own;
//! what was made when they had only their names keeps those, since another seed would deal everybody out anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How seeds are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seeds {
    /// The name alone.
    #[default]
    Plain,
    /// With what it is the name of.
    Apart,
}

/// What is kept beside a definition that makes seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedState {
    /// Absent in what is older.
    #[serde(default)]
    pub seeds: Seeds,
}

impl Default for SeedState {
    /// Of what is new.
    fn default() -> SeedState {
        SeedState { seeds: Seeds::Apart }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_without_seeds_keeps_its_name_alone() {
        let of = |text: &str| serde_json::from_str::<SeedState>(text).unwrap().seeds;
        assert_eq!(
            [of("{}"), of(r#"{"seeds": "apart"}"#), SeedState::default().seeds],
            [Seeds::Plain, Seeds::Apart, Seeds::Apart]
        );
    }
}
