//! Bodies of PostHog's clients: JSON, or JSON in base64 as a form.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use footfall_models_experiment::Value;
use percent_encoding::percent_decode_str;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The JSON of a body; none if it is none.
pub(super) fn json(body: &[u8]) -> Option<Value> {
    if let Some(form) = body.strip_prefix(b"data=") {
        let text = std::str::from_utf8(form).ok()?.split('&').next()?;
        let text = percent_decode_str(text).decode_utf8().ok()?.replace(' ', "+");
        return serde_json::from_slice(&BASE64.decode(text).ok()?).ok();
    }
    match serde_json::from_slice(body) {
        Ok(value) => Some(value),
        Err(_) => serde_json::from_slice(&BASE64.decode(body).ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_comes_in_three_dresses() {
        let wanted = Value::parse(r#"{"token":"a?>~"}"#).unwrap();
        let coded = BASE64.encode(r#"{"token":"a?>~"}"#);
        let form = format!("data={}", coded.replace('+', "%2B").replace('=', "%3D"));
        for body in [r#"{"token":"a?>~"}"#, &coded, &form] {
            assert_eq!(json(body.as_bytes()), Some(wanted.clone()), "{body}");
        }
        assert_eq!(json(b"data=%%%"), None);
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            json(&body);
        }
    }
}
