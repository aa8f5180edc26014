//! Which rows of `activity` somebody sees, and which properties they see as missing. Data only: the SQL engine applies it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Columns of `activity` that a row policy may test: those that say where a row came from, not what it measures.
pub const ROW_COLUMNS: &[&str] = &[
    "event",
    "kind",
    "person_id",
    "distinct_id",
    "user_id",
    "anonymous_id",
    "device_type",
    "os",
    "app_name",
    "app_version",
    "locale",
    "country",
    "region",
    "city",
    "dialect",
];

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowValue {
    /// One of [`ROW_COLUMNS`].
    Column(String),
    /// A property of the activity, as text.
    Property(String),
}

/// A condition on rows of `activity`.
///
/// A row whose value is missing meets neither `Is` nor `IsNot`: what is not known to be allowed is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFilter {
    Everything,
    #[default]
    Nothing,
    Is {
        value: RowValue,
        one_of: Vec<String>,
    },
    IsNot {
        value: RowValue,
        none_of: Vec<String>,
    },
    /// All of them; of none: everything.
    All(Vec<RowFilter>),
    /// At least one of them; of none: nothing.
    Any(Vec<RowFilter>),
}

/// Why a row filter is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFilterError {
    #[error("{0:?} is no column that a row policy may test")]
    Column(String),
    #[error("the name of a property has 1 to 200 characters")]
    Property,
    #[error("a row policy has at most {NODES_MAX} conditions and values, nested {DEPTH_MAX} deep")]
    TooLarge,
}

const DEPTH_MAX: usize = 8;
const NODES_MAX: usize = 500;

impl RowFilter {
    /// Refuses unknown columns and filters beyond bounds.
    pub fn check(&self) -> Result<(), RowFilterError> {
        if self.nodes(0)? > NODES_MAX { Err(RowFilterError::TooLarge) } else { Ok(()) }
    }

    fn nodes(&self, depth: usize) -> Result<usize, RowFilterError> {
        if depth > DEPTH_MAX {
            return Err(RowFilterError::TooLarge);
        }
        match self {
            RowFilter::Everything | RowFilter::Nothing => Ok(1),
            RowFilter::Is { value, one_of: texts } | RowFilter::IsNot { value, none_of: texts } => match value {
                RowValue::Column(name) if !ROW_COLUMNS.contains(&name.as_str()) => {
                    Err(RowFilterError::Column(name.chars().take(64).collect()))
                }
                RowValue::Property(name) if name.is_empty() || name.chars().count() > 200 => {
                    Err(RowFilterError::Property)
                }
                _ => Ok(1 + texts.len()),
            },
            RowFilter::All(parts) | RowFilter::Any(parts) => {
                parts.iter().try_fold(1, |sum, part| Ok(sum + part.nodes(depth + 1)?))
            }
        }
    }

    /// Whether a row is seen; `read` gives its values. The meaning that every engine has to reproduce.
    pub fn admits<'a>(&self, read: &impl Fn(&RowValue) -> Option<&'a str>) -> bool {
        match self {
            RowFilter::Everything => true,
            RowFilter::Nothing => false,
            RowFilter::Is { value, one_of } => {
                read(value).is_some_and(|found| one_of.iter().any(|wanted| wanted == found))
            }
            RowFilter::IsNot { value, none_of } => {
                read(value).is_some_and(|found| none_of.iter().all(|unwanted| unwanted != found))
            }
            RowFilter::All(parts) => parts.iter().all(|part| part.admits(read)),
            RowFilter::Any(parts) => parts.iter().any(|part| part.admits(read)),
        }
    }
}

/// Names of columns and properties that are seen as missing, wherever they occur; case does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Masks(BTreeSet<String>);

impl Masks {
    /// True when the column or property `name` is hidden.
    pub fn hides(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&name.to_lowercase())
    }

    /// True when everything that `other` hides is hidden.
    pub fn covers(&self, other: &Masks) -> bool {
        self.0.is_superset(&other.0)
    }

    pub fn union(&self, other: &Masks) -> Masks {
        Masks(self.0.union(&other.0).cloned().collect())
    }

    pub fn intersection(&self, other: &Masks) -> Masks {
        Masks(self.0.intersection(&other.0).cloned().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: AsRef<str>> FromIterator<S> for Masks {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Masks(names.into_iter().map(|name| name.as_ref().to_lowercase()).collect())
    }
}

impl<'de> Deserialize<'de> for Masks {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.into_iter().collect())
    }
}
