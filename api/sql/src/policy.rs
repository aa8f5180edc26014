//! From what the access layer says somebody sees to what the SQL engine shows.

use std::collections::BTreeSet;

use footfall_api_access::{RowFilter, RowValue, View};
use footfall_pipelines_store::query::{Condition, Policy, Subject};

/// The engine's policy for a view.
pub fn policy_of(view: &View) -> Policy {
    let rows = match &view.rows {
        RowFilter::Everything => None,
        filter => Some(condition(filter)),
    };
    let masked: BTreeSet<String> = view.masks.iter().map(str::to_owned).collect();
    Policy { rows, masked }
}

fn condition(filter: &RowFilter) -> Condition {
    match filter {
        RowFilter::Everything => Condition::All(Vec::new()),
        RowFilter::Nothing => Condition::Any(Vec::new()),
        RowFilter::Is { value, one_of } => Condition::OneOf(subject(value), one_of.clone()),
        // What is missing is not known to be allowed.
        RowFilter::IsNot { value, none_of } => Condition::All(vec![
            Condition::IsSet(subject(value)),
            Condition::Not(Box::new(Condition::OneOf(subject(value), none_of.clone()))),
        ]),
        RowFilter::All(parts) => Condition::All(parts.iter().map(condition).collect()),
        RowFilter::Any(parts) => Condition::Any(parts.iter().map(condition).collect()),
    }
}

fn subject(value: &RowValue) -> Subject {
    match value {
        RowValue::Column(name) => Subject::Column(name.clone()),
        RowValue::Property(name) => Subject::Property(name.clone()),
    }
}
