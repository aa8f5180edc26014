//! One project: its projection, the view that questions get, and how they wait for one that is new enough.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use footfall_ingest_activity::Timestamp;
use footfall_pipelines_insights::InsightError;
use footfall_pipelines_insights::definition::Needs;

use crate::error::AskError;
use crate::projection::{Projection, View};

/// Who waits for a view looks so often whether anybody still waits for the answer.
const LOOKS_UP: Duration = Duration::from_millis(50);

/// Making views may take one part in so many of the time …
const PARTS_FOR_VIEWS: u32 = 4;

/// A project that was asked about.
pub(crate) struct Project {
    pub name: Arc<str>,
    state: Mutex<State>,
    changed: Condvar,
    projection: Mutex<Projection>,
}

#[derive(Default)]
struct State {
    view: Option<Arc<View>>,
    /// When the store was looked at for the view, or was found to be as it is in the view.
    checked: Option<Moment>,
    failure: Option<(Instant, AskError)>,
    wanted: Vec<Needs>,
    /// Rows that are in, and all, while the first view or one with other properties is made.
    progress: Option<(u64, u64)>,
    is_scheduled: bool,
    asked: Option<Instant>,
    /// What making the last view took, from looking at the store on.
    view_took: Duration,
    /// Of the projection, when it was last looked at.
    memory_bytes: usize,
}

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub instant: Instant,
    pub time: Timestamp,
}

impl Project {
    /// A project whose projection lies in a folder of its own.
    pub fn new(name: &str, folder: PathBuf) -> Project {
        let projection = Mutex::new(Projection::new(name, folder));
        Project { name: name.into(), state: Mutex::default(), changed: Condvar::new(), projection }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The projection. A step that ended by a panic leaves it half changed: then it starts over.
    pub fn projection(&self) -> MutexGuard<'_, Projection> {
        self.projection.lock().unwrap_or_else(|poisoned| {
            self.projection.clear_poison();
            let mut projection = poisoned.into_inner();
            projection.reset();
            projection
        })
    }

