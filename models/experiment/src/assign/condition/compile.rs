//! From the JSON of a condition to its compiled form.

use std::collections::HashMap;

use super::members::Members;
use super::path::Path;
use super::version::{VersionTest, padded};
use super::{Clause, Condition, Operator, Order, Test};
use crate::Value;
use crate::pattern::Pattern;
use crate::value::Object;

/// Lists of values that conditions refer to by id.
#[derive(Clone, Debug, Default)]
pub struct SavedGroups {
    groups: HashMap<Box<str>, Members>,
}

impl SavedGroups {
    /// Reads `{id: [value, …], …}`.
    pub fn read(value: &Value) -> SavedGroups {
        let groups = value.as_object().into_iter().flat_map(Object::iter);
        let members = |value: &Value| Members::new(value.as_array().unwrap_or_default(), false);
        SavedGroups { groups: groups.map(|(id, value)| (id.into(), members(value))).collect() }
    }

    fn get(&self, id: &Value) -> Members {
        self.groups.get(&*id.to_text()).cloned().unwrap_or_default()
    }
}

pub(crate) struct Compiler<'a> {
    pub groups: &'a SavedGroups,
}

impl Compiler<'_> {
    pub(crate) fn condition(&self, condition: &Value) -> Condition {
        let clauses = match condition {
            Value::Object(object) => object.iter().map(|(name, value)| self.clause(name, value)).collect(),
            Value::Array(items) if items.is_empty() => Box::default(),
            Value::Null | Value::Array(_) => Box::from([Clause::Never]),
            // Numbers, booleans and texts have no members to ask for.
            _ => Box::default(),
        };
        Condition { clauses }
    }

    fn clause(&self, name: &str, value: &Value) -> Clause {
        let all = || value.as_array().unwrap_or_default().iter().map(|item| self.condition(item)).collect();
        match name {
            "$or" => Clause::Any(all()),
            "$nor" => Clause::NoneOf(all()),
            "$and" => Clause::All(all()),
            "$not" if value.is_null() => Clause::Never,
            "$not" => Clause::Not(self.condition(value)),
            path => Clause::At(Path::new(path), self.test(value, false)),
        }
    }

    fn test(&self, wanted: &Value, any_case: bool) -> Test {
        match wanted {
            Value::String(text) if any_case => Test::TextAnyCase(text.to_lowercase().into()),
            Value::String(text) => Test::Text(text.clone()),
            Value::Number(number) => Test::Number(*number),
            Value::Bool(flag) => Test::Bool(*flag),
            Value::Null => Test::Null,
            Value::Object(object) if has_only_operators(object) => {
                Test::All(object.iter().map(|(name, value)| self.operator(name, value)).collect())
            }
            other => Test::Same(other.clone()),
        }
    }

    fn operator(&self, name: &str, value: &Value) -> Operator {
        let version = |test| Operator::Version(test, padded(value).into());
        let ordered = |order| Operator::Ordered(order, value.clone());
        let members = |any_case| value.as_array().map(|items| Members::new(items, any_case));
        match name {
            "$veq" => version(VersionTest::Equal),
            "$vne" => version(VersionTest::NotEqual),
            "$vgt" => version(VersionTest::Greater),
            "$vgte" => version(VersionTest::GreaterOrEqual),
            "$vlt" => version(VersionTest::Less),
            "$vlte" => version(VersionTest::LessOrEqual),
            "$eq" => Operator::Identical(value.clone()),
            "$ne" => Operator::Different(value.clone()),
            "$lt" => ordered(Order::Less),
            "$lte" => ordered(Order::LessOrEqual),
            "$gt" => ordered(Order::Greater),
            "$gte" => ordered(Order::GreaterOrEqual),
            "$exists" => Operator::Exists(value.is_truthy()),
            "$in" => members(false).map_or(Operator::Never, Operator::In),
            "$ini" => members(true).map_or(Operator::Never, Operator::In),
            "$nin" => members(false).map_or(Operator::Never, Operator::NotIn),
            "$nini" => members(true).map_or(Operator::Never, Operator::NotIn),
            "$inGroup" => Operator::In(self.groups.get(value)),
            "$notInGroup" => Operator::NotIn(self.groups.get(value)),
            "$not" => Operator::Not(Box::new(self.test(value, false))),
            "$size" => Operator::Size(Box::new(self.test(value, false))),
            "$elemMatch" => self.element(value),
            "$all" => self.all(value, false),
            "$alli" => self.all(value, true),
            "$regex" => matches(value, false),
            "$regexi" => matches(value, true),
            "$type" => Operator::IsOfType(value.clone()),
            _ => Operator::Never,
        }
    }

    fn element(&self, value: &Value) -> Operator {
        match value.as_object() {
            Some(object) if has_only_operators(object) => Operator::ElementIs(Box::new(self.test(value, false))),
            _ => Operator::ElementHas(self.condition(value)),
        }
    }

    fn all(&self, value: &Value, any_case: bool) -> Operator {
        let Some(items) = value.as_array() else { return Operator::Never };
        Operator::HasAll(items.iter().map(|item| self.test(item, any_case)).collect())
    }
}

/// A pattern that cannot be compiled matches nothing.
fn matches(value: &Value, ignore_case: bool) -> Operator {
    let pattern = value.as_str().and_then(|text| Pattern::compile(text, ignore_case).ok());
    pattern.map_or(Operator::Never, Operator::Matches)
}

fn has_only_operators(object: &Object) -> bool {
    !object.is_empty() && object.iter().all(|(name, _)| name.starts_with('$'))
}
