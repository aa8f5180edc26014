//! The log keeps what a move has not read, as long as whoever moves the installation asks now and then: a move that is given up
//! would hold the log for ever.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use footfall_ingest_activity::{Checkpoint, Clock, Timestamp};
use footfall_ingest_log::ActivityLog;

/// The log's name for whoever moves an installation.
const READER: &str = "migrate";
/// Who has not asked for so long is gone.
pub const SILENT_MILLIS_MAX: i64 = 3_600_000;

/// What whoever moves the installation has of the log.
pub struct Lease {
    log: Arc<dyn ActivityLog>,
    clock: Arc<dyn Clock>,
    /// When it was last asked for.
    asked: Mutex<Option<Timestamp>>,
}

impl Lease {
    /// Nobody has asked yet.
    pub fn new(log: Arc<dyn ActivityLog>, clock: Arc<dyn Clock>) -> Arc<Lease> {
        Arc::new(Lease { log, clock, asked: Mutex::default() })
    }

    /// Somebody reads from here on; what lies before may be deleted.
    pub fn reads_from(&self, from: &Checkpoint) {
        let mut asked = self.asked();
        self.log.release(READER, from);
        *asked = Some(self.clock.now());
    }

    /// Forgets whoever has been silent for too long; true when that was so.
    pub fn look(&self) -> bool {
        let mut asked = self.asked();
        let is_silent = asked.is_some_and(|at| self.clock.now().millis_since(at) >= SILENT_MILLIS_MAX);
        if is_silent {
            self.log.forget(READER);
            *asked = None;
        }
        is_silent
    }

    /// Held while the log is told, so that nobody is forgotten who asks at that moment.
    fn asked(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use footfall_ingest_activity::{FixedClock, Record};
    use footfall_ingest_log::LogOptions;

    use super::*;

    fn pass(clock: &FixedClock, seconds: i64) {
        clock.set(clock.now().plus_millis(seconds * 1_000));
    }

    async fn grow(log: &dyn ActivityLog) {
        for number in 0..40u8 {
            let record = Record { kind: 1, partition_key: 0, payload: vec![number; 100] };
            log.append(vec![record]).await.unwrap();
        }
    }

    /// Lets retention delete what it may, and says what is left.
    async fn first_offset(log: &dyn ActivityLog) -> u64 {
        grow(log).await;
        log.release("jobs", &log.end());
        // What retires is behind the append in the writer's queue.
        grow(log).await;
        log.status().partitions[0].first_offset
    }

    #[tokio::test]
    async fn who_is_silent_for_an_hour_holds_the_log_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000_000)));
        let options = LogOptions {
            partitions: 1,
            segment_bytes_max: 1_000,
            retention_bytes: Some(0),
            disk_reserve_bytes: 0,
            clock: clock.clone(),
            ..LogOptions::default()
        };
        let url = format!("file:{}", folder.path().join("log").display());
        let log = footfall_ingest_log::open(&url, options).await.unwrap();
        let lease = Lease::new(log.clone(), clock.clone());
        assert!(!lease.look(), "nobody was there");
        lease.reads_from(&Checkpoint::default());
        assert_eq!(first_offset(&*log).await, 0, "kept");
        pass(&clock, 3_500);
        assert!(!lease.look());
        lease.reads_from(&Checkpoint::default());
        pass(&clock, 3_500);
        assert!(!lease.look(), "it has asked meanwhile");
        assert_eq!(first_offset(&*log).await, 0, "still kept");
        pass(&clock, 100);
        assert!(lease.look(), "silent for an hour");
        assert!(!lease.look(), "told once");
        assert!(first_offset(&*log).await > 0, "retention goes on");
        // Who comes back reads on from where that is possible.
        let there = log.end();
        lease.reads_from(&there);
        let before = first_offset(&*log).await;
        assert!(before <= there.next_offset(0));
        log.close().await;
    }
}
