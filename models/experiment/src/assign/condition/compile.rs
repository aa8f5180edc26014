//! From the JSON of a condition to its compiled form.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use super::members::Members;
use super::path::Path;
use super::version::{VersionTest, padded};
use super::{Alternatives, Clause, Condition, Operator, Order, Test};
use crate::Value;
use crate::pattern::Pattern;
use crate::value::{NULL, Object};

/// So many conditions of groups may one condition bring in.
const GROUPS_MAX: u32 = 10_000;

/// Lists of values and conditions that conditions refer to by id.
#[derive(Clone, Debug, Default)]
pub struct SavedGroups {
    groups: HashMap<Box<str>, Group>,
}

#[derive(Clone, Debug)]
enum Group {
    /// Values of an attribute, which the older form leaves to who refers to it.
    List {
        members: Members,
        attribute: Option<Box<str>>,
        is_older: bool,
    },
    Condition(Value),
    /// Nobody is in it, and nobody is known not to be.
    Nothing,
}

impl Group {
    /// Reads `[value, …]`, `{type: "list", attributeKey, values}` or `{type: "condition", condition}`.
    fn read(value: &Value) -> Group {
        let list = |items: &[Value], attribute: Option<&str>, is_older| Group::List {
            members: Members::new(items, false),
            attribute: attribute.map(Box::from),
            is_older,
        };
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        match (value, text("type")) {
            (Value::Array(items), _) => list(items, None, true),
            (_, Some("list")) => match value.get("values") {
                Some(Value::Array(items)) => list(items, text("attributeKey"), false),
                _ => Group::Nothing,
            },
            (_, Some("condition")) => match value.get("condition") {
                Some(condition @ (Value::Object(_) | Value::Array(_))) => Group::Condition(condition.clone()),
                _ => Group::Nothing,
            },
            _ => Group::Nothing,
        }
    }
}

impl SavedGroups {
    /// Reads `{id: group, …}`.
    pub fn read(value: &Value) -> SavedGroups {
        let groups = value.as_object().into_iter().flat_map(Object::iter);
        SavedGroups { groups: groups.map(|(id, value)| (id.into(), Group::read(value))).collect() }
    }

    /// The values of a list; one that is not there is empty.
    fn list(&self, id: &Value) -> Option<Members> {
        match self.groups.get(&*id.to_text()) {
            Some(Group::List { members, .. }) => Some(members.clone()),
            Some(_) => None,
            None => Some(Members::default()),
        }
    }
}

pub(crate) struct Compiler<'a> {
    groups: &'a SavedGroups,
    /// Groups whose conditions this is part of: one in itself has nobody.
    within: Vec<&'a str>,
    brought: Rc<Cell<u32>>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(groups: &'a SavedGroups) -> Compiler<'a> {
        Compiler { groups, within: Vec::new(), brought: Rc::default() }
    }

    /// Those of a group, by a reference `{id, attributeKey}`.
    fn saved_group(&self, reference: &Value) -> Clause {
        let id = reference.get("id").and_then(Value::as_str).filter(|id| !self.within.contains(id));
        let Some((id, group)) = id.and_then(|id| self.groups.groups.get_key_value(id)) else { return Clause::Never };
        let attribute = reference.get("attributeKey");
        match group {
            _ if attribute.is_some_and(|attribute| attribute.as_str().is_none()) => Clause::Never,
            Group::List { members, attribute: own, is_older: false } => {
                let path = attribute.and_then(Value::as_str).or(own.as_deref());
                let test = || Test::All(Box::from([Operator::In(members.clone())]));
                path.map_or(Clause::Never, |path| Clause::At(Path::new(path), test()))
            }
            Group::Condition(condition) if self.brought.get() < GROUPS_MAX => {
                self.brought.set(self.brought.get() + 1);
                let within = self.within.iter().copied().chain([&**id]).collect();
                let inner = Compiler { groups: self.groups, within, brought: self.brought.clone() };
                Clause::All(Box::from([inner.condition(condition)]))
            }
            _ => Clause::Never,
        }
    }

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
            "$savedGroup" => self.saved_group(value),
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
            "$inGroup" => self.groups.list(value).map_or(Operator::Never, Operator::In),
            "$notInGroup" => self.groups.list(value).map_or(Operator::Never, Operator::NotIn),
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
