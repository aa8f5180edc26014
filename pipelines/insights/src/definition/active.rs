//! Active people by day, week and month: DAU, WAU, MAU.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Scope, Selector};

/// People with such a row on each day of the span, and in the 7 and 30 days that end with it. The days before the
/// span count for those.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivePeople {
    pub scope: Scope,
    pub select: Selector,
}

/// One entry for each day that the span touches; its days are whole.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ActivePeopleAnswer {
    pub days: Vec<ActiveDay>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct ActiveDay {
    pub start_ms: i64,
    pub day: u64,
    /// In the 7 days that end with this one.
    pub week: u64,
    /// In the 30 days that end with this one.
    pub month: u64,
    /// `day` as a share of `week`: DAU/WAU; `null` of nobody, as the others are.
    pub day_per_week: Option<f64>,
    /// DAU/MAU.
    pub day_per_month: Option<f64>,
    /// WAU/MAU.
    pub week_per_month: Option<f64>,
}

impl ActiveDay {
    pub(crate) fn new(start_ms: i64, day: u64, week: u64, month: u64) -> ActiveDay {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let (day_per_week, day_per_month, week_per_month) = (share(day, week), share(day, month), share(week, month));
        ActiveDay { start_ms, day, week, month, day_per_week, day_per_month, week_per_month }
    }
}
