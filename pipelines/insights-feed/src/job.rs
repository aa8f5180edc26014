//! A question that is asked just now, and those who wait for its answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use footfall_pipelines_insights::Control;
use footfall_pipelines_insights::definition::Question;
use tokio::sync::watch;

use crate::error::AskError;
use crate::options::AskLimits;
use crate::service::{Answered, Partly};

pub(crate) type Outcome = Result<Arc<Answered>, AskError>;

/// A question of one asker or of several who ask the same.
pub(crate) struct Job {
    pub project: Arc<str>,
    pub definition: Arc<str>,
    pub question: Question,
    pub limits: AskLimits,
    asked: Instant,
    askers: AtomicUsize,
    /// Of the askers those who want to know of parts.
    listeners: AtomicUsize,
    pub control: Control,
    partly: Mutex<Option<Arc<Partly>>>,
    pub outcome: watch::Sender<Option<Outcome>>,
}

impl Job {
    /// Of a project and a definition, which name it.
    pub fn new(name: &(Arc<str>, Arc<str>), question: &Question, limits: AskLimits, control: Control) -> Job {
        Job {
            project: name.0.clone(),
            definition: name.1.clone(),
            question: question.clone(),
            limits,
            asked: Instant::now(),
            askers: AtomicUsize::new(1),
            listeners: AtomicUsize::new(0),
            control,
            partly: Mutex::new(None),
            outcome: watch::Sender::new(None),
        }
    }

    pub fn finish(&self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }

    pub fn deadline(&self) -> Instant {
        self.asked + self.limits.time
    }

    pub fn has_listeners(&self) -> bool {
        self.listeners.load(Ordering::SeqCst) > 0
    }

    pub fn partly(&self) -> Option<Arc<Partly>> {
        self.partly.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn tell_part(&self, partly: Partly) {
        *self.partly.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(partly));
    }
}

/// One who waits for a job; the last who leaves cancels it.
pub(crate) struct Asker {
    pub job: Arc<Job>,
    listens: bool,
}

impl Asker {
    /// Who made it.
    pub fn first(job: Arc<Job>, listens: bool) -> Asker {
        job.listeners.fetch_add(usize::from(listens), Ordering::SeqCst);
        Asker { job, listens }
    }

    /// Who asks the same. Nobody joins who would get an older answer, or less time, than asked for.
    pub fn joining(job: &Arc<Job>, limits: AskLimits, listens: bool) -> Option<Asker> {
        let serves = job.limits.age <= limits.age && job.asked.elapsed() <= limits.age && !job.limits.time.is_zero();
        let lives = job.askers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |askers| match askers {
            0 => None,
            some if serves => Some(some + 1),
            _ => None,
        });
        lives.ok().map(|_| Asker::first(job.clone(), listens))
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.job.listeners.fetch_sub(usize::from(self.listens), Ordering::SeqCst);
        if self.job.askers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.job.control.cancel();
        }
    }
}
