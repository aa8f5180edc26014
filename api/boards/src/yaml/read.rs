//! A text as a value, with the line of everything in it.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

/// Things within each other.
const DEPTH_MAX: usize = 64;
/// Values of one document.
const VALUES_MAX: usize = 50_000;
/// The places of all values as pointers, together: a long key stands in the pointer of everything below it.
const POINTERS_BYTES_MAX: usize = 8 << 20;

/// What a text says.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub value: Value,
    /// JSON pointer to line, from 1.
    lines: BTreeMap<String, usize>,
}

impl Read {
    /// The line of a pointer, or of what it lies in.
    pub fn line(&self, pointer: &str) -> usize {
        let mut at = pointer;
        loop {
            if let Some(line) = self.lines.get(at) {
                return *line;
            }
            match at.rfind('/') {
                Some(cut) => at = &at[..cut],
                None => return 1,
            }
        }
    }
}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct YamlFault {
    pub line: usize,
    pub column: usize,
    pub what: String,
}

fn fault(span: &Span, what: impl Into<String>) -> YamlFault {
    YamlFault { line: span.start.line(), column: span.start.col() + 1, what: what.into() }
}

/// Reads one document.
pub fn read(text: &str) -> Result<Read, YamlFault> {
    let mut reader = Reader { parser: Parser::new_from_str(text), lines: BTreeMap::new(), count: 0, pointers_bytes: 0 };
    let mut value = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            _ if value.is_some() => return Err(fault(&span, "one document is expected, and another begins here")),
            event => value = Some(reader.value(event, &span, String::new(), 0)?),
        }
    }
    Ok(Read { value: value.unwrap_or(Value::Null), lines: reader.lines })
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    lines: BTreeMap<String, usize>,
    count: usize,
    pointers_bytes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlFault> {
        match self.parser.next() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                let mark = error.marker();
                Err(YamlFault { line: mark.line(), column: mark.col() + 1, what: error.info().to_owned() })
            }
            None => Err(YamlFault { line: 1, column: 1, what: "the text ends too early".to_owned() }),
        }
    }

    fn value(&mut self, event: Event<'a>, span: &Span, at: String, depth: usize) -> Result<Value, YamlFault> {
        self.count += 1;
        self.pointers_bytes += at.len();
        if depth > DEPTH_MAX || self.count > VALUES_MAX || self.pointers_bytes > POINTERS_BYTES_MAX {
            return Err(fault(span, "this is too large, or nested too deep"));
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse(span, anchor, tag.is_some())?;
                scalar(&text, style)
                    .ok_or_else(|| fault(span, "numbers have to be finite, and texts without U+0000"))?
            }
            Event::SequenceStart(anchor, tag) => {
                refuse(span, anchor, tag.is_some())?;
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.push(self.value(event, &span, format!("{at}/{}", items.len()), depth + 1)?);
                }
                Value::Array(items)
            }
            Event::MappingStart(anchor, tag) => {
                refuse(span, anchor, tag.is_some())?;
                Value::Object(self.members(&at, depth)?)
            }
            Event::Alias(_) => return Err(fault(span, "aliases are not read: write the value out")),
            _ => return Err(fault(span, "a value is expected")),
        };
        self.lines.insert(at, span.start.line());
        Ok(value)
    }

    fn members(&mut self, at: &str, depth: usize) -> Result<Map<String, Value>, YamlFault> {
        let mut members = Map::new();
        loop {
            let (event, key_span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(members),
                Event::Scalar(text, _, 0, None) => text.into_owned(),
                _ => return Err(fault(&key_span, "keys are plain texts")),
            };
            let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            let (event, span) = self.next()?;
            let value = self.value(event, &span, pointer.clone(), depth + 1)?;
            self.lines.insert(pointer, key_span.start.line());
            if members.insert(key.clone(), value).is_some() {
                return Err(fault(&key_span, format!("{key} is here twice")));
            }
        }
    }
}

fn refuse(span: &Span, anchor: usize, has_tag: bool) -> Result<(), YamlFault> {
    match (anchor, has_tag) {
        (0, false) => Ok(()),
        (0, true) => Err(fault(span, "tags are not read: write the value plainly")),
        _ => Err(fault(span, "anchors are not read: write the value out")),
    }
}

/// The core schema (YAML 1.2.2, 10.3.2). `None`: no number that JSON has, or a text with U+0000.
fn scalar(text: &str, style: ScalarStyle) -> Option<Value> {
    if text.contains('\0') {
        return None;
    }
    if style != ScalarStyle::Plain {
        return Some(Value::String(text.to_owned()));
    }
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".inf" | "-.inf" | "+.inf" | ".nan" => return None,
        _ if is_number(text) => number(text)?,
        _ => Value::String(text.to_owned()),
    })
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
pub(super) fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    are_digits(whole)
        && are_digits(part)
        && !(whole.is_empty() && part.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && are_digits(exponent))
}

fn number(text: &str) -> Option<Value> {
    let plain = text.strip_prefix('+').unwrap_or(text);
    if let Ok(whole) = plain.parse::<i64>() {
        return Some(Value::Number(whole.into()));
    }
    Number::from_f64(plain.parse().ok()?).map(Value::Number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_those_of_the_core_schema() {
        let text = "a: 1\nb: 1.5\nc: 'x'\nd: yes\ne: null\nf: true\ng: 1e3\nh: \"1\"\ni: |\n  SELECT 1\n  FROM t\nj: [1, two]\nk: 1.2.3\n";
        let wanted = json!({"a": 1, "b": 1.5, "c": "x", "d": "yes", "e": null, "f": true, "g": 1000.0, "h": "1",
            "i": "SELECT 1\nFROM t\n", "j": [1, "two"], "k": "1.2.3"});
        assert_eq!(read(text).unwrap().value, wanted);
    }

    #[test]
    fn lines_lead_to_what_is_meant() {
        let found = read("title: x\ntiles:\n  - id: a\n    x: 1\n").unwrap();
        assert_eq!(found.line("/tiles/0/x"), 4);
        assert_eq!(found.line("/tiles/0/missing"), 3);
        assert_eq!(found.line("/nothing"), 1);
    }

    #[test]
    fn what_could_grow_or_mean_two_things_is_refused() {
        for text in [
            "a: &x 1\nb: *x",
            "a: !!str 1",
            "a: 1\na: 2",
            "a: .inf",
            "a: 1\n---\nb: 2",
            "a: [",
            "? [a]\n: b",
            "a: \"\\0\"",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(read(&deep).is_err());
        assert!(read(&format!("[{}]", "1,".repeat(60_000))).is_err());
        let long = |key: usize| format!("{{{}: [{}]}}", "k".repeat(key), "1,".repeat(1_000));
        assert!(read(&long(1_000)).is_ok());
        assert!(read(&long(100_000)).is_err(), "places of 100 MB");
    }
}
