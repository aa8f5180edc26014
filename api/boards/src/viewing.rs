//! What a viewer of a shared dashboard holds: a signed, short-lived word for one share. It says which share and until when, and
//! which variables are settled; everything else is looked up each time, so that a revoked share ends at once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footfall_api_http::Secret;
use footfall_ingest_activity::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Values;

const PURPOSE: &str = "share";
/// Longer ones are not read.
pub const TOKEN_BYTES_MAX: usize = 8_192;
const SIGNATURE: usize = 16;

/// A share, for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Viewing {
    pub share: String,
    pub ends_ms: i64,
    /// Values that the viewer cannot change.
    #[serde(default)]
    pub variables: Values,
}

impl Viewing {
    /// The token: signature and content in URL-safe base64.
    pub fn sign(&self, secret: &Secret) -> Option<String> {
        let content = serde_json::to_vec(self).ok()?;
        let mut bytes = secret.sign(PURPOSE, &[&content]).to_vec();
        bytes.extend(content);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a token says, if it is ours and in force.
    pub fn read(token: &str, secret: &Secret, now: Timestamp) -> Option<Viewing> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (signature, content) = bytes.split_at_checked(SIGNATURE)?;
        // First the signature, then the content: nothing unsigned is parsed.
        if !secret.verify(PURPOSE, &[content], signature) {
            return None;
        }
        let viewing: Viewing = serde_json::from_slice(content).ok()?;
        (now.millis() < viewing.ends_ms).then_some(viewing)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_what_was_signed_is_read(at in 0usize..4_000, letter in "[A-Za-z0-9_-]", key in any::<[u8; 32]>()) {
            let secret = Secret::new(key);
            let viewing = Viewing { share: "a".into(), ends_ms: 1_000, variables: Values::new() };
            let token = viewing.sign(&secret).unwrap();
            prop_assert_eq!(Viewing::read(&token, &secret, Timestamp::from_millis(999)), Some(viewing.clone()));
            prop_assert_eq!(Viewing::read(&token, &secret, Timestamp::from_millis(1_000)), None);
            prop_assert_eq!(Viewing::read(&token, &Secret::new([7; 32]), Timestamp::from_millis(0)), None);
            let at = at % token.len();
            let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
            let read = Viewing::read(&changed, &secret, Timestamp::from_millis(0));
            prop_assert!(changed == token || read.is_none_or(|read| read == viewing));
        }
    }
}
