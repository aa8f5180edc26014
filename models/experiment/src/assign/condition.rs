//! Targeting conditions in GrowthBook's dialect of MongoDB queries: read once, with their regular expressions, sets
//! and paths prepared, and asked often.

mod compile;
mod members;
mod path;
mod version;

use crate::Value;
use crate::pattern::Pattern;
use crate::value::{NULL, Primitive};

pub(super) use compile::Compiler;
pub use compile::SavedGroups;
use members::Members;
use path::Path;
use version::{VersionTest, padded};

/// A compiled condition: all its clauses have to hold. The empty condition always holds.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    clauses: Box<[Clause]>,
}

#[derive(Clone, Debug)]
enum Clause {
    Any(Box<[Condition]>),
    NoneOf(Box<[Condition]>),
    All(Box<[Condition]>),
    Not(Condition),
    At(Path, Test),
    Never,
}

/// What is asked of one value.
#[derive(Clone, Debug)]
enum Test {
    Text(Box<str>),
    /// Already in lower case.
    TextAnyCase(Box<str>),
    Number(f64),
    Bool(bool),
    Null,
    /// The same JSON text.
    Same(Value),
    All(Box<[Operator]>),
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug)]
enum Operator {
    Version(VersionTest, Box<str>),
    Identical(Value),
    Different(Value),
    Ordered(Order, Value),
    Exists(bool),
    In(Members),
    NotIn(Members),
    Not(Box<Test>),
    Size(Box<Test>),
    ElementIs(Box<Test>),
    ElementHas(Condition),
    HasAll(Box<[Test]>),
    Matches(Pattern),
    IsOfType(Value),
    Never,
}

impl Condition {
    /// Compiles a condition. There is nothing that cannot be compiled: what has no meaning never holds.
    pub fn compile(condition: &Value, groups: &SavedGroups) -> Condition {
        Compiler { groups }.condition(condition)
    }

    /// True if the attributes meet the condition.
    #[inline]
    pub fn holds(&self, attributes: &Value) -> bool {
        self.clauses.iter().all(|clause| clause.holds(attributes))
    }
}

impl Clause {
    #[inline]
    fn holds(&self, attributes: &Value) -> bool {
        match self {
            Clause::At(path, test) => test.holds(&path.of(attributes)),
            // Of no alternatives one is taken to hold.
            Clause::Any(conditions) => conditions.is_empty() || conditions.iter().any(|c| c.holds(attributes)),
            Clause::NoneOf(conditions) => !conditions.is_empty() && !conditions.iter().any(|c| c.holds(attributes)),
            Clause::All(conditions) => conditions.iter().all(|c| c.holds(attributes)),
            Clause::Not(condition) => !condition.holds(attributes),
            Clause::Never => false,
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Test::All(operators), value) => operators.iter().all(|operator| operator.holds(value)),
            (Test::Text(wanted), Value::String(text)) => wanted == text,
            (Test::Text(wanted), value) => **wanted == *value.to_text(),
            (Test::TextAnyCase(wanted), value) => **wanted == *value.to_text().to_lowercase(),
            (Test::Number(wanted), value) => value.to_number() == *wanted,
            (Test::Bool(wanted), value) => !value.is_null() && value.is_truthy() == *wanted,
            (Test::Null, value) => value.is_null(),
            (Test::Same(wanted), value) => wanted == value,
        }
    }
}

impl Operator {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Operator::Identical(wanted) => value.is_identical(wanted),
            Operator::Different(other) => !value.is_identical(other),
            Operator::Ordered(order, bound) => order.holds(&value.to_primitive(), &bound.to_primitive()),
            Operator::Exists(wanted) => value.is_null() != *wanted,
            Operator::In(members) => members.meet(value),
            Operator::NotIn(members) => !members.meet(value),
            Operator::Not(test) => !test.holds(value),
            Operator::Size(test) => {
                value.as_array().is_some_and(|items| test.holds(&Value::Number(items.len() as f64)))
            }
            Operator::ElementIs(test) => has_element(value, |item| test.holds(item)),
            Operator::ElementHas(condition) => has_element(value, |item| condition.holds(item)),
            Operator::HasAll(tests) => {
                value.as_array().is_some_and(|items| tests.iter().all(|test| items.iter().any(|item| test.holds(item))))
            }
            Operator::Matches(pattern) => match value {
                Value::String(text) => pattern.is_match(text),
                other => pattern.is_match(&other.to_text()),
            },
            Operator::Version(test, bound) => test.holds(&padded(value), bound),
            Operator::IsOfType(name) => name.as_str() == Some(type_of(value)),
            Operator::Never => false,
        }
    }
}

impl Order {
    fn holds(self, value: &Primitive<'_>, bound: &Primitive<'_>) -> bool {
        value.compare(bound).is_some_and(|ordering| match self {
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

/// Elements that are empty, zero, false or null are not looked at.
fn has_element(value: &Value, meets: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().any(|item| item.is_truthy() && meets(item)))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
