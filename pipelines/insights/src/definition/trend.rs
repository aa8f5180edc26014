//! Trends: counts and measures by bucket of time, with breakdowns.

use serde::{Deserialize, Serialize};

use super::{Bucket, Scope, Selector};

/// Measures of one or several series over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    pub scope: Scope,
    pub series: Vec<Series>,
    pub bucket: Bucket,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<Breakdown>,
}

/// One series: some activities, and what is measured of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    pub select: Selector,
    pub measures: Vec<Measure>,
}

/// What is measured, of the rows of one bucket and breakdown. Property measures leave out rows without the number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Rows.
    Count,
    /// Different people.
    People,
    /// Different sessions (gap of 30 minutes) that have such a row.
    Sessions,
    /// Rows per person.
    CountPerPerson,
    Sum(String),
    Average(String),
    Minimum(String),
    Maximum(String),
    /// Of `n` ascending values the one at index `floor((n - 1) * rank)`, rank 0 to 1.
    Percentile(String, f64),
}

/// Rows apart by the values of up to three properties. The `top` combinations with most rows in the whole span (ties:
/// the smaller values by bytes, missing first) stand for themselves, the rest together is [`Label::Other`]. Each
/// series has its own top.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breakdown {
    pub properties: Vec<String>,
    pub top: usize,
}

/// Which part of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// There is no breakdown.
    Everything,
    /// The values, one for each property; `None` where a row has none.
    Values(Vec<Option<String>>),
    Other,
}

/// A line for each series and label, by series, then label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrendAnswer {
    /// Starts of the buckets, in milliseconds.
    pub buckets: Vec<i64>,
    pub lines: Vec<TrendLine>,
}

/// One line: for each measure, in the order asked, a value for each bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrendLine {
    pub series: usize,
    pub label: Label,
    /// `None` where there is nothing to measure; counts and sums are 0 there.
    pub measures: Vec<Vec<Option<f64>>>,
}
