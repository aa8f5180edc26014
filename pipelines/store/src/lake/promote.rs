//! Hot properties get a column of their own in a file, so that asking for one does not parse JSON.
//!
//! The column holds exactly what `properties->>'key'` gives: the reader here is the one that the SQL function uses.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, StringViewBuilder};
use jiter::{Jiter, Peek};

use crate::StoreError;

/// The column that is read.
const PROPERTIES: &str = "properties";
/// Rows looked at to choose.
const SAMPLE_ROWS: usize = 8 * 1024;
/// A chosen property stands in at least one row of so many.
const ROWS_PER_PRESENCE: usize = 20;
/// Most bytes that a chosen property's values have on average: longer ones are seldom asked for.
const MEAN_BYTES_MAX: usize = 64;
/// Longest name of a chosen property.
const KEY_BYTES_MAX: usize = 64;
/// Names counted; a client that invents names must not fill the memory.
const NAMES_MAX: usize = 4 * 1024;

/// What is known of a property's values.
#[derive(Default)]
struct Seen {
    rows: usize,
    bytes: usize,
    nested: bool,
}

/// Properties that are worth a column in a file of these rows (table schema of `activity`), the most frequent first.
pub(crate) fn choose(batches: &[RecordBatch], keys_max: usize) -> Result<Vec<String>, StoreError> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let step = rows.div_ceil(SAMPLE_ROWS).max(1);
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let (mut at, mut sampled) = (0, 0);
    for batch in batches {
        let texts = properties_of(batch)?;
        let first = (step - at % step) % step;
        for row in (first..texts.len()).step_by(step).filter(|&row| texts.is_valid(row)) {
            each_property(texts.value(row), |key, peek, raw| look_at(&mut seen, key, peek, raw));
            sampled += 1;
        }
        at += batch.num_rows();
    }
    let hot = |seen: &Seen| {
        !seen.nested && seen.rows * ROWS_PER_PRESENCE >= sampled && seen.bytes <= seen.rows * MEAN_BYTES_MAX
    };
    let mut keys: Vec<(String, Seen)> = seen.into_iter().filter(|(_, seen)| hot(seen)).collect();
    keys.sort_by(|(a, seen_a), (b, seen_b)| seen_b.rows.cmp(&seen_a.rows).then_with(|| a.cmp(b)));
    Ok(keys.into_iter().take(keys_max).map(|(key, _)| key).collect())
}

fn look_at(seen: &mut HashMap<String, Seen>, key: &str, peek: Peek, raw: &str) -> bool {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return true;
    }
    if !seen.contains_key(key) && seen.len() < NAMES_MAX {
        seen.insert(key.to_owned(), Seen::default());
    }
    let Some(entry) = seen.get_mut(key) else { return true };
    if peek != Peek::Null {
        entry.rows += 1;
        entry.bytes += raw.len();
        entry.nested |= matches!(peek, Peek::Object | Peek::Array);
    }
    true
}

/// For each key the text that `properties->>'key'` gives on every row.
pub(crate) fn extract(batch: &RecordBatch, keys: &[String]) -> Result<Vec<ArrayRef>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let texts = properties_of(batch)?;
    let slots: HashMap<&str, usize> = keys.iter().enumerate().map(|(slot, key)| (key.as_str(), slot)).collect();
    let mut columns: Vec<StringViewBuilder> =
        keys.iter().map(|_| StringViewBuilder::with_capacity(texts.len())).collect();
    // Rows that the column has a value of: the first of two equal names counts.
    let mut filled = vec![0usize; keys.len()];
    let mut slots = Slots { slots, keys, after: vec![0; keys.len() + 1], last: keys.len() };
    for row in 0..texts.len() {
        let mut left = keys.len();
        if texts.is_valid(row) {
            each_property(texts.value(row), |key, peek, raw| {
                if let Some(slot) = slots.find(key)
                    && filled[slot] == row
                {
                    append_text(&mut columns[slot], peek, raw);
                    filled[slot] = row + 1;
                    left -= 1;
                }
                left > 0
            });
        }
        for (column, filled) in columns.iter_mut().zip(&mut filled).filter(|(_, filled)| **filled == row) {
            column.append_null();
            *filled = row + 1;
        }
    }
    Ok(columns.into_iter().map(|mut column| Arc::new(column.finish()) as ArrayRef).collect())
}

/// Finds the slot of a name. Clients write their properties in the same order again and again, so the name that came
/// after the last one before is tried first.
struct Slots<'k> {
    slots: HashMap<&'k str, usize>,
    keys: &'k [String],
    /// By slot, the slot that came next; the last entry is for the start.
    after: Vec<usize>,
    last: usize,
}

impl Slots<'_> {
    fn find(&mut self, key: &str) -> Option<usize> {
        let likely = self.after[self.last];
        let slot = match self.keys.get(likely) {
            Some(known) if known == key => likely,
            _ => *self.slots.get(key)?,
        };
        self.after[self.last] = slot;
        self.last = slot;
        Some(slot)
    }
}

fn properties_of(batch: &RecordBatch) -> Result<&StringViewArray, StoreError> {
    let column = batch.column_by_name(PROPERTIES).and_then(|column| column.as_string_view_opt());
    column.ok_or_else(|| StoreError::Task(format!("rows without the column {PROPERTIES}")))
}

/// Visits name, type and raw text of every property until `visit` returns false. It ends where the text is no JSON, as
/// looking a property up does.
pub(crate) fn each_property(json: &str, mut visit: impl FnMut(&str, Peek, &str) -> bool) {
    let mut reader = Jiter::new(json.as_bytes());
    let Ok(Peek::Object) = reader.peek() else { return };
    let mut key = match reader.known_object() {
        Ok(Some(key)) => Name::of(key),
        _ => return,
    };
    loop {
        let Ok(peek) = reader.peek() else { return };
        let start = reader.current_index();
        if reader.known_skip(peek).is_err() {
            return;
        }
        let Some(raw) = json.get(start..reader.current_index()) else { return };
        if !visit(key.as_str(), peek, raw) {
            return;
        }
        match reader.next_key() {
            Ok(Some(next)) => key.set(next),
            _ => return,
        }
    }
}

/// A name, copied out of the reader's own buffer into one that is used again.
struct Name(String);

impl Name {
    fn of(name: &str) -> Self {
        Name(name.to_owned())
    }

    fn set(&mut self, name: &str) {
        self.0.clear();
        self.0.push_str(name);
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// A string without its quotes, null as null, everything else as it stands.
fn append_text(column: &mut StringViewBuilder, peek: Peek, raw: &str) {
    match peek {
        Peek::Null => column.append_null(),
        Peek::String if is_plain(raw) => column.append_value(&raw[1..raw.len() - 1]),
        Peek::String => match Jiter::new(raw.as_bytes()).next_str() {
            Ok(text) => column.append_value(text),
            // Escapes that are no characters: the function gives null too.
            Err(_) => column.append_null(),
        },
        _ => column.append_value(raw),
    }
}

/// Quoted, without escapes and control characters.
fn is_plain(raw: &str) -> bool {
    raw.len() >= 2 && raw.bytes().all(|byte| byte != b'\\' && byte >= 0x20)
}
