//! ECMAScript's conversions and comparisons of JSON values, on which GrowthBook's conditions rest.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::Value;

/// What is left of a value when it is compared: text or number.
#[derive(Debug)]
pub enum Primitive<'a> {
    Text(Cow<'a, str>),
    Number(f64),
}

impl Value {
    /// What `!!value` gives.
    #[inline]
    pub fn is_truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::String(text) => !text.is_empty(),
            Value::Array(_) | Value::Object(_) => true,
        }
    }

    /// What `value + ""` gives.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Value::Null => "null".into(),
            Value::Bool(true) => "true".into(),
            Value::Bool(false) => "false".into(),
            Value::Number(number) => number_to_text(*number).into(),
            Value::String(text) => Cow::Borrowed(text),
            Value::Array(items) => {
                let texts = items.iter().map(|item| if item.is_null() { Cow::Borrowed("") } else { item.to_text() });
                texts.collect::<Vec<_>>().join(",").into()
            }
            Value::Object(_) => "[object Object]".into(),
        }
    }

    /// What `Number(value)` gives.
    pub fn to_number(&self) -> f64 {
        match self {
            Value::Null => 0.0,
            Value::Bool(flag) => f64::from(u8::from(*flag)),
            Value::Number(number) => *number,
            Value::String(text) => text_to_number(text),
            Value::Array(_) => text_to_number(&self.to_text()),
            Value::Object(_) => f64::NAN,
        }
    }

    /// What is compared by `<`: text stays text, objects become text, all else a number.
    #[inline]
    pub fn to_primitive(&self) -> Primitive<'_> {
        match self {
            Value::String(_) | Value::Array(_) | Value::Object(_) => Primitive::Text(self.to_text()),
            _ => Primitive::Number(self.to_number()),
        }
    }

    /// True where `JSON.stringify` writes both alike.
    pub fn has_same_text(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Array(left), Value::Array(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.has_same_text(right))
            }
            (Value::Object(left), Value::Object(right)) => {
                left.len() == right.len()
                    && left.entries().zip(right.entries()).all(|((left_name, left), (right_name, right))| {
                        left_name == right_name && left.has_same_text(right)
                    })
            }
            (left, right) => left == right,
        }
    }

    /// What `===` gives for two values that are not the same object; arrays and objects are never equal.
    #[inline]
    pub fn is_identical(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Number(left), Value::Number(right)) => left == right,
            (Value::String(left), Value::String(right)) => left == right,
            _ => false,
        }
    }
}

impl Primitive<'_> {
    /// The order by `<`; none if one of two numbers is not a number.
    pub fn compare(&self, other: &Primitive<'_>) -> Option<Ordering> {
        match (self, other) {
            (Primitive::Text(left), Primitive::Text(right)) => Some(compare_strings(left, right)),
            _ => self.as_number().partial_cmp(&other.as_number()),
        }
    }

    fn as_number(&self) -> f64 {
        match self {
            Primitive::Text(text) => text_to_number(text),
            Primitive::Number(number) => *number,
        }
    }
}

/// The order of two texts by UTF-16 code units, which is not that of UTF-8 bytes beyond the basic plane.
pub fn compare_strings(left: &str, right: &str) -> Ordering {
    if left.is_ascii() || right.is_ascii() {
        // A text of ASCII differs from any other at the latest where that one leaves ASCII.
        return left.cmp(right);
    }
    left.encode_utf16().cmp(right.encode_utf16())
}

/// ECMAScript's StringToNumber: spaces around, decimal, hexadecimal, octal and binary, the empty text is 0.
fn text_to_number(text: &str) -> f64 {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if text.is_empty() {
        return 0.0;
    }
    let bytes = text.as_bytes();
    if bytes[0] == b'0' && bytes.len() > 2 {
        let radix = match bytes[1] {
            b'x' | b'X' => 16,
            b'o' | b'O' => 8,
            b'b' | b'B' => 2,
            _ => 0,
        };
        if radix > 0 {
            let digits = text[2..].chars().map(|c| c.to_digit(radix));
            return digits.fold(0.0, |sum, digit| match digit {
                Some(digit) => sum * f64::from(radix) + f64::from(digit),
                None => f64::NAN,
            });
        }
    }
    match text {
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        // Rust's parser knows words (inf, nan) that ECMAScript does not.
        _ if bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}

/// ECMAScript's Number::toString: the shortest digits, with an exponent from 1e21 and below 1e-6.
fn number_to_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    if number == 0.0 {
        return "0".into();
    }
    let size = number.abs();
    if (1e-6..1e21).contains(&size) {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (number, text) in cases {
            assert_eq!(number_to_text(number), text);
        }
    }

    #[test]
    fn texts_are_read_as_javascript_reads_them() {
        let cases = [
            ("", 0.0),
            (" 8 ", 8.0),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("0x1F", 31.0),
            ("0b101", 5.0),
            ("-Infinity", f64::NEG_INFINITY),
        ];
        for (text, number) in cases {
            assert_eq!(text_to_number(text), number, "{text:?}");
        }
        for text in ["abc", "1 2", "inf", "nan", "0x", "1_000", "--1", "0xZ"] {
            assert!(text_to_number(text).is_nan(), "{text:?}");
        }
    }

    #[test]
    fn order_is_by_code_units() {
        // The first is beyond the basic plane, so its first code unit is a surrogate, below U+FF5E.
        assert_eq!(compare_strings("\u{1F600}", "\u{FF5E}"), Ordering::Less);
        assert_eq!(compare_strings("b", "a"), Ordering::Greater);
        assert_eq!(compare_strings("a\u{e9}", "a"), Ordering::Greater);
    }
}
