//! Stickiness: on how many different days (weeks …) people do it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bucket, Scope, Selector};

/// People by the number of different buckets of the span in which they have such a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stickiness {
    pub scope: Scope,
    pub bucket: Bucket,
    pub select: Selector,
}

/// `people[n - 1]` have such rows in exactly `n` buckets.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StickinessAnswer {
    pub people: Vec<u64>,
}
