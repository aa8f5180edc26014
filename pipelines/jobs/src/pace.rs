//! How fast the job goes, for whoever must not outrun it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Share of the newest turn in the rate.
const NEWEST_SHARE: f64 = 0.2;
/// A turn with fewer records says little: its fixed cost outweighs them.
const RECORDS_MIN: u64 = 500;
/// Taken for the rate until a turn has been measured, records a second.
const RATE_AT_FIRST: u64 = 50_000;

/// The job's rate over its latest turns.
#[derive(Debug)]
pub struct Pace {
    records_per_second: AtomicU64,
    /// Nothing moves: an error is waited out.
    held_up: AtomicBool,
    /// What the log had at the start, or gathered while the job was held up, has been read.
    has_caught_up: AtomicBool,
    moved: Notify,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            records_per_second: AtomicU64::new(RATE_AT_FIRST),
            held_up: AtomicBool::new(false),
            has_caught_up: AtomicBool::new(false),
            moved: Notify::new(),
        }
    }
}

impl Pace {
    /// Records that the job reads in `time`. `None` while it is held up, or catches up with what was there before: then
    /// holding newcomers back would make them wait for what is none of their doing.
    pub fn records_in(&self, time: Duration) -> Option<u64> {
        if self.held_up.load(Ordering::Relaxed) || !self.has_caught_up.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.rate_in(time))
    }

    /// Returns after the next turn, or when the job is held up.
    pub async fn moved(&self) {
        self.moved.notified().await;
    }

    /// A turn of `records` left `behind` records to read; it took `busy` from the end of the turn before.
    pub(crate) fn turned(&self, records: u64, busy: Option<Duration>, behind: u64) {
        if let Some(busy) = busy.filter(|_| records >= RECORDS_MIN) {
            let newest = records as f64 / busy.as_secs_f64().max(0.001);
            let before = self.records_per_second.load(Ordering::Relaxed) as f64;
            let rate = before + NEWEST_SHARE * (newest - before);
            self.records_per_second.store(rate as u64, Ordering::Relaxed);
        }
        self.held_up.store(false, Ordering::Relaxed);
        if behind <= self.rate_in(Duration::from_millis(100)) {
            self.has_caught_up.store(true, Ordering::Relaxed);
        }
        self.moved.notify_waiters();
    }

    pub(crate) fn held_up(&self) {
        self.held_up.store(true, Ordering::Relaxed);
        self.has_caught_up.store(false, Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    fn rate_in(&self, time: Duration) -> u64 {
        (self.records_per_second.load(Ordering::Relaxed) as f64 * time.as_secs_f64()) as u64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn says_nothing_before_it_has_caught_up() {
        let pace = Pace::default();
        assert_eq!(pace.records_in(SECOND), None);
        pace.turned(10_000, Some(SECOND), 1_000_000);
        assert_eq!(pace.records_in(SECOND), None);
        pace.turned(10_000, Some(SECOND), 0);
        assert!(pace.records_in(SECOND).is_some());
        pace.turned(10_000, Some(SECOND), 1_000_000);
        assert!(pace.records_in(SECOND).is_some(), "it has caught up once");
    }

    #[test]
    fn follows_the_rate_of_the_turns() {
        let pace = Pace::default();
        (0..100).for_each(|_| pace.turned(8_000, Some(SECOND / 10), 0));
        let rate = pace.records_in(SECOND).unwrap();
        assert!((79_000..=81_000).contains(&rate), "{rate}");
        pace.turned(1, Some(SECOND), 0);
        pace.turned(100, None, 0);
        assert_eq!(pace.records_in(SECOND), Some(rate), "small and leisurely turns say nothing of the rate");
    }

    #[test]
    fn lets_everything_in_while_it_is_held_up() {
        let pace = Pace::default();
        pace.turned(10_000, Some(SECOND), 0);
        pace.held_up();
        assert_eq!(pace.records_in(SECOND), None);
        pace.turned(10_000, Some(SECOND), 1_000_000);
        assert_eq!(pace.records_in(SECOND), None, "what gathered meanwhile comes first");
    }
}
