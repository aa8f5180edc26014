//! For tests: a log whose brokers are away, all of them or those of some records.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use footfall_ingest_activity::{Checkpoint, Record};
use footfall_ingest_log::{ActivityLog, Batch, LogError, LogStatus};

/// An append with a record that lies where nobody answers fails; its other records are written all the same. Nothing is ever read.
pub struct Away {
    is_away: fn(&Record) -> bool,
    written: Mutex<Vec<u8>>,
}

impl Away {
    pub fn of(is_away: fn(&Record) -> bool) -> Away {
        Away { is_away, written: Mutex::default() }
    }

    /// Kinds of the records that were written, in their order.
    pub fn written(&self) -> Vec<u8> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl ActivityLog for Away {
    async fn append(&self, records: Vec<Record>) -> Result<Checkpoint, LogError> {
        let (away, here): (Vec<_>, Vec<_>) = records.iter().partition(|record| (self.is_away)(record));
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend(here.iter().map(|record| record.kind));
        match away.is_empty() {
            true => Ok(Checkpoint::default()),
            false => Err(LogError::Away { detail: "for the test".to_owned() }),
        }
    }

    async fn read(&self, from: &Checkpoint, _: usize, _: Duration) -> Result<Batch, LogError> {
        Ok(Batch { next: from.clone(), ..Batch::default() })
    }

    fn end(&self) -> Checkpoint {
        Checkpoint::default()
    }

    fn release(&self, _: &str, _: &Checkpoint) {}

    fn status(&self) -> LogStatus {
        LogStatus::default()
    }

    async fn close(&self) {}
}
