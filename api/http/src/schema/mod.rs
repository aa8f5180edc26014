//! JSON Schemas of requests and answers: generated from the types, put into the document, and enforced on what arrives,
//! so that what is documented and what is accepted are one thing.

mod check;
mod coerce;

use std::sync::Arc;

use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::problem::{Fault, Place};

pub(crate) use coerce::coerce;

/// Where the document keeps shared schemas.
const COMPONENTS: &str = "/components/schemas";

/// Collects the schemas of all types. Request and answer differ where a field has a default.
pub(crate) struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
    /// Shared schemas of requests as shapes have them, and patterns: each is made once, whatever refers to it.
    settled: check::Definitions,
    compiled: check::Patterns,
}

/// One type as request and as answer has two shapes under one name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} differs as request and as answer: make it two types, or give no defaults")]
pub struct SchemaClash(pub String);

impl Schemas {
    pub(crate) fn new() -> Schemas {
        let settings = |contract: Contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = COMPONENTS.into();
                settings.meta_schema = None;
                settings.contract = contract;
            });
            SchemaGenerator::new(settings)
        };
        Schemas {
            requests: settings(Contract::Deserialize),
            answers: settings(Contract::Serialize),
            settled: check::Definitions::new(),
            compiled: check::Patterns::new(),
        }
    }

    /// The schema of a type that arrives.
    pub(crate) fn request<T: JsonSchema>(&mut self) -> Value {
        settled(self.requests.subschema_for::<T>())
    }

    /// The schema of a type that is sent.
    pub(crate) fn answer<T: JsonSchema>(&mut self) -> Value {
        settled(self.answers.subschema_for::<T>())
    }

    /// What `schema` refers to, wherever that leads, for checking one request type.
    pub(crate) fn shape<T: JsonSchema>(&mut self, place: Place) -> Shape {
        let root = self.request::<T>();
        let definitions = self.reached_from(&root);
        let mut patterns = check::Patterns::new();
        for schema in std::iter::once(&root).chain(definitions.values().map(Arc::as_ref)) {
            check::compile_patterns(schema, &mut self.compiled, &mut patterns);
        }
        Shape { place, root, definitions: Arc::new(definitions), patterns: Arc::new(patterns) }
    }

    fn reached_from(&mut self, root: &Value) -> check::Definitions {
        let (mut reached, mut names) = (check::Definitions::new(), Vec::new());
        check::references(root, &mut names);
        while let Some(name) = names.pop() {
            let Some(schema) = self.requests.definitions().get(&name).filter(|_| !reached.contains_key(&name)) else {
                continue;
            };
            let settled = self.settled.entry(name.clone()).or_insert_with(|| {
                let mut schema = schema.clone();
                settle(&mut schema);
                Arc::new(schema)
            });
            check::references(settled, &mut names);
            reached.insert(name, settled.clone());
        }
        reached
    }

    /// All shared schemas by name.
    pub(crate) fn finish(mut self) -> Result<Map<String, Value>, SchemaClash> {
        let mut all = self.requests.take_definitions(true);
        for (name, schema) in self.answers.take_definitions(true) {
            match all.get(&name) {
                Some(other) if *other != schema => return Err(SchemaClash(name)),
                _ => all.insert(name, schema),
            };
        }
        all.values_mut().for_each(settle);
        Ok(all)
    }
}

/// The schema of one request type, for checking values.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    place: Place,
    root: Value,
    definitions: Arc<check::Definitions>,
    patterns: Arc<check::Patterns>,
}

impl Shape {
    /// Everything in `value` that does not fit, in the order of the schema.
    pub(crate) fn faults(&self, value: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        let budget = check::budget(value);
        let checker =
            check::Checker { place: self.place, definitions: &self.definitions, patterns: &self.patterns, budget };
        checker.check(&self.root, value, "", &mut faults);
        faults
    }

    /// Keywords that would be documented without being enforced.
    pub(crate) fn unenforced(&self) -> Vec<String> {
        let schemas = std::iter::once(&self.root).chain(self.definitions.values().map(Arc::as_ref));
        let mut unknown: Vec<String> = schemas.flat_map(|one| check::unknown_keywords(one, &self.patterns)).collect();
        unknown.dedup();
        unknown
    }

    /// Names and schemas of the members of an object; `None` when it is no object.
    pub(crate) fn members(&self) -> Option<Vec<(String, Value, bool)>> {
        let root = self.resolve(&self.root);
        let required = |name: &str| {
            let names = root.get("required").and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|required| required == name))
        };
        let is_object = root.get("type").is_some_and(|one| one == "object");
        let Some(properties) = root.get("properties").and_then(Value::as_object) else {
            return is_object.then(Vec::new);
        };
        Some(properties.iter().map(|(name, schema)| (name.clone(), schema.clone(), required(name))).collect())
    }

    /// True for an object that refuses members it does not know.
    pub(crate) fn is_closed(&self) -> bool {
        let root = self.resolve(&self.root);
        root.get("type") != Some(&json!("object"))
            || root.get("additionalProperties").is_some_and(|other| other != &json!(true))
    }

    pub(crate) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        check::resolve(&self.definitions, schema)
    }

    /// Where values of this shape stand in a request.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn root(&self) -> &Value {
        &self.root
    }
}

fn settled(schema: Schema) -> Value {
    let mut value = schema.to_value();
    settle(&mut value);
    value
}

/// Rust's integers become bounds that every validator knows.
fn settle(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some((least, greatest)) = members.get("format").and_then(Value::as_str).and_then(bounds) {
                members.entry("minimum").or_insert(least);
                members.entry("maximum").or_insert(greatest);
                members.remove("format");
            }
            members.values_mut().for_each(settle);
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

fn bounds(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "int8" => (json!(i8::MIN), json!(i8::MAX)),
        "int16" => (json!(i16::MIN), json!(i16::MAX)),
        "int32" => (json!(i32::MIN), json!(i32::MAX)),
        "int64" | "int" => (json!(i64::MIN), json!(i64::MAX)),
        "uint8" => (json!(0), json!(u8::MAX)),
        "uint16" => (json!(0), json!(u16::MAX)),
        "uint32" => (json!(0), json!(u32::MAX)),
        "uint64" | "uint" => (json!(0), json!(u64::MAX)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
