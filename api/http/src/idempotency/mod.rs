//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that is sent again is not done again.
//!
//! Same key and same request: the recorded answer. Same key, another request: 422. While the first is under way: 409.
//! Keys belong to one account and one route. What a handler began goes on to its end though the caller has gone, so that
//! a second try finds the answer. Answers that say «try again» (429, 5xx) are not recorded.

pub mod contract;
mod key;
mod layer;
mod memory;
mod recorded;

use std::time::Duration;

use async_trait::async_trait;
use footfall_ingest_activity::Timestamp;

pub use key::{Fingerprint, Scope};
pub(crate) use layer::{headers_of, run};
pub use memory::MemoryIdempotency;
pub use recorded::Recorded;

/// How a route takes the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Idempotency {
    /// It has no meaning here.
    #[default]
    None,
    /// Whoever sends it is protected.
    Accepted,
    /// Nobody gets in without.
    Required,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// An answer, from its end.
    pub answer: Duration,
    /// A request of which no end was heard: its process was killed. Longer than any request may take.
    pub lease: Duration,
}

impl Default for Keeping {
    fn default() -> Keeping {
        Keeping { answer: Duration::from_secs(24 * 3600), lease: Duration::from_secs(120) }
    }
}

/// What is known under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: do it, and then [`IdempotencyStore::finish`] or [`IdempotencyStore::release`] with this ticket.
    Fresh(Ticket),
    /// It is under way.
    Running,
    /// It is done, with this answer.
    Done(Recorded),
    /// The key was used for another request.
    Differs,
}

/// Names one attempt, so that one whose lease ran out cannot overwrite its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(pub u64);

/// The store cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("the store of idempotency keys: {0}")]
pub struct IdempotencyError(pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps keys and answers. Of two [`begin`](IdempotencyStore::begin) at the same time one alone is `Fresh`. A database
/// may write the answer in the transaction of the act; then even a killed process does nothing twice.
#[async_trait]
pub trait IdempotencyStore: Send + Sync + 'static {
    async fn begin(&self, scope: Scope, fingerprint: Fingerprint, now: Timestamp) -> Result<Begun, IdempotencyError>;

    /// Records the answer. Without effect where the ticket is no longer the current one.
    async fn finish(
        &self,
        scope: Scope,
        ticket: Ticket,
        answer: Recorded,
        now: Timestamp,
    ) -> Result<(), IdempotencyError>;

    /// Forgets an attempt that may be made again. Without effect where the ticket is no longer the current one.
    async fn release(&self, scope: Scope, ticket: Ticket) -> Result<(), IdempotencyError>;
}
