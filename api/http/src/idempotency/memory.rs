//! Keys and answers in this process, bounded in number and bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use footfall_ingest_activity::Timestamp;

use super::{Begun, Fingerprint, IdempotencyError, IdempotencyStore, Keeping, Recorded, Scope, Ticket};

/// A store for one process. Where it is full, the answers that end soonest are forgotten first.
#[derive(Debug)]
pub struct MemoryIdempotency {
    keeping: Keeping,
    bytes_max: usize,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_scope: HashMap<Scope, Entry>,
    /// Which answers end when.
    done_by_end: BTreeMap<(i64, u64), Scope>,
    /// Which leases end when. These are never forgotten for want of memory: the act would be done twice.
    running_by_end: BTreeMap<(i64, u64), Scope>,
    bytes: usize,
    tickets: u64,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    ticket: Ticket,
    ends: i64,
    answer: Option<Recorded>,
    bytes: usize,
}

const ENTRY_BYTES: usize = 256;

impl MemoryIdempotency {
    pub fn new(keeping: Keeping, bytes_max: usize) -> MemoryIdempotency {
        MemoryIdempotency { keeping, bytes_max, entries: Mutex::default() }
    }

    /// Bytes that are kept, about.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryIdempotency {
    fn default() -> Self {
        MemoryIdempotency::new(Keeping::default(), 32 << 20)
    }
}

impl Entries {
    fn queue(&mut self, is_done: bool) -> &mut BTreeMap<(i64, u64), Scope> {
        if is_done { &mut self.done_by_end } else { &mut self.running_by_end }
    }

    fn remove(&mut self, scope: Scope) -> Option<Entry> {
        let entry = self.by_scope.remove(&scope)?;
        self.queue(entry.answer.is_some()).remove(&(entry.ends, entry.ticket.0));
        self.bytes -= entry.bytes;
        Some(entry)
    }

    fn insert(&mut self, scope: Scope, entry: Entry) {
        self.queue(entry.answer.is_some()).insert((entry.ends, entry.ticket.0), scope);
        self.bytes += entry.bytes;
        self.by_scope.insert(scope, entry);
    }

    /// Forgets what has ended, and then answers that end first while there is too much.
    fn tidy(&mut self, now: i64, bytes_max: usize) {
        for is_done in [false, true] {
            while let Some((&(ends, _), &scope)) = self.queue(is_done).first_key_value() {
                if ends > now && (self.bytes <= bytes_max || !is_done) {
                    break;
                }
                self.remove(scope);
            }
        }
    }
}

fn after(now: Timestamp, span: Duration) -> i64 {
    now.millis().saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

#[async_trait]
impl IdempotencyStore for MemoryIdempotency {
    async fn begin(&self, scope: Scope, fingerprint: Fingerprint, now: Timestamp) -> Result<Begun, IdempotencyError> {
        let mut entries = self.lock();
        entries.tidy(now.millis(), self.bytes_max);
        if let Some(known) = entries.by_scope.get(&scope) {
            return Ok(match &known.answer {
                _ if known.fingerprint != fingerprint => Begun::Differs,
                Some(answer) => Begun::Done(answer.clone()),
                None => Begun::Running,
            });
        }
        entries.tickets += 1;
        let ticket = Ticket(entries.tickets);
        let ends = after(now, self.keeping.lease);
        entries.insert(scope, Entry { fingerprint, ticket, ends, answer: None, bytes: ENTRY_BYTES });
        Ok(Begun::Fresh(ticket))
    }

    async fn finish(
        &self,
        scope: Scope,
        ticket: Ticket,
        answer: Recorded,
        now: Timestamp,
    ) -> Result<(), IdempotencyError> {
        let mut entries = self.lock();
        if entries.by_scope.get(&scope).is_some_and(|entry| entry.ticket == ticket && entry.answer.is_none())
            && let Some(entry) = entries.remove(scope)
        {
            let bytes = ENTRY_BYTES + answer.body.len();
            let ends = after(now, self.keeping.answer);
            entries.insert(scope, Entry { ends, answer: Some(answer), bytes, ..entry });
        }
        Ok(())
    }

    async fn release(&self, scope: Scope, ticket: Ticket) -> Result<(), IdempotencyError> {
        let mut entries = self.lock();
        if entries.by_scope.get(&scope).is_some_and(|entry| entry.ticket == ticket && entry.answer.is_none()) {
            entries.remove(scope);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use http::StatusCode;

    #[tokio::test]
    async fn the_contract_holds() {
        let store = MemoryIdempotency::default();
        crate::idempotency::contract::suite(&store, Keeping::default()).await;
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let store = MemoryIdempotency::new(Keeping::default(), 100_000);
        for number in 0..1000 {
            let (scope, now) = (Scope::new("a", "b", &number.to_string()), Timestamp::from_millis(number));
            let Begun::Fresh(ticket) = store.begin(scope, Fingerprint([0; 32]), now).await.unwrap() else {
                panic!("a new key is fresh")
            };
            let body = vec![0; 5000].into();
            let answer = Recorded { status: StatusCode::CREATED, headers: Vec::new(), body };
            store.finish(scope, ticket, answer, now).await.unwrap();
            assert!(store.bytes() <= 100_000 + 5_000 + 2 * ENTRY_BYTES, "{}", store.bytes());
        }
        let entries = store.lock();
        assert_eq!(entries.done_by_end.len() + entries.running_by_end.len(), entries.by_scope.len());
        assert_eq!(entries.bytes, entries.by_scope.values().map(|entry| entry.bytes).sum::<usize>());
    }
}
