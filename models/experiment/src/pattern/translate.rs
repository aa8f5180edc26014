//! JavaScript's regular expressions (ECMAScript 2024 with its Annex B, no flag `u`), written for the Rust engine.

use std::iter::Peekable;
use std::str::Chars;

use super::PatternError;
use super::class::{ANY_BUT_LINE_END, WORD, second, shorthand, translate_class};

const REPEATS_MAX: u32 = 1_000;
/// Stand for `\b` and `\B` until it is known which engine reads the pattern. Literals are escaped, so nothing else does.
const BOUNDARY: &str = "\u{1}";
const NO_BOUNDARY: &str = "\u{2}";

pub(super) struct Translated {
    pub text: String,
    /// False with look-around and references, for which the engine has to go back.
    pub is_linear: bool,
}

/// The pattern while it is read.
pub(super) struct Cursor<'a> {
    rest: Peekable<Chars<'a>>,
    at: usize,
}

impl Cursor<'_> {
    pub(super) fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.rest.next()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    pub(super) fn peek_second(&self) -> Option<char> {
        second(&self.rest)
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    fn take_text(&mut self, wanted: &str) -> bool {
        let found = self.rest.clone().take(wanted.len()).eq(wanted.chars());
        if found {
            self.skip(wanted.chars().count());
        }
        found
    }

    pub(super) fn refuse(&self, reason: &'static str) -> PatternError {
        PatternError::Syntax { at: self.at, reason }
    }

    /// The character that an escape of one letter means; the letter has been read.
    pub(super) fn escape(&mut self, letter: char) -> u32 {
        match letter {
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'f' => 12,
            '0'..='7' => self.octal(letter),
            'c' if self.peek().is_some_and(|c| c.is_ascii_alphabetic()) => {
                self.next().map_or(0, |control| u32::from(control) % 32)
            }
            'x' => self.hexadecimal(2).unwrap_or(u32::from('x')),
            'u' => match self.hexadecimal(4) {
                Some(high @ 0xD800..=0xDBFF) => self.low_surrogate(high).unwrap_or(high),
                Some(code) => code,
                None => u32::from('u'),
            },
            other => u32::from(other),
        }
    }

    fn octal(&mut self, first: char) -> u32 {
        let mut code = first.to_digit(8).unwrap_or(0);
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(8)).filter(|digit| code * 8 + digit < 256) {
            code = code * 8 + digit;
            self.next();
        }
        code
    }

    fn hexadecimal(&mut self, length: usize) -> Option<u32> {
        let digits: String = self.rest.clone().take(length).collect();
        let all = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(&digits, 16).ok().filter(|_| all)?;
        self.skip(length);
        Some(code)
    }

    fn low_surrogate(&mut self, high: u32) -> Option<u32> {
        let before = (self.rest.clone(), self.at);
        if self.take_text("\\u")
            && let Some(low @ 0xDC00..=0xDFFF) = self.hexadecimal(4)
        {
            return Some(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        }
        (self.rest, self.at) = before;
        None
    }
}

/// Writes a character so that no engine takes it for anything else. Half a surrogate pair never occurs in a text.
pub(super) fn push_code(code: u32, out: &mut String) {
    match char::from_u32(code) {
        Some(c) if c.is_ascii_alphanumeric() => out.push(c),
        Some(_) => out.push_str(&format!("\\x{{{code:X}}}")),
        None => out.push_str("\\x{10FFFF}"),
    }
}

/// Rewrites a pattern.
pub(super) fn translate(javascript: &str) -> Result<Translated, PatternError> {
    let cursor = Cursor { rest: javascript.chars().peekable(), at: 0 };
    let (groups, has_names) = count_groups(javascript);
    let mut translation =
        Translation { cursor, out: String::new(), is_linear: true, groups, has_names, open: Vec::new() };
    translation.run()?;
    let is_linear = translation.is_linear;
    let (boundary, no_boundary) = if is_linear {
        (r"(?-u:\b)".to_owned(), r"(?-u:\B)".to_owned())
    } else {
        (
            format!("(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))"),
            format!("(?:(?<=[{WORD}])(?=[{WORD}])|(?<![{WORD}])(?![{WORD}]))"),
        )
    };
    let text = translation.out.replace(BOUNDARY, &boundary).replace(NO_BOUNDARY, &no_boundary);
    Ok(Translated { text, is_linear })
}

/// How many groups capture, and whether any has a name.
fn count_groups(javascript: &str) -> (u32, bool) {
    let (mut count, mut has_names, mut in_class) = (0, false, false);
    let mut chars = javascript.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let ahead: String = chars.clone().take(3).collect();
                let is_named = ahead.starts_with("?<") && !ahead.starts_with("?<=") && !ahead.starts_with("?<!");
                has_names |= is_named;
                count += u32::from(is_named || !ahead.starts_with('?'));
            }
            _ => {}
        }
    }
    (count, has_names)
}

struct Translation<'a> {
    cursor: Cursor<'a>,
    out: String,
    is_linear: bool,
    groups: u32,
    has_names: bool,
    /// For each open group, whether it may be repeated when it is closed.
    open: Vec<bool>,
}

