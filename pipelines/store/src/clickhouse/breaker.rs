//! After some failures in a row nothing is sent to the database for a while: it is given air, and askers their answer at once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Counts failures and keeps requests back.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_max: u32,
    pause_max: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    last: Option<String>,
}

impl Breaker {
    pub fn new(failures_max: u32, pause_max: Duration) -> Breaker {
        Breaker { failures_max: failures_max.max(1), pause_max, state: Mutex::default() }
    }

    /// How long to wait; `None` when a request may go. One request after each pause finds out how things are.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = state.open_until?;
        if now < until {
            return Some(until - now);
        }
        state.open_until = Some(now + self.pause(state.failures));
        None
    }

    pub fn passed(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failures > 0 {
            *state = State::default();
            metrics::gauge!("footfall_clickhouse_failing").set(0.0);
        }
    }

    pub fn failed(&self, now: Instant, why: String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        state.last = Some(why);
        metrics::gauge!("footfall_clickhouse_failing").set(1.0);
        if state.failures >= self.failures_max {
            state.open_until = Some(now + self.pause(state.failures));
        }
    }

    /// Why the last request failed, if the last one did.
    pub fn failing(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(self.failures_max).min(16);
        (PAUSE_MIN * 2u32.saturating_pow(doublings)).min(self.pause_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_lets_one_through_and_closes() {
        let breaker = Breaker::new(2, Duration::from_secs(1));
        let start = Instant::now();
        breaker.failed(start, "a".to_owned());
        assert_eq!(breaker.wait(start), None);
        breaker.failed(start, "b".to_owned());
        assert_eq!(breaker.wait(start), Some(PAUSE_MIN));
        let later = start + PAUSE_MIN;
        assert_eq!(breaker.wait(later), None, "one finds out");
        assert!(breaker.wait(later).is_some(), "the next waits for it");
        assert_eq!(breaker.failing().as_deref(), Some("b"));
        breaker.passed();
        assert_eq!((breaker.wait(later), breaker.failing()), (None, None));
        (0..40).for_each(|_| breaker.failed(later, String::new()));
        assert_eq!(breaker.wait(later), Some(Duration::from_secs(1)), "the pause has a bound");
    }
}
