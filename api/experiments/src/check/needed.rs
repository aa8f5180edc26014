//! Prerequisites: features that SDKs are given, and conditions that their values can meet.

use super::condition;
use crate::catalogue::Catalogue;
use crate::definition::{AttributeType, Prerequisite, ValueType};
use crate::faults::Faults;

const PREREQUISITES_MAX: usize = 20;

/// Checks the prerequisites of a feature, a rule or an experiment; one that is live needs features that are.
pub fn check(prerequisites: &[Prerequisite], is_live: bool, catalogue: &Catalogue, faults: &mut Faults) {
    faults.count("prerequisites", prerequisites.len(), PREREQUISITES_MAX);
    faults.each("prerequisites", prerequisites, |faults, _, needed| {
        let Some(feature) = catalogue.features.get(&needed.feature) else {
            return faults.at("feature", format!("there is no feature {:?}", needed.feature));
        };
        if feature.posthog_filters.is_some() {
            let detail = format!(
                "the feature {} has PostHog's filters, and GrowthBook's SDKs, which ask for prerequisites, do not get it",
                needed.feature
            );
            faults.at("feature", detail);
        } else if feature.is_archived && is_live {
            faults.at("feature", format!("the feature {} is archived: SDKs do not get it", needed.feature));
        }
        let kind = match feature.value_type {
            ValueType::Boolean => AttributeType::Boolean,
            ValueType::String => AttributeType::String,
            ValueType::Number => AttributeType::Number,
            ValueType::Json => AttributeType::Json,
        };
        faults.within("condition", |faults| condition::check_prerequisite(&needed.condition, kind, faults));
    });
}
