//! Rankings: the activities, people, or both together with most rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Scope, Selector};

/// Rows counted by activity, by person or by both, the most first; ties by activity, then person id, by bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    pub scope: Scope,
    pub select: Selector,
    pub by: RankBy,
    pub top: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RankBy {
    Activity,
    Person,
    ActivityAndPerson,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RankingAnswer {
    pub rows: Vec<RankedRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RankedRow {
    pub activity: Option<String>,
    pub person: Option<String>,
    pub rows: u64,
}
