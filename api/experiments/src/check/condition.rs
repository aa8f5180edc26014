//! Conditions as they are written: known operators with fitting operands, known attributes, known saved groups.

use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::faults::Faults;

const DEPTH_MAX: usize = 20;
const PATTERN_BYTES_MAX: usize = 10_000;

/// Checks a condition on a user's attributes.
pub fn check(condition: &Value, catalogue: &Catalogue, faults: &mut Faults) {
    check_at(condition, Some(catalogue), 0, faults);
}

/// Checks a condition on something other than attributes: its form alone.
pub fn check_form(condition: &Value, faults: &mut Faults) {
    check_at(condition, None, 0, faults);
}

fn check_at(condition: &Value, catalogue: Option<&Catalogue>, depth: usize, faults: &mut Faults) {
    if depth > DEPTH_MAX {
        return faults.here(format!("is nested more than {DEPTH_MAX} deep"));
    }
    let Value::Object(members) = condition else { return faults.here("must be an object") };
    for (name, wanted) in members {
        faults.within(name, |faults| match name.as_str() {
            "$and" | "$or" | "$nor" => match wanted {
                Value::Array(parts) => {
                    for (index, part) in parts.iter().enumerate() {
                        faults.within(index, |faults| check_at(part, catalogue, depth + 1, faults));
                    }
                }
                _ => faults.here("must be a list of conditions"),
            },
            "$not" => check_at(wanted, catalogue, depth + 1, faults),
            _ => {
                let attribute = name.split('.').next().unwrap_or_default();
                if let Some(catalogue) = catalogue.filter(|catalogue| !catalogue.knows_attribute(attribute)) {
                    let known: Vec<&str> = catalogue.attributes.keys().map(String::as_str).take(20).collect();
                    let known =
                        if known.is_empty() { String::new() } else { format!("; known are {}", known.join(", ")) };
                    faults.here(format!("there is no attribute {attribute:?}{known}"));
                }
                check_value(wanted, catalogue, depth + 1, faults);
            }
        });
    }
}

fn is_operators(members: &Map<String, Value>) -> bool {
    !members.is_empty() && members.keys().all(|name| name.starts_with('$'))
}

fn check_value(wanted: &Value, catalogue: Option<&Catalogue>, depth: usize, faults: &mut Faults) {
    if depth > DEPTH_MAX {
        return faults.here(format!("is nested more than {DEPTH_MAX} deep"));
    }
    let Value::Object(members) = wanted else { return };
    if !is_operators(members) {
        if members.keys().any(|name| name.starts_with('$')) {
            faults.here("mixes operators and members, so that it is compared as a value");
        }
        return;
    }
    for (name, operand) in members {
        faults.within(name, |faults| check_operator(name, operand, catalogue, depth, faults));
    }
}

fn check_operator(name: &str, operand: &Value, catalogue: Option<&Catalogue>, depth: usize, faults: &mut Faults) {
    let is_plain = operand.is_string() || operand.is_number();
    match name {
        "$eq" | "$ne" => {}
        "$gt" | "$gte" | "$lt" | "$lte" if is_plain => {}
        "$gt" | "$gte" | "$lt" | "$lte" => faults.here("must be a number or a text"),
        "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" if operand.is_string() => {}
        "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" => faults.here("must be a version as text"),
        "$in" | "$nin" | "$ini" | "$nini" | "$all" | "$alli" if operand.is_array() => {}
        "$in" | "$nin" | "$ini" | "$nini" | "$all" | "$alli" => faults.here("must be a list"),
        // Some SDKs know them, others hold for nobody.
        "$notRegex" | "$notRegexi" => faults.here("is not the same in all SDKs; say {\"$not\": {\"$regex\": …}}"),
        "$regex" | "$regexi" => match operand.as_str() {
            Some(pattern) if pattern.len() <= PATTERN_BYTES_MAX => {}
            Some(_) => faults.here(format!("must have at most {PATTERN_BYTES_MAX} bytes")),
            None => faults.here("must be a pattern as text"),
        },
        "$exists" if operand.is_boolean() => {}
        "$exists" => faults.here("must be true or false"),
        "$type" if operand.is_string() => {}
        "$type" => faults.here("must be the name of a type"),
        "$size" => {
            if !operand.is_number() {
                check_value(operand, catalogue, depth + 1, faults);
            }
        }
        "$not" => check_value(operand, catalogue, depth + 1, faults),
        "$elemMatch" => match operand {
            Value::Object(members) if is_operators(members) => check_value(operand, catalogue, depth + 1, faults),
            _ => check_at(operand, None, depth + 1, faults),
        },
        "$inGroup" | "$notInGroup" => match (operand.as_str(), catalogue) {
            (Some(group), Some(catalogue)) if !catalogue.saved_groups.contains_key(group) => {
                faults.here(format!("there is no saved group {group:?}"));
            }
            (Some(_), _) => {}
            (None, _) => faults.here("must be the key of a saved group"),
        },
        _ => faults.here("is no operator"),
    }
}

/// The saved groups that a condition names.
pub fn groups(condition: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    visit(condition, &mut |name, value| {
        if matches!(name, "$inGroup" | "$notInGroup") {
            found.extend(value.as_str());
        }
    });
    found
}

/// The attributes that a condition names.
pub fn attributes(condition: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    visit(condition, &mut |name, _| {
        if !name.starts_with('$') {
            found.extend(name.split('.').next());
        }
    });
    found
}

fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            see(name, value);
            visit(value, see);
        }),
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::definition::{Attribute, AttributeType, SavedGroup};

    fn catalogue() -> Catalogue {
        let mut catalogue = Catalogue::default();
        let country = Attribute {
            kind: AttributeType::String,
            identifies: false,
            group_type_index: None,
            is_personal: false,
            description: String::new(),
        };
        catalogue.attributes.insert("country".into(), country);
        let beta = SavedGroup { attribute: "id".into(), values: vec![], cohort: None, description: String::new() };
        catalogue.saved_groups.insert("beta".into(), beta);
        catalogue
    }

    fn faults(condition: Value) -> Vec<(String, String)> {
        let mut faults = Faults::default();
        check(&condition, &catalogue(), &mut faults);
        faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.detail)).collect()
    }

    #[test]
    fn what_is_wrong_is_told_where_it_is() {
        assert_eq!(faults(json!({"country": {"$in": ["DE"]}, "$not": {"id": {"$inGroup": "beta"}}})), []);
        assert_eq!(faults(json!({"country": {"$im": ["DE"]}}))[0], ("/country/$im".into(), "is no operator".into()));
        let nested = faults(json!({"$or": [{"country": "DE"}, {"cuntry": "DE"}]}));
        assert_eq!(nested[0].0, "/$or/1/cuntry");
        assert!(nested[0].1.contains("known are country"), "{nested:?}");
        assert_eq!(faults(json!({"id": {"$inGroup": "gamma"}}))[0].0, "/id/$inGroup");
        assert_eq!(faults(json!({"country": {"$gt": []}}))[0].0, "/country/$gt");
        assert_eq!(faults(json!({"country": {"$notRegex": "^D"}}))[0].0, "/country/$notRegex");
        assert_eq!(faults(json!({"country": {"$not": {"$regex": "^D"}}})), []);
        assert_eq!(faults(json!([]))[0].0, "");
    }

    proptest! {
        #[test]
        fn any_json_is_judged(text in "[\\[\\]{}\":,a-z$0-9]{0,60}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                faults(value);
            }
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = (0..200).fold(json!({"country": "DE"}), |inner, _| json!({"$not": inner}));
        assert!(faults(deep)[0].1.contains("nested"));
    }
}
