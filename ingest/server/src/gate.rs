//! Holds requests back while the tables are behind the log, so that what is acknowledged is soon seen. First come, first
//! served; who waits too long is told to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::fault::Fault;

/// How far the tables are behind the log, in items.
#[async_trait]
pub trait Backlog: Send + Sync + 'static {
    /// Items that are acknowledged and that no question sees yet.
    fn items_behind(&self) -> u64;

    /// From how many items behind on requests are held back; `None` lets everything in.
    fn items_behind_max(&self) -> Option<u64>;

    /// Returns when either may have changed.
    async fn changed(&self);
}

/// Longest wait for news of the backlog, in case it was told just before somebody listened.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The gate, shared by all requests.
pub(crate) struct Gate {
    backlog: Option<Arc<dyn Backlog>>,
    patience: Duration,
    /// Whoever holds it is next.
    next: Mutex<()>,
    /// Items let in and not yet in the log.
    under_way: Arc<AtomicU64>,
}

impl Gate {
    pub(crate) fn new(backlog: Option<Arc<dyn Backlog>>, patience: Duration) -> Self {
        Gate { backlog, patience, next: Mutex::new(()), under_way: Arc::default() }
    }

    /// Waits until there is room for about `items` more.
    pub(crate) async fn pass(&self, items: u64) -> Result<Passage, Fault> {
        let Some(backlog) = &self.backlog else { return Ok(self.passage(items)) };
        if let Ok(_next) = self.next.try_lock()
            && self.has_room(&**backlog, items)
        {
            return Ok(self.passage(items));
        }
        metrics::counter!("footfall_held_requests_total").increment(1);
        let until = Instant::now() + self.patience;
        let waiting = async {
            let _next = self.next.lock().await;
            while !self.has_room(&**backlog, items) {
                drop(tokio::time::timeout(LOOK_AGAIN, backlog.changed()).await);
            }
            self.passage(items)
        };
        timeout_at(until, waiting).await.map_err(|_| Fault::Behind)
    }

    fn has_room(&self, backlog: &dyn Backlog, items: u64) -> bool {
        let Some(most) = backlog.items_behind_max() else { return true };
        // One request is always let in: it may be larger than all the room.
        let ahead = backlog.items_behind() + self.under_way.load(Ordering::Relaxed);
        ahead == 0 || ahead + items <= most
    }

    fn passage(&self, items: u64) -> Passage {
        self.under_way.fetch_add(items, Ordering::Relaxed);
        Passage { under_way: self.under_way.clone(), items }
    }
}

/// Kept until the request's items are in the log.
pub(crate) struct Passage {
    under_way: Arc<AtomicU64>,
    items: u64,
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.under_way.fetch_sub(self.items, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use tokio::sync::watch;

    struct Told(watch::Sender<(u64, Option<u64>)>);

    #[async_trait]
    impl Backlog for Told {
        fn items_behind(&self) -> u64 {
            self.0.borrow().0
        }

        fn items_behind_max(&self) -> Option<u64> {
            self.0.borrow().1
        }

        async fn changed(&self) {
            drop(self.0.subscribe().changed().await);
        }
    }

    fn gate(behind: u64, most: Option<u64>, patience: Duration) -> (Arc<Gate>, Arc<Told>) {
        let told = Arc::new(Told(watch::channel((behind, most)).0));
        (Arc::new(Gate::new(Some(told.clone()), patience)), told)
    }

    #[tokio::test]
    async fn lets_in_what_there_is_room_for_and_holds_the_rest() {
        let (gate, told) = gate(0, Some(100), Duration::from_secs(60));
        let first = gate.pass(60).await.unwrap();
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.pass(60).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "60 and 60 are more than 100");
        told.0.send_replace((60, Some(100))); // the first has reached the log
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        told.0.send_replace((0, Some(100))); // and the tables
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_request_larger_than_the_room_passes_alone() {
        let (gate, _told) = gate(0, Some(100), Duration::from_secs(60));
        assert!(gate.pass(5_000).await.is_ok());
    }

    #[tokio::test]
    async fn refuses_after_its_patience() {
        let (gate, told) = gate(200, Some(100), Duration::ZERO);
        assert!(matches!(gate.pass(1).await, Err(Fault::Behind)));
        told.0.send_replace((200, None));
        assert!(gate.pass(1).await.is_ok(), "no bound, no waiting");
    }

    #[tokio::test]
    async fn without_a_backlog_nobody_waits() {
        let gate = Gate::new(None, Duration::ZERO);
        for _ in 0..1_000 {
            std::mem::forget(gate.pass(1_000_000).await.unwrap());
        }
    }
}
