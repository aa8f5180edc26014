//! Whose turn it is to publish: of all processes on one log and one store, one does. The others wait, ready to take over.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::watch;

/// Decides who leads.
///
/// It need not be right at every moment: a store that several processes can open takes the publications of one of them alone. It
/// is there so that they do not push each other out.
#[async_trait]
pub trait Leadership: Send + Sync + 'static {
    /// Waits until this process leads. Dropped while it waits, it does not wait any more.
    async fn lead(&self) -> Term;

    /// Whether another process could lead in its place.
    fn has_others(&self) -> bool;
}

/// The time in which this process leads. Dropped, it is over.
pub struct Term {
    lost: watch::Receiver<bool>,
    _held: Box<dyn Any + Send + Sync>,
}

impl Term {
    /// It lasts until `lost` becomes true, or its sender is gone. `held` is what has to be kept for it.
    pub fn new(lost: watch::Receiver<bool>, held: impl Any + Send + Sync) -> Term {
        Term { lost, _held: Box::new(held) }
    }

    /// True when somebody else may lead now.
    pub(crate) fn is_lost(&self) -> bool {
        *self.lost.borrow() || self.lost.has_changed().is_err()
    }

    /// Resolves when somebody else may lead.
    pub(crate) async fn lost(&mut self) {
        drop(self.lost.wait_for(|lost| *lost).await);
    }
}

/// For a process that has log and store to itself.
pub struct Alone;

#[async_trait]
impl Leadership for Alone {
    async fn lead(&self) -> Term {
        let (told, lost) = watch::channel(false);
        Term::new(lost, told)
    }

    fn has_others(&self) -> bool {
        false
    }
}

/// Whether this process leads just now, for whoever asks.
#[derive(Debug, Default)]
pub struct Standing(AtomicBool);

impl Standing {
    /// True while this process fills the tables; false while it stands by.
    pub fn leads(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, leads: bool) {
        self.0.store(leads, Ordering::Relaxed);
        metrics::gauge!("footfall_jobs_leading").set(if leads { 1.0 } else { 0.0 });
    }
}
