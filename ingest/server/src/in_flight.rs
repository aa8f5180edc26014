//! Bounds the bytes of all bodies that are being read at one time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bound, shared by all requests.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    used: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl InFlight {
    pub(crate) fn new(bytes_max: usize) -> Self {
        InFlight { used: Arc::default(), bytes_max }
    }

    /// A reservation of nothing yet.
    pub(crate) fn reservation(&self) -> Reservation {
        Reservation { shared: self.clone(), held: 0 }
    }
}

/// What one request holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    shared: InFlight,
    held: usize,
}

impl Reservation {
    /// Takes `bytes` more, or says that there are none to be had now.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let before = self.shared.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.shared.bytes_max {
            self.shared.used.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.held += bytes;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}
