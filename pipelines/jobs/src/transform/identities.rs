//! The rows of `identities`: one for each distinct id of a batch.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::builder::StringViewBuilder;
use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringViewArray};
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use footfall_ingest_activity::{Activity, Text, Timestamp, person_id_of};
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::traits::{Traits, Written};
use uuid::Uuid;

use super::activity::{integers, times};
use crate::keys::tiebreak;

const UUID_TEXT_BYTES: u32 = 36;

#[derive(Debug)]
struct Seen<'a> {
    distinct_id: Cow<'a, str>,
    person: Uuid,
    first_seen: Timestamp,
    last_seen: Timestamp,
    activities: i64,
    identified: bool,
    traits: Traits,
}

/// The distinct ids of a batch of one project, each once, and what the batch says of them.
#[derive(Debug, Default)]
pub struct Identities<'a> {
    seen: Vec<Seen<'a>>,
    places: HashMap<Cow<'a, str>, u32>,
    /// Place of the latest: neighbours in the log are often one person.
    latest: usize,
}

impl<'a> Identities<'a> {
    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// True before the first id.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Notes an activity and returns the place of its distinct id.
    pub fn observe(&mut self, project: &str, activity: &Activity<'a>) -> u32 {
        let place = self.place_of(project, &activity.distinct_id, activity.timestamp);
        let seen = &mut self.seen[place];
        seen.first_seen = seen.first_seen.min(activity.timestamp);
        seen.last_seen = seen.last_seen.max(activity.timestamp);
        seen.activities += 1;
        seen.identified |= activity.identified;
        if activity.set.is_some() || activity.set_once.is_some() || activity.unset.is_some() {
            write_traits(&mut seen.traits, activity);
        }
        place as u32
    }

    /// Notes an id that a claim named, which may have no activity of its own yet.
    pub fn mention(&mut self, project: &str, distinct_id: &str, timestamp: Timestamp, identified: bool) {
        let place = self.place_of(project, &Text(Cow::Owned(distinct_id.to_owned())), timestamp);
        self.seen[place].identified |= identified;
    }

    fn place_of(&mut self, project: &str, distinct_id: &Text<'a>, timestamp: Timestamp) -> usize {
        if self.seen.get(self.latest).is_some_and(|seen| seen.distinct_id == distinct_id.0) {
            return self.latest;
        }
        self.latest = match self.places.get(&distinct_id.0) {
            Some(&place) => place as usize,
            None => {
                let place = self.seen.len();
                self.places.insert(distinct_id.0.clone(), place as u32);
                self.seen.push(Seen {
                    person: person_id_of(project, distinct_id),
                    distinct_id: distinct_id.0.clone(),
                    first_seen: timestamp,
                    last_seen: timestamp,
                    activities: 0,
                    identified: false,
                    traits: Traits::default(),
                });
                place
            }
        };
        self.latest
    }

    /// The own persons of the ids at `places`, each text kept once.
    pub fn person_id_column(&self, places: &[u32]) -> Result<ArrayRef, ArrowError> {
        let mut texts = Vec::with_capacity(self.seen.len() * UUID_TEXT_BYTES as usize);
        for seen in &self.seen {
            texts.extend_from_slice(seen.person.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
        }
        let mut column = StringViewBuilder::with_capacity(places.len());
        let block = column.append_block(Buffer::from_vec(texts));
        for &place in places {
            column.try_append_view(block, place * UUID_TEXT_BYTES, UUID_TEXT_BYTES)?;
        }
        Ok(Arc::new(column.finish()))
    }

    /// The ids at `places`, each text kept once.
    pub fn distinct_id_column(&self, places: &[u32]) -> Result<ArrayRef, ArrowError> {
        let mut texts = Vec::new();
        let mut spans = Vec::with_capacity(self.seen.len());
        for seen in &self.seen {
            spans.push((texts.len() as u32, seen.distinct_id.len() as u32));
            texts.extend_from_slice(seen.distinct_id.as_bytes());
        }
        let mut column = StringViewBuilder::with_capacity(places.len());
        let block = column.append_block(Buffer::from_vec(texts));
        for &place in places {
            let (offset, length) = spans[place as usize];
            column.try_append_view(block, offset, length)?;
        }
        Ok(Arc::new(column.finish()))
    }

    /// The batch of `identities`.
    pub fn finish(&self) -> Result<RecordBatch, ArrowError> {
        let places: Vec<u32> = (0..self.seen.len() as u32).collect();
        let millis = |of: fn(&Seen<'a>) -> Timestamp| self.seen.iter().map(|seen| of(seen).millis()).collect();
        let traits = self.seen.iter().map(|seen| (!seen.traits.is_empty()).then(|| seen.traits.to_state()));
        let columns: Vec<ArrayRef> = vec![
            self.person_id_column(&places)?,
            self.distinct_id_column(&places)?,
            Arc::new(times(millis(|seen| seen.first_seen))),
            Arc::new(times(millis(|seen| seen.last_seen))),
            Arc::new(integers(self.seen.iter().map(|seen| seen.activities).collect())),
            Arc::new(BooleanArray::from_iter(self.seen.iter().map(|seen| Some(seen.identified)))),
            Arc::new(StringViewArray::from_iter(traits)),
        ];
        RecordBatch::try_new(Table::Identities.fresh_schema(), columns)
    }
}

fn write_traits(traits: &mut Traits, activity: &Activity<'_>) {
    let written = Written { at_ms: activity.timestamp.millis(), tiebreak: tiebreak(&activity.message_id) };
    if let Some(properties) = activity.set {
        traits.set(properties, written);
    }
    if let Some(properties) = activity.set_once {
        traits.set_once(properties, written);
    }
    if let Some(names) = activity.unset {
        traits.unset(names, written);
    }
}
