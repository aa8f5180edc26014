//! Access tokens as JWTs (RFC 7519, RFC 9068), signed with Ed25519 (RFC 8037), and nothing else.
//!
//! The algorithm is this program's choice, never the token's: a header that names another one, `none` or a key of its own is
//! refused before anything is computed (RFC 8725, 3.1 and 3.10; OWASP ASVS 5, V9.1.1–V9.1.3).

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::secret::{base64url, from_base64url};

/// What an access token says. Times are seconds since 1970, as the RFC has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The account.
    pub sub: String,
    /// The session.
    pub sid: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub jti: String,
    /// When the password or passkey was given.
    pub auth_time: i64,
    /// When a second factor was given in this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor_time: Option<i64>,
}

/// `deny_unknown_fields`: a header with `crit`, `jwk`, `jku`, `x5u` … is not ours.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

const ALGORITHM: &str = "EdDSA";
/// RFC 9068, 2.1: no other kind of JWT passes for an access token.
const TYPE: &str = "at+jwt";
/// Ours have about 600 bytes. What is longer is not looked at.
const BYTES_MAX: usize = 4096;
/// How far clocks of our own processes may differ, in seconds.
const LEEWAY_SECONDS: i64 = 5;

/// Whose tokens are taken, for whom.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
}

/// Why a token is refused. For the log; callers are told the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("not a token of ours")]
    Form,
    #[error("signed with an unknown key")]
    UnknownKey,
    #[error("the signature is wrong")]
    Signature,
    #[error("from another issuer or for another audience")]
    Audience,
    #[error("expired or not yet in force")]
    Time,
}

/// Signs `claims`.
pub fn sign(claims: &Claims, key: &Ed25519KeyPair, key_id: &str) -> Result<String, TokenFault> {
    let header = Header { alg: ALGORITHM.to_owned(), typ: TYPE.to_owned(), kid: key_id.to_owned() };
    let part = |json: serde_json::Result<Vec<u8>>| json.map(|bytes| base64url(&bytes)).map_err(|_| TokenFault::Form);
    let signed = format!("{}.{}", part(serde_json::to_vec(&header))?, part(serde_json::to_vec(claims))?);
    let signature = base64url(key.sign(signed.as_bytes()).as_ref());
    Ok(format!("{signed}.{signature}"))
}

/// The id of the key that a token says it was signed with.
pub fn key_id(token: &str) -> Result<String, TokenFault> {
    if token.len() > BYTES_MAX {
        return Err(TokenFault::Form);
    }
    let header = token.split('.').next().and_then(from_base64url).ok_or(TokenFault::Form)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| TokenFault::Form)?;
    if header.alg != ALGORITHM || header.typ != TYPE { Err(TokenFault::Form) } else { Ok(header.kid) }
}

/// The claims of `token`, when `public_key` signed it and it is ours. Its time is checked by [`Claims::check_time`].
pub fn verify(token: &str, public_key: &[u8], expected: Expected<'_>) -> Result<Claims, TokenFault> {
    key_id(token)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Form)?;
    let (_, claims) = signed.split_once('.').ok_or(TokenFault::Form)?;
    let signature = from_base64url(signature).ok_or(TokenFault::Form)?;
    // First the signature, then the content: nothing unsigned is parsed (RFC 8725, 3.4).
    UnparsedPublicKey::new(&ED25519, public_key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| TokenFault::Signature)?;
    let claims = from_base64url(claims).ok_or(TokenFault::Form)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenFault::Form)?;
    if claims.iss != expected.issuer || claims.aud != expected.audience {
        Err(TokenFault::Audience)
    } else {
        Ok(claims)
    }
}

impl Claims {
    /// Refuses a token that is not yet or no longer in force at `now_millis`.
    pub fn check_time(&self, now_millis: i64) -> Result<(), TokenFault> {
        let now = now_millis.div_euclid(1000);
        let begun = self.nbf <= now + LEEWAY_SECONDS;
        if begun && now < self.exp { Ok(()) } else { Err(TokenFault::Time) }
    }
}

