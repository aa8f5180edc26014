//! A JSON value as flags see it: numbers are IEEE doubles and objects keep the order in which they were written.

mod javascript;

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

pub use javascript::{Primitive, compare_strings};

/// A JSON value. Integers above 2^53 lose their last digits, as they do in every JavaScript SDK.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(f64),
    String(Box<str>),
    Array(Vec<Value>),
    Object(Object),
}

/// The members of an object in the order of the text; of members of one name the last one counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    members: Vec<(Box<str>, Value)>,
}

/// What stands for a path that leads nowhere.
pub static NULL: Value = Value::Null;

impl Object {
    /// The member of this name.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Adds a member, or replaces the value of one that is there.
    pub fn insert(&mut self, name: impl Into<Box<str>>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.members.push((name, value)),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.members.iter().position(|(known, _)| &**known == name)?;
        Some(self.members.remove(index).1)
    }

    /// Members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }

    /// Members in the order in which JavaScript goes through them: places of lists first, by their number.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        let mut places: Vec<(u32, (&str, &Value))> =
            self.iter().filter_map(|member| Some((place_of(member.0)?, member))).collect();
        places.sort_unstable_by_key(|(place, _)| *place);
        let others = self.iter().filter(|(name, _)| place_of(name).is_none());
        places.into_iter().map(|(_, member)| member).chain(others)
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// The number that a name is as a place of a list: written as JavaScript writes it, and below 2^32 − 1.
fn place_of(name: &str) -> Option<u32> {
    let is_canonical = name == "0" || !name.starts_with(['0', '+']);
    name.parse::<u32>().ok().filter(|place| is_canonical && *place < u32::MAX)
}

impl<N: Into<Box<str>>> FromIterator<(N, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(members: I) -> Self {
        let mut object = Object::default();
        object.extend(members);
        object
    }
}

/// As many insertions; many members take time in proportion, whoever sends them.
impl<N: Into<Box<str>>> Extend<(N, Value)> for Object {
    fn extend<I: IntoIterator<Item = (N, Value)>>(&mut self, members: I) {
        let known = self.members.iter().enumerate();
        let mut places: HashMap<Box<str>, usize> = known.map(|(place, (name, _))| (name.clone(), place)).collect();
        for (name, value) in members {
            let name: Box<str> = name.into();
            match places.get(&name) {
                Some(&place) => self.members[place].1 = value,
                None => {
                    places.insert(name.clone(), self.members.len());
                    self.members.push((name, value));
                }
            }
        }
    }
}

impl Value {
    /// Reads a JSON text.
    pub fn parse(json: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// A member of an object; nothing else has members.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_object().and_then(|object| object.get(name))
    }

    #[inline]
    pub fn as_object(&self) -> Option<&Object> {
        if let Value::Object(object) = self { Some(object) } else { None }
    }

    #[inline]
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Value::Array(items) = self { Some(items) } else { None }
    }

    #[inline]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = self { Some(text) } else { None }
    }

    #[inline]
    pub fn as_number(&self) -> Option<f64> {
        if let Value::Number(number) = self { Some(*number) } else { None }
    }

    #[inline]
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(flag) = self { Some(*flag) } else { None }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Bool(flag)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::Array(items)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Value::Object(object)
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Bool(*flag),
            serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(text) => Value::String(text.as_str().into()),
            serde_json::Value::Array(items) => Value::Array(items.iter().map(Value::from).collect()),
            serde_json::Value::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.as_str(), Value::from(value))).collect())
            }
        }
    }
}

/// As JSON text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
                serializer.serialize_i64(*number as i64)
            }
            Value::Number(number) => serializer.serialize_f64(*number),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| sequence.serialize_element(item))?;
                sequence.end()
            }
            Value::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        self.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        // A map of names is kept while reading, so that a large object is not quadratic.
        let mut members: Vec<(Box<str>, Value)> = Vec::new();
        let mut places = HashMap::<Box<str>, usize>::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            let name: Box<str> = name.into();
            match places.get(&name) {
                Some(&place) => members[place].1 = value,
                None => {
                    places.insert(name.clone(), members.len());
                    members.push((name, value));
                }
            }
        }
        Ok(Value::Object(Object { members }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_added_in_order_and_the_last_of_a_name_counts() {
        let number = |number: f64| Value::Number(number);
        let mut object: Object = [("a", number(1.0)), ("b", number(2.0)), ("a", number(3.0))].into_iter().collect();
        object.extend([("c", number(4.0)), ("b", number(5.0)), ("c", number(6.0))]);
        let members: Vec<_> = object.iter().map(|(name, value)| (name, value.as_number())).collect();
        assert_eq!(members, [("a", Some(3.0)), ("b", Some(5.0)), ("c", Some(6.0))]);
    }

    /// As many as fit into a body; compared with each other they would take minutes.
    #[test]
    fn many_members_are_added_in_time() {
        let names = |letter: char| (0..400_000).map(move |number| (format!("{letter}{number:06}"), Value::Null));
        let mut object: Object = names('a').collect();
        object.extend(names('b'));
        assert_eq!(object.len(), 800_000);
    }
}
