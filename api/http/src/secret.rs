//! The key behind cursors, CSRF tokens and device cookies: HMAC-SHA-256, separated by purpose.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A secret of 32 bytes. Processes that serve the same people share it; whoever has it can forge what it signs.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    pub fn new(bytes: [u8; 32]) -> Secret {
        Secret(bytes)
    }

    /// A fresh one from the system's random numbers.
    pub fn random() -> Result<Secret, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Secret(bytes))
    }

    fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            // The length goes first, so that no two lists of parts look alike.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }

    /// 16 bytes that only who has the secret can make of `parts` for `purpose`.
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 16] {
        let mut signature = [0; 16];
        if let Some(mac) = self.mac(purpose, parts) {
            signature.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        signature
    }

    /// True for a signature of exactly this; takes the same time wherever it differs.
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], signature: &[u8]) -> bool {
        let mac = self.mac(purpose, parts);
        signature.len() == 16 && mac.is_some_and(|mac| mac.verify_truncated_left(signature).is_ok())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_the_same_purpose_parts_and_secret_verify(
            key in any::<[u8; 32]>(), other in any::<[u8; 32]>(), left in ".{0,9}", right in ".{0,9}", bit in 0usize..128,
        ) {
            let (secret, stranger) = (Secret::new(key), Secret::new(other));
            let mut signature = secret.sign("a", &[left.as_bytes(), right.as_bytes()]);
            prop_assert!(secret.verify("a", &[left.as_bytes(), right.as_bytes()], &signature));
            prop_assert!(!secret.verify("b", &[left.as_bytes(), right.as_bytes()], &signature));
            let joined = [left.as_str(), right.as_str()].concat();
            prop_assert!(!secret.verify("a", &[joined.as_bytes()], &signature));
            prop_assert!(key == other || !stranger.verify("a", &[left.as_bytes(), right.as_bytes()], &signature));
            prop_assert!(!secret.verify("a", &[left.as_bytes(), right.as_bytes()], &signature[..8]));
            signature[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!secret.verify("a", &[left.as_bytes(), right.as_bytes()], &signature));
        }
    }
}
