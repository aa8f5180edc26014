//! Walks JSON text that is known to be valid, without building anything: members and elements are slices of it.
//!
//! On text that is not valid JSON the slices are nonsense, but nothing panics and everything ends.

use std::borrow::Cow;

use footfall_ingest_activity::Text;
use serde_json::value::RawValue;

/// One JSON value: a slice of the body, without blanks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// Checks that `text` is one JSON value and nothing else.
    pub(crate) fn check(text: &'a str) -> Result<Value<'a>, serde_json::Error> {
        serde_json::from_str::<&RawValue>(text).map(|raw| Value(raw.get()))
    }

    /// The slice.
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    pub(crate) fn is_null(self) -> bool {
        self.0 == "null"
    }

    pub(crate) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    pub(crate) fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// The slice as serde knows it.
    pub(crate) fn raw(self) -> Option<&'a RawValue> {
        serde_json::from_str(self.0).ok()
    }

    /// A string's content; a number or boolean as it is written; `None` for null, objects and arrays.
    pub(crate) fn scalar(self) -> Option<Text<'a>> {
        match self.0.as_bytes().first()? {
            b'"' => self.0.get(1..self.0.len().max(2) - 1).map(|inner| Text(unescape(inner))),
            b'{' | b'[' | b'n' => None,
            _ => Some(Text(Cow::Borrowed(self.0))),
        }
    }

    /// `true`, `1` or `"true"`.
    pub(crate) fn is_true(self) -> bool {
        matches!(self.0, "true" | "1" | "\"true\"" | "\"1\"")
    }

    /// A finite number, also one written in a string.
    pub(crate) fn number(self) -> Option<f64> {
        self.scalar()?.trim().parse::<f64>().ok().filter(|number| number.is_finite())
    }

    /// The members of an object, in order, duplicates and all; nothing for any other value.
    pub(crate) fn members(self) -> Members<'a> {
        Members { text: self.0, at: if self.is_object() { 1 } else { self.0.len() } }
    }

    /// The elements of an array; nothing for any other value.
    pub(crate) fn elements(self) -> Elements<'a> {
        Elements { text: self.0, at: if self.is_array() { 1 } else { self.0.len() } }
    }

    /// The last member called `name`.
    pub(crate) fn member(self, name: &str) -> Option<Value<'a>> {
        self.members().filter(|(key, _)| key == name).map(|(_, value)| value).last()
    }
}

pub(crate) struct Members<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let start = skip_separators(bytes, self.at);
        if bytes.get(start) != Some(&b'"') {
            self.at = bytes.len();
            return None;
        }
        let end = string_end(bytes, start);
        let key = self.text.get(start + 1..end.saturating_sub(1))?;
        let value = value_at(self.text, end)?;
        self.at = value.1;
        Some((unescape(key), value.0))
    }
}

pub(crate) struct Elements<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let (value, end) = value_at(self.text, self.at)?;
        self.at = end;
        Some(value)
    }
}

/// The value that starts after blanks, commas and colons from `at` on, and where it ends.
fn value_at(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let bytes = text.as_bytes();
    let start = skip_separators(bytes, at);
    let end = match bytes.get(start)? {
        b'"' => string_end(bytes, start),
        b'{' | b'[' => container_end(bytes, start),
        b'}' | b']' => return None,
        _ => scalar_end(bytes, start),
    };
    text.get(start..end).map(|slice| (Value(slice), end))
}

fn skip_separators(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':'));
    from + blanks.unwrap_or(rest.len())
}

/// One past the closing quote of the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    // Most strings are short: two words are cheaper than the call that scans quickly.
    for _ in 0..2 {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { break };
        let word = u64::from_le_bytes(*word);
        let found = bytes_equal(word, b'"') | bytes_equal(word, b'\\');
        if found == 0 {
            at += 8;
            continue;
        }
        at += found.trailing_zeros() as usize / 8;
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            _ => break,
        }
    }
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// A word whose lowest set bit is in the first byte, in order of memory, that equals `byte`; 0 without one (the test
/// for a zero byte in Warren, Hacker's Delight, 6-1: bits above the first may be set wrongly).
fn bytes_equal(word: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let zero_where_equal = word ^ (ONES * u64::from(byte));
    zero_where_equal.wrapping_sub(ONES) & !zero_where_equal & (ONES << 7)
}

fn container_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn scalar_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b':'));
    start + end.unwrap_or(rest.len()).max(1)
}

