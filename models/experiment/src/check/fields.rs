//! What this crate computes for a case, named as the oracle names it, and the numbers of a case.

use crate::Value;
use crate::statistics::Refusal;
use crate::value::Object;

/// Computed fields, with what has to be said beside them.
#[derive(Default)]
pub(super) struct Fields {
    pub object: Object,
    /// Other values of a field that are right by the oracle's own convention, with that convention in words.
    pub conventions: Vec<(&'static str, Value, &'static str)>,
    /// Why the usual method has no answer.
    pub refusal: Option<Refusal>,
    /// The answer of another method, in that case.
    pub instead: Option<String>,
    pub remarks: Vec<String>,
}

impl Fields {
    pub(super) fn number(&mut self, name: &str, number: f64) -> &mut Self {
        self.object.insert(name, number);
        self
    }

    pub(super) fn numbers(&mut self, name: &str, numbers: &[f64]) -> &mut Self {
        self.object.insert(name, list(numbers));
        self
    }

    pub(super) fn pair(&mut self, name: &str, pair: (f64, f64)) -> &mut Self {
        self.numbers(name, &[pair.0, pair.1])
    }

    pub(super) fn pairs(&mut self, name: &str, pairs: &[(f64, f64)]) -> &mut Self {
        let pairs: Vec<Value> = pairs.iter().map(|pair| list(&[pair.0, pair.1])).collect();
        self.object.insert(name, pairs);
        self
    }

    pub(super) fn value(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.object.insert(name, value);
        self
    }

    pub(super) fn group(&mut self, name: &str, fill: impl FnOnce(&mut Fields)) -> &mut Self {
        let mut inner = Fields::default();
        fill(&mut inner);
        self.object.insert(name, inner.object);
        self
    }
}

pub(super) fn list(numbers: &[f64]) -> Value {
    Value::Array(numbers.iter().copied().map(Value::Number).collect())
}

/// A number, or one of the words that stand for what JSON cannot write.
pub(super) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::String(word) => match &**word {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// A member that has to be a number.
pub(super) fn number(value: &Value, name: &str) -> Result<f64, String> {
    value.get(name).and_then(number_of).ok_or_else(|| format!("«{name}» has to be a number"))
}

/// A member that is a number or not there.
pub(super) fn optional(value: &Value, name: &str) -> Option<f64> {
    value.get(name).and_then(number_of)
}

/// A member that has to be a list of numbers.
pub(super) fn numbers(value: &Value, name: &str) -> Result<Vec<f64>, String> {
    let items = value.get(name).and_then(Value::as_array).ok_or_else(|| format!("«{name}» has to be a list"))?;
    items.iter().map(|item| number_of(item).ok_or_else(|| format!("«{name}» has to hold numbers"))).collect()
}
