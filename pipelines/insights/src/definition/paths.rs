//! Paths: what people do next, or did before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Scope;

/// Sequences of activities after or before an activity. A person's rows are in the order of time, then name by bytes.
/// Each row of the anchor in the span that has `length` more rows on that side, every gap at most `gap_ms`, is one
/// occurrence of the path of their names; those rows may lie outside the span. Occurrences may overlap. Of `beginning` and
/// `ending` the row where a stretch begins or ends is in the path itself.
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
    /// Paths that end earlier, at a gap or with the person's rows, count too, with the names there are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shorter: bool,
    /// Other names for activities in the answer: the first that fits; their own if none does. The anchor is an
    /// activity's own name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub names: Vec<PathName>,
    /// Edges with fewer occurrences are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub edge_least: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One name for all activities that a pattern fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathName {
    pub name: String,
    pub pattern: Pattern,
}

/// Which names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// The whole name; `*` stands for any text, none too.
    Like(String),
    /// Found anywhere in the name.
    Regex(String),
}

/// Where paths begin or end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The path is what follows this activity.
    After(String),
    /// The path is what leads to this activity, in the order it happened.
    Before(String),
    /// Paths begin where stretches without a gap above `gap_ms` begin, with their first row.
    Beginning,
    /// Paths end where such stretches end, with their last row.
    Ending,
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

/// So many occurrences have `from` at place `place` (from 0; of shorter paths before something, as if the missing rows
/// were in front) and `to` at the next, most first, then by place and names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PathEdge {
    pub place: usize,
    pub from: String,
    pub to: String,
    pub count: u64,
}
