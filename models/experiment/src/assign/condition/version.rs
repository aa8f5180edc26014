//! Versions made comparable as text: numbers are padded, a release sorts behind its pre-releases.

use std::cmp::Ordering;

use crate::Value;
use crate::value::compare_strings;

#[derive(Clone, Copy, Debug)]
pub(super) enum VersionTest {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl VersionTest {
    pub(super) fn holds(self, version: &str, bound: &str) -> bool {
        let ordering = compare_strings(version, bound);
        match self {
            VersionTest::Equal => ordering == Ordering::Equal,
            VersionTest::NotEqual => ordering != Ordering::Equal,
            VersionTest::Greater => ordering.is_gt(),
            VersionTest::GreaterOrEqual => ordering.is_ge(),
            VersionTest::Less => ordering.is_lt(),
            VersionTest::LessOrEqual => ordering.is_le(),
        }
    }
}

/// `v1.2.3-rc.1+build` becomes `    1-    2-    3-rc-    1`. What is no version counts as 0.
pub(super) fn padded(value: &Value) -> String {
    let text = match value {
        Value::Number(_) => value.to_text(),
        Value::String(text) if !text.is_empty() => std::borrow::Cow::Borrowed(&**text),
        _ => "0".into(),
    };
    let text = text.strip_prefix('v').unwrap_or(&text);
    // Build information ends with its line.
    let text = match text.find('+') {
        Some(plus) if !text[plus..].contains(['\n', '\r', '\u{2028}', '\u{2029}']) => &text[..plus],
        _ => text,
    };
    let mut out = String::with_capacity(text.len() + 16);
    let mut parts = 0;
    for part in text.split(['-', '.']) {
        if parts > 0 {
            out.push('-');
        }
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            (part.len()..5).for_each(|_| out.push(' '));
        }
        out.push_str(part);
        parts += 1;
    }
    if parts == 3 {
        out.push_str("-~");
    }
    out
}