impl Translation<'_> {
    fn run(&mut self) -> Result<(), PatternError> {
        let mut repeatable = false;
        while let Some(c) = self.cursor.next() {
            repeatable = match c {
                '^' => self.push(r"\A", false),
                '$' => self.push(r"\z", false),
                '.' => self.push(ANY_BUT_LINE_END, true),
                '|' => self.push("|", false),
                '[' => {
                    translate_class(&mut self.cursor, &mut self.out)?;
                    true
                }
                '(' => self.open_group()?,
                ')' => {
                    let Some(repeatable) = self.open.pop() else {
                        return Err(self.cursor.refuse("a parenthesis is closed that was not opened"));
                    };
                    self.push(")", repeatable)
                }
                '\\' => self.escape()?,
                '*' | '+' | '?' => self.repeat(&c.to_string(), repeatable)?,
                '{' => match self.counts() {
                    Some(counts) => self.repeat(&counts?, repeatable)?,
                    None => self.push_literal('{'),
                },
                c => self.push_literal(c),
            };
        }
        if self.open.is_empty() { Ok(()) } else { Err(self.cursor.refuse("a parenthesis is not closed")) }
    }

    fn push(&mut self, text: &str, repeatable: bool) -> bool {
        self.out.push_str(text);
        repeatable
    }

    fn push_literal(&mut self, c: char) -> bool {
        push_code(u32::from(c), &mut self.out);
        true
    }

    fn open_group(&mut self) -> Result<bool, PatternError> {
        if !self.cursor.take('?') {
            self.open.push(true);
            return Ok(self.push("(", false));
        }
        for (mark, is_linear, repeatable) in
            [(":", true, true), ("=", false, true), ("!", false, true), ("<=", false, false), ("<!", false, false)]
        {
            if self.cursor.take_text(mark) {
                self.is_linear &= is_linear;
                self.open.push(repeatable);
                self.out.push_str("(?");
                return Ok(self.push(mark, false));
            }
        }
        if self.cursor.take('<') {
            let name = self.name()?;
            self.open.push(true);
            return Ok(self.push(&format!("(?<{name}>"), false));
        }
        Err(self.cursor.refuse("an unknown kind of group"))
    }

    fn name(&mut self) -> Result<String, PatternError> {
        let mut name = String::new();
        loop {
            match self.cursor.next() {
                Some('>') if !name.is_empty() => return Ok(name),
                Some('$') => name.push_str("_dollar_"),
                Some(c) if c == '_' || c.is_alphabetic() || (!name.is_empty() && c.is_alphanumeric()) => name.push(c),
                _ => return Err(self.cursor.refuse("a group name that is none")),
            }
        }
    }

    fn escape(&mut self) -> Result<bool, PatternError> {
        let Some(letter) = self.cursor.next() else { return Err(self.cursor.refuse("a backslash at the end")) };
        if let Some(set) = shorthand(letter) {
            return Ok(self.push(&set, true));
        }
        match letter {
            'b' | 'B' => Ok(self.boundary(letter == 'b')),
            'k' if self.has_names => {
                if !self.cursor.take('<') {
                    return Err(self.cursor.refuse("a reference without a name"));
                }
                let name = self.name()?;
                self.is_linear = false;
                Ok(self.push(&format!("(?:(?(<{name}>)\\k<{name}>|))"), true))
            }
            '1'..='9' => Ok(self.reference(letter)),
            letter => {
                let code = self.cursor.escape(letter);
                push_code(code, &mut self.out);
                Ok(true)
            }
        }
    }

    /// `\b` by JavaScript's idea of a word, which is ASCII.
    fn boundary(&mut self, is_boundary: bool) -> bool {
        self.push(if is_boundary { BOUNDARY } else { NO_BOUNDARY }, false)
    }

    /// `\7` refers to a group if there are seven, else it is an octal escape or the digit itself.
    fn reference(&mut self, first: char) -> bool {
        let mut number = first.to_digit(10).unwrap_or(0);
        let mut longer = self.cursor.rest.clone();
        let mut length = 0;
        while let Some(digit) = longer.next().and_then(|c| c.to_digit(10)).filter(|_| number < 1_000) {
            if number * 10 + digit > self.groups {
                break;
            }
            number = number * 10 + digit;
            length += 1;
        }
        if number <= self.groups {
            self.cursor.skip(length);
            self.is_linear = false;
            // A group that took no part matches the empty text.
            return self.push(&format!("(?:(?({number})\\{number}|))"), true);
        }
        let code = self.cursor.escape(first);
        push_code(code, &mut self.out);
        true
    }

    /// `n}`, `n,}` or `n,m}` after a brace; anything else leaves the brace a character like others.
    fn counts(&mut self) -> Option<Result<String, PatternError>> {
        let inside: String = self.cursor.rest.clone().take_while(|c| *c != '}').collect();
        let closed = self.cursor.rest.clone().nth(inside.chars().count()) == Some('}');
        let (low, high) = inside.split_once(',').map_or((inside.as_str(), None), |(low, high)| (low, Some(high)));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !closed || !is_number(low) || !high.is_none_or(|high| high.is_empty() || is_number(high)) {
            return None;
        }
        self.cursor.skip(inside.len() + 1);
        let bound = |text: &str| text.parse::<u32>().ok().filter(|number| *number <= REPEATS_MAX);
        let least = bound(low);
        let most = high.filter(|high| !high.is_empty()).map(bound);
        match (least, most) {
            (None, _) | (_, Some(None)) => Some(Err(self.cursor.refuse("more than 1,000 repetitions"))),
            (Some(least), Some(Some(most))) if least > most => {
                Some(Err(self.cursor.refuse("counts of a repetition out of order")))
            }
            _ => Some(Ok(format!("{{{inside}}}"))),
        }
    }

    fn repeat(&mut self, mark: &str, repeatable: bool) -> Result<bool, PatternError> {
        if !repeatable {
            return Err(self.cursor.refuse("nothing to repeat"));
        }
        self.out.push_str(mark);
        if self.cursor.take('?') {
            self.out.push('?');
        }
        Ok(false)
    }
}
