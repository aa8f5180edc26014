//! Who may send: write keys, resolved by whoever keeps them.

use std::sync::Arc;

/// Whom a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The project that the activity goes to.
    pub project: Arc<str>,
    /// True for the operator's own key, which may tag imports, give commands and name any project.
    pub operator: bool,
    /// The environment of the key; `None` is production.
    pub environment: Option<Arc<str>>,
}

/// Knows the write keys.
pub trait WriteKeys: Send + Sync + 'static {
    /// Whom `key` belongs to; `None` when it is unknown or revoked.
    fn resolve(&self, key: &str) -> Option<Caller>;
}
