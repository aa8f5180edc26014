//! The plans of all projects: in memory for the doors, in the database for everybody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use footfall_api_access::{Access, Act, Actor, Migration, Origin};
use footfall_api_app::Member;
use footfall_api_http::Revision;
use footfall_ingest_activity::Clock;
use footfall_ingest_plan::{OnViolation, Plan, Planned, Schema, Unplanned};
use footfall_ingest_server::{Plans, Violated};
use serde_json::{Value, json};

use crate::error::PlanError;
use crate::storage::{self, Head, Kept, Revised};
use crate::tally::Tally;

/// The area's name among migrations.
pub const AREA: &str = "plans";
/// The tables of this area, ascending.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "plans", both: include_str!("plans.sql"), sqlite: "", postgres: "" },
    Migration { version: 2, name: "imports", both: include_str!("imports.sql"), sqlite: "", postgres: "" },
];
/// How often changes of others are looked for, and counts written down.
const BEAT: Duration = Duration::from_millis(500);

/// Cheap to clone.
#[derive(Clone)]
pub struct TrackingPlans {
    inner: Arc<Inner>,
}

struct Inner {
    access: Access,
    clock: Arc<dyn Clock>,
    plans: RwLock<HashMap<String, (i64, Arc<Plan>)>>,
    tally: Mutex<Tally>,
}

/// Who changes something, and where.
pub(crate) struct Change<'a> {
    pub member: &'a Member,
    pub origin: &'a Origin,
    pub project: &'a str,
}

/// What an activity is to be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub description: String,
    pub owner: String,
    pub schema: Option<Value>,
    pub on_violation: OnViolation,
}

pub(crate) fn etag(revision: i64) -> Revision {
    Revision(revision.unsigned_abs())
}

fn shown(kept: &Kept) -> Value {
    let Kept { description, owner, schema, on_violation, .. } = kept;
    json!({"description": description, "owner": owner, "schema": schema, "on_violation": on_violation})
}

impl TrackingPlans {
    /// Migrates the tables of this area and reads the plans.
    ///
    /// # Errors
    /// The database does not answer, or a newer program has changed the tables.
    pub async fn open(access: Access, clock: Arc<dyn Clock>) -> Result<TrackingPlans, PlanError> {
        access.database().migrate_area(AREA, MIGRATIONS, &*clock).await?;
        let (plans, tally) = Default::default();
        let opened = TrackingPlans { inner: Arc::new(Inner { access, clock, plans, tally }) };
        opened.refresh().await?;
        Ok(opened)
    }

    pub(crate) fn access(&self) -> &Access {
        &self.inner.access
    }

