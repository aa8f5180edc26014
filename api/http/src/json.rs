//! JSON as it arrives, read strictly: no member twice, no NUL in texts (no database column takes it), nothing after the end.

use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Number, Value};

use crate::problem::{Fault, Problem, kinds};
use crate::schema::Shape;

/// Reads `bytes` as `T`, telling everything that does not fit.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8], shape: &Shape) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(Problem::new(&kinds::BODY_INVALID).detail("There is no body. Send one in JSON."));
    }
    let Strict(value) = serde_json::from_slice(bytes).map_err(|error| {
        let detail = format!("{error}.");
        let kind = if error.is_data() { &kinds::BODY_INVALID } else { &kinds::BODY_SYNTAX };
        Problem::new(kind).detail(detail)
    })?;
    fit(value, shape)
        .map_err(|faults| Problem::new(&kinds::BODY_INVALID).detail(summary("body", &faults)).faults(faults))
}

/// Makes a `T` of a value that fits the schema; else every fault.
pub(crate) fn fit<T: DeserializeOwned>(value: Value, shape: &Shape) -> Result<T, Vec<Fault>> {
    let faults = shape.faults(&value);
    if !faults.is_empty() {
        return Err(faults);
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        vec![Fault::new(shape.place(), pointer, error.into_inner().to_string())]
    })
}

/// One sentence for people about all faults.
pub(crate) fn summary(what: &str, faults: &[Fault]) -> String {
    let more = match faults.len() {
        0 | 1 => String::new(),
        count => format!(" There are {} more: see errors.", count - 1),
    };
    let first = faults.first().map(|fault| match fault.pointer.as_str() {
        "" => format!("The {what} {}.", fault.detail),
        pointer => format!("{pointer} of the {what} {}.", fault.detail),
    });
    format!("{}{more}", first.unwrap_or_default())
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |at, segment| match segment {
        Segment::Seq { index } => format!("{at}/{index}"),
        Segment::Map { key } => format!("{at}{}", Shape::pointer(key)),
        Segment::Enum { .. } | Segment::Unknown => at,
    })
}

/// True when `text` may be stored anywhere.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Strict, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

fn text<E: de::Error>(text: String) -> Result<String, E> {
    if is_storable(&text) { Ok(text) } else { Err(E::custom("a text holds U+0000, which cannot be stored")) }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // 70.0 and 7e1 are integers (JSON Schema 2020-12, 4.2.3). Beyond 2^53 a number does not tell which one it is.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return Ok(Value::from(value as i64));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is too large"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        text(value.to_owned()).map(Value::String)
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            let name = text(name)?;
            if all.insert(name.clone(), value).is_some() {
                return Err(A::Error::custom(format!("the member {name:?} is there twice")));
            }
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::problem::Place;
    use crate::schema::Schemas;

    #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Note {
        title: String,
        at: Vec<crate::Time>,
    }

    fn read(text: &str) -> Result<Note, Problem> {
        super::read(text.as_bytes(), &Schemas::new().shape::<Note>(Place::Body))
    }

    #[test]
    fn what_is_wrong_with_a_body_is_told() {
        let refused = |text: &str| {
            let problem = read(text).unwrap_err();
            let fault = problem.faults_listed().first().map(|fault| fault.pointer.clone());
            (problem.code(), fault.unwrap_or_default())
        };
        assert!(read(r#"{"title": "a", "at": ["2026-01-02T03:04:05Z"]}"#).is_ok());
        assert_eq!(refused(""), ("body_invalid", String::new()));
        assert_eq!(refused("{"), ("body_syntax", String::new()));
        assert_eq!(refused(r#"{"title": "a", "at": []} x"#), ("body_syntax", String::new()));
        assert_eq!(refused(r#"{"title": "a", "title": "b", "at": []}"#), ("body_invalid", String::new()));
        assert_eq!(refused(r#"{"title": "a\u0000", "at": []}"#), ("body_invalid", String::new()));
        assert_eq!(refused(r#"{"title": 1, "at": []}"#), ("body_invalid", "/title".into()));
        assert_eq!(
            refused(r#"{"title": "a", "at": ["2026-01-02T03:04:05Z", "noon"]}"#),
            ("body_invalid", "/at/1".into())
        );
        assert_eq!(refused(r#"{"title": "a", "at": [], "more": 1e999}"#).0, "body_syntax");
        assert_eq!(refused(&format!("{}1{}", "[".repeat(500), "]".repeat(500))).0, "body_syntax");
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        #[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct Counted {
            count: u32,
            share: f64,
        }
        let shape = Schemas::new().shape::<Counted>(Place::Body);
        let read = |text: &str| super::read::<Counted>(text.as_bytes(), &shape).map_err(|problem| problem.code());
        assert_eq!(read(r#"{"count": 70.0, "share": 2.0}"#), Ok(Counted { count: 70, share: 2.0 }));
        assert_eq!(read(r#"{"count": 7e1, "share": 0.5}"#), Ok(Counted { count: 70, share: 0.5 }));
        assert_eq!(read(r#"{"count": 70.5, "share": 0}"#), Err("body_invalid"));
        assert_eq!(read(r#"{"count": 1e300, "share": 1e300}"#), Err("body_invalid"));
    }
}
