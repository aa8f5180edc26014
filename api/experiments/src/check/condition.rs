//! Conditions as they are written: known operators with operands that they can hold for, known attributes, known saved groups.

use footfall_models_experiment::pattern::{Pattern, PatternError};
use serde_json::{Map, Value};

use super::fitting;
use crate::catalogue::Catalogue;
use crate::definition::AttributeType;
use crate::faults::Faults;

const DEPTH_MAX: usize = 20;
/// What the value of a prerequisite is called in its condition.
const VALUE: &str = "value";
/// Types as `$type` names them.
const TYPE_NAMES: [&str; 6] = ["string", "number", "boolean", "array", "object", "null"];

/// What a condition is about.
#[derive(Clone, Copy)]
enum About<'a> {
    /// A user, by attributes that are declared.
    User(&'a Catalogue),
    /// The value of a feature, which is of this type.
    Feature(AttributeType),
    /// Something in a list or an object, of which nothing is declared.
    Anything(Option<&'a Catalogue>),
}

impl<'a> About<'a> {
    /// Where saved groups are found. SDKs give none to the conditions of prerequisites.
    fn groups(self) -> Option<&'a Catalogue> {
        match self {
            About::User(catalogue) => Some(catalogue),
            About::Anything(catalogue) => catalogue,
            About::Feature(_) => None,
        }
    }

    /// The type of what stands at a path, where it is known.
    fn type_at(self, path: &str, faults: &mut Faults) -> Option<AttributeType> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let whole = match self {
            About::User(catalogue) => {
                if !catalogue.knows_attribute(name) {
                    let known: Vec<&str> = catalogue.attributes.keys().map(String::as_str).take(20).collect();
                    let known =
                        if known.is_empty() { String::new() } else { format!("; known are {}", known.join(", ")) };
                    faults.here(format!("there is no attribute {name:?}{known}"));
                }
                catalogue.attribute_type(name)?
            }
            About::Feature(kind) => {
                if name != VALUE {
                    faults.here(format!("there is only {VALUE:?} to ask for, the value of the feature"));
                    return None;
                }
                kind
            }
            About::Anything(_) => return None,
        };
        let Some(rest) = rest else { return Some(whole) };
        match fitting::part(whole, rest) {
            Ok(kind) => kind,
            Err(why) => {
                faults.here(why);
                None
            }
        }
    }
}

/// Checks a condition on a user's attributes.
pub fn check(condition: &Value, catalogue: &Catalogue, faults: &mut Faults) {
    check_at(condition, About::User(catalogue), 0, faults);
}

/// Checks a condition on the value of a feature, as prerequisites have it.
pub fn check_prerequisite(condition: &Value, kind: AttributeType, faults: &mut Faults) {
    check_at(condition, About::Feature(kind), 0, faults);
}

fn check_at(condition: &Value, about: About<'_>, depth: usize, faults: &mut Faults) {
    if depth > DEPTH_MAX {
        return faults.here(format!("is nested more than {DEPTH_MAX} deep"));
    }
    let Value::Object(members) = condition else { return faults.here("must be an object") };
    for (name, wanted) in members {
        faults.within(name, |faults| match name.as_str() {
            "$and" | "$or" | "$nor" => match wanted {
                Value::Array(parts) => {
                    for (index, part) in parts.iter().enumerate() {
                        faults.within(index, |faults| check_at(part, about, depth + 1, faults));
                    }
                }
                _ => faults.here("must be a list of conditions"),
            },
            "$not" => check_at(wanted, about, depth + 1, faults),
            path => {
                let kind = about.type_at(path, faults);
                check_value(wanted, (kind, about), depth + 1, faults);
            }
        });
    }
}

pub(super) fn is_operators(members: &Map<String, Value>) -> bool {
    !members.is_empty() && members.keys().all(|name| name.starts_with('$'))
}

/// What is asked of one value: its type, where it is known, and what it belongs to.
type Asked<'a> = (Option<AttributeType>, About<'a>);

fn check_value(wanted: &Value, (kind, about): Asked<'_>, depth: usize, faults: &mut Faults) {
    if depth > DEPTH_MAX {
        return faults.here(format!("is nested more than {DEPTH_MAX} deep"));
    }
    match wanted {
        Value::Object(members) if is_operators(members) => {
            for (name, operand) in members {
                faults.within(name, |faults| check_operator((name.as_str(), operand), (kind, about), depth, faults));
            }
        }
        Value::Object(members) if members.keys().any(|name| name.starts_with('$')) => {
            faults.here("mixes operators and members, so that it is compared as a value");
        }
        wanted => {
            if let Some(why) = kind.and_then(|kind| fitting::misfit(kind, wanted)) {
                faults.here(why);
            }
        }
    }
}

