//! For whoever carries news between processes: what this one changes is told, and while news come there is less to look for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::access::Access;
use crate::changes::{POLL_MILLIS, STALE_MILLIS};

/// What is told, and how often is looked.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Counts the changes of this process.
    told: watch::Sender<u64>,
    look_millis: AtomicI64,
}

impl News {
    pub(crate) fn tell(&self) {
        self.told.send_modify(|count| *count += 1);
    }
}

impl Access {
    /// Becomes another number whenever this process has changed something that others remember.
    pub fn own_changes(&self) -> watch::Receiver<u64> {
        self.memory().news.told.subscribe()
    }

    /// From now on [`Access::keep_fresh`] looks no more often than this: never so seldom that verification has to look itself.
    pub fn look_each(&self, pause: Duration) {
        let longest = STALE_MILLIS - POLL_MILLIS as i64;
        let millis = i64::try_from(pause.as_millis()).unwrap_or(longest).min(longest);
        self.memory().news.look_millis.store(millis, Ordering::Release);
    }

    pub(crate) fn is_time_to_look(&self) -> bool {
        let age = self.now().millis().saturating_sub(self.memory().caught_up_at.load(Ordering::Acquire));
        // A clock that was set back is no reason to wait.
        age < 0 || age >= self.memory().news.look_millis.load(Ordering::Acquire)
    }
}
