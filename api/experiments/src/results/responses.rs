//! Calls of flags that say no reason, as SDKs make them from older answers: whom their responses tell of.

use crate::compile::posthog::seen;
use crate::definition::{Feature, Rule, Serve};

use super::exposures::ExposureSource;

/// Attributes that everybody has who asks PostHog's doors.
const EVERYBODYS: [&str; 2] = ["id", "distinct_id"];

/// A response of a feature, and the variation that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub feature: String,
    pub response: String,
    pub variation: String,
}

/// The responses that tell of a variation of the experiment, by the features as they are now.
///
/// None does that two variations share, and none that people get who take no part (the default, another rule's value), unless the rule takes
/// everybody.
pub(super) fn telling(source: &ExposureSource<'_>) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    let mut unsure: Vec<Told> = Vec::new();
    for (key, feature) in source.catalogue.features_of(source.key) {
        for (rule, _, values) in feature.experiments().filter(|(_, experiment, _)| *experiment == source.key) {
            let takes_everybody = takes_everybody(source, feature, rule);
            let others = others(feature, rule);
            for value in values {
                let told = Told {
                    feature: key.to_owned(),
                    response: response(feature, &value.value, Some(&value.variation)),
                    variation: value.variation.clone(),
                };
                match all.iter().find(|known| (&known.feature, &known.response) == (&told.feature, &told.response)) {
                    Some(known) if known.variation == told.variation => {}
                    Some(_) => unsure.push(told),
                    None if !takes_everybody && others.contains(&told.response) => unsure.push(told),
                    None => all.push(told),
                }
            }
        }
    }
    all.retain(|told| !unsure.iter().any(|one| (&one.feature, &one.response) == (&told.feature, &told.response)));
    all
}

/// What calls say of a value.
fn response(feature: &Feature, value: &serde_json::Value, variation: Option<&str>) -> String {
    let (is_on, variant, _) = seen(value, feature.value_type, variation);
    variant.unwrap_or_else(|| is_on.to_string())
}

/// The responses that people get by anything else than this rule.
fn others(feature: &Feature, rule: &Rule) -> Vec<String> {
    let rules = feature.rules.iter().filter(|other| other.id != rule.id && !other.is_off);
    let mut all: Vec<String> = rules
        .flat_map(|other| match &other.serve {
            Serve::Force { value } | Serve::Rollout { value, .. } => vec![response(feature, value, None)],
            Serve::Experiment { experiment, values } => {
                let own = rule.serve.experiment() == Some(experiment.as_str());
                let values = values.iter().filter(|_| !own);
                values.map(|value| response(feature, &value.value, Some(&value.variation))).collect()
            }
        })
        .collect();
    all.extend([&feature.default_value, feature.off_value()].map(|value| response(feature, value, None)));
    all
}

/// Nothing can be before the rule, and everybody who asks falls into the experiment.
fn takes_everybody(source: &ExposureSource<'_>, feature: &Feature, rule: &Rule) -> bool {
    let (experiment, phase) = (source.experiment, source.phase);
    let is_first = feature.rules.iter().find(|other| !other.is_off).is_some_and(|first| first.id == rule.id);
    let is_open = feature.prerequisites.is_empty() && feature.holdout.is_none() && feature.off_in.is_empty();
    let is_everybodys = rule.condition.is_none() && rule.prerequisites.is_empty() && rule.environments.is_none();
    is_first
        && is_open
        && is_everybodys
        && phase.condition.is_none()
        && phase.namespace.is_none()
        && phase.coverage >= 1.0
        && experiment.prerequisites.is_empty()
        && experiment.holdout.is_none()
        && EVERYBODYS.contains(&experiment.hash_attribute.as_str())
}
