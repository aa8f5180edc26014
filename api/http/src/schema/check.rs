//! Checks values against the part of JSON Schema 2020-12 that types generate, and tells every fault by its pointer.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use regex::Regex;
use serde_json::{Map, Value};

use crate::problem::{Fault, Place};

/// Enforced here.
const ENFORCED: &[&str] = &[
    "$ref",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "anyOf",
    "oneOf",
    "allOf",
    "minProperties",
    "maxProperties",
    "unevaluatedProperties",
];
/// Says something about the value and forbids nothing; of `format` the type's own parser takes care.
const ANNOTATIONS: &[&str] =
    &["title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly", "$schema"];

/// Keywords of `schema` that nobody would enforce.
pub(super) fn unknown_keywords(schema: &Value, patterns: &Patterns) -> Vec<String> {
    let Value::Object(members) = schema else { return Vec::new() };
    let is_known = |name: &str| ENFORCED.contains(&name) || ANNOTATIONS.contains(&name) || name.starts_with("x-");
    let mut unknown: Vec<String> = members.keys().filter(|name| !is_known(name)).cloned().collect();
    let pattern = members.get("pattern").and_then(Value::as_str);
    unknown.extend(pattern.filter(|text| !patterns.contains_key(*text)).map(|_| "pattern".to_owned()));
    let unknown_keywords = |part: &Value| unknown_keywords(part, patterns);
    for (name, value) in members {
        match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => unknown.extend(properties.values().flat_map(unknown_keywords)),
            ("items" | "additionalProperties", inner) => unknown.extend(unknown_keywords(inner)),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(forms)) => {
                unknown.extend(forms.iter().flat_map(unknown_keywords));
            }
            _ => {}
        }
    }
    unknown
}

/// The patterns of schemas, compiled. They are ours, and their matching takes linear time.
pub(super) type Patterns = HashMap<String, Regex>;

/// Shared schemas by name.
pub(super) type Definitions = BTreeMap<String, Arc<Value>>;

/// Names of the shared schemas that `schema` refers to itself.
pub(super) fn references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            let path = members.get("$ref").and_then(Value::as_str);
            names.extend(path.and_then(|path| path.rsplit('/').next()).map(str::to_owned));
            members.values().for_each(|part| references(part, names));
        }
        Value::Array(parts) => parts.iter().for_each(|part| references(part, names)),
        _ => {}
    }
}

/// Compiles every pattern in `schema` that is not among the `compiled` yet; one that is not understood stays out, and counts as a keyword
/// that nobody enforces.
pub(super) fn compile_patterns(schema: &Value, compiled: &mut Patterns, patterns: &mut Patterns) {
    match schema {
        Value::Object(members) => {
            let text = members.get("pattern").and_then(Value::as_str);
            if let Some(text) = text {
                let known = compiled.get(text).cloned();
                if let Some(pattern) = known.or_else(|| Regex::new(text).ok()) {
                    compiled.insert(text.to_owned(), pattern.clone());
                    patterns.insert(text.to_owned(), pattern);
                }
            }
            members.values().for_each(|part| compile_patterns(part, compiled, patterns));
        }
        Value::Array(parts) => parts.iter().for_each(|part| compile_patterns(part, compiled, patterns)),
        _ => {}
    }
}

