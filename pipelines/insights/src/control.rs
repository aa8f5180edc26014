//! A question under way: how to end it, what it may take of memory, and how far it is.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::memory::{self, MemoryPool};
use crate::spill::SpillFolder;
use crate::{InsightError, PeopleList};

const OVER_OWN: u8 = 1;
const OVER_ALL: u8 = 2;
const FAILED: u8 = 3;

/// Of one question; whoever asks keeps it to look at, or to cancel.
#[derive(Debug)]
pub struct Control {
    cancelled: AtomicBool,
    bytes: AtomicI64,
    bytes_most: AtomicI64,
    bytes_max: i64,
    pool: Option<Arc<MemoryPool>>,
    spill: Option<(Arc<SpillFolder>, usize)>,
    over: AtomicU8,
    failed: Mutex<Option<InsightError>>,
    is_quiet: AtomicBool,
    segments_done: AtomicU64,
    segments_all: AtomicU64,
    lists: Vec<Arc<PeopleList>>,
}

impl Default for Control {
    fn default() -> Control {
        Control::new(usize::MAX, None)
    }
}

impl Control {
    /// A question that may take so much, and with others what there is for all.
    pub fn new(bytes_max: usize, pool: Option<Arc<MemoryPool>>) -> Control {
        Control {
            cancelled: AtomicBool::new(false),
            bytes: AtomicI64::new(0),
            bytes_most: AtomicI64::new(0),
            bytes_max: i64::try_from(bytes_max).unwrap_or(i64::MAX),
            pool,
            spill: None,
            over: AtomicU8::new(0),
            failed: Mutex::new(None),
            is_quiet: AtomicBool::new(false),
            segments_done: AtomicU64::new(0),
            segments_all: AtomicU64::new(0),
            lists: Vec::new(),
        }
    }

    /// With the lists of people that the question names.
    #[must_use]
    pub fn with_lists(self, lists: Vec<Arc<PeopleList>>) -> Control {
        Control { lists, ..self }
    }

    /// What it gathers beyond `bytes` goes to this folder. The rest of what it may take is for what it works with.
    #[must_use]
    pub fn with_spill(self, folder: Arc<SpillFolder>, bytes: usize) -> Control {
        Control { spill: Some((folder, bytes)), ..self }
    }

    pub(crate) fn spill(&self) -> Option<(&Arc<SpillFolder>, usize)> {
        self.spill.as_ref().map(|(folder, bytes)| (folder, *bytes))
    }

    /// Ends the question with an error.
    pub(crate) fn fail(&self, error: InsightError) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.end_as(FAILED);
    }

    /// The first reason counts.
    fn end_as(&self, reason: u8) {
        let _ = self.over.compare_exchange(0, reason, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The most bytes that it was seen to take.
    pub fn bytes_most(&self) -> u64 {
        u64::try_from(self.bytes_most.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(crate) fn people_list(&self, name: &str) -> Option<&PeopleList> {
        self.lists.iter().find(|list| list.name() == name).map(|list| &**list)
    }

    /// Ends the question after the segment at hand.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Segments that are done, and all that are known of: a question may go over them more than once.
    pub fn progress(&self) -> (u64, u64) {
        (self.segments_done.load(Ordering::Relaxed), self.segments_all.load(Ordering::Relaxed))
    }

    /// Whether what is done is no progress.
    pub(crate) fn be_quiet(&self, is_quiet: bool) {
        self.is_quiet.store(is_quiet, Ordering::Relaxed);
    }

    pub(crate) fn begin(&self, segments: usize) {
        if self.is_quiet.load(Ordering::Relaxed) {
            return;
        }
        self.segments_all.fetch_add(segments as u64, Ordering::Relaxed);
    }

    /// A segment is done by a thread that held so much when it was last asked.
    pub(crate) fn passed(&self, held: &AtomicI64) {
        if !self.is_quiet.load(Ordering::Relaxed) {
            self.segments_done.fetch_add(1, Ordering::Relaxed);
        }
        self.weigh(held);
    }

    /// Counts what the thread has allocated and freed since it was last asked.
    pub(crate) fn weigh(&self, held: &AtomicI64) {
        let now = memory::held();
        let news = now - held.swap(now, Ordering::Relaxed);
        let all = self.bytes.fetch_add(news, Ordering::Relaxed) + news;
        self.bytes_most.fetch_max(all, Ordering::Relaxed);
        let has_room = self.pool.as_ref().is_none_or(|pool| pool.take(news));
        if news > 0 && all > self.bytes_max {
            self.end_as(OVER_OWN);
        } else if news > 0 && !has_room {
            self.end_as(OVER_ALL);
        }
    }

    /// Whether anything ends it.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) != 0 || self.cancelled.load(Ordering::Relaxed)
    }

    /// What ends it, if anything does. Why it failed is told once.
    pub(crate) fn verdict(&self) -> Result<(), InsightError> {
        match self.over.load(Ordering::Relaxed) {
            OVER_OWN => Err(InsightError::Memory { limit: self.bytes_max as u64 }),
            OVER_ALL => Err(InsightError::MemoryOfAll),
            FAILED => Err(self
                .failed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .unwrap_or(InsightError::Cancelled)),
            _ if self.cancelled.load(Ordering::Relaxed) => Err(InsightError::Cancelled),
            _ => Ok(()),
        }
    }

    /// It has ended, and what it took is free.
    pub(crate) fn end(&self) {
        let taken = self.bytes.swap(0, Ordering::Relaxed);
        if let Some(pool) = &self.pool {
            pool.give_back(taken);
        }
    }
}
