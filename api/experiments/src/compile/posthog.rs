//! The definitions that PostHog's SDKs evaluate for themselves.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::check::filters;
use crate::definition::{Feature, SavedGroup, ValueType};

/// The property of a person that holds their id.
pub const DISTINCT_ID: &str = "distinct_id";
/// The property of a group that holds its key.
pub const GROUP_KEY: &str = "$group_key";

/// `{flags, group_type_mapping, cohorts}` of one environment.
///
/// A flag with PostHog's filters is given as it is. Every other one falls by GrowthBook's hashes, so that a person has one variation in all
/// SDKs; it says that experience continuity is kept, and the SDKs then ask the server for it.
pub fn definitions(catalogue: &Catalogue, environment: &str) -> Value {
    let live = catalogue.live().enumerate();
    let flags: Vec<Value> =
        live.map(|(index, (key, feature))| flag(index + 1, (key, feature), catalogue, environment)).collect();
    let types = catalogue.group_types().map(|(index, name)| (index.to_string(), json!(name)));
    json!({"flags": flags, "group_type_mapping": Value::Object(types.collect()), "cohorts": cohorts(catalogue)})
}

fn flag(id: usize, (key, feature): (&str, &Feature), catalogue: &Catalogue, environment: &str) -> Value {
    let is_on = !feature.off_in.iter().any(|off| off == environment);
    let common = json!({"id": id, "name": key, "key": key, "deleted": false, "version": 1});
    let own = match &feature.posthog_filters {
        Some(filters) => {
            let filters = filters::with_chains(filters, |needed| chain(catalogue, key, needed));
            json!({"active": is_on, "filters": filters, "ensure_experience_continuity": feature.keeps_at_sign_in})
        }
        None => json!({"active": true, "filters": {"groups": []}, "ensure_experience_continuity": true}),
    };
    let mut flag = common;
    if let (Value::Object(flag), Value::Object(own)) = (&mut flag, own) {
        flag.extend(own);
    }
    flag
}

/// The saved groups that filters name.
fn cohorts(catalogue: &Catalogue) -> Value {
    let filters = catalogue.live().filter_map(|(_, feature)| feature.posthog_filters.as_ref());
    let named: BTreeSet<String> = filters.flat_map(filters::cohorts).map(Cow::into_owned).collect();
    let of = |key: String| {
        let cohort = cohort(catalogue.saved_groups.get(&key)?, catalogue);
        Some((key, cohort))
    };
    Value::Object(named.into_iter().filter_map(of).collect())
}

/// A list of values of one property, as the SDKs have it at hand: they add the distinct id of a person and the key of a group themselves.
fn cohort(group: &SavedGroup, catalogue: &Catalogue) -> Value {
    let is_key = catalogue.group_types().any(|(_, name)| name == group.attribute);
    let key = match group.attribute.as_str() {
        "id" | "distinct_id" => DISTINCT_ID,
        _ if is_key => GROUP_KEY,
        other => other,
    };
    let property = |operator: &str| json!({"key": key, "type": "person", "operator": operator});
    let all = if group.values.is_empty() {
        // A list of nothing would be read as everybody.
        json!([property("is_set"), property("is_not_set")])
    } else {
        let mut listed = property("exact");
        listed["value"] = json!(group.values);
        json!([listed])
    };
    json!({"type": "OR", "values": [{"type": "AND", "values": all}]})
}

/// What SDKs have to evaluate before a condition on a flag: all that it depends on, and it at the end. Of a circle it is empty.
fn chain(catalogue: &Catalogue, owner: &str, flag: &str) -> Vec<String> {
    let (mut path, mut found) = (vec![owner], Vec::new());
    if follow(catalogue, flag, &mut path, &mut found) {
        found.into_iter().map(str::to_owned).collect()
    } else {
        Vec::new()
    }
}

fn follow<'a>(catalogue: &'a Catalogue, flag: &'a str, path: &mut Vec<&'a str>, found: &mut Vec<&'a str>) -> bool {
    if path.contains(&flag) {
        return false;
    }
    if found.contains(&flag) {
        return true;
    }
    path.push(flag);
    let mut needed = catalogue.features.get(flag).into_iter().flat_map(Feature::needs);
    let is_sound = needed.all(|next| follow(catalogue, next, path, found));
    path.pop();
    found.push(flag);
    is_sound
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
