//! The values of `$in`, `$nin` and saved groups, ready to be looked up.

use std::collections::HashSet;
use std::sync::Arc;

use crate::Value;

/// Up to so many texts are compared one by one.
const LISTED_MAX: usize = 8;

/// A set of simple values. Arrays and objects in it equal nothing and are left out. Saved groups share one.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(Arc<Sorted>);

#[derive(Debug, Default)]
struct Sorted {
    texts: Texts,
    numbers: Vec<f64>,
    bools: [bool; 2],
    null: bool,
    any_case: bool,
}

#[derive(Debug)]
enum Texts {
    Listed(Vec<Box<str>>),
    Hashed(HashSet<Box<str>>),
}

impl Default for Texts {
    fn default() -> Self {
        Texts::Listed(Vec::new())
    }
}

impl Members {
    pub(super) fn new(values: &[Value], any_case: bool) -> Members {
        let mut sorted = Sorted { any_case, ..Sorted::default() };
        let mut texts = Vec::new();
        for value in values {
            match value {
                Value::Null => sorted.null = true,
                Value::Bool(flag) => sorted.bools[usize::from(*flag)] = true,
                Value::Number(number) => sorted.numbers.push(*number),
                Value::String(text) if any_case => texts.push(text.to_lowercase().into_boxed_str()),
                Value::String(text) => texts.push(text.clone()),
                Value::Array(_) | Value::Object(_) => {}
            }
        }
        sorted.texts =
            if texts.len() <= LISTED_MAX { Texts::Listed(texts) } else { Texts::Hashed(texts.into_iter().collect()) };
        Members(Arc::new(sorted))
    }

    /// True if the value, or one of the values of an array, is in the set.
    pub(super) fn meet(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| self.0.contains(item)),
            single => self.0.contains(single),
        }
    }
}

impl Sorted {
    fn contains(&self, value: &Value) -> bool {
        match value {
            Value::String(text) if self.any_case => self.contains_text(&text.to_lowercase()),
            Value::String(text) => self.contains_text(text),
            Value::Number(number) => self.numbers.contains(number),
            Value::Bool(flag) => self.bools[usize::from(*flag)],
            Value::Null => self.null,
            Value::Array(_) | Value::Object(_) => false,
        }
    }

    fn contains_text(&self, text: &str) -> bool {
        match &self.texts {
            Texts::Listed(texts) => texts.iter().any(|known| **known == *text),
            Texts::Hashed(texts) => texts.contains(text),
        }
    }
}
