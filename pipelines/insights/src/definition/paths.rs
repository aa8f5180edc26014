//! Paths: what people do next, or did before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Scope, Selector};

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
    /// Paths are made of such rows alone: all others are as if they were not there, for gaps and anchors too.
    #[serde(default, skip_serializing_if = "Selector::is_any")]
    pub select: Selector,
    /// Nor are these there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<Selector>,
    /// Paths that end earlier, at a gap or with the person's rows, count too, with the names there are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shorter: bool,
    /// Other names for activities in the answer: the first that fits; their own if none does. The anchor has the
    /// activities' own names.
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
    /// The path is what follows such a row.
    After(AnchorRow),
    /// The path is what leads to such a row, in the order it happened.
    Before(AnchorRow),
    /// Paths begin where stretches without a gap above `gap_ms` begin, with their first row.
    Beginning,
    /// Paths end where such stretches end, with their last row.
    Ending,
}

/// An activity by its name, or rows that a selector takes: of rows of one person, time and name these come first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "an anchor is the name of an activity, or {\"activities\": […], \"condition\": …}")]
pub enum AnchorRow {
    Name(String),
    Rows(Selector),
}

impl From<&str> for AnchorRow {
    fn from(name: &str) -> AnchorRow {
        AnchorRow::Name(name.to_owned())
    }
}

impl AnchorRow {
    /// The activity, where every row of one is meant.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            AnchorRow::Name(name) => Some(name),
            AnchorRow::Rows(Selector { activities, condition: None }) => match activities.as_slice() {
                [name] => Some(name),
                _ => None,
            },
            AnchorRow::Rows(_) => None,
        }
    }
}

impl Anchor {
    /// The row that paths begin or end at; `None` of stretches.
    pub fn row(&self) -> Option<&AnchorRow> {
        match self {
            Anchor::After(row) | Anchor::Before(row) => Some(row),
            Anchor::Beginning | Anchor::Ending => None,
        }
    }

    /// Whether paths go on from it.
    pub fn is_forward(&self) -> bool {
        matches!(self, Anchor::After(_) | Anchor::Beginning)
    }
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
