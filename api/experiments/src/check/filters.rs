//! PostHog's filters as they are written: shares that are numbers, types of groups, cohorts and flags that exist.

use std::borrow::Cow;

use footfall_models_experiment::{Value as FlagValue, posthog};
use jiff::Timestamp;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::faults::Faults;

/// Lists of conditions, in the order in which they decide.
const LISTS: [&str; 2] = ["super_groups", "groups"];
const CONDITIONS_MAX: usize = 100;
const PROPERTIES_MAX: usize = 100;
const VARIANTS_MAX: usize = 100;
/// Dates are relative to some moment; whether they are dates at all does not hang on which.
const SOME_DAY: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Checks the filters of a flag.
pub fn check(filters: &Value, catalogue: &Catalogue, faults: &mut Faults) {
    if !filters.is_object() {
        return faults.here("must be an object");
    }
    check_group_type(filters, catalogue, faults);
    let whole = group_type(filters);
    for list in LISTS {
        let conditions = match filters.get(list) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(conditions)) => conditions,
            Some(_) => {
                faults.at(list, "must be a list of conditions");
                continue;
            }
        };
        faults.count(list, conditions.len(), CONDITIONS_MAX);
        faults.each(list, conditions, |faults, _, condition| {
            if !condition.is_object() {
                return faults.here("must be an object");
            }
            check_group_type(condition, catalogue, faults);
            check_percent(condition, true, faults);
            let own = if condition.get(GROUP_TYPE).is_some() { group_type(condition) } else { whole };
            match condition.get("properties") {
                None | Some(Value::Null) => {}
                Some(Value::Array(properties)) => {
                    faults.count("properties", properties.len(), PROPERTIES_MAX);
                    faults.each("properties", properties, |faults, _, property| {
                        check_property(property, own, catalogue, faults);
                    });
                }
                Some(_) => faults.at("properties", "must be a list"),
            }
        });
    }
    match filters.get("multivariate").and_then(|multivariate| multivariate.get("variants")) {
        None | Some(Value::Null) => {}
        Some(Value::Array(variants)) => faults.within("multivariate", |faults| {
            faults.count("variants", variants.len(), VARIANTS_MAX);
            faults.each("variants", variants, |faults, _, variant| {
                if variant.get("key").and_then(Value::as_str).is_none_or(str::is_empty) {
                    faults.at("key", "must be a text");
                }
                check_percent(variant, false, faults);
            });
        }),
        Some(_) => faults.within("multivariate", |faults| faults.at("variants", "must be a list")),
    }
}

const GROUP_TYPE: &str = "aggregation_group_type_index";
const PERCENT: &str = "rollout_percentage";

/// Whom filters or one of their conditions are about; people where there is none.
fn group_type(filters: &Value) -> Option<u64> {
    filters.get(GROUP_TYPE).and_then(Value::as_u64)
}

fn check_group_type(filters: &Value, catalogue: &Catalogue, faults: &mut Faults) {
    let Some(index) = filters.get(GROUP_TYPE).filter(|index| !index.is_null()) else { return };
    let is_known = |index: u64| catalogue.group_types().any(|(known, _)| u64::from(known) == index);
    if !index.as_u64().is_some_and(is_known) {
        faults.at(GROUP_TYPE, format!("no attribute has the group_type_index {index}"));
    }
}

/// What is no number would be read as everybody.
fn check_percent(part: &Value, may_be_absent: bool, faults: &mut Faults) {
    let given = part.get(PERCENT).filter(|percent| !percent.is_null());
    let is_percent = given.and_then(Value::as_f64).is_some_and(|percent| (0.0..=100.0).contains(&percent));
    if !is_percent && (given.is_some() || !may_be_absent) {
        faults.at(PERCENT, "must be a number between 0 and 100");
    }
}

