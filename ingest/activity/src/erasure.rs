//! Persons who asked to be forgotten: what of the log and of the tables is theirs.
//!
//! An erasure names no id. It holds the own persons of the ids, which are made of project and id and do not lead back.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Entry, Timestamp, person_id_of};

/// One person, forgotten once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    pub id: Uuid,
    pub project: Arc<str>,
    /// As the person was named when it was asked for.
    pub person: Uuid,
    /// The own persons of all its ids.
    pub persons: BTreeSet<Uuid>,
    /// What was received until then is gone; what comes later is another person's.
    pub at: Timestamp,
}

impl Erasure {
    /// Whether `distinct_id` is one of the person's.
    pub fn has(&self, distinct_id: &str) -> bool {
        self.persons.contains(&person_id_of(&self.project, distinct_id))
    }

    /// Whether an item as it was sent names one of the person's ids: as a text of its JSON, or, where it is none, as a word.
    pub fn is_named_in(&self, raw: &str) -> bool {
        names(raw, &|text| self.has(text))
    }
}

/// All erasures of an installation, ready to be asked about each record.
#[derive(Debug, Clone, Default)]
pub struct Erasures {
    all: Vec<Arc<Erasure>>,
    by_project: HashMap<Arc<str>, OfProject>,
}

#[derive(Debug, Clone, Default)]
struct OfProject {
    count: u64,
    /// None is later.
    newest: Timestamp,
    /// Own persons, and until when they are forgotten.
    persons: HashMap<Uuid, Timestamp>,
}

impl Erasures {
    /// One more.
    pub fn push(&mut self, erasure: Arc<Erasure>) {
        let project = self.by_project.entry(erasure.project.clone()).or_default();
        project.count += 1;
        project.newest = project.newest.max(erasure.at);
        for person in &erasure.persons {
            let until = project.persons.entry(*person).or_default();
            *until = erasure.at.max(*until);
        }
        self.all.push(erasure);
    }

    /// How many there are: it only grows.
    pub fn version(&self) -> u64 {
        self.all.len() as u64
    }

    /// How many there are of one project.
    pub fn count_of(&self, project: &str) -> u64 {
        self.by_project.get(project).map_or(0, |project| project.count)
    }

    /// Keeps some.
    pub fn retain(&mut self, is_kept: impl Fn(&Erasure) -> bool) {
        let all = std::mem::take(self).all;
        all.into_iter().filter(|erasure| is_kept(erasure)).for_each(|erasure| self.push(erasure));
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Erasure>> {
        self.all.iter()
    }

    /// Whether what `distinct_id` sent, and was received then, is forgotten.
    pub fn covers(&self, project: &str, distinct_id: &str, received_at: Timestamp) -> bool {
        let Some(of) = self.by_project.get(project).filter(|of| received_at <= of.newest) else { return false };
        of.persons.get(&person_id_of(project, distinct_id)).is_some_and(|until| received_at <= *until)
    }

    /// The same of an item that could not be read.
    pub fn cover_raw(&self, project: &str, raw: &str, received_at: Timestamp) -> bool {
        let Some(of) = self.by_project.get(project).filter(|of| received_at <= of.newest) else { return false };
        let is_theirs = |text: &str| of.persons.get(&person_id_of(project, text)).is_some_and(|at| received_at <= *at);
        names(raw, &is_theirs)
    }

    /// Whether a record of the log is forgotten. What is imported again counts by the time of the activity itself.
    pub fn cover(&self, entry: &Entry<'_>) -> bool {
        match entry {
            _ if self.all.is_empty() => false,
            Entry::Activity(activity) => {
                let at = match activity.import {
                    Some(_) => activity.timestamp.min(activity.received_at),
                    None => activity.received_at,
                };
                self.covers(&activity.project, &activity.distinct_id, at)
            }
            Entry::Quarantined(item) => self.cover_raw(&item.project, &item.raw, item.received_at),
            Entry::Resolved(_) | Entry::Unmerge(_) | Entry::Erased => false,
        }
    }
}

fn names(raw: &str, is_theirs: &dyn Fn(&str) -> bool) -> bool {
    match serde_json::from_str::<Value>(raw) {
        Ok(value) => names_in(&value, is_theirs),
        Err(_) => {
            let inside = |letter: char| letter.is_alphanumeric() || "-_.@+:|".contains(letter);
            raw.split(|letter| !inside(letter)).filter(|word| !word.is_empty()).any(is_theirs)
        }
    }
}

fn names_in(value: &Value, is_theirs: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_theirs(text),
        Value::Number(number) => is_theirs(&number.to_string()),
        Value::Array(items) => items.iter().any(|item| names_in(item, is_theirs)),
        Value::Object(members) => members.values().any(|member| names_in(member, is_theirs)),
        Value::Null | Value::Bool(_) => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn erasure(ids: &[&str], at: i64) -> Arc<Erasure> {
        Arc::new(Erasure {
            id: Uuid::nil(),
            project: "shop".into(),
            person: Uuid::nil(),
            persons: ids.iter().map(|id| person_id_of("shop", id)).collect(),
            at: Timestamp::from_millis(at),
        })
    }

    #[test]
    fn what_was_received_before_is_theirs() {
        let mut all = Erasures::default();
        all.push(erasure(&["ada", "phone"], 10));
        all.push(erasure(&["bob"], 30));
        let at = Timestamp::from_millis;
        assert!(all.covers("shop", "ada", at(10)) && all.covers("shop", "phone", at(3)));
        assert!(!all.covers("shop", "ada", at(11)) && !all.covers("shop", "eve", at(3)));
        assert!(!all.covers("other", "ada", at(3)));
        assert_eq!((all.version(), all.count_of("shop"), all.count_of("other")), (2, 2, 0));
    }

    #[test]
    fn items_that_could_not_be_read_name_them_too() {
        let of = erasure(&["ada", "42"], 10);
        assert!(of.is_named_in(r#"{"batch": [{"userId": "ada"}]}"#));
        assert!(of.is_named_in(r#"{"userId": 42}"#));
        assert!(of.is_named_in(r#"{"userId": "ada", "broken"#));
        assert!(!of.is_named_in(r#"{"userId": "adam", "note": "of ada lovelace"}"#));
    }
}
