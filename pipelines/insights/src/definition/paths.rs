//! Paths: what people do next, or did before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Scope;

/// Sequences of activities after or before an activity. A person's rows are in the order of time, then name by bytes.
/// Each row of the anchor in the span that has `length` more rows on that side, every gap at most `gap_ms`, is one
/// occurrence of the path of their names; those rows may lie outside the span. Occurrences may overlap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    pub scope: Scope,
    pub anchor: Anchor,
    /// 1 to 8.
    pub length: usize,
    pub gap_ms: i64,
    /// So many of the most frequent are answered.
    pub top: usize,
}

/// Where paths begin or end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The path is what follows this activity.
    After(String),
    /// The path is what leads to this activity, in the order it happened.
    Before(String),
}

/// The most frequent paths (then by names), and of all paths the edges for a Sankey diagram.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PathsAnswer {
    pub paths: Vec<PathCount>,
    pub edges: Vec<PathEdge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PathCount {
    pub activities: Vec<String>,
    pub count: u64,
}

/// So many occurrences have `from` at place `place` and `to` at the next, most first, then by place and names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PathEdge {
    pub place: usize,
    pub from: String,
    pub to: String,
    pub count: u64,
}
