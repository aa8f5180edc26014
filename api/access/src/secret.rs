//! Random secrets, their hashes, and comparison that takes the same time wherever texts differ.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

/// The system gives no randomness. Nothing can be done but to refuse.
#[derive(Debug, thiserror::Error)]
#[error("no randomness from the system")]
pub struct NoRandomness;

/// Fills an array from the system's generator (NIST SP 800-90A class; OWASP ASVS 5, V11.5.1).
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A secret of 256 random bits in URL-safe base64: 43 characters.
pub(crate) fn random_text() -> Result<String, NoRandomness> {
    random::<32>().map(|bytes| base64url(&bytes))
}

/// A new id: a UUIDv7, so that rows of one time lie together and sort by it. Ids are no secrets.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// SHA-256 in hexadecimal.
///
/// For secrets that carry 128 random bits or more a plain hash is right: there is no dictionary to try, so a slow hash
/// would cost every request and protect nothing (OWASP ASVS 5, V6.6.2 and V11.4.2 ask for slowness for passwords alone).
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pair = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(pair).map(char::from).collect()
}

/// URL-safe base64 without padding.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of URL-safe base64 without padding; `None` for anything else.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Equality in a time that depends on the lengths alone.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(0u8, |differing, (x, y)| differing | (x ^ y));
    a.len() == b.len() && std::hint::black_box(differing) == 0
}
