//! Reads single fields of an item, and refuses those of a type that cannot be.

use footfall_ingest_activity::{Reason, Refusal, Text};
use serde_json::value::RawValue;

use crate::json::Value;

/// The members of `item` called `names`; of duplicates the last.
pub(crate) fn last_of<'a, const N: usize>(item: Value<'a>, names: &[&str; N]) -> [Option<Value<'a>>; N] {
    let mut found = [None; N];
    for (key, value) in item.members() {
        let place = names.iter().position(|name| *name == key).and_then(|at| found.get_mut(at));
        if let Some(place) = place {
            *place = Some(value);
        }
    }
    found
}

/// An id: a string, or a number or boolean as written. Null is none.
pub(crate) fn id<'a>(name: &str, value: Option<Value<'a>>) -> Result<Option<Text<'a>>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    match value.scalar() {
        Some(text) => Ok(Some(text)),
        None if value.is_null() => Ok(None),
        None => Err(Refusal::new(Reason::Malformed, format!("`{name}` must be a string"))),
    }
}

/// A time: what is no scalar stays as it is written, and is refused later as no time.
pub(crate) fn time(value: Value<'_>) -> Option<Text<'_>> {
    if value.is_null() { None } else { Some(value.scalar().unwrap_or_else(|| value.text().into())) }
}

/// An object. Null is none.
pub(crate) fn object<'a>(name: &str, value: Option<Value<'a>>) -> Result<Option<Value<'a>>, Refusal> {
    match value {
        Some(value) if value.is_object() => Ok(Some(value)),
        Some(value) if !value.is_null() => {
            Err(Refusal::new(Reason::NotAnObject, format!("`{name}` must be an object")))
        }
        _ => Ok(None),
    }
}

/// The value as serde knows it, when there is something in it.
pub(crate) fn raw(value: Option<Value<'_>>) -> Option<&RawValue> {
    value.filter(|value| !matches!(value.text(), "{}" | "[]")).and_then(Value::raw)
}