    /// Reads the plans that were changed, by whomever.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn refresh(&self) -> Result<(), PlanError> {
        let database = self.access().database();
        for (project, revision) in storage::revisions(database).await? {
            let known = self.plans().get(&project).map(|(revision, _)| *revision);
            if known == Some(revision) {
                continue;
            }
            let head = storage::head(database, &project).await?;
            let mut plan = Plan { unplanned: head.unplanned, ..Plan::default() };
            for kept in storage::activities(database, &project, "", i64::MAX).await? {
                let schema = kept.schema.as_ref().and_then(|schema| {
                    let compiled = Schema::compile(schema);
                    compiled.inspect_err(|error| tracing::warn!(%error, %project, "a schema is not checked")).ok()
                });
                plan.activities.insert(kept.activity, Planned { schema, on_violation: kept.on_violation });
            }
            // Of the revision that was seen first: if more has changed since, the next look reads it again.
            let mut plans = self.inner.plans.write().unwrap_or_else(PoisonError::into_inner);
            plans.insert(project, (revision, Arc::new(plan)));
        }
        Ok(())
    }

    fn plans(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, (i64, Arc<Plan>)>> {
        self.inner.plans.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what was counted since the last time.
    ///
    /// # Errors
    /// The database does not answer; the counts are kept for the next time.
    pub async fn flush(&self) -> Result<(), PlanError> {
        let counted = self.tally().take();
        if counted.is_empty() {
            return Ok(());
        }
        let written = async {
            let mut transaction = self.access().database().write().await?;
            for (key, count) in &counted {
                storage::add(&mut transaction, key, count).await?;
            }
            transaction.commit().await?;
            Ok(())
        };
        let written: Result<(), PlanError> = written.await;
        if written.is_err() {
            let mut tally = self.tally();
            counted.into_iter().for_each(|(key, count)| tally.add(key, count));
        }
        written
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.inner.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the plans fresh and writes counts down, until `stop` resolves. Every process with doors or routes does that.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = beat.tick() => {}
            }
            for done in [self.refresh().await, self.flush().await] {
                if let Err(error) = done {
                    tracing::warn!(%error, "tracking plans: it is tried again");
                }
            }
        }
        if let Err(error) = self.flush().await {
            tracing::error!(%error, "the newest violations of plans were not counted");
        }
    }

    pub(crate) async fn head(&self, project: &str) -> Result<Head, PlanError> {
        storage::head(self.access().database(), project).await
    }

    pub(crate) async fn one(&self, project: &str, activity: &str) -> Result<Kept, PlanError> {
        let found = storage::activity(self.access().database(), project, activity).await?;
        found.ok_or_else(|| PlanError::Unknown(activity.to_owned()))
    }

    /// In the place of `before`, or of whatever there is by now.
    pub(crate) async fn set_unplanned(
        &self,
        change: &Change<'_>,
        before: &Head,
        is_any: bool,
        unplanned: Unplanned,
    ) -> Result<Head, PlanError> {
        let meant = (Some(unplanned), (!is_any).then_some(before.revision));
        let mut transaction = self.access().database().write().await?;
        let (at, by) = (self.inner.clock.now(), name_of(change.member));
        storage::touch(&mut transaction, change.project, meant, at, &by).await?;
        let act = self.act("plan.change", change, "plan", change.project);
        let act = act.before(&json!({"unplanned": before.unplanned})).after(&json!({"unplanned": unplanned}));
        self.access().record(&mut transaction, act).await?;
        transaction.commit().await?;
        self.see_change().await;
        self.head(change.project).await
    }

    pub(crate) async fn create(&self, change: &Change<'_>, activity: &str, wanted: Wanted) -> Result<Kept, PlanError> {
        let mut kept = self.made(change, activity, wanted)?;
        let mut transaction = self.access().database().write().await?;
        kept.revision = storage::next_revision(&mut transaction, change.project, activity).await?;
        storage::insert(&mut transaction, change.project, &kept).await?;
        let act = self.act("plan.activity.create", change, "planned_activity", activity).after(&shown(&kept));
        self.settle(transaction, change, &kept, shown(&kept), act).await?;
        Ok(kept)
    }

    pub(crate) async fn replace(&self, change: &Change<'_>, before: Kept, wanted: Wanted) -> Result<Kept, PlanError> {
        let mut kept = self.made(change, &before.activity, wanted)?;
        kept.created_at = before.created_at;
        let mut transaction = self.access().database().write().await?;
        kept.revision = storage::next_revision(&mut transaction, change.project, &kept.activity).await?;
        storage::update(&mut transaction, change.project, before.revision, &kept).await?;
        let act = self.act("plan.activity.change", change, "planned_activity", &kept.activity);
        let act = act.before(&shown(&before)).after(&shown(&kept));
        self.settle(transaction, change, &kept, shown(&kept), act).await?;
        Ok(kept)
    }

    pub(crate) async fn remove(&self, change: &Change<'_>, before: Kept) -> Result<(), PlanError> {
        let mut transaction = self.access().database().write().await?;
        let revision = storage::next_revision(&mut transaction, change.project, &before.activity).await?;
        storage::delete(&mut transaction, change.project, &before.activity, before.revision).await?;
        let act = self.act("plan.activity.delete", change, "planned_activity", &before.activity);
        let act = act.before(&shown(&before));
        let (updated_at, updated_by) = (self.inner.clock.now(), name_of(change.member));
        let ended = Kept { revision, updated_at, updated_by, ..before };
        self.settle(transaction, change, &ended, Value::Null, act).await
    }

    /// Notes the revision, the plan's change and the act, and has it in force here at once.
    async fn settle(
        &self,
        mut transaction: footfall_api_access::Transaction,
        change: &Change<'_>,
        kept: &Kept,
        content: Value,
        act: Act,
    ) -> Result<(), PlanError> {
        let (changed_at, changed_by) = (kept.updated_at, kept.updated_by.clone());
        let revised = Revised { revision: kept.revision, content, changed_at, changed_by };
        storage::note_revision(&mut transaction, change.project, &kept.activity, &revised).await?;
        storage::touch(&mut transaction, change.project, (None, None), kept.updated_at, &kept.updated_by).await?;
        self.access().record(&mut transaction, act).await?;
        transaction.commit().await?;
        self.see_change().await;
        Ok(())
    }

    /// Has a change in force here at once. It is made already: should that fail, the next beat sees it.
    async fn see_change(&self) {
        if let Err(error) = self.refresh().await {
            tracing::warn!(%error, "tracking plans: a change is seen with the next beat");
        }
    }

    /// Forgets what was found otherwise of one activity.
    pub(crate) async fn forget(&self, change: &Change<'_>, activity: &str) -> Result<(), PlanError> {
        self.flush().await?;
        let mut transaction = self.access().database().write().await?;
        let kinds = storage::forget(&mut transaction, change.project, activity).await?;
        let act = self.act("plan.violations.forget", change, "planned_activity", activity);
        self.access().record(&mut transaction, act.before(&json!({"kinds": kinds}))).await?;
        transaction.commit().await?;
        Ok(())
    }

    fn made(&self, change: &Change<'_>, activity: &str, wanted: Wanted) -> Result<Kept, PlanError> {
        let Wanted { description, owner, schema, on_violation } = wanted;
        schema.as_ref().map(Schema::compile).transpose()?;
        let at = self.inner.clock.now();
        let (activity, updated_by) = (activity.to_owned(), name_of(change.member));
        let (created_at, updated_at, revision) = (at, at, 0);
        Ok(Kept { activity, description, owner, schema, on_violation, revision, created_at, updated_at, updated_by })
    }

    fn act(&self, action: &'static str, change: &Change<'_>, kind: &'static str, id: &str) -> Act {
        let organisation = self.access().organisation_of(change.project).unwrap_or_default();
        let act = Act::new(change.member.caller.actor.clone(), action, change.origin);
        act.on(kind, id).within(&*organisation, change.project)
    }
}

fn name_of(member: &Member) -> String {
    match &member.caller.actor {
        Actor::Account(id) | Actor::Key(id) => id.clone(),
        Actor::Operator => "operator".to_owned(),
        Actor::Anonymous | Actor::System => "system".to_owned(),
    }
}

impl Plans for TrackingPlans {
    fn plan(&self, project: &str) -> Option<Arc<Plan>> {
        self.plans().get(project).map(|(_, plan)| plan.clone())
    }

    fn violated(&self, project: &str, found: Vec<Violated>) {
        let mut tally = self.tally();
        for found in &found {
            let fate = if found.is_refused { "quarantined" } else { "accepted" };
            metrics::counter!("footfall_plan_violating_total", "fate" => fate).increment(1);
            tally.note(project, found);
        }
    }
}
