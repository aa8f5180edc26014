//! Retention: who comes back, by buckets after they started.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Breakdown, Bucket, Label, NamedCohort, Scope, Selector};

/// People who start in a bucket, and how many of them return in each bucket after.
///
/// A person returns in bucket `w + k` if a row of `returning` of the span lies in it, whether before or after the
/// start within the same bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub scope: Scope,
    pub bucket: Bucket,
    pub kind: RetentionKind,
    pub start: Selector,
    pub returning: Selector,
    /// Return in bucket k *or later* counts for k.
    #[serde(default)]
    pub unbounded: bool,
    /// By one property of the row that starts: the person's first row of `start` in the bucket (of `first_time`, ever); at
    /// equal times the smallest value, missing first. The `top` values with most starts stand for themselves, the rest
    /// together is `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<Breakdown>,
    /// By these groups, in this order; a person may be in several. Not with a breakdown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub cohorts: Vec<NamedCohort>,
}

/// Which buckets a person starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetentionKind {
    /// That of the person's first row of `start` ever; nobody whose first row lies outside the span.
    FirstTime,
    /// Every bucket with a row of `start`.
    Recurring,
}

/// One cohort for each bucket of the span, also an empty one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RetentionAnswer {
    pub cohorts: Vec<RetentionCohort>,
    /// The same of each part of a breakdown, by value, or of each of the cohorts asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<RetentionGroup>,
}

/// One part of a breakdown.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RetentionGroup {
    pub label: Label,
    pub cohorts: Vec<RetentionCohort>,
}

/// The people who started in one bucket.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RetentionCohort {
    /// Start of the bucket, in milliseconds.
    pub start_ms: i64,
    pub people: u64,
    /// How many returned in bucket 0, 1, … after, up to the last of the span.
    pub returned: Vec<u64>,
}
