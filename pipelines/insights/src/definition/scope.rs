//! What a question looks at: a span of time, the zone whose days and weeks count, and which people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Scope {
    /// Everybody, in UTC.
    pub fn utc(from_ms: i64, until_ms: i64) -> Scope {
        Scope { from_ms, until_ms, zone: utc(), people: None }
    }

    /// Whether a row at `time_ms` counts.
    pub fn contains(&self, time_ms: i64) -> bool {
        self.from_ms <= time_ms && time_ms < self.until_ms
    }
}
