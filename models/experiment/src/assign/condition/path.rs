//! The dotted path to an attribute.

use std::borrow::Cow;

use super::NULL;
use crate::Value;

/// A path, cut at its dots.
#[derive(Clone, Debug)]
pub(super) enum Path {
    Member(Box<str>),
    Nested(Box<[Box<str>]>),
}

impl Path {
    pub(super) fn new(text: &str) -> Path {
        if text.contains('.') {
            Path::Nested(text.split('.').map(Box::from).collect())
        } else {
            Path::Member(text.into())
        }
    }

    /// The value at the path, or null.
    #[inline]
    pub(super) fn of<'a>(&self, value: &'a Value) -> Cow<'a, Value> {
        match self {
            Path::Member(name) => step(value, name),
            Path::Nested(names) => {
                let mut at = Cow::Borrowed(value);
                for name in names {
                    at = match at {
                        Cow::Borrowed(value) => step(value, name),
                        // The length of an array has no members.
                        Cow::Owned(_) => return Cow::Borrowed(&NULL),
                    };
                }
                at
            }
        }
    }
}

/// A member of an object; of an array an element by its number, or the length.
#[inline]
fn step<'a>(value: &'a Value, name: &str) -> Cow<'a, Value> {
    match value {
        Value::Object(object) => Cow::Borrowed(object.get(name).unwrap_or(&NULL)),
        Value::Array(items) if name == "length" => Cow::Owned(Value::Number(items.len() as f64)),
        Value::Array(items) => {
            let is_canonical = name == "0" || !name.starts_with(['0', '+']);
            let item = name.parse::<usize>().ok().filter(|_| is_canonical).and_then(|index| items.get(index));
            Cow::Borrowed(item.unwrap_or(&NULL))
        }
        _ => Cow::Borrowed(&NULL),
    }
}
