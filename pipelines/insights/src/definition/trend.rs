//! Trends: counts and measures by bucket of time, with breakdowns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bucket, By, NamedCohort, Scope, Selector};

/// Measures of one or several series over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    pub scope: Scope,
    pub series: Vec<Series>,
    pub bucket: Bucket,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<Breakdown>,
    /// Lines for each of these groups, in this order; a person may be in several. Not with a breakdown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub cohorts: Vec<NamedCohort>,
    /// Further lines, made of the series' first measures: `A / B * 100`, where `A` is the first series. `+ - * /`, numbers
    /// and parentheses; no value where a series has none, and of a division by zero. Not with a breakdown or cohorts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub formulas: Vec<String>,
    #[serde(default, skip_serializing_if = "Running::is_each")]
    pub running: Running,
    /// The same of the span before, for comparison: as many days of the zone, of 23 or 25 hours too, and as much time beside
    /// them. It ends where this one begins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
}

/// What becomes of the values of a line, formulas included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Running {
    #[default]
    Each,
    /// The sum of all values so far, a missing one as 0. Of people, days' people are added, not different people.
    Sum,
    /// The mean of the values there are in the bucket and those before it, so many together; fewer at the start.
    Average(#[schemars(range(min = 1, max = 10_000))] usize),
}

impl Running {
    fn is_each(&self) -> bool {
        *self == Running::Each
    }
}

/// One series: some activities, and what is measured of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    pub select: Selector,
    pub measures: Vec<Measure>,
}

/// What is measured, of the rows of one bucket and breakdown. Property measures leave out rows without the number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Rows.
    Count,
    /// Different people.
    People,
    /// People whose first row of all, of whatever activity, lies in the bucket, and who have such a row in the span: new
    /// people of several buckets can be added.
    NewPeople,
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
    /// A number of each person with such rows, then one of all of these.
    PerPerson {
        value: PersonValue,
        statistic: PersonStatistic,
    },
}

/// The number of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonValue {
    Rows,
    /// Of a number in the rows that have it; people without any are left out.
    Sum(String),
}

/// What is made of people's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonStatistic {
    Average,
    Minimum,
    Maximum,
    /// Of `n` ascending numbers the one at index `floor((n - 1) * rank)`, rank 0 to 1.
    Percentile(f64),
}

/// Rows apart by the values of up to three properties, of activities, persons, sessions or groups. The `top` combinations with most rows in the whole span (ties:
/// the smaller values by bytes, missing first) stand for themselves, the rest together is [`Label::Other`]. Each
/// series has its own top.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breakdown {
    pub properties: Vec<By>,
    pub top: usize,
}

/// Which part of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// There is no breakdown.
    #[default]
    Everything,
    /// The values, one for each property; `None` where a row has none.
    Values(Vec<Option<String>>),
    Other,
    /// The group of this name.
    Cohort(String),
}

/// A line for each series and label, by series, then label.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrendAnswer {
    /// Starts of the buckets, in milliseconds.
    pub buckets: Vec<i64>,
    /// By series, then label; lines of formulas follow, numbered on.
    pub lines: Vec<TrendLine>,
    /// If it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Box<TrendAnswer>>,
}

/// One line: for each measure, in the order asked, a value for each bucket.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrendLine {
    pub series: usize,
    pub label: Label,
    /// `None` where there is nothing to measure; counts and sums are 0 there.
    pub measures: Vec<Vec<Option<f64>>>,
}
