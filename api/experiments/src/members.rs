//! Keeps the values of saved groups equal to the people of their cohorts.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::definition::{Members, SavedGroup, VALUES_MAX};
use crate::error::ExperimentError;
use crate::experiments::Experiments;
use crate::storage::{self, GroupOfCohort};

/// Between two looks for groups that are new or were changed.
const LOOK: Duration = Duration::from_secs(2);
/// A group that is as it was is looked up again after so long.
const AGE: Duration = Duration::from_secs(300);
/// Longest told fault, in characters.
const FAULT_MAX: usize = 300;

impl Experiments {
    /// Looks people up until `stop` resolves. One process of a database does that.
    pub(crate) async fn keep_members(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = interval(LOOK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known: HashMap<(String, String), (i64, Instant)> = HashMap::new();
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = beat.tick() => {}
            }
            let groups = match storage::groups_of_cohorts(self.access().database()).await {
                Ok(groups) => groups,
                Err(error) => {
                    tracing::error!(%error, "groups of cohorts could not be read; it is tried again");
                    continue;
                }
            };
            known.retain(|(project, key), _| groups.iter().any(|group| group.project == *project && group.key == *key));
            for group in groups {
                let place = (group.project.clone(), group.key.clone());
                let is_fresh = |(revision, at): &(i64, Instant)| *revision == group.revision && at.elapsed() < AGE;
                if known.get(&place).is_some_and(is_fresh) {
                    continue;
                }
                known.insert(place, (group.revision, Instant::now()));
                let done = tokio::select! {
                    () = &mut stop => return,
                    done = self.look_up_members(&group) => done,
                };
                if let Err(error) = done {
                    tracing::error!(%error, project = group.project, group = group.key, "people of a group could not be kept");
                }
            }
        }
    }

    /// Looks up whom the cohort has now; returns whether that is somebody else than before.
    pub async fn look_up_members(&self, group: &GroupOfCohort) -> Result<bool, ExperimentError> {
        let Some(facts) = self.facts() else { return Ok(false) };
        let before = if group.members.cohort == group.cohort { group.members.clone() } else { Members::default() };
        let found = match facts.members(&group.project, &group.cohort, VALUES_MAX + 1).await {
            Ok(values) if values.len() > VALUES_MAX => Err(format!("the cohort has more than {VALUES_MAX} ids")),
            Ok(values) => Ok(values),
            Err(error) => Err(error.to_string().chars().take(FAULT_MAX).collect()),
        };
        let now = match found {
            Ok(values) if values == before.values => Members { fault: String::new(), ..before },
            Ok(values) => {
                Members { values, changed_at: Some(self.now().into()), fault: String::new(), ..Members::default() }
            }
            Err(fault) => Members { fault, ..before },
        };
        let now = Members { cohort: group.cohort.clone(), ..now };
        if now == group.members {
            return Ok(false);
        }
        let mut transaction = self.access().database().write().await?;
        storage::lock(&mut transaction, &group.project, self.now()).await?;
        let held = storage::held::<SavedGroup>(&mut transaction, &group.project, &group.key).await?;
        // Somebody has changed it meanwhile: the next look sees that.
        if held.is_none_or(|held| held.revision != group.revision) {
            return Ok(false);
        }
        storage::set_state(&mut transaction, group, &json!(now)).await?;
        transaction.commit().await?;
        self.payloads().changed(&group.project).await?;
        Ok(true)
    }
}
