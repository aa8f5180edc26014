//! What waits for the writer of one partition. Appends that arrive while the disk is busy form the next group.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use footfall_ingest_activity::Record;
use tokio::sync::oneshot;

use super::context::hold;
use crate::LogError;

/// Where the answer goes: the offset after the request's last record.
pub(super) type Answer = oneshot::Sender<Result<u64, LogError>>;

/// One append, or one partition's part of it.
pub(super) struct Request {
    pub records: Vec<Record>,
    /// Bytes of the records in a block.
    pub bytes: usize,
    pub answer: Answer,
}

/// What the writer has to do next.
#[derive(Default)]
pub(super) struct Work {
    pub requests: Vec<Request>,
    /// A reader is already past the end: go on from its offset.
    pub jump_to: u64,
    /// Readers have released segments.
    pub retire: bool,
    /// Who waits for the active segment to be left alone; told the offset that the next one begins with.
    pub rolls: Vec<Answer>,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.jump_to == 0 && !self.retire && self.rolls.is_empty()
    }
}

#[derive(Default)]
struct Waiting {
    work: Work,
    closed: bool,
    /// The writer sleeps, and the first request has to wake it.
    asleep: bool,
}

/// The writer's inbox.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

impl Queue {
    /// Hands a request over; false when the log is closed.
    pub fn push(&self, request: Request) -> bool {
        let mut waiting = hold(&self.waiting);
        if waiting.closed {
            return false;
        }
        waiting.work.requests.push(request);
        self.wake_if_asleep(&mut waiting);
        true
    }

    pub fn jump(&self, to_offset: u64) {
        let mut waiting = hold(&self.waiting);
        if !waiting.closed {
            waiting.work.jump_to = waiting.work.jump_to.max(to_offset);
            self.wake_if_asleep(&mut waiting);
        }
    }

    pub fn retire(&self) {
        let mut waiting = hold(&self.waiting);
        waiting.work.retire = true;
        self.wake_if_asleep(&mut waiting);
    }

    /// Asks for a new segment; false when the log is closed.
    pub fn roll(&self, answer: Answer) -> bool {
        let mut waiting = hold(&self.waiting);
        if waiting.closed {
            return false;
        }
        waiting.work.rolls.push(answer);
        self.wake_if_asleep(&mut waiting);
        true
    }

    pub fn close(&self) {
        let mut waiting = hold(&self.waiting);
        waiting.closed = true;
        self.wake_if_asleep(&mut waiting);
    }

    pub fn is_closed(&self) -> bool {
        hold(&self.waiting).closed
    }

    fn wake_if_asleep(&self, waiting: &mut Waiting) {
        if std::mem::take(&mut waiting.asleep) {
            self.wake.notify_one();
        }
    }

    /// Everything that waits, once there is something; `None` when the log is closed and nothing is left.
    /// With `at_most`, empty work after that time.
    pub fn take(&self, at_most: Option<Duration>) -> Option<Work> {
        let mut waiting = hold(&self.waiting);
        while waiting.work.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting.asleep = true;
            waiting = match at_most {
                None => self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let (mut waiting, result) =
                        self.wake.wait_timeout(waiting, time).unwrap_or_else(PoisonError::into_inner);
                    if result.timed_out() {
                        waiting.asleep = false;
                        return Some(std::mem::take(&mut waiting.work));
                    }
                    waiting
                }
            };
        }
        waiting.asleep = false;
        // The next group is likely to be as large as this one.
        let room = Vec::with_capacity(waiting.work.requests.len().min(4096));
        let work = std::mem::take(&mut waiting.work);
        waiting.work.requests = room;
        Some(work)
    }
}
