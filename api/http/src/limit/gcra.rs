//! The generic cell rate algorithm: one moment per bucket is all its state.

use std::time::Duration;

/// So many requests at once, and as many again over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    requests: u32,
    window: Duration,
}

impl Quota {
    /// At least one request, in a window of at least a millisecond.
    pub fn new(requests: u32, window: Duration) -> Quota {
        Quota {
            requests: requests.max(1),
            window: window.clamp(Duration::from_millis(1), Duration::from_secs(1 << 24)),
        }
    }

    pub fn requests(self) -> u32 {
        self.requests
    }

    pub fn window(self) -> Duration {
        self.window
    }

    /// The window in microseconds, made a multiple of what one request costs.
    pub fn window_micros(self) -> u64 {
        self.micros_each() * u64::from(self.requests)
    }

    /// What a request of `cost` (at most the whole quota) takes of the window, in microseconds.
    pub fn price_micros(self, cost: u32) -> u64 {
        self.micros_each() * u64::from(cost.min(self.requests))
    }

    fn micros_each(self) -> u64 {
        (micros(self.window) / u64::from(self.requests)).max(1)
    }
}

/// How a bucket stands after a look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Requests of cost 1 that would be let through at once.
    pub remaining: u32,
    /// Until everything is there again.
    pub full_in: Duration,
    /// `None`: it was taken. Else nothing was, and it can be after this long.
    pub wait: Option<Duration>,
}

/// How a bucket stands that is empty until `due`, for whoever asks for `cost` of it at `now`, both in microseconds. For backends
/// that keep `due` elsewhere.
pub fn look(due: u64, now: u64, quota: Quota, cost: u32) -> Level {
    let level = take(due, now, quota, cost).1;
    if level.wait.is_some() { level } else { take(due, now, quota, 0).1 }
}

/// Takes `cost` (at most the whole quota) from a bucket that was empty until `due`, both in microseconds of one clock.
/// The new moment comes back with the level.
pub(crate) fn take(due: u64, now: u64, quota: Quota, cost: u32) -> (u64, Level) {
    let (window, each) = (quota.window_micros(), quota.micros_each());
    // A clock that was set back must not lock anybody out for longer than the window.
    let due = due.clamp(now, now.saturating_add(window));
    let asked = due.saturating_add(quota.price_micros(cost));
    let free = now.saturating_add(window);
    let (due, wait) = match asked.checked_sub(free) {
        None | Some(0) => (asked, None),
        Some(early) => (due, Some(Duration::from_micros(early))),
    };
    let remaining = free.saturating_sub(due) / each;
    let level = Level {
        remaining: u32::try_from(remaining).unwrap_or(quota.requests),
        full_in: Duration::from_micros(due.saturating_sub(now)),
        wait,
    };
    (due, level)
}

/// Puts `cost` back.
pub(crate) fn give_back(due: u64, now: u64, quota: Quota, cost: u32) -> u64 {
    due.saturating_sub(quota.micros_each().saturating_mul(u64::from(cost))).max(now)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_goes_through_and_then_one_per_interval() {
        let quota = Quota::new(3, Duration::from_secs(3));
        let mut due = 0;
        let mut at = |now| {
            let (next, level) = take(due, now, quota, 1);
            due = next;
            (level.remaining, level.wait.map(|wait| wait.as_millis()))
        };
        let start = 1_000_000_000;
        assert_eq!(at(start), (2, None));
        assert_eq!(at(start), (1, None));
        assert_eq!(at(start), (0, None));
        assert_eq!(at(start), (0, Some(1000)));
        assert_eq!(at(start + 400_000), (0, Some(600)));
        assert_eq!(at(start + 1_000_000), (0, None));
        assert_eq!(at(start + 1_000_001), (0, Some(999)));
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_for_longer_than_the_window() {
        let quota = Quota::new(10, Duration::from_secs(10));
        let (_, level) = take(u64::MAX / 2, 5, quota, 1);
        assert_eq!(level.wait, Some(Duration::from_secs(1)));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(
            requests in 1u32..50, window_ms in 1u64..100_000, steps in prop::collection::vec((0u64..3_000_000, 1u32..5), 1..200),
        ) {
            let quota = Quota::new(requests, Duration::from_millis(window_ms));
            let (mut now, mut due, mut taken) = (1u64 << 40, 0, 0u64);
            let start = now;
            for (step, cost) in steps {
                now += step;
                let (next, level) = take(due, now, quota, cost);
                prop_assert!(next >= now && level.full_in <= quota.window());
                if level.wait.is_none() {
                    taken += u64::from(cost.min(requests));
                } else {
                    // Waiting as told is enough.
                    let after = take(next, now + micros(level.wait.unwrap_or_default()), quota, cost).1;
                    prop_assert_eq!(after.wait, None);
                }
                due = next;
                prop_assert!(taken <= u64::from(requests) + (now - start) / quota.micros_each());
            }
        }

        #[test]
        fn what_is_given_back_was_never_taken(requests in 1u32..50, cost in 1u32..50, before in 0u32..50) {
            let quota = Quota::new(requests, Duration::from_secs(60));
            let now = 1 << 40;
            let (due, _) = take(0, now, quota, before);
            let (after, level) = take(due, now, quota, cost);
            if level.wait.is_none() && cost <= requests {
                prop_assert_eq!(give_back(after, now, quota, cost), due);
            }
        }
    }
}
