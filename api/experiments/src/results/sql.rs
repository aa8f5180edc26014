//! SQL text with its parameters: every text that people chose is bound, never written into the statement.

use serde_json::{Map, Value};

/// Collects parameters and gives each its `$name`.
#[derive(Debug, Default)]
pub struct Binder {
    params: Map<String, Value>,
}

impl Binder {
    /// The placeholder of a value; the same value has the same one.
    pub fn bind(&mut self, value: impl Into<Value>) -> String {
        let value = value.into();
        if let Some((name, _)) = self.params.iter().find(|(_, known)| **known == value) {
            return format!("${name}");
        }
        let name = format!("p{}", self.params.len());
        self.params.insert(name.clone(), value);
        format!("${name}")
    }

    /// A property of `activity` as text.
    pub fn property(&mut self, alias: &str, name: &str) -> String {
        let name = self.bind(name);
        format!("({alias}properties->>{name})")
    }

    pub fn into_params(self) -> Value {
        Value::Object(self.params)
    }
}
