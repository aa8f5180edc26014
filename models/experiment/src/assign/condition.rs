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

/// Whether something holds; none where the SDK for JavaScript throws. Then the whole condition does not hold, whatever negates it.
type Told = Option<bool>;

#[derive(Clone, Debug)]
enum Clause {
    Any(Alternatives),
    NoneOf(Alternatives),
    All(Box<[Condition]>),
    Not(Condition),
    At(Path, Test),
    Never,
    Breaks,
}

/// Conditions of which one has to hold.
#[derive(Clone, Debug)]
struct Alternatives {
    conditions: Box<[Condition]>,
    /// What is taken to be so where there are none.
    if_none: bool,
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
    ElementBreaks,
    HasAll(Box<[Test]>),
    Matches(Pattern),
    IsOfType(Value),
    Never,
}

impl Condition {
    /// Compiles a condition. There is nothing that cannot be compiled: what has no meaning holds as it does in the SDK for JavaScript, and
    /// where that throws, never.
    pub fn compile(condition: &Value, groups: &SavedGroups) -> Condition {
        Compiler::new(groups).condition(condition)
    }

    /// True if the attributes meet the condition.
    #[inline]
    pub fn holds(&self, attributes: &Value) -> bool {
        self.tells(attributes) == Some(true)
    }

    #[inline]
    fn tells(&self, attributes: &Value) -> Told {
        all(&self.clauses, |clause| clause.tells(attributes))
    }
}

/// Up to the first that does not hold.
#[inline]
fn all<T>(items: &[T], tells: impl Fn(&T) -> Told) -> Told {
    items.iter().map(tells).find(|told| *told != Some(true)).unwrap_or(Some(true))
}

/// Up to the first that holds.
#[inline]
fn any<'a, T: 'a>(items: impl IntoIterator<Item = &'a T>, tells: impl Fn(&'a T) -> Told) -> Told {
    items.into_iter().map(tells).find(|told| *told != Some(false)).unwrap_or(Some(false))
}

fn negated(told: Told) -> Told {
    told.map(|holds| !holds)
}

impl Alternatives {
    #[inline]
    fn tells(&self, attributes: &Value) -> Told {
        if self.conditions.is_empty() {
            return Some(self.if_none);
        }
        any(self.conditions.iter(), |condition| condition.tells(attributes))
    }
}

impl Clause {
    #[inline]
    fn tells(&self, attributes: &Value) -> Told {
        match self {
            Clause::At(path, test) => test.tells(&path.of(attributes)),
            Clause::Any(alternatives) => alternatives.tells(attributes),
            Clause::NoneOf(alternatives) => negated(alternatives.tells(attributes)),
            Clause::All(conditions) => all(conditions, |condition| condition.tells(attributes)),
            Clause::Not(condition) => negated(condition.tells(attributes)),
            Clause::Never => Some(false),
            Clause::Breaks => None,
        }
    }
}

impl Test {
    fn tells(&self, value: &Value) -> Told {
        if let Test::All(operators) = self {
            return all(operators, |operator| operator.tells(value));
        }
        Some(match (self, value) {
            (Test::Text(wanted), Value::String(text)) => wanted == text,
            (Test::Text(wanted), value) => **wanted == *value.to_text(),
            (Test::TextAnyCase(wanted), value) => **wanted == *value.to_text().to_lowercase(),
            (Test::Number(wanted), value) => value.to_number() == *wanted,
            (Test::Bool(wanted), value) => !value.is_null() && value.is_truthy() == *wanted,
            (Test::Null, value) => value.is_null(),
            (Test::Same(wanted), value) => value.has_same_text(wanted),
            (Test::All(_), _) => false,
        })
    }
}

impl Operator {
    fn tells(&self, value: &Value) -> Told {
        Some(match self {
            Operator::Identical(wanted) => value.is_identical(wanted),
            Operator::Different(other) => !value.is_identical(other),
            Operator::Ordered(order, bound) => order.holds(&value.to_primitive(), &bound.to_primitive()),
            Operator::Exists(wanted) => value.is_null() != *wanted,
            Operator::In(members) => members.meet(value),
            Operator::NotIn(members) => !members.meet(value),
            Operator::Not(test) => return negated(test.tells(value)),
            Operator::Size(test) => match value.as_array() {
                Some(items) => return test.tells(&Value::Number(items.len() as f64)),
                None => false,
            },
            Operator::ElementIs(test) => return has_element(value, |item| test.tells(item)),
            Operator::ElementHas(condition) => return has_element(value, |item| condition.tells(item)),
            Operator::ElementBreaks if value.as_array().is_some() => return None,
            Operator::ElementBreaks => false,
            Operator::HasAll(tests) => match value.as_array() {
                Some(items) => return all(tests, |test| any(items, |item| test.tells(item))),
                None => false,
            },
            Operator::Matches(pattern) => match value {
                Value::String(text) => pattern.is_match(text),
                other => pattern.is_match(&other.to_text()),
            },
            Operator::Version(test, bound) => test.holds(&padded(value), bound),
            Operator::IsOfType(name) => name.as_str() == Some(type_of(value)),
            Operator::Never => false,
        })
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

/// Elements that are nothing are not looked at.
fn has_element(value: &Value, tells: impl Fn(&Value) -> Told) -> Told {
    let items = value.as_array().unwrap_or_default();
    any(items.iter().filter(|item| !item.is_null()), tells)
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
