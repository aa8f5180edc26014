//! Sticky buckets: who once got a variation keeps it, whatever happens to weights and coverage.

use std::collections::BTreeMap;

use super::user::User;
use crate::Value;

/// The variations that one unit got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StickyDocument {
    pub attribute: String,
    pub value: String,
    /// `experiment__bucketVersion` → key of the variation.
    pub assignments: BTreeMap<String, String>,
}

/// The documents that matter for one user, by `attribute||value`; kept between evaluations by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StickyBuckets {
    pub documents: BTreeMap<String, StickyDocument>,
}

/// What is known of an earlier assignment.
pub(super) enum Earlier {
    None,
    Variation(usize),
    /// It was in a version that bars the unit for good.
    Blocked,
}

/// What an experiment says about sticky buckets.
#[derive(Clone, Debug)]
pub(super) struct StickyRule {
    /// `experiment__`.
    prefix: Box<str>,
    name: Box<str>,
    version_min: f64,
}

impl StickyRule {
    pub(super) fn new(experiment: &str, version: f64, version_min: f64) -> StickyRule {
        let prefix = format!("{experiment}__");
        let name = format!("{prefix}{}", Value::Number(version).to_text());
        StickyRule { prefix: prefix.into(), name: name.into(), version_min }
    }
}

impl StickyDocument {
    /// Reads `{attributeName, attributeValue, assignments}`.
    pub fn read(value: &Value) -> Option<StickyDocument> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let assignments = value.get("assignments").and_then(Value::as_object);
        let assignments = assignments.into_iter().flat_map(|object| object.iter());
        Some(StickyDocument {
            attribute: text("attributeName")?,
            value: text("attributeValue")?,
            assignments: assignments.map(|(key, variation)| (key.into(), variation.to_text().into())).collect(),
        })
    }

    /// Its key among the documents.
    pub fn key(&self) -> String {
        document_key(&self.attribute, &self.value)
    }
}

impl StickyBuckets {
    pub fn insert(&mut self, document: StickyDocument) {
        self.documents.insert(document.key(), document);
    }

    /// The earlier variation of a user: by the hash attribute, and if there is none by the fallback attribute.
    pub(super) fn earlier<'a>(
        &self,
        user: &User,
        attributes: (&str, Option<&str>),
        rule: &StickyRule,
        keys: impl Iterator<Item = Option<&'a str>>,
    ) -> Earlier {
        // Without a fallback the SDKs look under `id`.
        let found = [attributes.0, attributes.1.unwrap_or("id")].map(|attribute| self.of(user, attribute));
        let assignments = found.iter().flatten().map(|document| &document.assignments);
        let is_blocked = |key: &String| {
            let version = key.strip_prefix(&*rule.prefix).and_then(|version| version.parse::<u32>().ok());
            version.is_some_and(|version| f64::from(version) < rule.version_min)
        };
        if rule.version_min > 0.0 && assignments.clone().any(|known| known.keys().any(is_blocked)) {
            return Earlier::Blocked;
        }
        let variation = assignments.clone().find_map(|known| known.get(&*rule.name));
        let place = variation.and_then(|variation| keys.into_iter().position(|key| key == Some(&**variation)));
        place.map_or(Earlier::None, Earlier::Variation)
    }

    /// Remembers a variation; true if that is news.
    pub(super) fn remember(&mut self, attribute: &str, unit: &Value, rule: &StickyRule, variation: &str) -> bool {
        let value = unit_text(unit);
        let key = document_key(attribute, &value);
        let document = self.documents.entry(key).or_insert_with(|| StickyDocument {
            attribute: attribute.to_owned(),
            value,
            assignments: BTreeMap::new(),
        });
        let before = document.assignments.insert(rule.name.to_string(), variation.to_owned());
        before.as_deref() != Some(variation)
    }

    fn of(&self, user: &User, attribute: &str) -> Option<&StickyDocument> {
        let value = user.unit(attribute).map(unit_text).unwrap_or_default();
        self.documents.get(&document_key(attribute, &value))
    }
}

fn document_key(attribute: &str, value: &str) -> String {
    format!("{attribute}||{value}")
}

fn unit_text(unit: &Value) -> String {
    unit.as_str().map_or_else(|| unit.to_string(), str::to_owned)
}
