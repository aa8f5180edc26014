//! Everything an SDK gets: features, experiments on pages, saved groups, bandits. Compiled as a whole.

use std::collections::HashMap;

use thiserror::Error;

use super::condition::SavedGroups;
use super::encryption::{EncryptionError, decrypt};
use super::experiment::Experiment;
use super::feature::{Feature, Shared};
use crate::Value;
use crate::value::Object;

/// A compiled payload: read by many threads, replaced as a whole.
#[derive(Debug, Default)]
pub struct Payload {
    features: Vec<Feature>,
    by_key: HashMap<Box<str>, usize>,
    experiments: Vec<PageExperiment>,
    groups: SavedGroups,
}

/// An experiment that runs by itself on the pages it targets.
#[derive(Debug)]
pub(super) struct PageExperiment {
    pub experiment: Experiment,
    pub is_manual: bool,
    pub keeps_query: bool,
}

/// Why a payload could not be read.
#[derive(Debug, Error)]
pub enum PayloadError {
    #[error("the payload is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the payload has to be an object")]
    NotAnObject,
    #[error("{part} could not be decrypted: {error}")]
    Encrypted { part: &'static str, error: EncryptionError },
}

impl Payload {
    /// Reads the JSON that `/api/features/{key}` answers.
    pub fn parse(json: &str, key: Option<&str>) -> Result<Payload, PayloadError> {
        let value = Value::parse(json)?;
        if value.as_object().is_none() {
            return Err(PayloadError::NotAnObject);
        }
        Ok(Payload::compile(&decrypted(value, key.unwrap_or_default())?))
    }

    /// Compiles `{features, experiments, savedGroups, contextualBandits}`; what has no meaning has no effect.
    pub fn compile(payload: &Value) -> Payload {
        let groups = payload.get("savedGroups").map(SavedGroups::read).unwrap_or_default();
        let shared = Shared { groups: &groups, bandits: payload.get("contextualBandits") };
        let features = payload.get("features").and_then(Value::as_object).into_iter().flat_map(Object::iter);
        let features = features.filter(|(_, definition)| definition.is_truthy());
        let mut features: Vec<_> = features.map(|(key, value)| Feature::compile(key, value, &shared)).collect();
        let by_key: HashMap<_, _> = features.iter().enumerate().map(|(i, feature)| (feature.key.clone(), i)).collect();
        for prerequisite in features.iter_mut().flat_map(Feature::prerequisites_mut) {
            prerequisite.index = by_key.get(&prerequisite.feature).copied();
        }
        let experiments = payload.get("experiments").and_then(Value::as_array).unwrap_or_default();
        let mut payload = Payload { features, by_key, experiments: Vec::new(), groups };
        payload.experiments = experiments.iter().map(|value| payload.page_experiment(value)).collect();
        payload
    }

    fn page_experiment(&self, value: &Value) -> PageExperiment {
        PageExperiment {
            experiment: self.experiment(value),
            is_manual: value.get("manual").is_some_and(Value::is_truthy),
            keeps_query: value.get("persistQueryString").is_some_and(Value::is_truthy),
        }
    }

    /// Compiles an experiment that is run on its own, with the features and groups of this payload.
    pub fn experiment(&self, definition: &Value) -> Experiment {
        let mut experiment = Experiment::compile(definition.clone(), &self.groups);
        for prerequisite in &mut experiment.prerequisites {
            prerequisite.index = self.by_key.get(&prerequisite.feature).copied();
        }
        experiment
    }

    /// The features in the order of the payload.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    pub(super) fn find(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    pub(super) fn page_experiments(&self) -> &[PageExperiment] {
        &self.experiments
    }

    /// The attributes whose sticky buckets matter, each once.
    pub fn sticky_attributes(&self) -> Vec<&str> {
        let of_rules = self.features.iter().flat_map(Feature::experiments);
        let all = of_rules.chain(self.experiments.iter().map(|page| &page.experiment));
        let units = all.flat_map(|e| std::iter::once(&*e.unit.attribute).chain(e.unit.fallback.as_deref()));
        let mut attributes: Vec<&str> = units.collect();
        attributes.sort_unstable();
        attributes.dedup();
        attributes
    }
}

const PARTS: [(&str, &str); 4] = [
    ("encryptedFeatures", "features"),
    ("encryptedExperiments", "experiments"),
    ("encryptedSavedGroups", "savedGroups"),
    ("encryptedContextualBandits", "contextualBandits"),
];

/// The payload with its encrypted parts in clear.
fn decrypted(payload: Value, key: &str) -> Result<Value, PayloadError> {
    let Value::Object(mut object) = payload else { return Ok(payload) };
    for (encrypted, part) in PARTS {
        let Some(Value::String(text)) = object.remove(encrypted).filter(|value| value.is_truthy()) else { continue };
        let json = decrypt(&text, key).map_err(|error| PayloadError::Encrypted { part, error })?;
        object.insert(part, Value::parse(&json)?);
    }
    Ok(Value::Object(object))
}