/// The public half of a key pair.
pub fn public_key(pair: &Ed25519KeyPair) -> &[u8] {
    pair.public_key().as_ref()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const EXPECTED: Expected<'static> = Expected { issuer: "https://f.example", audience: "footfall" };

    fn pair(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
    }

    fn claims() -> Claims {
        Claims {
            iss: EXPECTED.issuer.into(),
            aud: EXPECTED.audience.into(),
            sub: "account".into(),
            sid: "session".into(),
            iat: 1000,
            nbf: 1000,
            exp: 1600,
            jti: "1".into(),
            auth_time: 1000,
            factor_time: None,
        }
    }

    fn with_header(header: &str, token: &str) -> String {
        let rest = token.split_once('.').expect("parts").1;
        format!("{}.{rest}", base64url(header.as_bytes()))
    }

    #[test]
    fn takes_its_own() {
        let token = sign(&claims(), &pair(1), "k1").expect("signed");
        assert_eq!(key_id(&token), Ok("k1".to_owned()));
        assert_eq!(verify(&token, public_key(&pair(1)), EXPECTED), Ok(claims()));
        assert_eq!(verify(&token, public_key(&pair(2)), EXPECTED), Err(TokenFault::Signature));
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let token = sign(&claims(), &pair(1), "k1").expect("signed");
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(verify(&changed, public_key(&pair(1)), EXPECTED).is_err(), "byte {at}");
        }
        assert!(verify(&token[..token.len() - 1], public_key(&pair(1)), EXPECTED).is_err());
        assert!(verify(&format!("{token}="), public_key(&pair(1)), EXPECTED).is_err(), "padding");
        assert!(verify(&format!("{token}.{token}"), public_key(&pair(1)), EXPECTED).is_err());
    }

    #[test]
    fn the_token_does_not_choose_its_algorithm() {
        let token = sign(&claims(), &pair(1), "k1").expect("signed");
        for header in [
            r#"{"alg":"none","typ":"at+jwt","kid":"k1"}"#,
            r#"{"alg":"None","typ":"at+jwt","kid":"k1"}"#,
            r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#,
            r#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#,
            r#"{"alg":"EdDSA","typ":"JWT","kid":"k1"}"#,
            r#"{"alg":"EdDSA","typ":"at+jwt"}"#,
            r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k1","crit":["x"]}"#,
            r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k1","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}}"#,
        ] {
            assert_eq!(key_id(&with_header(header, &token)), Err(TokenFault::Form), "{header}");
            assert!(verify(&with_header(header, &token), public_key(&pair(1)), EXPECTED).is_err(), "{header}");
        }
        let (unsigned, _) = token.rsplit_once('.').expect("parts");
        assert!(verify(&format!("{unsigned}."), public_key(&pair(1)), EXPECTED).is_err());
        assert!(verify(unsigned, public_key(&pair(1)), EXPECTED).is_err());
        // Key confusion: HMAC with the public key as its secret.
        let forged =
            ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public_key(&pair(1))), unsigned.as_bytes());
        assert!(verify(&format!("{unsigned}.{}", base64url(forged.as_ref())), public_key(&pair(1)), EXPECTED).is_err());
    }

    #[test]
    fn others_tokens_and_other_times_are_refused() {
        let signed = |claims: &Claims| sign(claims, &pair(1), "k1").expect("signed");
        let refused = |claims: &Claims| verify(&signed(claims), public_key(&pair(1)), EXPECTED);
        assert_eq!(refused(&Claims { iss: "https://evil.example".into(), ..claims() }), Err(TokenFault::Audience));
        assert_eq!(refused(&Claims { aud: "other".into(), ..claims() }), Err(TokenFault::Audience));
        let at = |seconds: i64| claims().check_time(seconds * 1000);
        assert_eq!(
            (at(994), at(995), at(1599), at(1600)),
            (Err(TokenFault::Time), Ok(()), Ok(()), Err(TokenFault::Time))
        );
        assert_eq!(key_id(&"A".repeat(5000)), Err(TokenFault::Form));
    }
}
