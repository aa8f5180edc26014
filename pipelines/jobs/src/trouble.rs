//! Errors that pass: said once, shown as a gauge, waited out longer and longer.

use std::time::Duration;

use tokio::time::Instant;

use crate::{JobError, JobsConfig};

/// Whether the job is held up just now, and how long to wait before the next try.
#[derive(Debug)]
pub(crate) struct Trouble {
    reported: Option<String>,
    since: Option<Instant>,
    wait: Duration,
    wait_min: Duration,
    wait_max: Duration,
}

impl Trouble {
    pub fn new(config: &JobsConfig) -> Self {
        metrics::gauge!("footfall_jobs_failing").set(0.0);
        let (wait_min, wait_max) = (config.retry_wait_min, config.retry_wait_max);
        Trouble { reported: None, since: None, wait: wait_min, wait_min, wait_max }
    }

    /// Notes an error. Returns how long to wait.
    pub fn failed(&mut self, error: &JobError) -> Duration {
        let text = error.to_string();
        if self.reported.as_ref() != Some(&text) {
            tracing::error!(error = %text, "the job is held up and tries again");
            metrics::gauge!("footfall_jobs_failing").set(1.0);
            self.reported = Some(text);
        }
        self.since.get_or_insert_with(Instant::now);
        let wait = self.wait;
        self.wait = (self.wait * 2).min(self.wait_max);
        wait
    }

    /// Since when it is held up.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Notes that it went through.
    pub fn passed(&mut self) {
        self.since = None;
        if self.reported.take().is_some() {
            tracing::info!("the job goes on");
            metrics::gauge!("footfall_jobs_failing").set(0.0);
            self.wait = self.wait_min;
        }
    }
}
