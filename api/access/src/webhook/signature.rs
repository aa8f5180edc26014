//! Signatures of Standard Webhooks 1.0 (standardwebhooks.com): HMAC-SHA-256 over id, time and body, so that none of them can be
//! changed, and an old message not be sent again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::secret::{NoRandomness, random};

/// What tells a secret apart, for leak scanners as well.
const PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;

/// A new secret as its receiver enters it.
pub(super) fn new_secret() -> Result<String, NoRandomness> {
    Ok(format!("{PREFIX}{}", STANDARD.encode(random::<SECRET_BYTES>()?)))
}

/// The value of `webhook-signature`; `None` when `secret` is none. `seconds` are since 1970, as in `webhook-timestamp`.
pub fn sign_webhook(secret: &str, id: &str, seconds: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(tag.as_ref())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn agrees_with_the_specification() {
        let signature = sign_webhook(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn each_part_counts() {
        let secret = new_secret().expect("a secret");
        let signature = sign_webhook(&secret, "a", 1, "b").expect("signed");
        for (id, seconds, body) in [("b", 1, "b"), ("a", 2, "b"), ("a", 1, "c")] {
            assert_ne!(sign_webhook(&secret, id, seconds, body).expect("signed"), signature);
        }
        assert_ne!(sign_webhook(&new_secret().expect("a secret"), "a", 1, "b").expect("signed"), signature);
        assert_eq!(sign_webhook("MfKQ9r8G", "a", 1, "b"), None);
    }
}
