//! Row policies in requests and answers: the access layer's, with a schema.

use footfall_api_access::{ROW_COLUMNS, RowFilter as Kept, RowValue as KeptValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a row policy compares.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RowValue {
    /// A column of `activity`, as `country`.
    Column(#[schemars(extend("enum" = ROW_COLUMNS))] String),
    /// A property of the activity, as text.
    Property(#[schemars(length(min = 1, max = 200))] String),
}

/// Which rows of `activity` are seen. A row whose value is missing meets neither `is` nor `is_not`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RowFilter {
    Everything,
    Nothing,
    Is {
        value: RowValue,
        #[schemars(length(max = 500))]
        one_of: Vec<String>,
    },
    IsNot {
        value: RowValue,
        #[schemars(length(max = 500))]
        none_of: Vec<String>,
    },
    /// All of them; of none: everything.
    All(#[schemars(length(max = 500))] Vec<RowFilter>),
    /// At least one of them; of none: nothing.
    Any(#[schemars(length(max = 500))] Vec<RowFilter>),
}

impl From<RowValue> for KeptValue {
    fn from(value: RowValue) -> KeptValue {
        match value {
            RowValue::Column(name) => KeptValue::Column(name),
            RowValue::Property(name) => KeptValue::Property(name),
        }
    }
}

impl From<KeptValue> for RowValue {
    fn from(value: KeptValue) -> RowValue {
        match value {
            KeptValue::Column(name) => RowValue::Column(name),
            KeptValue::Property(name) => RowValue::Property(name),
        }
    }
}

impl From<RowFilter> for Kept {
    fn from(filter: RowFilter) -> Kept {
        let all = |parts: Vec<RowFilter>| parts.into_iter().map(Kept::from).collect();
        match filter {
            RowFilter::Everything => Kept::Everything,
            RowFilter::Nothing => Kept::Nothing,
            RowFilter::Is { value, one_of } => Kept::Is { value: value.into(), one_of },
            RowFilter::IsNot { value, none_of } => Kept::IsNot { value: value.into(), none_of },
            RowFilter::All(parts) => Kept::All(all(parts)),
            RowFilter::Any(parts) => Kept::Any(all(parts)),
        }
    }
}

impl From<Kept> for RowFilter {
    fn from(filter: Kept) -> RowFilter {
        let all = |parts: Vec<Kept>| parts.into_iter().map(RowFilter::from).collect();
        match filter {
            Kept::Everything => RowFilter::Everything,
            Kept::Nothing => RowFilter::Nothing,
            Kept::Is { value, one_of } => RowFilter::Is { value: value.into(), one_of },
            Kept::IsNot { value, none_of } => RowFilter::IsNot { value: value.into(), none_of },
            Kept::All(parts) => RowFilter::All(all(parts)),
            Kept::Any(parts) => RowFilter::Any(all(parts)),
        }
    }
}
