//! Person properties as state that folds: parts written by different batches, in any order, however often, give one result.
//!
//! A part is a JSON object, property to `{"v": value, "t": time in ms, "m": tiebreak, "k": "s" set | "o" set once | "u" unset}`
//! (`v` is missing for `u`). Of two entries of one property, set and unset beat set once; among set and unset the latest
//! `(t, m)` wins; among set once the earliest. That is a choice by a total order, hence associative, commutative, idempotent.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// When a property was written: milliseconds, and a hash of the activity's message id for writes in one millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    pub at_ms: i64,
    pub tiebreak: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Write {
    #[serde(rename = "o")]
    SetOnce,
    #[serde(rename = "s")]
    Set,
    #[serde(rename = "u")]
    Unset,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Trait {
    write: Write,
    written: Written,
    /// Raw JSON; empty when unset.
    value: Box<str>,
}

impl Trait {
    fn beats(&self, other: &Trait) -> bool {
        match (self.write, other.write) {
            (Write::SetOnce, Write::SetOnce) => (self.written, &self.value) < (other.written, &other.value),
            (Write::SetOnce, _) => false,
            (_, Write::SetOnce) => true,
            // One activity may set and unset one property: the unset is the later of the two.
            _ => (self.written, self.write, &self.value) > (other.written, other.write, &other.value),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Part<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    v: Option<&'a RawValue>,
    t: i64,
    m: u64,
    k: Write,
}

/// The properties of a person, or of one id of a person, with what is needed to fold them with others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    by_name: BTreeMap<Box<str>, Trait>,
}

impl Traits {
    /// True when nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The raw JSON of a property, if it is set.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).filter(|entry| entry.write != Write::Unset).map(|entry| &*entry.value)
    }

    /// `$set`: every entry of the JSON object `properties`. What is no object writes nothing.
    pub fn set(&mut self, properties: &RawValue, written: Written) {
        self.write_all(properties, Write::Set, written);
    }

    /// `$set_once`: every entry of the JSON object `properties`.
    pub fn set_once(&mut self, properties: &RawValue, written: Written) {
        self.write_all(properties, Write::SetOnce, written);
    }

    /// `$unset`: every name in the JSON array `names`; what is no text in it is passed over.
    pub fn unset(&mut self, names: &RawValue, written: Written) {
        let names: Vec<serde_json::Value> = serde_json::from_str(names.get()).unwrap_or_default();
        for name in names.iter().filter_map(serde_json::Value::as_str) {
            self.put(name.into(), Trait { write: Write::Unset, written, value: "".into() });
        }
    }

    fn write_all(&mut self, properties: &RawValue, write: Write, written: Written) {
        let entries: BTreeMap<Box<str>, &RawValue> = serde_json::from_str(properties.get()).unwrap_or_default();
        for (name, value) in entries {
            self.put(name, Trait { write, written, value: value.get().into() });
        }
    }

    fn put(&mut self, name: Box<str>, new: Trait) {
        match self.by_name.entry(name) {
            Slot::Vacant(slot) => {
                slot.insert(new);
            }
            Slot::Occupied(mut slot) => {
                if new.beats(slot.get()) {
                    slot.insert(new);
                }
            }
        }
    }

    /// Folds `other` in.
    pub fn merge(&mut self, other: Traits) {
        for (name, value) in other.by_name {
            self.put(name, value);
        }
    }

    /// Folds a part in, as [`Traits::to_state`] wrote it.
    pub fn merge_state(&mut self, state: &str) {
        self.merge(Traits::from_state(state));
    }

    /// Reads a part. An entry that cannot be read is passed over: a query must not fail on it.
    pub fn from_state(state: &str) -> Traits {
        let entries: BTreeMap<Box<str>, &RawValue> = serde_json::from_str(state).unwrap_or_default();
        let mut traits = Traits::default();
        for (name, entry) in entries {
            let Ok(Part { v, t, m, k }) = serde_json::from_str(entry.get()) else { continue };
            let value = match k {
                Write::Unset => "",
                // serde reads a null behind an Option as nothing at all
                _ => v.map_or("null", RawValue::get),
            };
            let written = Written { at_ms: t, tiebreak: m };
            traits.by_name.insert(name, Trait { write: k, written, value: value.into() });
        }
        traits
    }

    /// Writes the part.
    pub fn to_state(&self) -> String {
        let mut text = String::from("{");
        for (name, Trait { write, written, value }) in &self.by_name {
            begin_entry(&mut text, name);
            text.push('{');
            if *write != Write::Unset {
                text.push_str("\"v\":");
                text.push_str(value);
                text.push(',');
            }
            let code = match write {
                Write::SetOnce => 'o',
                Write::Set => 's',
                Write::Unset => 'u',
            };
            text.push_str(&format!("\"t\":{},\"m\":{},\"k\":\"{code}\"}}", written.at_ms, written.tiebreak));
        }
        text.push('}');
        text
    }

    /// The properties as a JSON object, sorted by name, without those that are unset. Values are byte for byte as sent.
    pub fn to_properties(&self) -> String {
        let mut text = String::from("{");
        for (name, entry) in self.by_name.iter().filter(|(_, entry)| entry.write != Write::Unset) {
            begin_entry(&mut text, name);
            text.push_str(&entry.value);
        }
        text.push('}');
        text
    }
}

/// A comma if it is not the first, then the quoted name and a colon.
fn begin_entry(text: &mut String, name: &str) {
    if text.len() > 1 {
        text.push(',');
    }
    // Debug of a JSON string value is not JSON; its Display is.
    text.push_str(&serde_json::Value::String(name.to_owned()).to_string());
    text.push(':');
}

#[cfg(test)]
mod tests;