fn check_property(property: &Value, group_type: Option<u64>, catalogue: &Catalogue, faults: &mut Faults) {
    if !property.is_object() {
        return faults.here("must be an object");
    }
    let operator = property.get("operator").and_then(Value::as_str).unwrap_or("exact");
    match property.get("type").and_then(Value::as_str) {
        Some("cohort") => {
            if !["exact", "in", "not_in"].contains(&operator) {
                faults.at("operator", "of a cohort must be in or not_in");
            }
            let Some(key) = property.get("value").and_then(text) else {
                return faults.at("value", "must be the key of a saved group");
            };
            let Some(group) = catalogue.saved_groups.get(&*key) else {
                return faults.at("value", format!("there is no saved group {key:?}"));
            };
            let of_group = catalogue.group_types().find(|(_, name)| *name == group.attribute);
            if of_group.map(|(index, _)| u64::from(index)) != group_type {
                let about = of_group.map_or("people", |(_, name)| name);
                faults.at("value", format!("the saved group {key} lists {about}, whom this condition is not about"));
            }
        }
        Some("flag") => {
            let flag = property.get("key").and_then(Value::as_str).unwrap_or_default();
            match catalogue.features.get(flag) {
                None => faults.at("key", format!("there is no feature {flag:?}")),
                Some(feature) if feature.posthog_filters.is_none() => {
                    faults.at("key", format!("the feature {flag} has no PostHog filters, so that SDKs cannot ask it"));
                }
                Some(_) => {}
            }
            if operator != "flag_evaluates_to" {
                faults.at("operator", "of a flag must be flag_evaluates_to");
            }
            if !property.get("value").is_some_and(|value| value.is_boolean() || value.is_string()) {
                faults.at("value", "must be true, false or the key of a variant");
            }
        }
        _ if property.get("key").and_then(Value::as_str).is_none() => faults.at("key", "must be a text"),
        _ => {
            if let Some(why) = posthog::unreadable(&FlagValue::from(property), SOME_DAY) {
                faults.at("value", why);
            }
        }
    }
}

/// Keys are texts, and numbers in filters that come from PostHog.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

fn conditions(filters: &Value) -> impl Iterator<Item = &Value> {
    LISTS.into_iter().filter_map(move |list| filters.get(list)?.as_array()).flatten()
}

fn properties<'a>(filters: &'a Value, kind: &'static str) -> impl Iterator<Item = &'a Value> {
    let all = conditions(filters).filter_map(|condition| condition.get("properties")?.as_array()).flatten();
    all.filter(move |property| property.get("type").and_then(Value::as_str) == Some(kind))
}

/// Saved groups that filters name.
pub fn cohorts(filters: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    properties(filters, "cohort").filter_map(|property| property.get("value").and_then(text))
}

/// Flags that filters depend on.
pub fn flags(filters: &Value) -> impl Iterator<Item = &str> {
    properties(filters, "flag").filter_map(|property| property.get("key")?.as_str())
}

/// Types of groups that filters are about.
pub fn group_types(filters: &Value) -> impl Iterator<Item = u8> {
    let all = std::iter::once(filters).chain(conditions(filters));
    all.filter_map(|part| u8::try_from(group_type(part)?).ok())
}

/// True unless all conditions are about groups, which have keys of their own.
pub fn are_of_people(filters: &Value) -> bool {
    let whole = group_type(filters);
    let own = |condition: &Value| if condition.get(GROUP_TYPE).is_some() { group_type(condition) } else { whole };
    let mut conditions = conditions(filters).peekable();
    if conditions.peek().is_none() { whole.is_none() } else { conditions.any(|condition| own(condition).is_none()) }
}

