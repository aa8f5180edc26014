//! How the times of a funnel spread.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::InsightError;

const BOUNDS_MAX: usize = 100;

/// A histogram of the times to convert, and the times from each step to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunnelTimes {
    /// Ascending, in milliseconds. If absent 1, 2, 4 … seconds, as far as the window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub bounds_ms: Vec<i64>,
}

/// Of those who took all steps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct FunnelTimesAnswer {
    pub bounds_ms: Vec<i64>,
    /// People with a time below the first bound, from each to below the next, and from the last up.
    pub histogram: Vec<u64>,
    /// From each step to the next, of the conversion that counts: from the first row of step 1 at the time at which it
    /// begins, each step by the first row that goes on. Nothing of an unordered funnel, which has no next step.
    pub steps: Vec<StepTimes>,
}

/// From one step to the next.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct StepTimes {
    /// Nothing if nobody took all steps.
    pub mean_ms: Option<f64>,
    /// The percentiles 0, 10, 25, 50, 75, 90 and 100, as of the times to convert.
    pub times_ms: Vec<i64>,
}

impl FunnelTimes {
    /// The bounds of the histogram of a funnel with this window; refuses those that are none.
    pub(crate) fn bounds(&self, window_ms: i64) -> Result<Vec<i64>, InsightError> {
        if self.bounds_ms.len() > BOUNDS_MAX {
            return Err(InsightError::question("bounds_ms", format!("at most {BOUNDS_MAX}")));
        }
        if !self.bounds_ms.is_sorted_by(|a, b| a < b) {
            return Err(InsightError::question("bounds_ms", "must ascend"));
        }
        if !self.bounds_ms.is_empty() {
            return Ok(self.bounds_ms.clone());
        }
        let doubled = std::iter::successors(Some(1_000i64), |bound| bound.checked_mul(2));
        Ok(doubled.take_while(|bound| *bound <= window_ms).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn bounds_double_as_far_as_the_window() {
        let bounds = |given: &[i64], window| FunnelTimes { bounds_ms: given.to_vec() }.bounds(window);
        assert_eq!(bounds(&[], 9_000).unwrap(), [1_000, 2_000, 4_000, 8_000]);
        assert!(bounds(&[], 999).unwrap().is_empty());
        assert!(bounds(&[], i64::MAX).unwrap().len() < BOUNDS_MAX);
        assert_eq!(bounds(&[0, 5], 9_000).unwrap(), [0, 5]);
        assert!(bounds(&[5, 5], 9_000).is_err() && bounds(&[0; BOUNDS_MAX + 1], 9_000).is_err());
    }
}
