//! Answers compared with expected ones.

use crate::Value;

/// Equal as JSON, whatever the order of members.
pub(super) fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let has = |name: &str, value: &Value| right.get(name).is_some_and(|other| is_equal(value, other));
            left.len() == right.len() && left.iter().all(|(name, value)| has(name, value))
        }
        (left, right) => left == right,
    }
}

/// Passed if equal; else both, as JSON.
pub(super) fn expect(found: &Value, expected: &Value) -> Result<String, String> {
    if is_equal(found, expected) { Ok(String::new()) } else { Err(format!("expected {expected}, found {found}")) }
}

/// Numbers cut after eight decimals, as the suite compares them.
pub(super) fn cut(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number((number * 1e8).floor() / 1e8),
        Value::Array(items) => Value::Array(items.iter().map(cut).collect()),
        other => other.clone(),
    }
}
