//! Character classes: `[…]`, `\d`, `\w`, `\s` and `.` as JavaScript means them, written for the Rust engine.

use std::iter::Peekable;
use std::str::Chars;

use super::translate::{Cursor, push_code};
use crate::pattern::PatternError;

pub(super) const ANY_BUT_LINE_END: &str = r"[^\n\r\x{2028}\x{2029}]";
pub(super) const WORD: &str = "A-Za-z0-9_";
const DIGIT: &str = "0-9";
const SPACE: &str =
    r"\t\n\x{B}\x{C}\r\x{20}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}";

/// The class of a letter after a backslash.
pub(super) fn shorthand(letter: char) -> Option<String> {
    let (set, negated) = match letter {
        'd' => (DIGIT, false),
        'D' => (DIGIT, true),
        'w' => (WORD, false),
        'W' => (WORD, true),
        's' => (SPACE, false),
        'S' => (SPACE, true),
        _ => return None,
    };
    Some(format!("[{}{set}]", if negated { "^" } else { "" }))
}

/// One element of a class: a character, or a set that cannot end a range.
enum Element {
    Code(u32),
    Set(String),
}

/// Reads a class; its opening bracket has been read.
pub(super) fn translate_class(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), PatternError> {
    let negated = cursor.take('^');
    if cursor.take(']') {
        // `[]` matches nothing and `[^]` everything.
        out.push_str(if negated { r"[\x{0}-\x{10FFFF}]" } else { r"[^\x{0}-\x{10FFFF}]" });
        return Ok(());
    }
    out.push_str(if negated { "[^" } else { "[" });
    while let Some(first) = element(cursor)? {
        if !(cursor.peek() == Some('-') && cursor.peek_second().is_some_and(|c| c != ']')) {
            push_element(&first, out);
            continue;
        }
        cursor.next();
        let last = element(cursor)?.unwrap_or(Element::Code(u32::from('-')));
        match (&first, &last) {
            (Element::Code(low), Element::Code(high)) if low > high => {
                return Err(cursor.refuse("a range out of order"));
            }
            (Element::Code(low), Element::Code(high)) => {
                push_code(*low, out);
                out.push('-');
                push_code(*high, out);
            }
            _ => {
                push_element(&first, out);
                push_code(u32::from('-'), out);
                push_element(&last, out);
            }
        }
    }
    out.push(']');
    Ok(())
}

/// The next element, or none at the closing bracket.
fn element(cursor: &mut Cursor<'_>) -> Result<Option<Element>, PatternError> {
    let Some(c) = cursor.next() else { return Err(cursor.refuse("a class without end")) };
    Ok(Some(match c {
        ']' => return Ok(None),
        '\\' => {
            let Some(letter) = cursor.next() else { return Err(cursor.refuse("a backslash at the end")) };
            match shorthand(letter) {
                Some(set) => Element::Set(set),
                None if letter == 'b' => Element::Code(8),
                None => Element::Code(cursor.escape(letter)),
            }
        }
        c => Element::Code(u32::from(c)),
    }))
}

fn push_element(element: &Element, out: &mut String) {
    match element {
        Element::Code(code) => push_code(*code, out),
        Element::Set(set) => out.push_str(set),
    }
}

/// A look past the next character without taking it.
pub(super) fn second(rest: &Peekable<Chars<'_>>) -> Option<char> {
    rest.clone().nth(1)
}
