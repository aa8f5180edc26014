//! What rows and people are told apart by: a property of the activity, of the person, of the session or of a group, as it
//! is or by bins of its numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SessionProperty;
use super::select::GROUP_COLUMN;
use crate::InsightError;

/// Bounds of bins.
const BOUNDS_MAX: usize = 100;

/// In place of a property, the name of the activity itself.
pub const EVENT_COLUMN: &str = "activity.event";

/// A name stands for the text of a property of the activity; `activity.event` for the activity's own name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a breakdown is by the name of a property, or by {\"property\": …}, {\"person\": …}, {\"session\": …} or {\"group\": …}"
)]
pub enum By {
    Name(String),
    Of(ByOf),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ByOf {
    /// A property of the activity.
    Property(ByProperty),
    /// A property of the person, as it is now.
    Person(ByProperty),
    /// The session that the row is in.
    Session(BySession),
    /// The group that the row is of, or a property of that group.
    Group(ByGroup),
}

/// A property. With bounds its numbers are put into bins: below the first, from each to below the next, from the last up;
/// their values are texts as `< 10`, `10 to 20` and `>= 20`. What is no number has no value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByProperty {
    pub property: String,
    /// Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub bounds: Vec<f64>,
}

/// What is known of a session: a stretch of all of the person's rows without a gap above 30 minutes, of sessions one of
/// the question's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BySession {
    pub property: SessionProperty,
    /// Ascending; of `duration_ms` and `rows`, which need them, and of nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub bounds: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByGroup {
    /// The type, as `company`.
    pub group: String,
    /// A property of the group as it is now; its key if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub bounds: Vec<f64>,
}

impl From<&str> for By {
    fn from(name: &str) -> By {
        By::Name(name.to_owned())
    }
}

impl By {
    /// Whether it is by the names of activities.
    pub(crate) fn is_of_events(&self) -> bool {
        match self {
            By::Name(name) => name == EVENT_COLUMN,
            By::Of(ByOf::Property(by)) => by.property == EVENT_COLUMN && by.bounds.is_empty(),
            By::Of(_) => false,
        }
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        match self {
            By::Name(_) => &[],
            By::Of(ByOf::Property(by) | ByOf::Person(by)) => &by.bounds,
            By::Of(ByOf::Session(by)) => &by.bounds,
            By::Of(ByOf::Group(by)) => &by.bounds,
        }
    }

    /// Refuses bounds that are none.
    pub(crate) fn check(&self) -> Result<(), InsightError> {
        let bounds = self.bounds();
        if bounds.len() > BOUNDS_MAX {
            return Err(InsightError::question("bounds", format!("at most {BOUNDS_MAX}")));
        }
        if bounds.iter().any(|bound| !bound.is_finite()) || !bounds.is_sorted_by(|a, b| a < b) {
            return Err(InsightError::question("bounds", "must be numbers that ascend"));
        }
        let By::Of(ByOf::Session(session)) = self else { return Ok(()) };
        let is_number = matches!(session.property, SessionProperty::DurationMs | SessionProperty::Rows);
        match (is_number, bounds.is_empty()) {
            (true, true) => Err(InsightError::question("bounds", "are needed for a number of sessions")),
            (false, false) => Err(InsightError::question("bounds", "are for numbers: an activity is none")),
            _ => Ok(()),
        }
    }
}

impl ByGroup {
    /// The name under which a projection keeps the keys of groups of this type.
    pub(crate) fn column(&self) -> String {
        format!("{GROUP_COLUMN}{}", self.group)
    }
}

/// The bin of a number, of as many as there are bounds and one more.
pub(crate) fn bin(bounds: &[f64], number: f64) -> usize {
    bounds.partition_point(|bound| *bound <= number)
}

/// The texts of all bins.
pub(crate) fn bins(bounds: &[f64]) -> Vec<String> {
    let (Some(first), Some(last)) = (bounds.first(), bounds.last()) else { return Vec::new() };
    let between = bounds.windows(2).map(|pair| format!("{} to {}", pair[0], pair[1]));
    std::iter::once(format!("< {first}")).chain(between).chain([format!(">= {last}")]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn names_stand_for_properties_and_all_are_read_as_they_are_written() {
        let all = json!([
            "plan",
            {"property": {"property": "price", "bounds": [1.0, 2.5]}},
            {"person": {"property": "plan"}},
            {"session": {"property": "entry"}},
            {"group": {"group": "company", "property": "size", "bounds": [10.0]}},
        ]);
        let read: Vec<By> = from_value(all.clone()).unwrap();
        assert_eq!(to_value(&read).unwrap(), all);
        assert!(read.iter().all(|by| by.check().is_ok()));
        assert!(from_value::<By>(json!({"person": {"property": "plan", "test": "set"}})).is_err());
    }

    #[test]
    fn bins_have_names_and_odd_bounds_are_refused() {
        assert_eq!(bins(&[1.0, 2.5]), ["< 1", "1 to 2.5", ">= 2.5"]);
        assert_eq!([0.5, 1.0, 2.4, 2.5].map(|number| bin(&[1.0, 2.5], number)), [0, 1, 1, 2]);
        let number = |bounds: serde_json::Value| json!({"property": {"property": "price", "bounds": bounds}});
        for bounds in [json!([2, 1]), json!([1, 1]), json!(vec![0; BOUNDS_MAX + 1])] {
            assert!(from_value::<By>(number(bounds)).unwrap().check().is_err());
        }
        let session = |property: &str, bounds: &[f64]| {
            from_value::<By>(json!({"session": {"property": property, "bounds": bounds}})).unwrap().check()
        };
        assert!(session("duration_ms", &[]).is_err() && session("entry", &[1.0]).is_err());
        assert!(session("rows", &[2.0]).is_ok() && session("exit", &[]).is_ok());
    }
}
