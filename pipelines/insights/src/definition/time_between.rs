//! Time between: how long from one activity to the next of another kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Scope, Selector};

/// For each row of `from` in the span, the time to the person's first row of `to` in the span that is strictly later;
/// left out if there is none within `window_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeBetween {
    pub scope: Scope,
    pub from: Selector,
    pub to: Selector,
    pub window_ms: i64,
    /// Of `n` ascending times the one at index `floor((n - 1) * rank)`, for each rank of 0 to 1.
    #[serde(default)]
    pub ranks: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TimeBetweenAnswer {
    pub count: u64,
    /// Different people in it.
    pub people: u64,
    pub sum_ms: u64,
    pub percentiles_ms: Vec<Option<i64>>,
}
