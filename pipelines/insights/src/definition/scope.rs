//! What a question looks at: a span of time, the zone whose days and weeks count, and which people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Cohort;

/// Span, zone and people of a question.
///
/// Rows with `from_ms <= time < until_ms` count; times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub from_ms: i64,
    pub until_ms: i64,
    /// IANA name of the zone in which days, weeks, months and hours are cut.
    #[serde(default = "utc")]
    pub zone: String,
    /// Only these people; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Cohort>,
    /// Only so large a share of these people, above 0 and at most 1: those of whose id XXH3-64 is below this share of
    /// 2^64, so the same people each time. Nothing in the answer is scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample: Option<f64>,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Scope {
    /// Everybody, in UTC.
    pub fn utc(from_ms: i64, until_ms: i64) -> Scope {
        Scope { from_ms, until_ms, zone: utc(), people: None, sample: None }
    }

    /// Whether a row at `time_ms` counts.
    pub fn contains(&self, time_ms: i64) -> bool {
        self.from_ms <= time_ms && time_ms < self.until_ms
    }
}

/// Whether a person is in a sample of this share.
pub(crate) fn is_sampled(person: &str, share: f64) -> bool {
    // As ClickHouse compares xxh3(person_id) with the same bound.
    xxh3_64(person.as_bytes()) < sample_bound(share)
}

/// Hashes below it are in; a share of 1 leaves out one of 2^64.
pub(crate) fn sample_bound(share: f64) -> u64 {
    (share * 18_446_744_073_709_551_616.0) as u64
}
