//! A session's own limit of time for each question, and how long it holds.

use std::time::Duration;

/// The limit, from that which the session began with to that of the moment; `None` for no limit of one's own.
#[derive(Debug, Default)]
pub(crate) struct TimeLimit {
    first: Option<Duration>,
    now: Option<Duration>,
    /// As it was when the transaction began.
    before: Option<Option<Duration>>,
    /// What a transaction leaves if it is committed, where it is another than that of the moment.
    after: Option<Option<Duration>>,
}

impl TimeLimit {
    pub fn new(first: Option<Duration>) -> TimeLimit {
        TimeLimit { first, now: first, ..TimeLimit::default() }
    }

    pub fn now(&self) -> Option<Duration> {
        self.now
    }

    pub fn begin(&mut self) {
        self.before.get_or_insert(self.now);
    }

    /// `is_local`: until the transaction ends.
    pub fn set(&mut self, limit: Option<Duration>, is_local: bool) {
        match is_local {
            true => drop(self.after.get_or_insert(self.now)),
            false => self.after = None,
        }
        self.now = limit;
    }

    /// To that which the session began with.
    pub fn reset(&mut self) {
        self.set(self.first, false);
    }

    /// The end of a transaction.
    pub fn end(&mut self, is_committed: bool) {
        let (before, after) = (self.before.take(), self.after.take());
        let left = if is_committed { after } else { before };
        self.now = left.unwrap_or(self.now);
    }
}

/// `5000` (milliseconds), `5s`, `2min`, `1h`; zero and nonsense are no limit.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let millis = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    (number > 0).then(|| Duration::from_millis(number.saturating_mul(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_limit_ends_with_its_transaction() {
        let seconds = |count| Some(Duration::from_secs(count));
        let mut limit = TimeLimit::new(seconds(9));
        limit.begin();
        limit.set(seconds(1), true);
        assert_eq!(limit.now(), seconds(1));
        limit.end(true);
        assert_eq!(limit.now(), seconds(9));
        limit.begin();
        limit.set(seconds(2), false);
        limit.end(false);
        assert_eq!(limit.now(), seconds(9), "what is rolled back was not set");
        limit.begin();
        limit.set(seconds(3), false);
        limit.set(seconds(4), true);
        limit.end(true);
        assert_eq!(limit.now(), seconds(3));
        limit.reset();
        assert_eq!(limit.now(), seconds(9));
        assert_eq!(
            (span("1h"), span("250"), span("0"), span("soon")),
            (seconds(3600), Some(Duration::from_millis(250)), None, None)
        );
    }
}
