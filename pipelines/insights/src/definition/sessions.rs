//! Sessions: stretches of activity, how long, how many with a single row, and how they begin and end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Breakdown, Bucket, Label, Scope, Selector};

/// Sessions by bucket of their first row. A gap longer than `gap_ms` starts a new one. A session counts, whole, if its
/// first row lies in the span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    pub scope: Scope,
    pub bucket: Bucket,
    #[serde(default = "half_an_hour")]
    pub gap_ms: i64,
    /// Only sessions that have such a row, wherever in them it lies. They are stretches of all rows in any case.
    #[serde(default, skip_serializing_if = "Selector::is_any")]
    pub select: Selector,
    /// By one property of their first row (of rows of its time and name the smallest value, missing first), of the person,
    /// or of the session itself. The `top` values with most sessions stand for themselves, the rest together is `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<Breakdown>,
    /// What charts draw. The answer has all of it, whichever it is.
    #[serde(default, skip_serializing_if = "SessionMeasure::is_usual")]
    pub measure: SessionMeasure,
}

/// What charts draw of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionMeasure {
    /// How many.
    #[default]
    Sessions,
    /// Last minus first time, on average.
    AverageDuration,
    /// The part that has a single row.
    BounceRate,
    /// Rows, on average.
    AverageRows,
}

impl SessionMeasure {
    fn is_usual(&self) -> bool {
        *self == SessionMeasure::default()
    }
}

fn half_an_hour() -> i64 {
    30 * 60_000
}

/// One entry for each bucket, and the activities that sessions begin and end with.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SessionsAnswer {
    pub buckets: Vec<SessionBucket>,
    /// Sessions by first activity, most first, then by name.
    pub entries: Vec<(String, u64)>,
    /// Sessions by last activity, most first, then by name.
    pub exits: Vec<(String, u64)>,
    /// The same buckets of each part of a breakdown, by value, others last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<SessionGroup>,
}

/// One part of a breakdown.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SessionGroup {
    pub label: Label,
    pub buckets: Vec<SessionBucket>,
}

/// Sessions that began in one bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct SessionBucket {
    pub start_ms: i64,
    pub sessions: u64,
    /// Sum of last minus first time.
    pub duration_ms: u64,
    /// Sessions of one row.
    pub bounces: u64,
    /// Rows in all of them.
    pub rows: u64,
}

impl SessionBucket {
    /// Adds what another has.
    pub(crate) fn add(&mut self, other: &SessionBucket) {
        self.sessions += other.sessions;
        self.duration_ms += other.duration_ms;
        self.bounces += other.bounces;
        self.rows += other.rows;
    }

    /// Takes away what was added before.
    pub(crate) fn take(&mut self, other: &SessionBucket) {
        self.sessions -= other.sessions;
        self.duration_ms -= other.duration_ms;
        self.bounces -= other.bounces;
        self.rows -= other.rows;
    }
}
