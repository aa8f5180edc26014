//! Switchbacks: which variation a window of time has, drawn in pairs from the phase's seed, and the step into the next window.

use footfall_api_http::Time;
use footfall_ingest_activity::Timestamp;
use sha2::{Digest, Sha256};

use crate::definition::{Design, Experiment, Phase, WINDOWS_MAX};
use crate::error::ExperimentError;
use crate::experiments::{Author, Experiments, Item};
use crate::lifecycle::Step;

const HOUR_MILLIS: i64 = 3_600_000;

/// The variation of a window, counted from 0: of two that follow each other each variation has one, and the seed draws which is first.
pub fn arm_of_window(seed: &str, window: usize) -> usize {
    let drawn = Sha256::digest(format!("{seed}:window:{}", window / 2).as_bytes());
    usize::from(drawn[0] & 1) ^ (window & 1)
}

/// The windows of a phase.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows<'a> {
    phase: &'a Phase,
    pub hours: u32,
    pub carry_over_minutes: u32,
}

impl<'a> Windows<'a> {
    /// None where times are not divided.
    pub fn of(experiment: &Experiment, phase: &'a Phase) -> Option<Windows<'a>> {
        match experiment.design {
            Design::Switchback { window_hours: hours, carry_over_minutes } => {
                Some(Windows { phase, hours, carry_over_minutes })
            }
            Design::People | Design::Clusters { .. } => None,
        }
    }

    pub fn started_millis(&self) -> i64 {
        Timestamp::from(self.phase.started_at).millis()
    }

    pub fn millis(&self) -> i64 {
        i64::from(self.hours.max(1)) * HOUR_MILLIS
    }

    /// How many are over.
    pub fn over(&self, at: Time) -> usize {
        let passed = (Timestamp::from(at).millis() - self.started_millis()).max(0) / self.millis();
        usize::try_from(passed).unwrap_or(usize::MAX).min(WINDOWS_MAX)
    }

    pub fn arm(&self, window: usize) -> usize {
        arm_of_window(&self.phase.seed, window)
    }

    /// The weights that give everybody the variation of a window.
    pub fn weights(&self, window: usize) -> Vec<f64> {
        let own = self.arm(window);
        (0..self.phase.weights.len()).map(|arm| f64::from(u8::from(arm == own))).collect()
    }
}

impl Experiments {
    /// Shows every running switchback's variation of now; returns how many were switched.
    pub async fn switch_windows(&self) -> Result<usize, ExperimentError> {
        let mut switched = 0;
        for project in crate::storage::projects_with_switchbacks(self.access().database()).await? {
            let catalogue = crate::storage::catalogue(self.access().database(), &project).await?;
            for (key, (experiment, state)) in &catalogue.experiments {
                let phase = state.phase().filter(|_| state.is_running());
                let Some(windows) = phase.and_then(|phase| Windows::of(experiment, phase)) else { continue };
                let window = windows.over(Time::from(self.now()));
                let is_shown = phase.is_some_and(|phase| phase.weights_now() == windows.weights(window));
                if is_shown || window >= WINDOWS_MAX {
                    continue;
                }
                match self.switch_window(&project, key, window, windows.weights(window)).await {
                    Ok(done) => switched += usize::from(done),
                    // The others are switched all the same.
                    Err(error) => tracing::error!(%error, project, key, "a switchback could not be switched"),
                }
            }
        }
        Ok(switched)
    }

    async fn switch_window(
        &self,
        project: &str,
        key: &str,
        window: usize,
        weights: Vec<f64>,
    ) -> Result<bool, ExperimentError> {
        let item = self.item::<Experiment>(project, key).await?;
        let unchanged = |now: &Item<Experiment>| match now.revision == item.revision {
            true => Ok(()),
            false => Err(ExperimentError::Stale),
        };
        let author = Author::system(format!("window {window} of the switchback"));
        match self.step(project, key, Step::SwitchWindow { weights }, &author, unchanged).await {
            Ok(_) => Ok(true),
            Err(ExperimentError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_of_windows_has_both_variations_in_a_drawn_order() {
        let arms: Vec<usize> = (0..2_000).map(|window| arm_of_window("exp", window)).collect();
        assert!(arms.chunks(2).all(|pair| pair[0] != pair[1]));
        let first = arms.chunks(2).filter(|pair| pair[0] == 1).count();
        assert!((430..570).contains(&first), "{first} of 1,000");
        let other: Vec<usize> = (0..2_000).map(|window| arm_of_window("other", window)).collect();
        assert_ne!(arms, other);
    }
}
