//! Which activities count: names, and conditions on their properties and on their people's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

/// A property and what is asked of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    pub property: String,
    pub test: Test,
}

/// What is asked of one value. Texts are compared by bytes. A property that is missing fails every test but `NotSet`,
/// `IsNot` and `NotContains`, which it passes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    Set,
    NotSet,
    /// Equal to one of these. A number is compared by its value with those of the texts that are numbers.
    Is(Vec<String>),
    IsNot(Vec<String>),
    Contains(String),
    NotContains(String),
    StartsWith(String),
    EndsWith(String),
    /// Numbers; a text that is a number counts as one, any other text fails.
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
}

impl Test {
    /// The answer for a text, or for a missing value.
    pub fn of_text(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<f64>().ok());
        match self {
            Test::Set => value.is_some(),
            Test::NotSet => value.is_none(),
            Test::Is(these) => value.is_some_and(|value| these.iter().any(|one| one == value)),
            Test::IsNot(these) => !value.is_some_and(|value| these.iter().any(|one| one == value)),
            Test::Contains(part) => value.is_some_and(|value| value.contains(part.as_str())),
            Test::NotContains(part) => !value.is_some_and(|value| value.contains(part.as_str())),
            Test::StartsWith(part) => value.is_some_and(|value| value.starts_with(part.as_str())),
            Test::EndsWith(part) => value.is_some_and(|value| value.ends_with(part.as_str())),
            Test::Above(bound) => number().is_some_and(|number| number > *bound),
            Test::AtLeast(bound) => number().is_some_and(|number| number >= *bound),
            Test::Below(bound) => number().is_some_and(|number| number < *bound),
            Test::AtMost(bound) => number().is_some_and(|number| number <= *bound),
        }
    }

    /// The answer for a number, or for a missing value. Tests of text read the number as it prints.
    pub fn of_number(&self, value: Option<f64>) -> bool {
        let equal = |number: f64, text: &String| text.parse::<f64>().is_ok_and(|other| other == number);
        match (self, value) {
            (Test::Is(these), Some(number)) => these.iter().any(|text| equal(number, text)),
            (Test::IsNot(these), Some(number)) => !these.iter().any(|text| equal(number, text)),
            (_, Some(number)) => self.of_text(Some(&number.to_string())),
            (_, None) => self.of_text(None),
        }
    }
}