/// Follows `$ref` to its schema.
pub(super) fn resolve<'a>(definitions: &'a Definitions, mut schema: &'a Value) -> &'a Value {
    for _ in 0..16 {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        match name.and_then(|name| definitions.get(name)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

pub(super) struct Checker<'a> {
    pub(super) place: Place,
    pub(super) definitions: &'a Definitions,
    pub(super) patterns: &'a Patterns,
    /// How many checks may still be made: forms within forms must not cost more than they are worth.
    pub(super) budget: Cell<u32>,
}

/// Checks that a value of this size is worth.
pub(super) fn budget(value: &Value) -> Cell<u32> {
    Cell::new(size(value).saturating_mul(16).saturating_add(10_000))
}

fn size(value: &Value) -> u32 {
    let add = |sum: u32, part: &Value| sum.saturating_add(size(part));
    match value {
        Value::Array(items) => items.iter().fold(1, add),
        Value::Object(members) => members.values().fold(1, add),
        _ => 1,
    }
}

impl Checker<'_> {
    pub(super) fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<Fault>) {
        let Some(left) = self.budget.get().checked_sub(1) else {
            if faults.is_empty() {
                self.fault(faults, at, "cannot be checked: the whole is nested too intricately");
            }
            return;
        };
        self.budget.set(left);
        if schema == &Value::Bool(false) {
            return self.fault(faults, at, "is not allowed here");
        }
        let Value::Object(schema) = schema else { return };
        if schema.contains_key("$ref") {
            let target = Value::Object(schema.clone());
            self.check(resolve(self.definitions, &target), value, at, faults);
        }
        if let Some(types) = schema.get("type")
            && !has_type(types, value)
        {
            return self.fault(faults, at, format!("must be {}, and is {}", type_names(types), type_name(value)));
        }
        self.check_choice(schema, value, at, faults);
        match value {
            Value::String(text) => self.check_text(schema, text, at, faults),
            Value::Number(_) => self.check_number(schema, value, at, faults),
            Value::Array(items) => self.check_items(schema, items, at, faults),
            Value::Object(members) => self.check_members(schema, members, at, faults),
            _ => {}
        }
    }

    fn fault(&self, faults: &mut Vec<Fault>, at: &str, detail: impl Into<String>) {
        faults.push(Fault::new(self.place, at, detail));
    }

    fn check_choice(&self, schema: &Map<String, Value>, value: &Value, at: &str, faults: &mut Vec<Fault>) {
        if let Some(Value::Array(choices)) = schema.get("enum")
            && !choices.contains(value)
        {
            let choices: Vec<String> = choices.iter().map(Value::to_string).collect();
            self.fault(faults, at, format!("must be one of {}", choices.join(", ")));
        }
        if let Some(constant) = schema.get("const").filter(|constant| *constant != value) {
            self.fault(faults, at, format!("must be {constant}"));
        }
        for form in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.check(form, value, at, faults);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(forms)) = schema.get(keyword) {
                self.check_forms(forms, value, at, faults);
            }
        }
    }

    /// One form has to fit. Where none does, the faults of the nearest are told.
    fn check_forms(&self, forms: &[Value], value: &Value, at: &str, faults: &mut Vec<Fault>) {
        let mut nearest: Option<Vec<Fault>> = None;
        for form in forms.iter().filter(|form| self.may_be_meant(form, value)) {
            let mut own = Vec::new();
            self.check(form, value, at, &mut own);
            if own.is_empty() {
                return;
            }
            // A form that fails at the value itself is another form; one that fails inside is the one that was meant.
            let is_meant =
                own.iter().all(|fault| fault.pointer.len() > at.len() && !fault.detail.starts_with("must be \""));
            if is_meant && nearest.as_ref().is_none_or(|nearest| own.len() < nearest.len()) {
                nearest = Some(own);
            }
        }
        match nearest {
            Some(nearest) => faults.extend(nearest),
            None => self.fault(faults, at, format!("has none of the {} forms that are allowed", forms.len())),
        }
    }

    /// False for a form that `value` misses already at its surface, so that one of many forms is looked into and not all.
    fn may_be_meant(&self, form: &Value, value: &Value) -> bool {
        let form = resolve(self.definitions, form);
        let Value::Object(members) = value else { return true };
        if form.get("type").is_some_and(|types| !has_type(types, value)) {
            return false;
        }
        let properties = form.get("properties").and_then(Value::as_object);
        let differs = |(name, part): (&String, &Value)| {
            part.get("const").is_some_and(|constant| members.get(name).is_some_and(|given| given != constant))
        };
        let is_tagged = |part: &Value| part.get("const").is_some();
        let tags = properties.is_some_and(|properties| properties.values().any(is_tagged));
        let required = form.get("required").and_then(Value::as_array);
        let lacks = |name: &Value| name.as_str().is_some_and(|name| !members.contains_key(name));
        // Where a tag tells the forms apart, a missing member is worth telling; else it is another form.
        let is_other = !tags && required.is_some_and(|names| names.iter().any(lacks));
        !is_other && !properties.is_some_and(|properties| properties.iter().any(differs))
    }

    fn check_text(&self, schema: &Map<String, Value>, text: &str, at: &str, faults: &mut Vec<Fault>) {
        let length = text.chars().count() as u64;
        if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
            self.fault(faults, at, format!("must have at least {least} characters, and has {length}"));
        }
        if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
            self.fault(faults, at, format!("must have at most {most} characters, and has {length}"));
        }
        let pattern = schema.get("pattern").and_then(Value::as_str).and_then(|pattern| self.patterns.get(pattern));
        if let Some(pattern) = pattern.filter(|pattern| !pattern.is_match(text)) {
            self.fault(faults, at, format!("must match {pattern}"));
        }
    }

    fn check_number(&self, schema: &Map<String, Value>, value: &Value, at: &str, faults: &mut Vec<Fault>) {
        type IsWrong = fn(std::cmp::Ordering) -> bool;
        let bounds: [(&str, &str, IsWrong); 4] = [
            ("minimum", "at least", |order| order.is_lt()),
            ("maximum", "at most", |order| order.is_gt()),
            ("exclusiveMinimum", "more than", |order| order.is_le()),
            ("exclusiveMaximum", "less than", |order| order.is_ge()),
        ];
        for (keyword, words, is_wrong) in bounds {
            if let Some(bound) = schema.get(keyword)
                && compare(value, bound).is_some_and(is_wrong)
            {
                self.fault(faults, at, format!("must be {words} {bound}"));
            }
        }
    }

    fn check_items(&self, schema: &Map<String, Value>, items: &[Value], at: &str, faults: &mut Vec<Fault>) {
        let count = items.len() as u64;
        if let Some(least) = limit(schema, "minItems").filter(|least| count < *least) {
            self.fault(faults, at, format!("must have at least {least} items, and has {count}"));
        }
        if let Some(most) = limit(schema, "maxItems").filter(|most| count > *most) {
            return self.fault(faults, at, format!("must have at most {most} items, and has {count}"));
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = std::collections::HashSet::new();
            if !items.iter().all(|item| seen.insert(item.to_string())) {
                self.fault(faults, at, "must not hold the same item twice");
            }
        }
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, item) in items.iter().enumerate() {
            if let Some(form) = first.get(index).or(schema.get("items")) {
                self.check(form, item, &format!("{at}/{index}"), faults);
            }
        }
    }

    fn check_members(
        &self,
        schema: &Map<String, Value>,
        members: &Map<String, Value>,
        at: &str,
        faults: &mut Vec<Fault>,
    ) {
        let properties = schema.get("properties").and_then(Value::as_object);
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.fault(faults, &pointer(at, name), "is missing");
            }
        }
        if let Some(most) = limit(schema, "maxProperties").filter(|most| members.len() as u64 > *most) {
            self.fault(faults, at, format!("must have at most {most} members"));
        }
        if let Some(least) = limit(schema, "minProperties").filter(|least| (members.len() as u64) < *least) {
            self.fault(faults, at, format!("must have at least {least} members"));
        }
        for (name, value) in members {
            let known = properties.and_then(|properties| properties.get(name));
            match (known, schema.get("additionalProperties")) {
                (Some(form), _) => self.check(form, value, &pointer(at, name), faults),
                (None, Some(Value::Bool(false))) => self.fault(faults, &pointer(at, name), unknown_member(properties)),
                (None, Some(form)) => self.check(form, value, &pointer(at, name), faults),
                (None, None) => {}
            }
        }
    }
}

