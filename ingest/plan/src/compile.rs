//! Reads a schema within bounds. Every fault names its place.

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use crate::format::Format;
use crate::schema::{Node, Rules, Schema, Types};

/// A schema as JSON text is at most so large.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
const NODES_MAX: usize = 1_000;
const DEPTH_MAX: usize = 16;
const PATTERNS_MAX: usize = 50;
const PATTERN_CHARACTERS_MAX: usize = 500;
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// They say something to people and nothing to the check.
const ANNOTATIONS: &[&str] =
    &["$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"];

/// Why something is no schema that can be checked here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct SchemaFault {
    /// Where, as a JSON pointer into the schema.
    pub pointer: String,
    pub detail: String,
}

impl Schema {
    /// Reads a schema of an activity's properties.
    ///
    /// # Errors
    /// The first fault of it.
    pub fn compile(value: &Value) -> Result<Schema, SchemaFault> {
        if value.to_string().len() > SCHEMA_BYTES_MAX {
            return Err(fault("", format!("the schema is larger than {SCHEMA_BYTES_MAX} bytes")));
        }
        if !value.is_object() {
            return Err(fault("", "a schema is an object here"));
        }
        let mut reading = Reading { nodes: 0, patterns: 0 };
        let root = reading.node(value, "", 0)?;
        match &root {
            Node::Rules(rules) if rules.types.is_some_and(|types| !types.hold(&Value::Object(Map::new()))) => {
                Err(fault("/type", "properties are an object, which this type excludes"))
            }
            _ => Ok(Schema { root }),
        }
    }
}

fn fault(pointer: &str, detail: impl Into<String>) -> SchemaFault {
    SchemaFault { pointer: pointer.to_owned(), detail: detail.into() }
}

/// The pointer of a member.
pub(crate) fn below(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

struct Reading {
    nodes: usize,
    patterns: usize,
}

impl Reading {
    fn node(&mut self, value: &Value, at: &str, depth: usize) -> Result<Node, SchemaFault> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(fault(at, format!("the schema has more than {NODES_MAX} parts")));
        }
        if depth > DEPTH_MAX {
            return Err(fault(at, format!("the schema is nested deeper than {DEPTH_MAX}")));
        }
        match value {
            Value::Bool(true) => Ok(Node::Anything),
            Value::Bool(false) => Ok(Node::Nothing),
            Value::Object(members) => {
                let mut rules = Rules::default();
                for (keyword, value) in members {
                    self.keyword(&mut rules, keyword, value, &below(at, keyword), depth)?;
                }
                Ok(Node::Rules(Box::new(rules)))
            }
            _ => Err(fault(at, "a schema is an object, true or false")),
        }
    }

    fn keyword(
        &mut self,
        rules: &mut Rules,
        keyword: &str,
        value: &Value,
        at: &str,
        depth: usize,
    ) -> Result<(), SchemaFault> {
        let inner = depth + 1;
        match keyword {
            "type" => rules.types = Some(types(value, at)?),
            "enum" => rules.allowed.push(("enum", list(value, at)?.clone())),
            "const" => rules.allowed.push(("const", vec![value.clone()])),
            "pattern" => rules.pattern = Some(self.pattern(text(value, at)?, at)?),
            "format" => {
                let format = Format::named(text(value, at)?);
                let unknown = || fault(at, format!("the formats that are checked are {}", Format::NAMES));
                rules.format = Some(format.ok_or_else(unknown)?);
            }
            "items" => rules.items = Some(self.node(value, at, inner)?),
            "not" => rules.not = Some(self.node(value, at, inner)?),
            "additionalProperties" => rules.additional = Some(self.node(value, at, inner)?),
            "required" => {
                let names = list(value, at)?.iter().map(|name| text(name, at).map(str::to_owned));
                rules.required = names.collect::<Result<_, _>>()?;
            }
            "properties" => {
                for (name, value) in object(value, at)? {
                    let node = self.node(value, &below(at, name), inner)?;
                    rules.properties.insert(name.clone(), node);
                }
            }
            "patternProperties" => {
                for (pattern, value) in object(value, at)? {
                    let at = below(at, pattern);
                    let pattern = self.pattern(pattern, &at)?;
                    rules.patterns.push((pattern, self.node(value, &at, inner)?));
                }
            }
            "allOf" => rules.all = self.several(value, at, inner)?,
            "anyOf" => rules.any = Some(self.several(value, at, inner)?),
            "oneOf" => rules.one = Some(self.several(value, at, inner)?),
            annotation if ANNOTATIONS.contains(&annotation) => {}
            other => return bound(rules, other, value, at),
        }
        Ok(())
    }

    fn several(&mut self, value: &Value, at: &str, depth: usize) -> Result<Vec<Node>, SchemaFault> {
        let items = list(value, at)?;
        if items.is_empty() {
            return Err(fault(at, "needs at least one schema"));
        }
        items.iter().enumerate().map(|(place, item)| self.node(item, &format!("{at}/{place}"), depth)).collect()
    }

    fn pattern(&mut self, pattern: &str, at: &str) -> Result<Regex, SchemaFault> {
        self.patterns += 1;
        if self.patterns > PATTERNS_MAX {
            return Err(fault(at, format!("the schema has more than {PATTERNS_MAX} patterns")));
        }
        if pattern.chars().count() > PATTERN_CHARACTERS_MAX {
            return Err(fault(at, format!("the pattern is longer than {PATTERN_CHARACTERS_MAX} characters")));
        }
        let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build();
        built.map_err(|_| fault(at, "the pattern cannot be matched in linear time and bounded memory, or is none"))
    }
}

fn bound(rules: &mut Rules, keyword: &str, value: &Value, at: &str) -> Result<(), SchemaFault> {
    const BOUNDS: [&str; 4] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
    const COUNTS: [&str; 6] = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
    if let Some(known) = BOUNDS.iter().find(|known| **known == keyword) {
        let number = value.as_f64().ok_or_else(|| fault(at, "must be a number"))?;
        rules.bounds.push((known, number));
    } else if let Some(known) = COUNTS.iter().find(|known| **known == keyword) {
        let count = value.as_u64().ok_or_else(|| fault(at, "must be a whole number, 0 or more"))?;
        rules.counts.push((known, count));
    } else {
        let detail = match keyword {
            "$ref" | "$dynamicRef" | "$anchor" | "$id" | "$defs" | "definitions" => {
                "references are not followed: write the schema out"
            }
            _ => "this keyword is not checked here: leave it out",
        };
        return Err(fault(at, detail));
    }
    Ok(())
}

fn types(value: &Value, at: &str) -> Result<Types, SchemaFault> {
    let names = match value {
        Value::Array(names) if !names.is_empty() => names.as_slice(),
        one => std::slice::from_ref(one),
    };
    names.iter().try_fold(Types::default(), |types, name| {
        types.with(text(name, at)?).ok_or_else(|| fault(at, "is none of JSON's types"))
    })
}

fn text<'v>(value: &'v Value, at: &str) -> Result<&'v str, SchemaFault> {
    value.as_str().ok_or_else(|| fault(at, "must be a text"))
}

fn list<'v>(value: &'v Value, at: &str) -> Result<&'v Vec<Value>, SchemaFault> {
    value.as_array().ok_or_else(|| fault(at, "must be a list"))
}

fn object<'v>(value: &'v Value, at: &str) -> Result<&'v Map<String, Value>, SchemaFault> {
    value.as_object().ok_or_else(|| fault(at, "must be an object"))
}