/// The content of a JSON string; half a surrogate pair becomes U+FFFD.
fn unescape(inner: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(found) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(rest.get(..found).unwrap_or_default());
        let escape = rest.get(found..).unwrap_or_default();
        let (character, length) = escaped(escape);
        text.push(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character of the escape at the start of `escape`, and the length of the escape.
fn escaped(escape: &str) -> (char, usize) {
    let plain = match escape.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode(escape),
        _ => {
            return escape
                .chars()
                .nth(1)
                .map_or((char::REPLACEMENT_CHARACTER, 1), |other| (other, 1 + other.len_utf8()));
        }
    };
    (plain, 2)
}

fn unicode(escape: &str) -> (char, usize) {
    let unit = |at: usize| -> Option<u32> {
        let digits = escape.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(high @ 0xD800..=0xDBFF), Some(low @ 0xDC00..=0xDFFF)) => {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        (Some(code), _) => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
        (None, _) => (char::REPLACEMENT_CHARACTER, 2),
    }
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One object with the members of both; where both have one, `own` wins.
pub(crate) fn merged(outer: Value<'_>, own: Value<'_>) -> String {
    let mut own_names: Vec<_> = own.members().map(|(key, _)| key).collect();
    // Both may have as many members as fit into a body.
    own_names.sort_unstable();
    let mut text = String::with_capacity(outer.text().len() + own.text().len() + 1);
    let kept = outer.members().filter(|(key, _)| own_names.binary_search(key).is_err());
    for (key, value) in kept.chain(own.members()) {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(&quoted(&key));
        text.push(':');
        text.push_str(value.text());
    }
    if text.is_empty() { "{}".to_owned() } else { text + "}" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Value<'_> {
        Value::check(text).unwrap()
    }

    #[test]
    fn members_and_elements_are_slices() {
        let object = value(r#" { "a" : [1 , {"b":"]}"}] , "c\u0041":"x\"y" ,"d":null, "e":-1.5e400 } "#);
        let members: Vec<_> = object.members().map(|(key, value)| (key.into_owned(), value.text())).collect();
        let expected = [("a", r#"[1 , {"b":"]}"}]"#), ("cA", r#""x\"y""#), ("d", "null"), ("e", "-1.5e400")];
        assert_eq!(members, expected.map(|(key, text)| (key.to_owned(), text)));
        assert_eq!(object.member("a").unwrap().elements().count(), 2);
        assert_eq!(object.member("e").unwrap().scalar().unwrap().as_str(), "-1.5e400");
        assert_eq!(object.member("e").unwrap().number(), None);
    }

    #[test]
    fn of_duplicate_members_the_last_counts() {
        assert_eq!(value(r#"{"a":1,"a":2}"#).member("a").unwrap().text(), "2");
    }

    #[test]
    fn merging_keeps_the_items_own() {
        assert_eq!(merged(value(r#"{"a":1,"b":2}"#), value(r#"{"b":3}"#)), r#"{"a":1,"b":3}"#);
        assert_eq!(merged(value("{}"), value("{}")), "{}");
        let twice = merged(value(r#"{"d":1,"b":2,"a":3}"#), value(r#"{"b":4,"a":5,"b":6}"#));
        assert_eq!(twice, r#"{"d":1,"b":4,"a":5,"b":6}"#);
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        assert_eq!(value(r#""a\ud800b\ud83d\ude00\/""#).scalar().unwrap().as_str(), "a\u{FFFD}b😀/");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            ".*".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                prop::collection::hash_map(".*", inner, 0..6).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    /// Builds what serde builds, out of slices.
    fn rebuilt(value: Value<'_>) -> serde_json::Value {
        if value.is_object() {
            value.members().map(|(key, value)| (key.into_owned(), rebuilt(value))).collect()
        } else if value.is_array() {
            value.elements().map(rebuilt).collect()
        } else if value.text().starts_with('"') {
            value.scalar().unwrap().as_str().into()
        } else {
            serde_json::from_str(value.text()).unwrap()
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde(json in json()) {
            for text in [serde_json::to_string(&json).unwrap(), serde_json::to_string_pretty(&json).unwrap()] {
                prop_assert_eq!(&rebuilt(value(&text)), &json);
            }
        }

        #[test]
        fn nonsense_ends_without_panic(text in r#"[{}\[\]",:\\u0-9a-fé ]{0,60}"#) {
            let value = Value(&text);
            let _ = (value.members().count(), value.elements().count(), value.scalar(), value.number());
        }
    }
}