    /// A view with what a question needs, not older than `age`, and the moment of which it is. Whoever is `gone` waits no
    /// longer.
    pub fn view(
        &self,
        needs: &Needs,
        age: Duration,
        deadline: Instant,
        gone: impl Fn() -> bool,
        schedule: impl Fn(),
    ) -> Result<(Arc<View>, Timestamp), AskError> {
        let now = Instant::now();
        let since = now.checked_sub(age).unwrap_or(now);
        let mut state = self.state();
        state.asked = Some(now);
        let mut is_told = false;
        loop {
            let fitting = state.view.as_ref().filter(|view| view.has(needs));
            let checked = state.checked.filter(|checked| checked.instant >= since);
            if let (Some(view), Some(checked)) = (fitting, checked) {
                return Ok((view.clone(), checked.time));
            }
            if let Some((_, error)) = state.failure.as_ref().filter(|(at, _)| *at >= now) {
                return Err(error.clone());
            }
            if !is_told {
                state.wanted.push(needs.clone());
                is_told = true;
            }
            if !state.is_scheduled {
                state.is_scheduled = true;
                schedule();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let (rows_done, rows_all) = state.progress.unwrap_or_default();
                return Err(AskError::Preparing { rows_done, rows_all });
            }
            if gone() {
                return Err(InsightError::Cancelled.into());
            }
            let wait = left.min(LOOKS_UP);
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The view that [`Project::view`] would give at once, if it would.
    pub fn view_at_hand(&self, needs: &Needs, age: Duration) -> Option<(Arc<View>, Timestamp)> {
        let now = Instant::now();
        let since = now.checked_sub(age).unwrap_or(now);
        let mut state = self.state();
        let view = state.view.as_ref().filter(|view| view.has(needs))?.clone();
        let checked = state.checked.filter(|checked| checked.instant >= since)?;
        state.asked = Some(now);
        Some((view, checked.time))
    }

    /// Whether there is a view with what a question needs, however old.
    pub fn has_view(&self, needs: &Needs) -> bool {
        self.state().view.as_ref().is_some_and(|view| view.has(needs))
    }

    /// How far the first view is, if there is none yet.
    pub fn preparing(&self) -> Option<(u64, u64)> {
        self.state().progress
    }

    /// What questions have asked to be kept since the last call.
    pub fn take_wanted(&self) -> Vec<Needs> {
        std::mem::take(&mut self.state().wanted)
    }

    pub fn set_progress(&self, done: u64, all: u64) {
        self.state().progress = Some((done, all));
    }

    /// The view that questions get just now.
    pub fn current(&self) -> Option<Arc<View>> {
        self.state().view.clone()
    }

    /// The store was looked at: there is a new view, or the one before still holds.
    pub fn finish(&self, checked: Option<Moment>, view: Option<Arc<View>>) {
        let mut state = self.state();
        state.view_took = checked.map(|moment| moment.instant.elapsed()).unwrap_or_default();
        state.view = view.or_else(|| state.view.take());
        state.checked = checked.or(state.checked);
        state.progress = None;
        state.is_scheduled = false;
        self.changed.notify_all();
    }

    pub fn fail(&self, error: AskError) {
        let mut state = self.state();
        state.failure = Some((Instant::now(), error));
        state.is_scheduled = false;
        self.changed.notify_all();
    }

    /// True for one that is due to be looked at and is not on its way: it is scheduled then. One that was asked about
    /// `lately` is due so often that its view is hardly ever older than `age`, but no more often than its views are worth;
    /// another that is in memory after `rarely`, so that it knows what became of its files.
    pub fn is_due(&self, lately: Duration, rarely: Duration, often: Duration, age: Duration) -> bool {
        let mut state = self.state();
        let is_hot = state.asked.is_some_and(|asked| asked.elapsed() < lately);
        let in_time = age.saturating_sub(state.view_took * 3 / 2);
        let wait = (state.view_took * PARTS_FOR_VIEWS).min(in_time).max(often);
        let rests = state.checked.map(|checked| checked.instant.elapsed());
        let is_old = |after: Duration| state.view.is_some() && rests.is_none_or(|rests| rests >= after);
        let fails = state.failure.as_ref().is_some_and(|(at, _)| state.checked.is_none_or(|ok| ok.instant < *at));
        let waits = is_hot && rests.is_some_and(|rests| rests < wait);
        let due = ((is_hot && !waits) || is_old(rarely)) && !fails && !state.is_scheduled;
        state.is_scheduled |= due;
        due
    }

    /// When it was last asked about, if it is in memory and not on its way, and what it takes there.
    pub fn rests(&self) -> Option<(Instant, usize)> {
        let state = self.state();
        state.asked.filter(|_| state.view.is_some() && !state.is_scheduled).map(|asked| (asked, state.memory_bytes))
    }

    /// When it was last asked about.
    pub fn asked(&self) -> Option<Instant> {
        self.state().asked
    }

    /// What the projection took when it was last looked at.
    pub fn memory_bytes(&self) -> usize {
        self.state().memory_bytes
    }

    /// What the projection takes of memory.
    pub fn set_memory_bytes(&self, bytes: usize) {
        self.state().memory_bytes = bytes;
    }

    /// Leaves memory, unless somebody has asked meanwhile; what is on disk stays.
    pub fn put_away(&self) {
        let mut projection = self.projection();
        let mut state = self.state();
        if !state.is_scheduled {
            projection.put_away();
            (state.view, state.checked, state.memory_bytes) = (None, None, 0);
        }
    }

    /// Leaves memory and disk at once: the next question has it made anew.
    pub fn forget(&self) -> Result<(), AskError> {
        let mut projection = self.projection();
        projection.forget()?;
        let mut state = self.state();
        (state.view, state.checked, state.memory_bytes) = (None, None, 0);
        Ok(())
    }

    /// Leaves memory and disk.
    pub fn remove(&self) {
        let mut projection = self.projection();
        let mut state = self.state();
        if !state.is_scheduled {
            projection.reset();
            (state.view, state.checked, state.memory_bytes) = (None, None, 0);
        }
    }
}
