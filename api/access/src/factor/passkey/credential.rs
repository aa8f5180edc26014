//! A passkey's public key: read from COSE (RFC 9052), kept as text, and what it signed.

use ciborium::Value;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::secret::{base64url, from_base64url};

/// COSE algorithm numbers in the order we prefer them (WebAuthn 3, 5.4: ES256, EdDSA and RS256 reach all authenticators).
pub(super) const ALGORITHMS: [i64; 3] = [-7, -8, -257];

/// A public key of one of the three algorithms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// ES256: a point of P-256, uncompressed.
    P256(Vec<u8>),
    /// EdDSA: Ed25519.
    Ed25519(Vec<u8>),
    /// RS256: modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
}

impl PublicKey {
    /// Reads a COSE_Key. The algorithm must be one of ours and fit the key's type: a key does not choose another later.
    pub(super) fn from_cose(bytes: &[u8]) -> Option<PublicKey> {
        let value: Value = ciborium::from_reader(bytes).ok()?;
        let number = |label: i64| entry(&value, label)?.as_integer().and_then(|number| i64::try_from(number).ok());
        let octets = |label: i64| entry(&value, label)?.as_bytes().cloned();
        match (number(1)?, number(3)?) {
            (2, -7) if number(-1)? == 1 => {
                let (x, y) = (octets(-2)?, octets(-3)?);
                (x.len() == 32 && y.len() == 32).then(|| PublicKey::P256([&[4][..], &x, &y].concat()))
            }
            (1, -8) if number(-1)? == 6 => octets(-2).filter(|x| x.len() == 32).map(PublicKey::Ed25519),
            (3, -257) => {
                let (n, e) = (octets(-1)?, octets(-2)?);
                // ring refuses moduli below 2048 and above 8192 bits when it verifies.
                (n.len() <= 1024 && e.len() <= 8).then_some(PublicKey::Rsa(n, e))
            }
            _ => None,
        }
    }

    pub(super) fn to_text(&self) -> String {
        match self {
            PublicKey::P256(point) => format!("ES256.{}", base64url(point)),
            PublicKey::Ed25519(x) => format!("EdDSA.{}", base64url(x)),
            PublicKey::Rsa(n, e) => format!("RS256.{}.{}", base64url(n), base64url(e)),
        }
    }

    pub(super) fn from_text(text: &str) -> Option<PublicKey> {
        let mut parts = text.split('.');
        let (algorithm, first) = (parts.next()?, from_base64url(parts.next()?)?);
        match algorithm {
            "ES256" => Some(PublicKey::P256(first)),
            "EdDSA" => Some(PublicKey::Ed25519(first)),
            "RS256" => Some(PublicKey::Rsa(first, from_base64url(parts.next()?)?)),
            _ => None,
        }
    }

    /// True when this key signed `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            PublicKey::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            PublicKey::Ed25519(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            PublicKey::Rsa(n, e) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.is_ok()
    }
}

/// The value behind an integer label of a map.
fn entry(map: &Value, label: i64) -> Option<&Value> {
    let found = map.as_map()?.iter().find(|(key, _)| key.as_integer() == Some(label.into()));
    found.map(|(_, value)| value)
}
