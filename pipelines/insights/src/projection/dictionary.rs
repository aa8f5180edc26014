//! Dictionaries: texts and their codes. Codes are given in order of first appearance and never change, so that a
//! reader may use a dictionary that has grown since its snapshot.

use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::InsightError;

/// Texts and their codes 0, 1, 2 …
#[derive(Default)]
pub struct Dictionary {
    names: RwLock<Names>,
}

/// What a dictionary holds just now.
#[derive(Default)]
pub struct Names {
    text: Vec<u8>,
    ends: Vec<u64>,
    codes: HashTable<u32>,
}

impl Dictionary {
    /// The code of a text, a new one if it has none.
    pub fn intern(&self, text: &str) -> u32 {
        if let Some(code) = self.find(text) {
            return code;
        }
        self.names.write().unwrap_or_else(PoisonError::into_inner).intern(text)
    }

    /// Codes of many texts under one lock.
    pub fn intern_all<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Vec<u32> {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        texts.map(|text| names.intern(text)).collect()
    }

    /// The code of a text, if it has one.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.names().find(text)
    }

    /// For many look-ups; nothing can be added while it is held.
    pub fn names(&self) -> RwLockReadGuard<'_, Names> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text of a code; empty for a code that was never given.
    pub fn text(&self, code: u32) -> String {
        self.names().text(code).to_owned()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let names = self.names();
        names.text.capacity() + names.ends.capacity() * 8 + names.codes.capacity() * 5
    }

    /// Writes it to a file: magic, XXH3-64 of the rest, count, ends, text; all little-endian.
    pub fn save(&self, path: &Path) -> Result<(), InsightError> {
        let names = self.names();
        let mut body = (names.ends.len() as u64).to_le_bytes().to_vec();
        body.extend_from_slice(bytemuck::cast_slice(&names.ends));
        body.extend_from_slice(&names.text);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&xxh3_64(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        fs::write(path, bytes).map_err(InsightError::file("writing", path))
    }

    /// Reads what [`Dictionary::save`] wrote.
    pub fn load(path: &Path) -> Result<Dictionary, InsightError> {
        let bytes = fs::read(path).map_err(InsightError::file("reading", path))?;
        let damaged =
            || InsightError::Format { path: path.to_owned(), problem: "the dictionary is damaged".to_owned() };
        let word = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let sound = bytes.starts_with(MAGIC) && word(8) == bytes.get(16..).map(xxh3_64);
        let count = word(16).filter(|_| sound).ok_or_else(damaged)? as usize;
        let text = bytes.get(24 + count * 8..).ok_or_else(damaged)?;
        let mut names = Names::default();
        let mut start = 0;
        for index in 0..count {
            let end = word(24 + index * 8).ok_or_else(damaged)? as usize;
            let one = text.get(start..end).and_then(|text| std::str::from_utf8(text).ok()).ok_or_else(damaged)?;
            names.intern(one);
            start = end;
        }
        if names.len() != count {
            return Err(damaged());
        }
        Ok(Dictionary { names: RwLock::new(names) })
    }
}

const MAGIC: &[u8; 8] = b"FFDICT1\0";

impl Names {
    fn intern(&mut self, text: &str) -> u32 {
        let hash = xxh3_64(text.as_bytes());
        if let Some(&code) = self.codes.find(hash, |&code| self.raw(code) == text.as_bytes()) {
            return code;
        }
        let code = self.ends.len() as u32;
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push(self.text.len() as u64);
        let (bytes, ends) = (&self.text, &self.ends);
        self.codes.insert_unique(hash, code, |&code| xxh3_64(raw(bytes, ends, code)));
        code
    }

    /// The code of a text, if it has one.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.codes.find(xxh3_64(text.as_bytes()), |&code| self.raw(code) == text.as_bytes()).copied()
    }

    /// The text of a code; empty for a code that was never given.
    pub fn text(&self, code: u32) -> &str {
        std::str::from_utf8(self.raw(code)).unwrap_or_default()
    }

    /// How many texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn raw(&self, code: u32) -> &[u8] {
        raw(&self.text, &self.ends, code)
    }
}

