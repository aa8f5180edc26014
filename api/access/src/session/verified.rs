//! Tokens whose signature was checked a moment ago, so that the same token costs a hash and a look-up the next time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::jwt::Claims;

/// Two generations of this many tokens: the older is dropped when the younger is full.
const TOKENS_MAX: usize = 8_192;

/// Claims by the SHA-256 of their token. Time and revocation are checked at each use all the same.
#[derive(Default)]
pub(crate) struct VerifiedTokens(RwLock<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], Arc<Claims>>,
    old: HashMap<[u8; 32], Arc<Claims>>,
}

impl VerifiedTokens {
    pub(super) fn get(&self, hash: &[u8; 32]) -> Option<Arc<Claims>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.young.get(hash).or_else(|| known.old.get(hash)).cloned()
    }

    pub(super) fn put(&self, hash: [u8; 32], claims: Arc<Claims>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.young.len() >= TOKENS_MAX {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(hash, claims);
    }

    pub(crate) fn forget_all(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Generations::default();
    }
}
