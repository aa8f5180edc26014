//! Bodies of PostHog's clients: JSON, plain or as gzip, or in base64 as a form.

use std::io::Read;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::GzDecoder;
use footfall_models_experiment::Value;
use percent_encoding::percent_decode_str;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a small body may unfold to.
const UNPACKED_BYTES_MAX: u64 = 4 << 20;

/// The JSON of a body; none if it is none.
pub(super) fn json(body: &[u8]) -> Option<Value> {
    // The SDKs' hints about compression are not to be trusted; gzip says itself what it is (RFC 1952, 2.3.1).
    if body.starts_with(&[0x1f, 0x8b, 0x08]) {
        let mut unpacked = Vec::new();
        GzDecoder::new(body).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut unpacked).ok()?;
        let fits = unpacked.len() as u64 <= UNPACKED_BYTES_MAX;
        return serde_json::from_slice(&unpacked).ok().filter(|_| fits);
    }
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
    use flate2::read::GzEncoder;
    use proptest::prelude::*;

    #[test]
    fn json_comes_in_four_dresses() {
        let wanted = Value::parse(r#"{"token":"a?>~"}"#).unwrap();
        let coded = BASE64.encode(r#"{"token":"a?>~"}"#);
        let form = format!("data={}", coded.replace('+', "%2B").replace('=', "%3D"));
        for body in [r#"{"token":"a?>~"}"#, &coded, &form] {
            assert_eq!(json(body.as_bytes()), Some(wanted.clone()), "{body}");
        }
        assert_eq!(json(b"data=%%%"), None);
        let gzip = |text: &str| {
            let mut packed = Vec::new();
            GzEncoder::new(text.as_bytes(), flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
            packed
        };
        assert_eq!(json(&gzip(r#"{"token":"a?>~"}"#)), Some(wanted));
        let bomb = format!("[{}0]", "0,".repeat(UNPACKED_BYTES_MAX as usize / 2));
        assert_eq!(json(&gzip(&bomb)), None, "a bomb is not unfolded");
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            json(&body);
        }
    }
}
