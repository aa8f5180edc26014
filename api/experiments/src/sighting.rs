//! Exposures that the server sees for itself: a door gave somebody a variation, and their SDK tells nobody.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::compile::posthog::{reason_of, seen};
use crate::definition::PRODUCTION;
use crate::doors::evaluation::Answer;
use crate::environments::ENVIRONMENT;

/// What an exposure is called, as PostHog's SDKs call theirs.
const EVENT: &str = "$feature_flag_called";

/// Somebody who was given a variation.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    pub project: Arc<str>,
    /// The id by which the app knows them.
    pub person: String,
    /// Who sees them again in the same phase and variation sees the same.
    pub occasion: String,
    pub event: &'static str,
    pub properties: Value,
}

/// Takes exposures in; it must not wait.
pub trait Witness: Send + Sync {
    fn saw(&self, sighting: Sighting);
}

impl Sighting {
    /// None where nobody takes part in an experiment.
    pub(crate) fn of(
        (project, environment, catalogue): (&Arc<str>, &str, &Catalogue),
        feature: &str,
        person: &str,
        answer: &Answer,
    ) -> Option<Sighting> {
        let (experiment, variation) = answer.experiment.as_deref().zip(answer.variation.as_deref())?;
        if !answer.takes_part {
            return None;
        }
        let (is_on, variant, _) = seen(&answer.value, answer.value_type, Some(variation));
        let response = variant.map_or(Value::Bool(is_on), Value::String);
        let reason = reason_of(experiment, variation, answer.leaf.as_deref());
        let phase = catalogue.experiments.get(experiment).map_or(0, |(_, state)| state.phases.len());
        let mut occasion = format!("{feature} {phase} {reason}");
        let mut properties = json!({
            "$feature_flag": feature, "$feature_flag_response": response, "$feature_flag_reason": reason, "$lib": "footfall-server",
        });
        if environment != PRODUCTION {
            properties[ENVIRONMENT] = json!(environment);
            occasion += &format!(" in {environment}");
        }
        Some(Sighting { project: project.clone(), person: person.to_owned(), occasion, event: EVENT, properties })
    }
}