/// The filters with what each flag condition has to know first, as `chain` says of a flag.
pub fn with_chains(filters: &Value, chain: impl Fn(&str) -> Vec<String>) -> Value {
    let mut told = filters.clone();
    for list in LISTS {
        let conditions = told.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        let properties = conditions.filter_map(|condition| condition.get_mut("properties")?.as_array_mut()).flatten();
        for property in properties.filter(|property| property.get("type").and_then(Value::as_str) == Some("flag")) {
            let flag = property.get("key").and_then(Value::as_str).map(&chain);
            if let (Value::Object(property), Some(flag)) = (property, flag) {
                property.insert("dependency_chain".to_owned(), flag.into());
            }
        }
    }
    told
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
        let company = Attribute {
            kind: AttributeType::String,
            identifies: true,
            is_personal: false,
            group_type_index: Some(2),
            description: String::new(),
        };
        catalogue.attributes.insert("company".into(), company);
        for (key, attribute) in [("7", "id"), ("big", "company")] {
            let (attribute, description) = (attribute.to_owned(), String::new());
            let group = SavedGroup { attribute, values: vec![], cohort: None, description };
            catalogue.saved_groups.insert(key.into(), group);
        }
        catalogue
    }

    fn pointers(filters: Value) -> Vec<String> {
        let mut faults = Faults::default();
        check(&filters, &catalogue(), &mut faults);
        faults.into_vec().into_iter().map(|fault| fault.pointer).collect()
    }

    fn one(property: Value) -> Value {
        json!({"groups": [{"properties": [property], "rollout_percentage": 50}]})
    }

    #[test]
    fn what_would_be_read_as_everybody_or_nobody_is_refused_where_it_stands() {
        let cohort = |value: Value| json!({"key": "id", "type": "cohort", "value": value});
        assert_eq!(pointers(one(cohort(json!(7)))), [""; 0], "as PostHog numbers its cohorts");
        assert_eq!(pointers(one(cohort(json!("nobody")))), ["/groups/0/properties/0/value"]);
        assert_eq!(pointers(one(cohort(json!("big")))), ["/groups/0/properties/0/value"], "a list of companies");
        let mut of_companies = one(cohort(json!("big")));
        of_companies["aggregation_group_type_index"] = json!(2);
        assert_eq!(pointers(of_companies.clone()), [""; 0]);
        of_companies["groups"][0]["aggregation_group_type_index"] = Value::Null;
        assert_eq!(pointers(of_companies), ["/groups/0/properties/0/value"], "this condition is about people");
        assert_eq!(pointers(json!({"aggregation_group_type_index": 0})), ["/aggregation_group_type_index"]);
        let share = json!({"groups": [{"rollout_percentage": "50"}], "multivariate": {"variants": [{"key": "a"}]}});
        assert_eq!(pointers(share), ["/groups/0/rollout_percentage", "/multivariate/variants/0/rollout_percentage"]);
        let flag = json!({"key": "gone", "type": "flag", "operator": "flag_evaluates_to", "value": true});
        assert_eq!(pointers(one(flag)), ["/groups/0/properties/0/key"]);
        assert_eq!(pointers(json!({"groups": {}})), ["/groups"]);
    }

    #[test]
    fn what_no_property_can_be_is_refused() {
        let of =
            |operator: &str, value: Value| pointers(one(json!({"key": "plan", "operator": operator, "value": value})));
        for (operator, value) in [
            ("exact", json!(["pro"])),
            ("regex", json!("^pro(?=-)")),
            ("not_regex", json!("^pro$")),
            ("gt", json!("5")),
            ("is_date_before", json!("-7d")),
            ("is_date_after", json!("2026-01-31")),
            ("semver_gte", json!("1.2.0")),
            ("is_not_set", Value::Null),
        ] {
            assert_eq!(of(operator, value), [""; 0], "{operator}");
        }
        for (operator, value) in [
            ("regex", json!("^(pro")),
            ("not_regex", json!("[")),
            ("gt", json!("many")),
            ("is_date_before", json!("soon")),
            ("semver_gte", json!("latest")),
            ("resembles", json!("pro")),
        ] {
            assert_eq!(of(operator, value), ["/groups/0/properties/0/value"], "{operator}");
        }
    }

    proptest! {
        #[test]
        fn any_json_is_judged(text in "[\\[\\]{}\":,a-z$0-9]{0,60}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                pointers(json!({"groups": [value.clone()], "super_groups": value, "multivariate": {"variants": [{}]}}));
            }
        }
    }
}
