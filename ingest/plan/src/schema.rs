//! A schema, made ready for checking.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use crate::format::Format;

/// What the properties of an activity are to be.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) root: Node,
}

/// A schema or a part of one.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Anything,
    Nothing,
    Rules(Box<Rules>),
}

/// What stands in one object of a schema; what is absent allows everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub types: Option<Types>,
    /// `enum` and `const`, each with its keyword.
    pub allowed: Vec<(&'static str, Vec<Value>)>,
    /// Bounds of numbers, each with its keyword.
    pub bounds: Vec<(&'static str, f64)>,
    /// Bounds of lengths and counts, each with its keyword.
    pub counts: Vec<(&'static str, u64)>,
    pub pattern: Option<Regex>,
    pub format: Option<Format>,
    pub items: Option<Node>,
    pub required: Vec<String>,
    pub properties: BTreeMap<String, Node>,
    pub patterns: Vec<(Regex, Node)>,
    pub additional: Option<Node>,
    pub all: Vec<Node>,
    pub any: Option<Vec<Node>>,
    pub one: Option<Vec<Node>>,
    pub not: Option<Node>,
}

/// A set of JSON's types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    const NAMES: [&'static str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];

    /// The same with one more, if there is a type of this name.
    pub fn with(self, name: &str) -> Option<Types> {
        let place = Types::NAMES.iter().position(|known| *known == name)?;
        Some(Types(self.0 | 1 << place))
    }

    pub fn hold(self, value: &Value) -> bool {
        let place = match value {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Object(_) => 2,
            Value::Array(_) => 3,
            Value::Number(_) => 4,
            Value::String(_) => 5,
        };
        self.0 & 1 << place != 0 || self.0 & 1 << 6 != 0 && is_whole(value)
    }
}

/// 1.0 is an integer, as in the specification.
fn is_whole(value: &Value) -> bool {
    let whole = |number: f64| number.is_finite() && number.fract() == 0.0;
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(whole)
}
