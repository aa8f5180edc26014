//! The environment of a key: on the activities that it brings, and on what of them is kept aside.

use footfall_ingest_activity::Text;
use serde_json::value::RawValue;

use crate::json::{Value, quoted};

/// The property that names the environment of an activity.
const PROPERTY: &str = "$environment";
/// How an item of the quarantine begins whose key is of another environment than production.
const SEAL: &str = "{\"$environment\":";

/// The properties with the environment of their key; none where they name one themselves.
pub(crate) fn placed_in(properties: Option<&RawValue>, environment: &str) -> Option<Box<RawValue>> {
    let own = properties.map_or("{}", RawValue::get);
    if Value::check(own).is_ok_and(|own| own.member(PROPERTY).is_some()) {
        return None;
    }
    RawValue::from_string(sealed(own, environment)?).ok()
}

/// An object with the environment in front; none of what is no object.
pub(crate) fn sealed(object: &str, environment: &str) -> Option<String> {
    let rest = object.trim_start().strip_prefix('{')?;
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    Some(format!("{SEAL}{}{comma}{rest}", quoted(environment)))
}

/// An item of the quarantine as it came, and the environment of the key that brought it; none of production's.
pub(crate) fn opened(item: &str) -> Option<(String, Text<'_>)> {
    let behind = item.strip_prefix(SEAL)?;
    let (_, named) = Value::check(item).ok()?.members().next()?;
    let rest = behind.strip_prefix(named.text())?;
    let rest = rest.trim_start().strip_prefix(',').unwrap_or(rest);
    Some((format!("{{{rest}"), named.scalar()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_as_it_came() {
        for item in [r#"{"event":"e"}"#, "{}", "{ }", r#"{ "a" : [1, {"b": "}"}] }"#, r#"{"$environment":"own","a":1}"#]
        {
            for environment in ["staging", "a \"quoted\" one"] {
                let kept = sealed(item, environment).unwrap();
                assert!(Value::check(&kept).is_ok(), "{kept}");
                let (came, named) = opened(&kept).unwrap();
                assert_eq!((came.as_str(), named.as_str()), (item, environment));
            }
        }
    }

    #[test]
    fn what_is_no_object_or_names_nothing_stays_as_it_is() {
        for item in ["7", "null", "[]", "\"text\""] {
            assert_eq!(sealed(item, "staging"), None);
        }
        for item in [
            r#"{"event":"e"}"#,
            "7",
            r#"{"$environment": "apart"}"#,
            r#"{"$environment":{"an":"object"}}"#,
            "{\"$environment\":",
        ] {
            assert!(opened(item).is_none(), "{item}");
        }
    }

    #[test]
    fn an_item_that_begins_so_by_itself_can_still_be_read() {
        let (came, named) = opened("{\"$environment\":\"qa\" , \"event\":\"e\"}").unwrap();
        assert_eq!((came.as_str(), named.as_str()), ("{ \"event\":\"e\"}", "qa"));
    }
}
