//! Properties of persons, folded out of the parts that the store has of each id, for the properties that were asked about.
//!
//! Folding is idempotent, so what was read once may be read again: a file that compaction has made changes nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use footfall_pipelines_insights::projection::{Dictionaries, Dictionary, Trait};
use footfall_pipelines_store::lake::ProjectSnapshot;
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::traits::Traits;

use crate::error::AskError;
use crate::followed::Followed;

const COLUMNS: [&str; 2] = ["person_id", "traits"];

/// What is known of the persons of a project. Nothing is read before a property is asked about.
#[derive(Default)]
pub(crate) struct People {
    wanted: BTreeSet<String>,
    /// By own person.
    folded: HashMap<u32, Traits>,
    followed: Followed,
    made: Vec<Arc<Trait>>,
    dictionaries: HashMap<String, Arc<Dictionary>>,
}

impl People {
    pub fn want(&mut self, names: &BTreeSet<String>) {
        self.wanted.extend(names.iter().cloned());
    }

    pub fn wanted(&self) -> &BTreeSet<String> {
        &self.wanted
    }

    /// Forgets what was read, under which ordinals too.
    pub fn forget(&mut self) {
        *self = People { wanted: std::mem::take(&mut self.wanted), ..People::default() };
    }

    /// About what it takes: what a person's properties are was not measured, half a kilobyte is a guess on the high side.
    pub fn memory_bytes(&self) -> usize {
        self.folded.len() * 512 + self.made.iter().map(|one| one.codes.len() * 4).sum::<usize>()
    }

    pub fn traits(&self) -> &[Arc<Trait>] {
        &self.made
    }

    /// Reads what is new. Whether any value may have changed.
    pub fn follow(
        &mut self,
        snapshot: &ProjectSnapshot,
        persons: &Dictionaries,
        merged: &HashMap<u32, u32>,
        merged_changed: bool,
    ) -> Result<bool, AskError> {
        if self.wanted.is_empty() {
            return Ok(false);
        }
        let folded = &mut self.folded;
        let news = self.followed.on(snapshot, Table::Identities, &COLUMNS, |batch| fold(folded, persons, batch))?;
        let is_complete = self.made.len() == self.wanted.len();
        if news == 0 && !merged_changed && is_complete {
            return Ok(false);
        }
        let wanted: Vec<String> = self.wanted.iter().cloned().collect();
        self.made = wanted.iter().map(|name| self.make(name, merged)).collect();
        Ok(true)
    }

    /// The values of a property by the person that ids are now.
    fn make(&mut self, name: &str, merged: &HashMap<u32, u32>) -> Arc<Trait> {
        let dictionary = self.dictionaries.entry(name.to_owned()).or_default().clone();
        let mut together: HashMap<u32, Traits> = HashMap::new();
        for (own, now) in merged {
            if let Some(traits) = self.folded.get(own) {
                together.entry(*now).or_default().merge(traits.clone());
            }
        }
        let mut codes: Vec<u32> = Vec::new();
        let mut put = |person: u32, traits: &Traits| {
            let code = traits.value(name).and_then(text_of).map_or(0, |text| dictionary.intern(&text) + 1);
            if code > 0 {
                let place = person as usize;
                codes.resize(codes.len().max(place + 1), 0);
                codes[place] = code;
            }
        };
        for (own, traits) in &self.folded {
            if !merged.contains_key(own) && !together.contains_key(own) {
                put(*own, traits);
            }
        }
        for (now, mut traits) in together {
            // Its own part counts too, unless it is somebody else itself.
            if let Some(own) = self.folded.get(&now).filter(|_| !merged.contains_key(&now)) {
                traits.merge(own.clone());
            }
            put(now, &traits);
        }
        Arc::new(Trait { name: name.to_owned(), dictionary, codes })
    }
}

/// How many rows had properties.
fn fold(folded: &mut HashMap<u32, Traits>, persons: &Dictionaries, batch: &RecordBatch) -> usize {
    let (ids, states) = (batch.column(0).as_string_view(), batch.column(1).as_string_view());
    let mut found = 0;
    for row in (0..batch.num_rows()).filter(|&row| states.is_valid(row)) {
        let person = persons.persons.intern(ids.value(row));
        folded.entry(person).or_default().merge_state(states.value(row));
        found += 1;
    }
    found
}

/// What `->>` gives of a value in JSON.
fn text_of(raw: &str) -> Option<String> {
    match raw.trim_start().as_bytes().first() {
        Some(b'n') => None,
        Some(b'"') => serde_json::from_str(raw).ok(),
        _ => Some(raw.to_owned()),
    }
}
