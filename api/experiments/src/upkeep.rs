//! What the program does by itself: hears of other processes' changes, does what is scheduled, watches guardrails, turns bandits.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::experiments::Experiments;

/// Between two looks at what other processes have changed: a kill switch holds everywhere within a second.
const LISTEN: Duration = Duration::from_millis(250);
/// Beats between two looks at the schedule, and at the guardrails.
const SCHEDULE_BEATS: u64 = 4;
const GUARDRAIL_BEATS: u64 = 120;

impl Experiments {
    /// Runs until `stop` resolves.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = interval(LISTEN);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (watch_stop, watch_stopped) = tokio::sync::watch::channel(());
        let guards = tokio::spawn(watch_guardrails(self.clone(), watch_stopped));
        let mut beats = 0u64;
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = beat.tick() => {}
            }
            beats += 1;
            if let Err(error) = self.payloads().catch_up().await {
                tracing::error!(%error, "changes of flags could not be read; it is tried again");
            }
            if beats.is_multiple_of(SCHEDULE_BEATS)
                && let Err(error) = self.do_what_is_due().await
            {
                tracing::error!(%error, "scheduled changes could not be done; it is tried again");
            }
        }
        drop(watch_stop);
        if let Err(error) = guards.await {
            tracing::error!(%error, "the watch over guardrails broke");
        }
    }
}

/// A task of its own: questions to the tables take seconds, and a kill switch must not wait for them.
async fn watch_guardrails(experiments: Experiments, mut stop: tokio::sync::watch::Receiver<()>) {
    let mut beat = interval(LISTEN * GUARDRAIL_BEATS as u32);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = beat.tick() => {}
        }
        let round = experiments.watch_guardrails();
        let done = tokio::select! {
            _ = stop.changed() => return,
            done = round => done,
        };
        if let Err(error) = done {
            tracing::error!(%error, "guardrails could not be watched; it is tried again");
        }
        let round = experiments.turn_bandits();
        let done = tokio::select! {
            _ = stop.changed() => return,
            done = round => done,
        };
        if let Err(error) = done {
            tracing::error!(%error, "the weights of bandits could not be looked at; it is tried again");
        }
    }
}
