//! From the JSON of a condition to its compiled form.

use std::collections::HashMap;

use super::members::Members;
use super::path::Path;
use super::version::{VersionTest, padded};
use super::{Alternatives, Clause, Condition, Operator, Order, Test};
use crate::Value;
use crate::pattern::Pattern;
use crate::value::{NULL, Object};

/// Lists of values that conditions refer to by id.
#[derive(Clone, Debug, Default)]
pub struct SavedGroups {
    /// None for what is no list: nobody is in it, and nobody is known not to be.
    groups: HashMap<Box<str>, Option<Members>>,
}

impl SavedGroups {
    /// Reads `{id: [value, …], …}`, and lists as `{id: {type: "list", values: [value, …]}}`.
    pub fn read(value: &Value) -> SavedGroups {
        let groups = value.as_object().into_iter().flat_map(Object::iter);
        let list = |value: &'_ Value| match value {
            Value::Array(items) => Some(Members::new(items, false)),
            value if value.get("type").and_then(Value::as_str) == Some("list") => {
                value.get("values").and_then(Value::as_array).map(|items| Members::new(items, false))
            }
            _ => None,
        };
        SavedGroups { groups: groups.map(|(id, value)| (id.into(), list(value))).collect() }
    }

    /// One that is not there is empty.
    fn get(&self, id: &Value) -> Option<Members> {
        self.groups.get(&*id.to_text()).cloned().unwrap_or_else(|| Some(Members::default()))
    }
}

pub(crate) struct Compiler<'a> {
    pub groups: &'a SavedGroups,
}

impl Compiler<'_> {
    /// What has no members has characters or places, or nothing to ask for, as `Object.entries` says.
    pub(crate) fn condition(&self, condition: &Value) -> Condition {
        let clauses = match condition {
            Value::Object(object) => object.entries().map(|(name, value)| self.clause(name, value)).collect(),
            Value::Array(items) => self.places(items),
            Value::String(text) => self.places(&characters(text)),
            Value::Null => Box::from([Clause::Breaks]),
            Value::Bool(_) | Value::Number(_) => Box::default(),
        };
        Condition { clauses }
    }

    fn places(&self, items: &[Value]) -> Box<[Clause]> {
        let at = |(place, item): (usize, &Value)| Clause::At(Path::new(&place.to_string()), self.test(item, false));
        items.iter().enumerate().map(at).collect()
    }

    fn clause(&self, name: &str, value: &Value) -> Clause {
        let several = || self.several(value);
        match name {
            "$or" => several().map_or(Clause::Breaks, Clause::Any),
            "$nor" => several().map_or(Clause::Breaks, Clause::NoneOf),
            "$and" => several().map_or(Clause::Breaks, |several| Clause::All(several.conditions)),
            "$not" => Clause::Not(self.condition(value)),
            path => Clause::At(Path::new(path), self.test(value, false)),
        }
    }

    /// Conditions of a list, or of what JavaScript goes through as if it were one: by its `length`, place by place. None of nothing.
    fn several(&self, value: &Value) -> Option<Alternatives> {
        let list = |conditions: Box<[Condition]>| Alternatives { conditions, if_none: true };
        let of = |items: &[Value]| list(items.iter().map(|item| self.condition(item)).collect());
        match value {
            Value::Null => None,
            Value::Array(items) => Some(of(items)),
            Value::String(text) => Some(of(&characters(text))),
            Value::Bool(_) | Value::Number(_) => Some(list(Box::default())),
            Value::Object(object) => match object.get("length").filter(|length| length.is_truthy()) {
                None => Some(list(Box::default())),
                Some(length) => Some(Alternatives { conditions: self.up_to(object, length), if_none: false }),
            },
        }
    }

    fn up_to(&self, object: &Object, length: &Value) -> Box<[Condition]> {
        let length = length.to_number();
        let mut conditions = Vec::new();
        // Where there is nothing at a place, nothing after it is reached.
        while (conditions.len() as f64) < length {
            match object.get(&conditions.len().to_string()) {
                Some(item) => conditions.push(self.condition(item)),
                None => {
                    conditions.push(self.condition(&NULL));
                    break;
                }
            }
        }
        conditions.into()
    }

    fn test(&self, wanted: &Value, any_case: bool) -> Test {
        match wanted {
            Value::String(text) if any_case => Test::TextAnyCase(text.to_lowercase().into()),
            Value::String(text) => Test::Text(text.clone()),
            Value::Number(number) => Test::Number(*number),
            Value::Bool(flag) => Test::Bool(*flag),
            Value::Null => Test::Null,
            Value::Object(object) if has_only_operators(object) => {
                Test::All(object.entries().map(|(name, value)| self.operator(name, value)).collect())
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
            "$inGroup" => self.groups.get(value).map_or(Operator::Never, Operator::In),
            "$notInGroup" => self.groups.get(value).map_or(Operator::Never, Operator::NotIn),
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
        match value {
            Value::Object(object) if has_only_operators(object) => {
                Operator::ElementIs(Box::new(self.test(value, false)))
            }
            Value::Null => Operator::ElementBreaks,
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

/// A text by its UTF-16 units. Half of a pair is no text that anything could be equal to, and becomes what is in none either.
fn characters(text: &str) -> Vec<Value> {
    let unit = |unit: u16| {
        char::from_u32(u32::from(unit)).map_or_else(|| Value::from("\u{fffe}\u{ffff}"), |c| c.to_string().into())
    };
    text.encode_utf16().map(unit).collect()
}

fn has_only_operators(object: &Object) -> bool {
    !object.is_empty() && object.iter().all(|(name, _)| name.starts_with('$'))
}
