//! Texts of paths and queries become JSON values by their schema, so that one check and one parser serve all places.

use serde_json::{Map, Value};

use super::{Shape, check};

/// The value of a parameter whose `texts` arrived, of which `schema` expects one or, for an array, any number.
pub(crate) fn coerce(shape: &Shape, schema: &Value, texts: &[String]) -> Value {
    let resolved = shape.resolve(schema);
    if expects(shape, resolved, "array") {
        let items = resolved.get("items").unwrap_or(&Value::Null);
        return texts.iter().map(|text| one(shape, items, text)).collect();
    }
    match texts {
        [text] => one(shape, resolved, text),
        // Twice the same name: the array does not fit the schema, which then says so.
        _ => texts.iter().map(|text| Value::from(text.as_str())).collect(),
    }
}

fn one(shape: &Shape, schema: &Value, text: &str) -> Value {
    let schema = shape.resolve(schema);
    let number = || serde_json::from_str::<Value>(text).ok().filter(|value| value.is_number() && is_plain(text));
    let boolean = || text.parse::<bool>().ok().map(Value::from);
    let known = match () {
        () if expects(shape, schema, "integer") || expects(shape, schema, "number") => number(),
        () if expects(shape, schema, "boolean") => boolean(),
        () => None,
    };
    known.unwrap_or_else(|| Value::from(text))
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

/// True when `schema` allows `kind`, itself or in one of its forms.
fn expects(shape: &Shape, schema: &Value, kind: &str) -> bool {
    let is_kind = |types: &Value| match types {
        Value::Array(types) => types.iter().any(|one| one == kind),
        one => one == kind,
    };
    let schema = shape.resolve(schema);
    let forms = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten();
    schema.get("type").is_some_and(is_kind) || forms.into_iter().any(|form| expects(shape, form, kind))
}

impl Shape {
    /// One object of all parameters; unknown ones stay in it, so that the check refuses them by name.
    pub(crate) fn gather(&self, pairs: &[(String, String)]) -> Value {
        let members = self.members().unwrap_or_default();
        let mut values = Map::new();
        for (name, _) in pairs {
            if values.contains_key(name) {
                continue;
            }
            let texts: Vec<String> =
                pairs.iter().filter(|(other, _)| other == name).map(|(_, text)| text.clone()).collect();
            let schema = members.iter().find(|(member, ..)| member == name).map(|(_, schema, _)| schema);
            values.insert(name.clone(), coerce(self, schema.unwrap_or(&Value::Null), &texts));
        }
        Value::Object(values)
    }

    /// Pointer to a member of the root.
    pub(crate) fn pointer(name: &str) -> String {
        check::pointer("", name)
    }
}