fn unknown_member(properties: Option<&Map<String, Value>>) -> String {
    let names: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    match names.as_slice() {
        [] => "is not known; nothing is expected here".into(),
        names => format!("is not known; known are {}", names.join(", ")),
    }
}

/// A pointer one step further (RFC 6901).
pub(crate) fn pointer(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn limit(schema: &Map<String, Value>, keyword: &str) -> Option<u64> {
    schema.get(keyword).and_then(Value::as_u64)
}

fn compare(value: &Value, bound: &Value) -> Option<std::cmp::Ordering> {
    match (integer(value), integer(bound)) {
        (Some(value), Some(bound)) => Some(value.cmp(&bound)),
        _ => value.as_f64()?.partial_cmp(&bound.as_f64()?),
    }
}

fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or(value.as_u64().map(i128::from))
}

fn has_type(types: &Value, value: &Value) -> bool {
    match types {
        Value::Array(types) => types.iter().any(|one| has_type(one, value)),
        Value::String(name) => match name.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => true,
        },
        _ => true,
    }
}

fn type_names(types: &Value) -> String {
    match types {
        Value::Array(types) => types.iter().filter_map(Value::as_str).map(article).collect::<Vec<_>>().join(" or "),
        other => article(other.as_str().unwrap_or("value")),
    }
}

fn type_name(value: &Value) -> String {
    article(match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number with a fraction or beyond 64 bits",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    })
}

fn article(name: &str) -> String {
    match name {
        "null" => name.to_owned(),
        _ if name.starts_with(['a', 'i', 'o']) => format!("an {name}"),
        _ => format!("a {name}"),
    }
}