fn check_operator((name, operand): (&str, &Value), (kind, about): Asked<'_>, depth: usize, faults: &mut Faults) {
    let before = faults.count_so_far();
    let element = kind.and_then(fitting::element);
    match name {
        "$eq" | "$ne" => {}
        "$gt" | "$gte" | "$lt" | "$lte" if operand.is_string() || operand.is_number() => {}
        "$gt" | "$gte" | "$lt" | "$lte" => faults.here("must be a number or a text"),
        "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" if operand.is_string() => {}
        "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" => faults.here("must be a version as text"),
        "$in" | "$nin" | "$ini" | "$nini" if operand.is_array() => {}
        "$in" | "$nin" | "$ini" | "$nini" => faults.here("must be a list"),
        "$all" | "$alli" => match operand {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    faults.within(index, |faults| check_value(item, (element, about), depth + 1, faults));
                }
            }
            _ => faults.here("must be a list"),
        },
        // Some SDKs know them, others hold for nobody.
        "$notRegex" | "$notRegexi" => faults.here("is not the same in all SDKs; say {\"$not\": {\"$regex\": …}}"),
        "$regex" | "$regexi" => match operand.as_str() {
            Some(pattern) => check_pattern(pattern, name == "$regexi", faults),
            None => faults.here("must be a pattern as text"),
        },
        "$exists" if operand.is_boolean() => {}
        "$exists" => faults.here("must be true or false"),
        "$type" if operand.as_str().is_some_and(|name| TYPE_NAMES.contains(&name)) => {}
        "$type" => faults.here(format!("must be the name of a type: {}", TYPE_NAMES.join(", "))),
        "$size" => check_value(operand, (Some(AttributeType::Number), about), depth + 1, faults),
        "$not" => check_value(operand, (kind, about), depth + 1, faults),
        "$elemMatch" => match operand {
            Value::Object(members) if is_operators(members) => {
                check_value(operand, (element, about), depth + 1, faults);
            }
            _ => check_at(operand, About::Anything(about.groups()), depth + 1, faults),
        },
        "$inGroup" | "$notInGroup" => check_group(operand, about, faults),
        _ => faults.here("is no operator"),
    }
    // One fault of an operator is enough.
    if let Some(kind) = kind.filter(|_| faults.count_so_far() == before)
        && let Some(why) = fitting::operator_misfit(kind, (name, operand), about.groups())
    {
        faults.here(why);
    }
}

fn check_pattern(pattern: &str, ignore_case: bool, faults: &mut Faults) {
    match Pattern::compile(pattern, ignore_case) {
        Ok(_) => {}
        Err(PatternError::Unsupported(reason)) => {
            let reason = reason.lines().last().unwrap_or_default().trim().to_owned();
            faults.here(format!("is a pattern that would hold in some SDKs and for nobody at the doors: {reason}"));
        }
        Err(error) => faults.here(format!("cannot be used: {error}")),
    }
}

fn check_group(operand: &Value, about: About<'_>, faults: &mut Faults) {
    match (operand.as_str(), about.groups()) {
        (None, _) => faults.here("must be the key of a saved group"),
        (Some(_), None) => faults.here("holds for nobody here: SDKs do not look into saved groups for prerequisites"),
        (Some(group), Some(catalogue)) if !catalogue.saved_groups.contains_key(group) => {
            faults.here(format!("there is no saved group {group:?}"));
        }
        (Some(_), Some(_)) => {}
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

    /// What JavaScript reads as a list of characters, a list of nothing or a pattern of nothing.
    #[test]
    fn what_means_nothing_is_refused() {
        for (condition, pointer) in [
            (json!({"$or": "x"}), "/$or"),
            (json!({"$and": {"length": 1}}), "/$and"),
            (json!({"$nor": [5]}), "/$nor/0"),
            (json!({"$not": "x"}), "/$not"),
            (json!({"country": {"$regex": ["^D"]}}), "/country/$regex"),
            (json!({"country": {"$type": "text"}}), "/country/$type"),
            (json!({"country": {"$not": {"$all": [{"$regex": "("}]}}}), "/country/$not/$all/0/$regex"),
        ] {
            assert_eq!(faults(condition)[0].0, pointer);
        }
    }

    #[test]
    fn a_pattern_is_one_that_can_be_used() {
        for good in ["^D", "a{,3}", r"(?<=^|\.)de(?!\.)", "[^]", r"\u00e9\p", "]", "{", "", r"^(?<n>a)\k<n>$"] {
            assert_eq!(faults(json!({"country": {"$regex": good, "$not": {"$regexi": good}}})), [], "{good}");
        }
        for bad in ["(", "a)", "[a", "*", "a**", r"\", "(?<n>a)(?<n>b)", "(?P<n>a)", "[b-a]", "a{2,1}"] {
            let found = faults(json!({"country": {"$regex": bad}}));
            assert_eq!(found[0].0, "/country/$regex", "{bad}");
        }
        let told = &faults(json!({"country": {"$regex": "(de"}}))[0].1;
        assert!(told.contains("a parenthesis is not closed"), "{told}");
        assert!(faults(json!({"country": {"$regex": "a".repeat(10_001)}}))[0].1.contains("10001 bytes"));
    }

    #[test]
    fn the_value_of_a_prerequisite_has_its_type() {
        let of = |kind: AttributeType, condition: Value| {
            let mut faults = Faults::default();
            check_prerequisite(&condition, kind, &mut faults);
            faults.into_vec().into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert_eq!(of(AttributeType::Boolean, json!({"value": true})), [""; 0]);
        assert_eq!(of(AttributeType::String, json!({"value": {"$in": ["a", "b"]}})), [""; 0]);
        assert_eq!(of(AttributeType::String, json!({"value": {"$eq": true}})), ["/value/$eq"]);
        assert_eq!(of(AttributeType::Boolean, json!({"value": {"$ne": "on"}})), ["/value/$ne"]);
        assert_eq!(of(AttributeType::Number, json!({"valeu": 5})), ["/valeu"]);
        assert_eq!(of(AttributeType::Json, json!({"value.size": {"$gt": 5}})), [""; 0]);
        assert_eq!(of(AttributeType::String, json!({"value": {"$inGroup": "beta"}})), ["/value/$inGroup"]);
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
