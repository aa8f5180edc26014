//! Sparse updates: JSON Merge Patch (RFC 7396) as typed changes that tell «absent», «null» and a value apart.

use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::extract::read_json;
use crate::problem::Problem;
use crate::table::{Describe, Operation};

const MEDIA_TYPES: &[&str] = &["application/merge-patch+json", "application/json"];

/// A merge patch as `T`, a struct of [`Change`] and [`Replace`] fields, each with `#[serde(default)]`.
#[derive(Debug, Clone)]
pub struct Patch<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema + 'static> FromRequest<S> for Patch<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Patch<T>, Problem> {
        let (parts, body) = request.into_parts();
        read_json(&parts, body, MEDIA_TYPES).await.map(Patch)
    }
}

impl<T: JsonSchema + 'static> Describe for Patch<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<T>(MEDIA_TYPES);
    }
}

/// What becomes of an optional field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// Absent: it stays.
    #[default]
    Keep,
    /// `null`: it goes.
    Clear,
    Set(T),
}

impl<T> Change<T> {
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Change::Keep => {}
            Change::Clear => *field = None,
            Change::Set(value) => *field = Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Change<T>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Change::Clear, Change::Set))
    }
}

impl<T: JsonSchema> JsonSchema for Change<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ChangeOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <Option<T>>::json_schema(generator)
    }
}

/// What becomes of a field that there always is: absent, it stays; `null` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replace<T>(pub Option<T>);

impl<T> Default for Replace<T> {
    fn default() -> Self {
        Replace(None)
    }
}

impl<T> Replace<T> {
    pub fn apply(self, field: &mut T) {
        if let Some(value) = self.0 {
            *field = value;
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Replace<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Replace<T>, D::Error> {
        T::deserialize(deserializer).map(|value| Replace(Some(value)))
    }
}

impl<T: JsonSchema> JsonSchema for Replace<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ReplaceOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let schema = generator.subschema_for::<T>();
        match schema.as_object() {
            Some(_) => schema,
            None => json_schema!({}),
        }
    }
}

/// Applies a merge patch to free JSON, as a person's properties (RFC 7396, section 2).
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::problem::Place;
    use crate::schema::Schemas;
    use serde_json::json;

    #[test]
    fn the_cases_of_the_rfc_hold() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (mut target, patch, expected) in cases {
            merge(&mut target, patch.clone());
            assert_eq!(target, expected, "{patch}");
        }
    }

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct NotePatch {
        #[serde(default)]
        #[schemars(length(max = 9))]
        title: Replace<String>,
        #[serde(default)]
        place: Change<String>,
    }

    fn read(value: serde_json::Value) -> Result<NotePatch, Vec<String>> {
        let shape = Schemas::new().shape::<NotePatch>(Place::Body);
        crate::json::fit(value, &shape).map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn absent_null_and_a_value_are_told_apart() {
        let (kept, set) = (Replace(None), Replace(Some("a".to_owned())));
        assert_eq!(read(json!({})), Ok(NotePatch { title: kept.clone(), place: Change::Keep }));
        assert_eq!(read(json!({"place": null})), Ok(NotePatch { title: kept, place: Change::Clear }));
        assert_eq!(
            read(json!({"title": "a", "place": "b"})),
            Ok(NotePatch { title: set, place: Change::Set("b".into()) })
        );
        assert_eq!(read(json!({"title": null})), Err(vec!["/title".to_owned()]));
        assert_eq!(
            read(json!({"title": "0123456789", "other": 1})),
            Err(vec!["/other".to_owned(), "/title".to_owned()])
        );
    }

    #[test]
    fn changes_apply_to_fields() {
        let mut field = Some(1);
        Change::Keep.apply(&mut field);
        assert_eq!(field, Some(1));
        Change::Set(2).apply(&mut field);
        assert_eq!(field, Some(2));
        Change::Clear.apply(&mut field);
        assert_eq!(field, None);
    }
}
