//! Settings of the store on ClickHouse.

use std::time::Duration;

/// What a process does with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It publishes. One at a time does: who opens the store later takes over.
    Writer,
    /// It only reads, and follows what a writer publishes.
    Reader,
    /// It reads what was published when it was opened, and changes nothing at all.
    Still,
}

/// Settings of the store on ClickHouse.
#[derive(Debug, Clone)]
pub struct ClickHouseOptions {
    pub role: Role,
    /// How long a resent activity is recognised, by time of publication.
    pub dedupe_window_millis: i64,
    /// How long one statement that writes, or that reads state, may take.
    pub statement_timeout: Duration,
    /// How long one statement that reads rows for a question may take.
    pub read_timeout: Duration,
    /// Tries of one statement that writes before the job is told.
    pub tries: u32,
    /// How long the same rows are sent again under the same number. A server that replicates forgets after an hour, in some versions,
    /// what it has taken, and would take it twice.
    pub attempt_max: Duration,
    /// Rows of a publication that was never committed are removed when nothing should be on its way any more: it is far longer than
    /// whoever was fenced goes on trying. What comes later all the same is in no answer, and is looked for as often.
    pub settle_after: Duration,
    /// How often a reader looks for new publications.
    pub follow_every: Duration,
    /// How long whoever is asked to forget a person leaves that to the process that publishes.
    pub lead_wait: Duration,
    /// Before it is said that a person is in no answer: for processes that follow.
    pub followers_wait: Duration,
    /// Failures in a row after which nothing is sent for a while.
    pub failures_before_break: u32,
    /// Longest pause before the database is tried again.
    pub break_max: Duration,
}

impl Default for ClickHouseOptions {
    fn default() -> Self {
        ClickHouseOptions {
            role: Role::Writer,
            dedupe_window_millis: 32 * 86_400_000,
            statement_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(300),
            tries: 4,
            attempt_max: Duration::from_secs(600),
            settle_after: Duration::from_secs(1_800),
            follow_every: Duration::from_millis(150),
            lead_wait: Duration::from_secs(5),
            followers_wait: Duration::from_millis(1_500),
            failures_before_break: 5,
            break_max: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_on_its_way_any_more_when_rows_are_removed() {
        let options = ClickHouseOptions::default();
        // As much again for what the database still works on when nobody waits for it.
        assert!(options.settle_after >= options.statement_timeout * options.tries * 2);
    }
}
