//! The definitions that PostHog's SDKs evaluate for themselves.

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::definition::{Feature, ValueType};

/// `{flags, group_type_mapping, cohorts}` of one environment.
///
/// A flag with PostHog's filters is given as it is. Every other one falls by GrowthBook's hashes, so that a person has one variation in all
/// SDKs; it says that experience continuity is kept, and the SDKs then ask the server for it.
pub fn definitions(catalogue: &Catalogue, environment: &str) -> Value {
    let live = catalogue.features.iter().filter(|(_, feature)| !feature.is_archived);
    let flags: Vec<Value> =
        live.enumerate().map(|(index, (key, feature))| flag(index + 1, key, feature, environment)).collect();
    json!({"flags": flags, "group_type_mapping": {}, "cohorts": {}})
}

fn flag(id: usize, key: &str, feature: &Feature, environment: &str) -> Value {
    let is_on = !feature.off_in.iter().any(|off| off == environment);
    let common = json!({"id": id, "name": key, "key": key, "deleted": false, "version": 1});
    let own = match &feature.posthog_filters {
        Some(filters) => json!({"active": is_on, "filters": filters, "ensure_experience_continuity": false}),
        None => json!({"active": true, "filters": {"groups": []}, "ensure_experience_continuity": true}),
    };
    let mut flag = common;
    if let (Value::Object(flag), Value::Object(own)) = (&mut flag, own) {
        flag.extend(own);
    }
    flag
}

/// Why a user has a value by an experiment, and in which context of a bandit. PostHog's SDKs tell it again with the exposure.
pub fn reason_of(experiment: &str, variation: &str, leaf: Option<&str>) -> String {
    let context = leaf.map(|leaf| format!(", context {leaf}")).unwrap_or_default();
    format!("The user falls into variation {variation} of experiment {experiment}{context}")
}

/// What PostHog's clients get of a value: whether it is on, its variant, and the payload that goes with it.
pub fn seen(value: &Value, kind: ValueType, variation: Option<&str>) -> (bool, Option<String>, Option<String>) {
    match (kind, value) {
        (ValueType::Boolean, value) => (value == &Value::Bool(true), None, None),
        (ValueType::String, Value::String(text)) if text.is_empty() => (false, None, None),
        (ValueType::String, Value::String(text)) => (true, Some(text.clone()), None),
        (_, value) => {
            let is_on = !matches!(value, Value::Null | Value::Bool(false)) && value.as_f64() != Some(0.0);
            (is_on, variation.filter(|_| is_on).map(str::to_owned), Some(value.to_string()))
        }
    }
}
