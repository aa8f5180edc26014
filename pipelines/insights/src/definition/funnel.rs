//! Funnels: how many people go through steps, in which order, how fast.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::funnel_times::{FunnelTimes, FunnelTimesAnswer};
use super::{Bucket, By, Label, NamedCohort, Scope, Selector};

/// Steps that people take within a window.
///
/// **Ordered.** A person reaches level k if there are different rows e1..ek of steps 1..k with t1 <= t2 <= … <= tk and
/// tk - t1 <= window. Anything may lie between; any row of step 1 may start. At equal times rows are taken in the
/// order of their lowest step, then of their highest, then of the number whose bits are their steps; a row takes one
/// step only.
///
/// **Strict.** As ordered, but with no other activity between: e1..ek follow each other in the person's activities.
/// At equal times rows of steps come first, in the order above; then all others.
///
/// **Unordered.** The level is the largest number of different steps that have a row in any stretch of `window`.
///
/// Time to convert is that of the first row that completes the last step, from the latest start that still does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Funnel {
    pub scope: Scope,
    /// 1 to 16 steps.
    #[schemars(length(min = 1, max = 16))]
    pub steps: Vec<Selector>,
    #[serde(default)]
    pub order: FunnelOrder,
    /// Inclusive, in milliseconds.
    pub window_ms: i64,
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub exclusions: Vec<Exclusion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<FunnelBreakdown>,
    /// A group of the answer for each of these, in this order; a person may be in several. Not with a breakdown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub cohorts: Vec<NamedCohort>,
    /// Also for each bucket of the span: the levels of attempts whose row of step 1 lies in it, what follows may lie
    /// beyond it. A person counts once in each bucket with a row of step 1. Not of unordered funnels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<Bucket>,
    /// Also how the times spread, as a histogram and from step to step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<FunnelTimes>,
}

/// In which order steps must be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FunnelOrder {
    #[default]
    Ordered,
    Strict,
    Unordered,
}

/// Activities that end an attempt when they happen after step `after` was taken and before step `before` is (steps
/// count from 1). At equal times exclusions come after steps. Ordered and strict funnels only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    pub select: Selector,
    pub after: usize,
    pub before: usize,
}

/// People apart by a property of one of their rows of a step, of its session or group, or by a property of the person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunnelBreakdown {
    pub property: By,
    /// The step (from 1) whose row is looked at; people without such a row have no value. A property of the person is looked
    /// at without a row.
    pub step: usize,
    pub attribution: Attribution,
    /// Only so many values stand for themselves, those with most people (ties: the smaller by bytes, missing first); the
    /// rest together is one more group. All if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<usize>,
}

/// Which of a person's rows of the step in the span has the value; at equal times the smallest value (missing first).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    FirstTouch,
    LastTouch,
}

/// One group for each value of the breakdown, ascending, a missing value first, then the others together; for each
/// cohort, as asked; one without either.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FunnelAnswer {
    pub groups: Vec<FunnelGroup>,
}

/// People of one value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct FunnelGroup {
    pub value: Option<String>,
    /// What the group is: `value` alone does not tell a missing value from everybody.
    pub label: Label,
    /// People who reached at least level 1, 2, …
    pub reached: Vec<u64>,
    /// Of the times to convert of those who took all steps, in milliseconds, the percentiles 0, 10, 25, 50, 75, 90 and
    /// 100; nothing if nobody did.
    pub converted_ms: Vec<i64>,
    /// The mean of the times to convert; nothing if nobody did.
    pub mean_ms: Option<f64>,
    /// If they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<FunnelTimesAnswer>,
    /// If it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trend: Vec<FunnelBucket>,
}

/// Attempts that begin in one bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct FunnelBucket {
    pub start_ms: i64,
    /// People who reached at least level 1, 2, … from there.
    pub reached: Vec<u64>,
}

impl FunnelGroup {
    /// The median of the times to convert; `None` if nobody converted.
    pub fn median_ms(&self) -> Option<i64> {
        let place = RANKS.iter().position(|rank| *rank == 0.5)?;
        self.converted_ms.get(place).copied()
    }
}

/// The ranks that answers have: of ascending times the one at index `floor((n - 1) * rank)`.
pub(crate) const RANKS: [f64; 7] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0];
