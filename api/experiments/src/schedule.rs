//! Scheduled changes: written down with their author, and done by the program when their time has come.

use std::collections::HashSet;

use footfall_api_http::Fault;
use serde_json::{Value, json};

use crate::definition::{Definition, Experiment, Feature, Kind};
use crate::error::ExperimentError;
use crate::experiments::{Author, Experiments, Item, Next};
use crate::lifecycle::Step;
use crate::resources::patched;
use crate::storage::{Claim, DONE, ScheduledChange, ScheduledKept};

fn invalid(fault: Fault) -> ExperimentError {
    ExperimentError::Invalid(vec![fault])
}

impl Experiments {
    /// Schedules a change. What it would change has to be there, and a patch has to fit it as it is now.
    pub async fn schedule(&self, change: &ScheduledKept, author: &Author) -> Result<(), ExperimentError> {
        match (&change.change, change.kind) {
            (ScheduledChange::Patch(patch), Kind::Feature) => self.check_patch::<Feature>(change, patch).await?,
            (ScheduledChange::Patch(patch), _) => self.check_patch::<Experiment>(change, patch).await?,
            _ => drop(self.item::<Experiment>(&change.project, &change.key).await?),
        }
        let mut transaction = self.access().database().write().await?;
        change.insert(&mut transaction).await?;
        let after = json!({"due_at": change.due_at, "change": change.change, "id": change.id});
        let record = self.audit(&change.project, change.kind, &change.key, "schedule", author, None, after);
        self.access().record(&mut transaction, record).await?;
        Ok(transaction.commit().await?)
    }

    async fn check_patch<D: Definition>(&self, change: &ScheduledKept, patch: &Value) -> Result<(), ExperimentError> {
        let item = self.item::<D>(&change.project, &change.key).await?;
        patched(&item.definition, patch).map(drop).map_err(invalid)
    }

    /// What is scheduled under an id, done or not.
    pub async fn scheduled(&self, project: &str, id: &str) -> Result<ScheduledKept, ExperimentError> {
        ScheduledKept::one(self.access().database(), project, id).await
    }

    /// Takes back a change that waits.
    pub async fn unschedule(&self, change: &ScheduledKept, author: &Author) -> Result<(), ExperimentError> {
        let (project, id) = (change.project.as_str(), change.id.as_str());
        let mut transaction = self.access().database().write().await?;
        ScheduledKept::remove(&mut transaction, project, id).await?;
        let record = self.audit(project, change.kind, &change.key, "unschedule", author, None, json!({"id": id}));
        self.access().record(&mut transaction, record).await?;
        Ok(transaction.commit().await?)
    }

    /// Does what is due; returns how many changes that was.
    pub async fn do_what_is_due(&self) -> Result<usize, ExperimentError> {
        let now = self.now();
        let due = ScheduledKept::due(self.access().database(), now).await?;
        let count = due.len();
        let mut waiting = HashSet::new();
        for change in due {
            let place = (change.project.clone(), change.kind, change.key.clone());
            if waiting.contains(&place) {
                // What was due before it has to be done first.
                continue;
            }
            let mut transaction = self.access().database().write().await?;
            let is_mine = change.claim(&mut transaction, now).await?;
            // Claimed first, so that no other process does it at the same time. Who is interrupted here leaves it begun, and then another
            // does it. What is done and that it is done are one transaction, so that nobody comes late with it.
            transaction.commit().await?;
            if !is_mine {
                // Another process is at it.
                waiting.insert(place);
                continue;
            }
            let outcome = match self.apply(Claim { change: &change, at: now }).await {
                Ok(()) => DONE.to_owned(),
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, id = change.id, "a scheduled change is tried again");
                    change.put_back(self.access().database(), now).await?;
                    waiting.insert(place);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, id = change.id, "a scheduled change could not be done");
                    explained(&error)
                }
            };
            change.settle(self.access().database(), now, &outcome).await?;
        }
        Ok(count)
    }

    async fn apply(&self, claim: Claim<'_>) -> Result<(), ExperimentError> {
        let change = claim.change;
        let system = Author::system(format!("scheduled by {}: {}", change.made_by, change.reason));
        let author = Author { on_behalf_of: Some(change.made_by.clone()), ..system };
        match (&change.change, change.kind) {
            (ScheduledChange::Patch(patch), Kind::Feature) => self.apply_patch::<Feature>(claim, patch, &author).await,
            (ScheduledChange::Patch(patch), _) => self.apply_patch::<Experiment>(claim, patch, &author).await,
            (ScheduledChange::Start {}, _) => {
                self.apply_step(claim, Step::Start { without_review: false }, &author).await
            }
            (ScheduledChange::Stop {}, _) => self.apply_step(claim, Step::Stop, &author).await,
        }
    }

    async fn apply_step(&self, claim: Claim<'_>, step: Step, author: &Author) -> Result<(), ExperimentError> {
        let of = (claim.change.project.as_str(), claim.change.key.as_str());
        self.step_claimed(of, step, author, Some(claim), |_| Ok(())).await.map(drop)
    }

    async fn apply_patch<D: Definition>(
        &self,
        claim: Claim<'_>,
        patch: &Value,
        author: &Author,
    ) -> Result<(), ExperimentError> {
        let decide = |before: Option<&Item<D>>, _: &crate::catalogue::Catalogue| {
            let item = before.ok_or(ExperimentError::NotFound(D::KIND.name()))?;
            Ok(Next::Put(patched(&item.definition, patch).map_err(invalid)?, item.state.clone()))
        };
        let ScheduledKept { project, key, .. } = claim.change;
        self.change_claimed(project, key, "scheduled", author, Some(claim), decide).await.map(drop)
    }
}

/// True for what another try may do.
fn is_passing(error: &ExperimentError) -> bool {
    use footfall_api_access::AccessError;
    matches!(error, ExperimentError::Access(AccessError::Busy | AccessError::Database(_)) | ExperimentError::Stale)
}

fn explained(error: &ExperimentError) -> String {
    match error {
        ExperimentError::Invalid(faults) => {
            let faults = faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.detail));
            faults.collect::<Vec<_>>().join("; ")
        }
        ExperimentError::Access(_) | ExperimentError::Damaged(_) => {
            "the program failed; its tracing says why".to_owned()
        }
        other => other.to_string(),
    }
}
