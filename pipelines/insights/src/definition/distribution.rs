//! Distributions: of a number over rows, or of how often people do it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Scope, Selector};

/// How values spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    pub scope: Scope,
    pub select: Selector,
    pub of: DistributionOf,
    /// Ascending edges: counted are values below the first, from each edge to below the next, and from the last up.
    #[serde(default)]
    pub edges: Vec<f64>,
    /// Of `n` ascending values the one at index `floor((n - 1) * rank)`, for each rank of 0 to 1.
    #[serde(default)]
    pub ranks: Vec<f64>,
}

/// What the values are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DistributionOf {
    /// The number in each row; rows without it are left out.
    Property(String),
    /// For each person with such rows, how many.
    RowsPerPerson,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DistributionAnswer {
    pub count: u64,
    pub sum: f64,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    /// One more than edges.
    pub histogram: Vec<u64>,
    pub percentiles: Vec<Option<f64>>,
}
