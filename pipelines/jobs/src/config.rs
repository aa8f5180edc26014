//! Settings of the job.

use std::time::Duration;

/// How much a turn takes and how often there is one.
#[derive(Debug, Clone)]
pub struct JobsConfig {
    /// Payload bytes that a turn reads at most, about.
    pub turn_bytes_max: usize,
    /// Small turns do not follow each other faster than this, so that the tables are not full of tiny batches.
    pub turn_interval_min: Duration,
    /// How long a read waits at the end of the log.
    pub read_wait: Duration,
    /// First wait after an error; it doubles up to `retry_wait_max`.
    pub retry_wait_min: Duration,
    pub retry_wait_max: Duration,
    /// How long a job whose store was taken over stands back before it asks for the lead again; it doubles up to the second.
    pub fenced_wait_min: Duration,
    pub fenced_wait_max: Duration,
    /// A job that nothing goes through for so long gives the lead away, where others can have it, and stands back.
    pub lead_patience: Duration,
    pub stand_back: Duration,
    /// Activities that a pulse of the live feed shows of one project at most.
    pub live_activities_max: usize,
}

impl Default for JobsConfig {
    fn default() -> Self {
        JobsConfig {
            turn_bytes_max: 8 << 20,
            turn_interval_min: Duration::from_millis(100),
            read_wait: Duration::from_millis(200),
            retry_wait_min: Duration::from_millis(100),
            retry_wait_max: Duration::from_secs(5),
            fenced_wait_min: Duration::from_secs(1),
            fenced_wait_max: Duration::from_secs(30),
            lead_patience: Duration::from_secs(10),
            stand_back: Duration::from_secs(3),
            live_activities_max: 50,
        }
    }
}
