//! `mask_json(json)`: JSON text without the members that a policy hides, at any depth. The rest keeps its bytes.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::policy::Policy;

#[derive(Debug)]
pub(super) struct MaskJson {
    signature: Signature,
    policy: Arc<Policy>,
}

impl MaskJson {
    pub fn new(policy: Arc<Policy>) -> Self {
        MaskJson { signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable), policy }
    }
}

impl PartialEq for MaskJson {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.policy, &other.policy)
    }
}

impl Eq for MaskJson {}

impl Hash for MaskJson {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.policy).hash(state);
    }
}

impl ScalarUDFImpl for MaskJson {
    fn name(&self) -> &str {
        "mask_json"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(texts) = args.args.first() else { return exec_err!("mask_json takes one argument") };
        let texts = texts.to_array(args.number_rows)?;
        let texts = texts.as_string_view();
        let mut shown = StringViewBuilder::with_capacity(texts.len());
        for text in texts {
            // What is no JSON cannot be judged, and is not shown.
            shown.append_option(text.and_then(|text| masked(text, &self.policy)));
        }
        Ok(ColumnarValue::Array(Arc::new(shown.finish())))
    }
}

/// Deeper than the doors let anything nest.
const DEPTH_MAX: usize = 128;

/// `json` without what `policy` hides; `None` when it is no JSON, or too deep to be looked into.
pub(super) fn masked(json: &str, policy: &Policy) -> Option<String> {
    let mut shown = String::with_capacity(json.len());
    write(json.trim(), policy, DEPTH_MAX, &mut shown).ok()?;
    Some(shown)
}

/// `levels` may still be gone down.
fn write(json: &str, policy: &Policy, levels: usize, shown: &mut String) -> serde_json::Result<()> {
    let deeper = || levels.checked_sub(1).ok_or_else(|| serde_json::Error::custom("nested too deep"));
    match json.as_bytes().first() {
        Some(b'{') => {
            let (levels, Members(members)) = (deeper()?, serde_json::from_str(json)?);
            let kept = members.iter().filter(|(name, _)| !policy.hides_member(name));
            shown.push('{');
            for (place, (name, value)) in kept.enumerate() {
                if place > 0 {
                    shown.push(',');
                }
                shown.push_str(&serde_json::to_string(name)?);
                shown.push(':');
                write(value.get(), policy, levels, shown)?;
            }
            shown.push('}');
        }
        Some(b'[') => {
            let levels = deeper()?;
            let elements: Vec<&RawValue> = serde_json::from_str(json)?;
            shown.push('[');
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    shown.push(',');
                }
                write(element.get(), policy, levels, shown)?;
            }
            shown.push(']');
        }
        _ => shown.push_str(serde_json::from_str::<&RawValue>(json)?.get()),
    }
    Ok(())
}

/// The members of an object in order, duplicates and all.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Objects;
        impl<'de> Visitor<'de> for Objects {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(16));
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Objects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_deep_is_not_shown_and_harmless() {
        let policy = Policy { masked: ["email".to_owned()].into(), ..Policy::default() };
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(masked(&nested(120), &policy), Some(nested(120)));
        for levels in [128, 20_000] {
            assert_eq!(masked(&nested(levels), &policy), None, "{levels}");
        }
    }

    #[test]
    fn members_are_masked_whatever_their_case() {
        // As roles keep them.
        let policy = Policy { masked: ["ärzte".to_owned(), "$email".to_owned()].into(), ..Policy::default() };
        let json = r#"{"ÄRZTE":1,"Ärzte":2,"\u00c4rzte":3,"arzte":4,"EMAIL":5,"deep":[{"äRZTE":6,"$Email":7,"n":8}]}"#;
        assert_eq!(masked(json, &policy).as_deref(), Some(r#"{"arzte":4,"deep":[{"n":8}]}"#));
    }
}
