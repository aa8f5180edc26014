//! Where each partition begins and ends: known from own appends and reads at once, from others' by asking the brokers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use footfall_ingest_activity::Checkpoint;
use tokio::sync::watch;

/// First offset kept and next offset, by partition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub first: u64,
    pub end: u64,
}

/// Spans of all partitions, and a bell that rings when one of them grows.
pub(super) struct Ends {
    spans: Mutex<Vec<Span>>,
    bell: watch::Sender<u64>,
}

impl Ends {
    pub fn new(partitions: u32) -> Ends {
        Ends { spans: Mutex::new(vec![Span::default(); partitions as usize]), bell: watch::Sender::new(0) }
    }

    fn hold(&self) -> MutexGuard<'_, Vec<Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn spans(&self) -> Vec<Span> {
        self.hold().clone()
    }

    pub fn span(&self, partition: u32) -> Span {
        self.hold().get(partition as usize).copied().unwrap_or_default()
    }

    /// The checkpoint of a reader that has read everything.
    pub fn end(&self) -> Checkpoint {
        self.hold()
            .iter()
            .enumerate()
            .filter(|(_, span)| span.end > 0)
            .map(|(index, span)| (index as u32, span.end))
            .collect()
    }

    /// Moves the end forward, never backward.
    pub fn reached(&self, partition: u32, end: u64) {
        let has_moved = match self.hold().get_mut(partition as usize) {
            Some(span) if end > span.end => {
                span.end = end;
                true
            }
            _ => false,
        };
        if has_moved {
            self.bell.send_modify(|rings| *rings += 1);
        }
    }

    /// Below this nothing is kept.
    pub fn begins(&self, partition: u32, first: u64) {
        if let Some(span) = self.hold().get_mut(partition as usize) {
            span.first = span.first.max(first);
        }
    }

    pub fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}
