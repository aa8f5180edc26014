//! The lake's two threads: one writes fresh rows to files, one joins files while the machine has time.

use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::lake::{Inner, State};
use super::{compact, flush};
use crate::StoreError;

/// Longest sleep of a thread that nobody wakes.
const IDLE: Duration = Duration::from_secs(5);
/// Pause after a failure, such as a full disk.
const RETRY: Duration = Duration::from_millis(500);
/// Niceness of compaction: ingest and questions go first.
const COMPACTION_NICE: i32 = 15;

/// Starts the threads. They end when the state says `closing`.
pub(super) fn start(inner: &Arc<Inner>) -> Result<Vec<JoinHandle<()>>, StoreError> {
    let spawn = |name: &str, run: fn(&Inner)| {
        let inner = inner.clone();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&inner))
            .map_err(|error| StoreError::Task(error.to_string()))
    };
    Ok(vec![spawn("lake-flush", flush_loop)?, spawn("lake-compact", compact_loop)?])
}

fn flush_loop(inner: &Inner) {
    loop {
        let mut state = inner.state();
        let due = loop {
            match due_in(&state, inner) {
                Some(Duration::ZERO) => break true,
                _ if state.closing => break false,
                wait => {
                    let wait = wait.unwrap_or(IDLE).min(IDLE);
                    state = inner.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        };
        if !due {
            return;
        }
        state.seal();
        let sealed = state.sealed.clone();
        drop(state);
        let result = sealed.map_or(Ok(()), |generation| flush::write(inner, &generation));
        report(inner, "flush", &result);
        inner.flushed.notify_waiters();
        inner.wake.notify_all();
        if result.is_err() && pause(inner) {
            return;
        }
    }
}

/// How long until a flush is due; `None` when nothing waits for one.
fn due_in(state: &State, inner: &Inner) -> Option<Duration> {
    if state.sealed.is_some() {
        return Some(Duration::ZERO);
    }
    let since = state.fresh.since?;
    let full = state.fresh.activities >= inner.options.flush_rows || state.fresh.bytes >= inner.options.flush_bytes;
    if full || state.flush_wanted {
        return Some(Duration::ZERO);
    }
    let age = Instant::now().duration_since(since);
    Some(Duration::from_millis(inner.options.flush_age_millis).saturating_sub(age))
}

fn compact_loop(inner: &Inner) {
    if let Err(error) = rustix::process::setpriority_process(None, COMPACTION_NICE) {
        tracing::debug!(%error, "compaction runs at normal priority");
    }
    while !inner.state().closing {
        let result = compact::step(inner, inner.options.compact);
        if result.is_err() {
            report(inner, "compaction", &result);
        }
        if matches!(result, Ok(true)) {
            continue;
        }
        if result.is_err() && pause(inner) {
            return;
        }
        let state = inner.state();
        if !state.closing {
            drop(inner.wake.wait_timeout(state, IDLE));
        }
    }
}

/// Waits after a failure; true when the lake closes meanwhile.
fn pause(inner: &Inner) -> bool {
    let deadline = Instant::now() + RETRY;
    let mut state = inner.state();
    while !state.closing && Instant::now() < deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        state = inner.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    state.closing
}

/// Keeps the reason of a failure for health checks, and says it once.
fn report<T>(inner: &Inner, what: &str, result: &Result<T, StoreError>) {
    let mut state = inner.state();
    match result {
        Ok(_) => {
            if state.failing.take().is_some() {
                tracing::info!(what, "the lake writes again");
            }
        }
        Err(error) => {
            metrics::counter!("footfall_lake_errors_total", "what" => what.to_owned()).increment(1);
            let reason = format!("{what}: {error}");
            if state.failing.as_ref() != Some(&reason) {
                tracing::error!(what, %error, "the lake cannot write; it tries again");
            }
            state.failing = Some(reason);
        }
    }
}