fn raw<'a>(text: &'a [u8], ends: &[u64], code: u32) -> &'a [u8] {
    let code = code as usize;
    let start = code.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |&end| end as usize);
    let end = ends.get(code).map_or(start, |&end| end as usize);
    text.get(start..end).unwrap_or_default()
}

/// What the values of a hot property are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColumnKind {
    /// Texts, as codes of a dictionary.
    Words,
    Numbers,
}

/// A property of activities that is kept beside the postings.
pub struct HotColumn {
    pub name: String,
    pub kind: ColumnKind,
    /// Of words.
    pub dictionary: Dictionary,
}

/// The dictionaries that all runs of a project share. `columns` is fixed for the lifetime of the runs: another set of
/// hot properties is another projection.
pub struct Dictionaries {
    pub persons: Dictionary,
    pub activities: Dictionary,
    pub columns: Vec<HotColumn>,
}

impl Dictionaries {
    /// Empty ones, for these hot properties.
    pub fn new(columns: &[(&str, ColumnKind)]) -> Arc<Dictionaries> {
        let column = |&(name, kind): &(&str, ColumnKind)| HotColumn {
            name: name.to_owned(),
            kind,
            dictionary: Dictionary::default(),
        };
        let columns = columns.iter().map(column).collect();
        Arc::new(Dictionaries { persons: Dictionary::default(), activities: Dictionary::default(), columns })
    }

    /// The hot column of a property: its words where it has both.
    pub fn column(&self, name: &str) -> Result<usize, InsightError> {
        let known = || self.columns.iter().map(|column| column.name.clone()).collect();
        let found = self.position(name, ColumnKind::Words).or_else(|| self.position(name, ColumnKind::Numbers));
        found.ok_or_else(|| InsightError::UnknownProperty { name: name.to_owned(), known: known() })
    }

    /// The hot column of a property that has to be of this kind.
    pub fn column_of(&self, name: &str, kind: ColumnKind) -> Result<usize, InsightError> {
        let (is, needed) = match kind {
            ColumnKind::Words => ("a number", "a text"),
            ColumnKind::Numbers => ("a text", "a number"),
        };
        self.column(name)?;
        let found = self.position(name, kind);
        found.ok_or_else(|| InsightError::PropertyKind { name: name.to_owned(), is, needed })
    }

    fn position(&self, name: &str, kind: ColumnKind) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name && column.kind == kind)
    }

    /// The place of each activity in the order of their names by bytes.
    pub(crate) fn ranks(&self) -> Vec<u16> {
        let names = self.activities.names();
        let mut order: Vec<u32> = (0..names.len() as u32).collect();
        order.sort_unstable_by_key(|&code| names.raw(code));
        let mut ranks = vec![0; order.len()];
        order.iter().enumerate().for_each(|(rank, &code)| ranks[code as usize] = rank as u16);
        ranks
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let columns = self.columns.iter().map(|column| column.dictionary.bytes());
        self.persons.bytes() + self.activities.bytes() + columns.sum::<usize>()
    }

    /// Writes all into a folder.
    pub fn save(&self, folder: &Path) -> Result<(), InsightError> {
        self.persons.save(&folder.join("persons.dictionary"))?;
        self.activities.save(&folder.join("activities.dictionary"))?;
        for (index, column) in self.columns.iter().enumerate() {
            column.dictionary.save(&folder.join(format!("column_{index}.dictionary")))?;
        }
        Ok(())
    }

    /// Reads what [`Dictionaries::save`] wrote, for the same hot properties.
    pub fn load(folder: &Path, columns: &[(&str, ColumnKind)]) -> Result<Arc<Dictionaries>, InsightError> {
        let load = |index: usize| Dictionary::load(&folder.join(format!("column_{index}.dictionary")));
        let columns = columns
            .iter()
            .enumerate()
            .map(|(index, &(name, kind))| Ok(HotColumn { name: name.to_owned(), kind, dictionary: load(index)? }));
        Ok(Arc::new(Dictionaries {
            columns: columns.collect::<Result<_, InsightError>>()?,
            persons: Dictionary::load(&folder.join("persons.dictionary"))?,
            activities: Dictionary::load(&folder.join("activities.dictionary"))?,
        }))
    }
}
