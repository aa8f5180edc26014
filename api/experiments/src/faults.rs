//! Collects everything that is wrong with a definition, each fault at its JSON pointer.

use footfall_api_http::{Fault, Place};

/// Longest key of anything.
pub const KEY_MAX: usize = 100;
/// Longest one-line text.
pub const LINE_MAX: usize = 200;
/// Longest description.
pub const TEXT_MAX: usize = 4_000;
/// Most bytes of one definition as JSON.
pub const DEFINITION_BYTES_MAX: usize = 512 * 1024;

/// Faults found so far, and where in the document one is.
#[derive(Debug, Default)]
pub struct Faults {
    at: Vec<String>,
    found: Vec<Fault>,
    /// What the places that are looked into belong to, as people know it.
    of: Option<String>,
}

impl Faults {
    /// Faults of a document that stands in the request at `root`.
    pub fn below(root: &str) -> Faults {
        Faults { at: vec![root.to_owned()], ..Faults::default() }
    }

    /// A fault at the present place.
    pub fn here(&mut self, detail: impl Into<String>) {
        let pointer =
            self.at.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect::<String>();
        let detail = detail.into();
        let detail = self.of.as_ref().map_or(detail.clone(), |of| format!("{detail} ({of})"));
        self.found.push(Fault::new(Place::Body, pointer, detail));
    }

    /// Names in each fault that `look` finds what it belongs to, as "rule summer": people do not count places in a list.
    pub fn of<R>(&mut self, named: String, look: impl FnOnce(&mut Faults) -> R) -> R {
        let outer = self.of.replace(named);
        let result = look(self);
        self.of = outer;
        result
    }

    /// A fault at a member of the present place.
    pub fn at(&mut self, member: impl ToString, detail: impl Into<String>) {
        self.within(member, |faults| faults.here(detail));
    }

    /// Looks into a member.
    pub fn within<R>(&mut self, member: impl ToString, look: impl FnOnce(&mut Faults) -> R) -> R {
        self.at.push(member.to_string());
        let result = look(self);
        self.at.pop();
        result
    }

    /// Looks into each item of a list.
    pub fn each<T>(&mut self, member: &str, items: &[T], mut look: impl FnMut(&mut Faults, usize, &T)) {
        self.within(member, |faults| {
            for (index, item) in items.iter().enumerate() {
                faults.within(index, |faults| look(faults, index, item));
            }
        });
    }

    pub fn line(&mut self, member: &str, text: &str) {
        if text.chars().count() > LINE_MAX || text.chars().any(char::is_control) {
            self.at(member, format!("must be one line of at most {LINE_MAX} characters"));
        }
    }

    pub fn text(&mut self, member: &str, text: &str) {
        if text.chars().count() > TEXT_MAX || text.contains('\0') {
            self.at(member, format!("must have at most {TEXT_MAX} characters"));
        }
    }

    pub fn key(&mut self, member: &str, key: &str) {
        if !is_key(key) {
            self.at(member, "must be 1 to 100 letters, digits and - _ . : |, the first a letter or digit");
        }
    }

    pub fn count(&mut self, member: &str, count: usize, most: usize) {
        if count > most {
            self.at(member, format!("must have at most {most} items, and has {count}"));
        }
    }

    pub fn share(&mut self, member: &str, share: f64) {
        if !(0.0..=1.0).contains(&share) {
            self.at(member, "must be between 0 and 1");
        }
    }

    pub fn distinct<'a>(&mut self, member: &str, what: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = std::collections::HashSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                self.within(member, |faults| faults.at(index, format!("has the same {what} as another: {name}")));
            }
        }
    }

    pub fn count_so_far(&self) -> usize {
        self.found.len()
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn into_vec(self) -> Vec<Fault> {
        self.found
    }
}

/// What may be a key: it stands in addresses, payloads and SQL results.
pub fn is_key(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:|".contains(&byte);
    (1..=KEY_MAX).contains(&key.len())
        && key.bytes().all(is_plain)
        && key.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}
