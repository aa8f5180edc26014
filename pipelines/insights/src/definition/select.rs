//! Which activities count: names, and conditions on their properties and on their people's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cohort, Test};

/// Activities of these names that meet the condition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Any of these names; any activity at all if empty.
    #[serde(default)]
    pub activities: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

impl Selector {
    /// Every activity.
    pub fn any() -> Selector {
        Selector::default()
    }

    /// Activities of one name.
    pub fn named(name: &str) -> Selector {
        Selector { activities: vec![name.to_owned()], condition: None }
    }

    /// The same activities, of these only those that meet `condition`.
    pub fn only(mut self, condition: Condition) -> Selector {
        self.condition = Some(condition);
        self
    }
}

/// A condition on one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// True if all are; also of none.
    All(Vec<Condition>),
    /// True if one is; false of none.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// On a property of the activity.
    Property(Comparison),
    /// On a property of the person, as it is now.
    Person(Comparison),
    /// On the session that the row is in.
    Session(SessionComparison),
    /// The person is in this group.
    Cohort(Box<Cohort>),
}

/// What is asked of the session of a row: a stretch of all of the person's rows, whole whatever the span, without a gap
/// above 30 minutes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionComparison {
    pub property: SessionProperty,
    pub test: Test,
}

/// What is known of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionProperty {
    /// Last minus first time, a number.
    DurationMs,
    /// How many rows, a number.
    Rows,
    /// The name of its first row; at equal times the first by bytes.
    Entry,
    /// The name of its last row; at equal times the last by bytes.
    Exit,
}

/// A property and what is asked of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    pub property: String,
    pub test: Test,
}
