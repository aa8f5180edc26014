//! For whom a flag is evaluated: attributes, address, and what was forced.

use crate::Value;
use crate::value::Object;

/// One user with the page they are on. `Default` is a user of whom nothing is known.
#[derive(Clone, Debug)]
pub struct User {
    /// An object: what conditions ask for, and the attributes by which units are hashed.
    pub attributes: Value,
    /// The address of the page; empty if there is none.
    pub url: String,
    /// False puts nobody into an experiment; flags with forced values still apply.
    pub enabled: bool,
    /// Quality assurance: only forced variations apply.
    pub is_qa: bool,
    /// Variation by experiment key.
    pub forced_variations: Object,
    /// Value by feature key.
    pub forced_features: Object,
    /// Stands for `id` and `distinct_id` where units are hashed, and nowhere else: who signed in keeps what they had before.
    pub hash_id: Option<Value>,
}

/// Attributes that name the user.
const OWN_IDS: [&str; 2] = ["id", "distinct_id"];

impl Default for User {
    fn default() -> Self {
        User::new(Value::Object(Object::default()))
    }
}

impl User {
    /// A user with these attributes.
    pub fn new(attributes: Value) -> User {
        User {
            attributes,
            url: String::new(),
            enabled: true,
            is_qa: false,
            forced_variations: Object::default(),
            forced_features: Object::default(),
            hash_id: None,
        }
    }

    /// Reads an SDK's context or the body of a remote evaluation:
    /// `{attributes, attributeOverrides, url, enabled, qaMode, forcedVariations, forcedFeatures: [[key, value], …]}`.
    pub fn read(context: &Value) -> User {
        let object = |name: &str| context.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let mut attributes = object("attributes");
        attributes.extend(object("attributeOverrides").iter().map(|(name, value)| (name, value.clone())));
        let forced = match context.get("forcedFeatures") {
            Some(Value::Array(pairs)) => pairs.iter().filter_map(pair).collect(),
            _ => object("forcedFeatureValues"),
        };
        User {
            attributes: Value::Object(attributes),
            url: context.get("url").and_then(Value::as_str).unwrap_or_default().to_owned(),
            enabled: context.get("enabled").and_then(Value::as_bool).unwrap_or(true),
            is_qa: context.get("qaMode").is_some_and(Value::is_truthy),
            forced_variations: object("forcedVariations"),
            forced_features: forced,
            hash_id: None,
        }
    }

    /// The value of an attribute if it can identify a unit: neither missing nor empty, zero, false or null.
    #[inline]
    pub(super) fn unit(&self, attribute: &str) -> Option<&Value> {
        let earlier = self.hash_id.as_ref().filter(|_| OWN_IDS.contains(&attribute));
        if earlier.is_some() {
            return earlier;
        }
        self.attributes.get(attribute).filter(|value| value.is_truthy())
    }
}

fn pair(item: &Value) -> Option<(&str, Value)> {
    match item.as_array()? {
        [Value::String(key), value, ..] => Some((key, value.clone())),
        _ => None,
    }
}
