//! PostHog's buckets: the first 60 bits of a SHA-1, as a fraction.

use sha1::{Digest, Sha1};

const SCALE: f64 = 0x0FFF_FFFF_FFFF_FFFF_u64 as f64;

/// The place in [0, 1] of `{key}{separator}{id}{salt}`.
fn place(parts: [&str; 4]) -> f64 {
    let mut sha = Sha1::new();
    parts.iter().for_each(|part| sha.update(part));
    let digest = sha.finalize();
    let first = digest.iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    (first >> 4) as f64 / SCALE
}

/// The place of an id for one flag; the salt is empty for the rollout and `variant` for the variant.
pub fn bucket(flag: &str, id: &str, salt: &str) -> f64 {
    place([flag, ".", id, salt])
}

/// The place of an id among all holdouts.
pub(super) fn holdout_bucket(id: &str) -> f64 {
    place(["holdout", "-", id, ""])
}
