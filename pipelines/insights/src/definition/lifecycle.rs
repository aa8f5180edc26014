//! Lifecycle: who is new, returning, resurrecting and dormant in each bucket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bucket, Scope, Selector};

/// The standing of people, bucket by bucket. The span is widened to whole buckets.
///
/// Of those active in a bucket: *new* never were before, *returning* were in the bucket before, *resurrecting* were
/// before but not in the bucket before. *Dormant* were in the bucket before and are not in this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    pub scope: Scope,
    pub bucket: Bucket,
    pub select: Selector,
}

/// One entry for each bucket.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LifecycleAnswer {
    pub buckets: Vec<LifecycleBucket>,
}

/// People by standing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct LifecycleBucket {
    pub start_ms: i64,
    pub new: u64,
    pub returning: u64,
    pub resurrecting: u64,
    pub dormant: u64,
}
