//! What the program does by itself: hears of other processes' changes, does what is scheduled, watches guardrails, turns bandits.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::error::ExperimentError;
use crate::experiments::Experiments;

/// Between two looks at what other processes have changed: a kill switch holds everywhere within a second.
const LISTEN: Duration = Duration::from_millis(250);
/// Between two looks at the schedule.
const SCHEDULE: Duration = Duration::from_secs(1);
/// Between two looks at guardrails, and at bandits: harm ends within a minute.
const GUARDRAILS: Duration = Duration::from_secs(30);

impl Experiments {
    /// Hears of what other processes have changed, until `stop` resolves. Every process does that.
    pub async fn listen(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = interval(LISTEN);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked: Option<Instant> = None;
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = beat.tick() => {}
            }
            if looked.is_some_and(|looked| looked.elapsed() < self.payloads().look_pause()) {
                continue;
            }
            looked = Some(Instant::now());
            if let Err(error) = self.payloads().catch_up().await {
                tracing::error!(%error, "changes of flags could not be read; it is tried again");
            }
        }
    }

    /// Does what is scheduled and watches guardrails, until `stop` resolves. One process of a database does that.
    pub async fn work(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = interval(SCHEDULE);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (watch_stop, watch_stopped) = watch::channel(());
        let mut no_more = watch_stopped.clone();
        let keeping = self.clone();
        let members = tokio::spawn(async move { keeping.keep_members(async { drop(no_more.changed().await) }).await });
        let (bounding, mut no_longer) = (self.clone(), watch_stopped.clone());
        let sign_ins =
            tokio::spawn(async move { bounding.bound_sign_ins(async { drop(no_longer.changed().await) }).await });
        let watching = self.clone();
        let guards = tokio::spawn(in_rounds("guardrails could not be watched", watch_stopped.clone(), move || {
            let experiments = watching.clone();
            async move { experiments.watch_guardrails().await }
        }));
        let turning = self.clone();
        let bandits =
            tokio::spawn(in_rounds("the weights of bandits could not be looked at", watch_stopped, move || {
                let experiments = turning.clone();
                async move { experiments.turn_bandits().await }
            }));
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = beat.tick() => {}
            }
            if let Err(error) = self.switch_windows().await {
                tracing::error!(%error, "switchbacks could not be switched; it is tried again");
            }
            if let Err(error) = self.do_what_is_due().await {
                tracing::error!(%error, "scheduled changes could not be done; it is tried again");
            }
        }
        drop(watch_stop);
        if let Err(error) = members.await {
            tracing::error!(%error, "the look-up of people in groups broke");
        }
        if let Err(error) = sign_ins.await {
            tracing::error!(%error, "the bound of sign-ins broke");
        }
        if let Err(error) = guards.await {
            tracing::error!(%error, "the watch over guardrails broke");
        }
        if let Err(error) = bandits.await {
            tracing::error!(%error, "the turning of bandits broke");
        }
    }
}

/// Rounds until `stop`, in a task of their own: questions to the tables take seconds, and a kill switch must not wait for them.
/// `fault` is what is said of a round that fails.
async fn in_rounds<F>(fault: &'static str, mut stop: watch::Receiver<()>, round: impl Fn() -> F)
where
    F: Future<Output = Result<usize, ExperimentError>>,
{
    let mut beat = interval(GUARDRAILS);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = beat.tick() => {}
        }
        let done = tokio::select! {
            _ = stop.changed() => return,
            done = round() => done,
        };
        if let Err(error) = done {
            tracing::error!(%error, "{fault}; it is tried again");
        }
    }
}
