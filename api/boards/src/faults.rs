//! Collects what is wrong with a document, each fault with its JSON pointer and, where it came as YAML, its line.

use footfall_api_http::{Fault, Place};

use crate::yaml::Read;

/// Longest key, and longest name of a variable.
pub const KEY_MAX: usize = 64;
/// Longest title.
pub const LINE_MAX: usize = 200;
/// Longest text.
pub const TEXT_MAX: usize = 20_000;
/// Most bytes of one document.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Faults found so far, and where one looks.
#[derive(Default)]
pub struct Faults<'a> {
    /// Where in the request the document stands, as `/dashboard`.
    root: &'static str,
    source: Option<&'a Read>,
    at: Vec<String>,
    found: Vec<Fault>,
}

impl<'a> Faults<'a> {
    pub fn below(root: &'static str, source: Option<&'a Read>) -> Faults<'a> {
        Faults { root, source, ..Faults::default() }
    }

    /// A fault at a pointer of the document.
    pub fn point(&mut self, pointer: &str, detail: impl std::fmt::Display) {
        let detail = match self.source {
            Some(source) => format!("{detail} (line {})", source.line(pointer)),
            None => detail.to_string(),
        };
        self.found.push(Fault::new(Place::Body, format!("{}{pointer}", self.root), detail));
    }

    /// A fault at the present place.
    pub fn here(&mut self, detail: impl std::fmt::Display) {
        let pointer: String =
            self.at.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
        self.point(&pointer, detail);
    }

    pub fn at(&mut self, member: impl ToString, detail: impl std::fmt::Display) {
        self.within(member, |faults| faults.here(detail));
    }

    pub fn within<R>(&mut self, member: impl ToString, look: impl FnOnce(&mut Faults<'a>) -> R) -> R {
        self.at.push(member.to_string());
        let result = look(self);
        self.at.pop();
        result
    }

    pub fn each<T>(&mut self, member: &str, items: &[T], mut look: impl FnMut(&mut Faults<'a>, usize, &T)) {
        self.within(member, |faults| {
            for (index, item) in items.iter().enumerate() {
                faults.within(index, |faults| look(faults, index, item));
            }
        });
    }

    /// One line, and not an empty one.
    pub fn line(&mut self, member: &str, text: &str) {
        if text.trim().is_empty() || text.chars().count() > LINE_MAX || text.chars().any(char::is_control) {
            self.at(member, format!("must be one line of 1 to {LINE_MAX} characters"));
        }
    }

    pub fn text(&mut self, member: &str, text: &str) {
        if text.chars().count() > TEXT_MAX || text.contains('\0') {
            self.at(member, format!("must have at most {TEXT_MAX} characters"));
        }
    }

    pub fn range(&mut self, member: &str, number: u32, least: u32, most: u32) {
        if !(least..=most).contains(&number) {
            self.at(member, format!("must be {least} to {most}, and is {number}"));
        }
    }

    pub fn count(&mut self, member: &str, count: usize, most: usize) {
        if count > most {
            self.at(member, format!("must have at most {most} items, and has {count}"));
        }
    }

    pub fn distinct<'t>(&mut self, member: &str, what: &str, names: impl Iterator<Item = &'t str>) {
        let mut seen = std::collections::HashSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                self.within(member, |faults| faults.at(index, format!("has the same {what} as another: {name}")));
            }
        }
    }

    pub fn into_vec(self) -> Vec<Fault> {
        self.found
    }
}

/// What may be a key: it stands in addresses and is the name of a file.
pub fn is_key(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(is_plain) && !key.starts_with(['-', '_'])
}

/// What may be the name of a variable: it stands in SQL after a `$`.
pub fn is_name(name: &str) -> bool {
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    begins_well
        && name.len() <= KEY_MAX
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
