//! Two segments side by side: who does it more, or how often they convert.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NamedCohort, Scope, Selector};

/// A number of each person of two groups, for a test of whether the groups differ. Everybody of a group counts, with 0 if
/// there are no such rows; who is in both groups is in neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    pub scope: Scope,
    /// Two: the first is what the second is compared with.
    #[schemars(length(min = 2, max = 2))]
    pub segments: Vec<NamedCohort>,
    pub of: CompareOf,
}

/// The number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CompareOf {
    /// 1 of those who took all steps, as an ordered funnel counts it, else 0.
    Converts {
        steps: Vec<Selector>,
        window_ms: i64,
    },
    RowsPerPerson(Selector),
    /// The sum of a property over the person's rows that have it.
    SumPerPerson {
        select: Selector,
        property: String,
    },
}

/// What is known of both groups.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CompareAnswer {
    pub segments: Vec<CompareSegment>,
    /// People left out because they are in both.
    pub in_both: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CompareSegment {
    pub name: String,
    pub people: u64,
    /// Of the people's numbers.
    pub sum: f64,
    pub sum_of_squares: f64,
}
