//! Whether a value of a declared type can be what a condition wants of it, as GrowthBook's SDK for JavaScript compares. What can never hold, or
//! holds for everybody, is a mistake; what looks odd and yet tells people apart is not.

use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::assign::{Condition, SavedGroups};
use serde_json::{Value, json};

use super::condition::is_operators;
use crate::catalogue::Catalogue;
use crate::definition::AttributeType;

/// The type of a list's elements; none of what is no list or of which nothing is known.
pub fn element(kind: AttributeType) -> Option<AttributeType> {
    match kind {
        AttributeType::StringList => Some(AttributeType::String),
        AttributeType::NumberList => Some(AttributeType::Number),
        _ => None,
    }
}

fn name(kind: AttributeType) -> &'static str {
    match kind {
        AttributeType::String => "a text",
        AttributeType::Number => "a number",
        AttributeType::Boolean => "true or false",
        AttributeType::StringList => "a list of texts",
        AttributeType::NumberList => "a list of numbers",
        AttributeType::Version => "a version",
        AttributeType::Json => "anything",
    }
}

fn is_list(kind: AttributeType) -> bool {
    element(kind).is_some()
}

fn never(kind: AttributeType) -> String {
    format!("never holds: the attribute is {}", name(kind))
}

/// The type of a part of a value, by the rest of a path; none where nothing is known of it.
pub fn part(kind: AttributeType, path: &str) -> Result<Option<AttributeType>, String> {
    let is_place = path.bytes().all(|byte| byte.is_ascii_digit());
    match (kind, element(kind)) {
        (AttributeType::Json, _) => Ok(None),
        (_, Some(_)) if path == "length" => Ok(Some(AttributeType::Number)),
        (_, Some(element)) if is_place => Ok(Some(element)),
        _ => Err(format!("has no {path:?}: the attribute is {}", name(kind))),
    }
}

/// Why a value of this type is never what is wanted without an operator.
pub fn misfit(kind: AttributeType, wanted: &Value) -> Option<String> {
    let fits = match (kind, wanted) {
        (_, Value::Null) | (AttributeType::Json, _) => true,
        (AttributeType::String | AttributeType::Version, Value::String(_) | Value::Number(_) | Value::Bool(_)) => true,
        (AttributeType::Number, Value::Number(_) | Value::Bool(_)) => true,
        // Compared as texts: 5 is "5", and never "5.0".
        (AttributeType::Number, Value::String(text)) => {
            text.parse().is_ok_and(|number| *FlagValue::Number(number).to_text() == **text)
        }
        (AttributeType::Boolean, wanted) => tells_booleans_apart(wanted),
        (AttributeType::StringList | AttributeType::NumberList, Value::Array(_) | Value::Bool(_)) => true,
        // One SDK compares the elements with commas between them, and others nothing.
        (AttributeType::StringList | AttributeType::NumberList, Value::String(_) | Value::Number(_)) => {
            return Some(format!(
                "is compared with the whole list, and not alike in all SDKs; say {{\"$elemMatch\": {{\"$eq\": {wanted}}}}}"
            ));
        }
        _ => false,
    };
    (!fits).then(|| never(kind))
}

/// Why an operator says nothing of values of this type.
pub fn operator_misfit(
    kind: AttributeType,
    (operator, operand): (&str, &Value),
    groups: Option<&Catalogue>,
) -> Option<String> {
    if kind == AttributeType::Json {
        return None;
    }
    let says_nothing = || Some(format!("says nothing: the attribute is {}", name(kind)));
    match operator {
        "$eq" | "$ne" if operand.is_null() => None,
        "$eq" | "$ne" if is_list(kind) => Some(format!(
            "is never equal to a list; say {{\"$elemMatch\": {{\"$eq\": {operand}}}}}, or the whole list without $eq"
        )),
        "$eq" | "$ne" if !is_identical(kind, operand) => says_nothing(),
        "$in" | "$nin" | "$ini" | "$nini" => {
            let items = operand.as_array().map(Vec::as_slice).unwrap_or_default();
            (!any_fits(kind, items)).then(|| format!("has nothing that it could be: the attribute is {}", name(kind)))
        }
        "$inGroup" | "$notInGroup" => {
            let group = groups?.saved_groups.get(operand.as_str()?)?;
            (!any_fits(kind, &group.values))
                .then(|| format!("names a saved group of what it can never be: the attribute is {}", name(kind)))
        }
        "$gt" | "$gte" | "$lt" | "$lte" if is_list(kind) => {
            Some("compares no lists; say {\"$elemMatch\": …} or {\"$size\": …}".to_owned())
        }
        "$gt" | "$gte" | "$lt" | "$lte" if kind == AttributeType::Number => {
            FlagValue::from(operand).to_number().is_nan().then(|| never(kind))
        }
        "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" if is_list(kind) => says_nothing(),
        "$size" | "$all" | "$alli" | "$elemMatch" if !is_list(kind) => {
            Some(format!("asks for a list: the attribute is {}", name(kind)))
        }
        "$elemMatch" if operand.as_object().is_some_and(|members| !members.is_empty() && !is_operators(members)) => {
            Some("asks for members of what has none: say an operator, as {\"$eq\": …}".to_owned())
        }
        "$gt" | "$gte" | "$lt" | "$lte" | "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" | "$regex"
        | "$regexi"
            if kind == AttributeType::Boolean && !tells_booleans_apart(&json!({operator: operand})) =>
        {
            says_nothing()
        }
        _ => None,
    }
}

/// Whether `===` can hold, also between an element of a list and one of a set.
fn is_identical(kind: AttributeType, wanted: &Value) -> bool {
    match kind {
        AttributeType::String | AttributeType::Version => wanted.is_string(),
        AttributeType::Number => wanted.is_number(),
        AttributeType::Boolean => wanted.is_boolean(),
        AttributeType::StringList | AttributeType::NumberList => false,
        AttributeType::Json => true,
    }
}

/// Of nothing nobody is meant, and that may be so for now.
fn any_fits(kind: AttributeType, items: &[Value]) -> bool {
    let one = element(kind).unwrap_or(kind);
    items.is_empty() || items.iter().any(|item| item.is_null() || is_identical(one, item))
}

/// There are two booleans, and nothing: whether what is wanted holds for one and not for another.
fn tells_booleans_apart(wanted: &Value) -> bool {
    let condition = Condition::compile(&FlagValue::from(&json!({"it": wanted})), &SavedGroups::default());
    let holds = [json!({"it": true}), json!({"it": false}), json!({})];
    let holds = holds.map(|user| condition.holds(&FlagValue::from(&user)));
    holds.iter().any(|one| *one) && !holds.iter().all(|one| *one)
}

#[cfg(test)]
mod tests;
