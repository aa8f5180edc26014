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

    pub(crate) fn is_any(&self) -> bool {
        self.activities.is_empty() && self.condition.is_none()
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
    /// On the group that the row is of, as a company, or on a property of that group.
    Group(GroupComparison),
    /// An expression of SQL over the columns of `activity`, as `amount > 10 AND properties->>'plan' = 'pro'`: true, not
    /// false and not NULL. What differs between two readings of a row is refused: `person_id`, other rows, the time of day.
    Sql(String),
    /// The person is in this group.
    Cohort(Box<Cohort>),
}

/// What is asked of the group of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupComparison {
    /// The type, as `company`. A row without a group of this type is tested as a missing value.
    pub group: String,
    /// A property of the group as it is now: of calls that set it, the one with the latest time. The group's key if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    pub test: Test,
}

impl GroupComparison {
    /// The name under which a projection keeps the keys of groups of this type.
    pub(crate) fn column(&self) -> String {
        format!("{GROUP_COLUMN}{}", self.group)
    }
}

/// `group.company` is the key of the row's group of type `company`, wherever a property of activities can be named.
pub const GROUP_COLUMN: &str = "group.";

/// Before an expression of SQL, the name under which a projection keeps whether it is true.
pub const SQL_COLUMN: &str = "sql:";

/// The name under which a projection keeps whether an expression is true.
pub(crate) fn sql_column(expression: &str) -> String {
    format!("{SQL_COLUMN}{expression}")
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
