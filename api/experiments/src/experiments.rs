//! The service behind routes and doors: every change of the configuration goes through [`Experiments::change`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use footfall_api_access::{Access, Act, Actor, Decision, Origin, Permission, RowFilter, Scope, Subject, decide};
use footfall_api_http::Revision;
use footfall_ingest_activity::{Clock, Timestamp};
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::definition::{Definition, Kind};
use crate::error::ExperimentError;
use crate::faults::{DEFINITION_BYTES_MAX, Faults};
use crate::payloads::Payloads;
use crate::results::{Facts, SlowLooks};
use crate::sighting::Witness;
use crate::storage::{self, Change, Claim, Write};

/// Definitions of one kind in a project.
const DEFINITIONS_MAX: usize = 5_000;
/// Definitions that are told of those that a change breaks.
const BROKEN_TOLD_MAX: usize = 10;

/// Who changes something, from where and why.
#[derive(Debug, Clone)]
pub struct Author {
    pub actor: Actor,
    pub origin: Origin,
    pub reason: String,
    /// Who it is to the policy; the program itself is nobody.
    pub subject: Option<Subject>,
    /// In whose name the program acts.
    pub on_behalf_of: Option<String>,
}

impl Author {
    /// The program itself.
    pub fn system(reason: impl Into<String>) -> Author {
        let (actor, origin, reason) = (Actor::System, Origin::default(), reason.into());
        Author { actor, origin, reason, subject: None, on_behalf_of: None }
    }

    /// Who has written what this author brings.
    pub(crate) fn writer(&self) -> String {
        self.on_behalf_of.clone().unwrap_or_else(|| self.name())
    }

    /// As revisions name them.
    pub fn name(&self) -> String {
        match &self.actor {
            Actor::Account(id) => id.clone(),
            Actor::Key(id) => format!("key:{id}"),
            Actor::Operator => "operator".to_owned(),
            Actor::System => "system".to_owned(),
            Actor::Anonymous => "anonymous".to_owned(),
        }
    }
}

/// A definition with its place in time.
#[derive(Debug, Clone)]
pub struct Item<D: Definition> {
    pub key: String,
    pub revision: i64,
    pub definition: D,
    pub state: D::State,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl<D: Definition> Item<D> {
    pub(crate) fn of(kept: storage::Kept) -> Result<Item<D>, ExperimentError> {
        let damaged = |_| ExperimentError::Damaged("a definition");
        Ok(Item {
            key: kept.key,
            revision: kept.revision,
            definition: serde_json::from_value(kept.definition).map_err(damaged)?,
            state: serde_json::from_value(kept.state).map_err(damaged)?,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
        })
    }

    pub fn etag(&self) -> Revision {
        Revision(self.revision.unsigned_abs())
    }
}

/// What a change makes of an item.
pub(crate) enum Next<D: Definition> {
    Put(D, D::State),
    Remove,
}

/// Configuration, payloads and results of all projects. Cheap to clone.
#[derive(Clone)]
pub struct Experiments(Arc<Inner>);

struct Inner {
    access: Access,
    clock: Arc<dyn Clock>,
    payloads: Payloads,
    facts: Option<Arc<dyn Facts>>,
    witness: OnceLock<Arc<dyn Witness>>,
    /// When this process last looked at all arms of a bandit, by project and key, and left its weights as they were.
    judged: Mutex<HashMap<(String, String), Timestamp>>,
    /// Whose guardrails took this process too long to look at.
    slow_looks: Mutex<SlowLooks>,
}

impl Experiments {
    /// Migrates the tables of this area. Without `facts` there are no results, and guardrails are not watched.
    pub async fn open(
        access: Access,
        clock: Arc<dyn Clock>,
        facts: Option<Arc<dyn Facts>>,
    ) -> Result<Experiments, ExperimentError> {
        access.database().migrate_area(storage::AREA, storage::MIGRATIONS, &*clock).await?;
        let payloads = Payloads::new(access.database().clone());
        Ok(Experiments(Arc::new(Inner {
            access,
            clock,
            payloads,
            facts,
            witness: OnceLock::new(),
            judged: Mutex::default(),
            slow_looks: Mutex::default(),
        })))
    }

    /// From now on exposures that doors see go there. The first call counts.
    pub fn tell(&self, witness: Arc<dyn Witness>) {
        drop(self.0.witness.set(witness));
    }

    pub(crate) fn witness(&self) -> Option<&Arc<dyn Witness>> {
        self.0.witness.get()
    }

    pub fn access(&self) -> &Access {
        &self.0.access
    }

    pub fn payloads(&self) -> &Payloads {
        &self.0.payloads
    }

    pub fn facts(&self) -> Option<&Arc<dyn Facts>> {
        self.0.facts.as_ref()
    }

    pub(crate) fn judged(&self, project: &str, key: &str) -> Option<Timestamp> {
        let judged = self.0.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.get(&(project.to_owned(), key.to_owned())).copied()
    }

    pub(crate) fn remember_judged(&self, project: &str, key: &str) {
        let mut judged = self.0.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.insert((project.to_owned(), key.to_owned()), self.now());
    }

    pub(crate) fn slow_looks<T>(&self, of: impl FnOnce(&mut SlowLooks) -> T) -> T {
        of(&mut self.0.slow_looks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// One definition.
    pub async fn item<D: Definition>(&self, project: &str, key: &str) -> Result<Item<D>, ExperimentError> {
        let kept = storage::item(self.access().database(), project, D::KIND, key).await?;
        Item::of(kept.ok_or(ExperimentError::NotFound(D::KIND.name()))?)
    }

    /// Changes one definition as `decided` says, in one transaction with its revision and its audit record.
    ///
    /// `decided` is given the item as it is (`None` for a new one), with the whole project held still.
    pub(crate) async fn change<D: Definition>(
        &self,
        project: &str,
        key: &str,
        act: &'static str,
        author: &Author,
        decided: impl FnOnce(Option<&Item<D>>, &Catalogue) -> Result<Next<D>, ExperimentError> + Send,
    ) -> Result<Option<Item<D>>, ExperimentError> {
        self.change_claimed(project, key, act, author, None, decided).await
    }

    /// The same, with the outcome of what was claimed in the transaction: once, however many have taken it for theirs.
    pub(crate) async fn change_claimed<D: Definition>(
        &self,
        project: &str,
        key: &str,
        act: &'static str,
        author: &Author,
        claim: Option<Claim<'_>>,
        decided: impl FnOnce(Option<&Item<D>>, &Catalogue) -> Result<Next<D>, ExperimentError> + Send,
    ) -> Result<Option<Item<D>>, ExperimentError> {
        let mut transaction = self.access().database().write().await?;
        let at = self.now();
        let mut catalogue = storage::lock(&mut transaction, project, at).await?;
        let before = storage::held::<D>(&mut transaction, project, key).await?;
        let next = decided(before.as_ref(), &catalogue)?;
        let next = written(before.as_ref(), next, author);
        self.may_name_people(project, author, before.as_ref(), &next)?;
        let change = self.checked(key, before.as_ref(), next, &mut catalogue)?;
        let after = match &change {
            Change::Put { definition, state } => serde_json::json!({"definition": definition, "state": state}),
            Change::Remove => Value::Null,
        };
        let write = Write {
            project,
            kind: D::KIND,
            key,
            before: before.as_ref().map(|item| item.revision),
            change,
            actor: &author.name(),
            reason: &author.reason,
            act,
            at,
        };
        let revision = storage::write(&mut transaction, &write).await?;
        let record = self.audit(project, D::KIND, key, act, author, before.as_ref().map(shown), after);
        self.access().record(&mut transaction, record).await?;
        if let Some(claim) = claim {
            claim.done(&mut transaction).await?;
        }
        transaction.commit().await?;
        self.payloads().changed(project).await?;
        match write.change {
            Change::Remove => Ok(None),
            Change::Put { definition, state } => {
                let created_at = before.map_or(at, |item| item.created_at);
                let kind = D::KIND;
                let key = key.to_owned();
                let kept = storage::Kept { kind, key, revision, definition, state, created_at, updated_at: at };
                Item::of(kept).map(Some)
            }
        }
    }

    /// Refuses a definition that tells people apart, of somebody who sees a part of them only.
    fn may_name_people<D: Definition>(
        &self,
        project: &str,
        author: &Author,
        before: Option<&Item<D>>,
        next: &Next<D>,
    ) -> Result<(), ExperimentError> {
        let Next::Put(definition, _) = next else { return Ok(()) };
        let is_as_before = before.is_some_and(|before| before.definition == *definition);
        let Some(subject) = author.subject.as_ref().filter(|_| definition.names_people() && !is_as_before) else {
            return Ok(());
        };
        let organisation = self.access().organisation_of(project).unwrap_or_default();
        let scope = Scope::Project { organisation: &organisation, project };
        match decide(subject, Permission::InsightsRead, scope) {
            Decision::Allow(view) if view.rows == RowFilter::Everything && view.masks.is_empty() => Ok(()),
            _ => {
                let mut faults = Faults::below("definition");
                faults.at("cohort", "may be named by whoever may read insights and sees everybody");
                Err(ExperimentError::Invalid(faults.into_vec()))
            }
        }
    }

    fn checked<D: Definition>(
        &self,
        key: &str,
        before: Option<&Item<D>>,
        next: Next<D>,
        catalogue: &mut Catalogue,
    ) -> Result<Change, ExperimentError> {
        let Next::Put(definition, state) = next else {
            let users = catalogue.users_of(D::KIND, key);
            return if users.is_empty() { Ok(Change::Remove) } else { Err(ExperimentError::InUse(users)) };
        };
        let mut faults = Faults::below("definition");
        if before.is_none() && catalogue.count(D::KIND) >= DEFINITIONS_MAX {
            return Err(ExperimentError::TooMany(DEFINITIONS_MAX));
        }
        let broken_before = if before.is_some() { catalogue.broken(D::KIND, key) } else { Vec::new() };
        definition.clone().put(key, state.clone(), catalogue);
        if before.is_some_and(|before| definition.stands(&before.definition, (&before.state, &state))) {
            definition.check_standing(catalogue, &mut faults);
        } else {
            definition.check(key, &state, catalogue, &mut faults);
        }
        if let Some(before) = before {
            definition.check_change(&before.definition, (&before.state, &state), catalogue, &mut faults);
            // What was broken before is not this change's doing.
            let mut broken = catalogue.broken(D::KIND, key);
            broken.retain(|broken| !broken_before.contains(broken));
            broken.dedup_by(|later, first| later.0 == first.0);
            for (user, fault) in broken.into_iter().take(BROKEN_TOLD_MAX) {
                faults.here(format!("breaks {user}: {fault}"));
            }
        }
        let value = |it: serde_json::Result<Value>| it.map_err(|_| ExperimentError::Damaged("a definition"));
        let change = Change::Put {
            definition: value(serde_json::to_value(&definition))?,
            state: value(serde_json::to_value(&state))?,
        };
        if let Change::Put { definition, .. } = &change
            && definition.to_string().len() > DEFINITION_BYTES_MAX
        {
            faults.here(format!("must have at most {DEFINITION_BYTES_MAX} bytes as JSON"));
        }
        if faults.is_empty() { Ok(change) } else { Err(ExperimentError::Invalid(faults.into_vec())) }
    }

    /// Sets how a key is served.
    pub async fn connect(&self, connection: &storage::Connection, author: &Author) -> Result<(), ExperimentError> {
        let project = connection.project.as_str();
        let mut transaction = self.access().database().write().await?;
        let catalogue = storage::lock(&mut transaction, project, self.now()).await?;
        if !catalogue.knows_environment(&connection.environment) {
            let mut faults = Faults::default();
            catalogue.check_environment("environment", &connection.environment, &mut faults);
            return Err(ExperimentError::Invalid(faults.into_vec()));
        }
        if let Some(key) = catalogue.switchback().filter(|_| connection.records_exposures) {
            let mut faults = Faults::default();
            faults.at(
                "records_exposures",
                format!(
                    "the experiment {key:?} is a switchback and needs each person once in a window, while the server tells each once in a phase \
                     and variation: let the app tell exposures each time it shows a variation, or end that experiment first"
                ),
            );
            return Err(ExperimentError::Invalid(faults.into_vec()));
        }
        connection.write(&mut transaction).await?;
        let after = serde_json::json!({
            "environment": connection.environment, "is_encrypted": connection.encryption_key.is_some(),
            "is_remote": connection.is_remote, "records_exposures": connection.records_exposures,
        });
        let record = self.audit(project, Kind::Environment, &connection.key_id, "connect", author, None, after);
        self.access().record(&mut transaction, record).await?;
        transaction.commit().await?;
        self.payloads().changed(project).await
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record")]
    pub(crate) fn audit(
        &self,
        project: &str,
        kind: Kind,
        key: &str,
        act: &'static str,
        author: &Author,
        before: Option<Value>,
        after: Value,
    ) -> Act {
        let organisation = self.access().organisation_of(project).unwrap_or_default();
        let after = serde_json::json!({"reason": author.reason, "after": after});
        let action = action(kind, act);
        let record = Act::new(author.actor.clone(), action, &author.origin).on(kind.name(), key);
        let record = record.within(&*organisation, project).after(&after);
        match before {
            Some(before) => record.before(&before),
            None => record,
        }
    }
}

/// The state follows a definition that was written anew.
fn written<D: Definition>(before: Option<&Item<D>>, next: Next<D>, author: &Author) -> Next<D> {
    match next {
        Next::Put(definition, state) if before.is_none_or(|before| before.definition != definition) => {
            let state = definition.written(before.map(|before| &before.definition), state, &author.writer());
            Next::Put(definition, state)
        }
        next => next,
    }
}

fn shown<D: Definition>(item: &Item<D>) -> Value {
    serde_json::json!({"revision": item.revision, "definition": item.definition, "state": item.state})
}

/// The audit's name of an act.
fn action(kind: Kind, act: &'static str) -> &'static str {
    match (kind, act) {
        (Kind::Feature, "create") => "feature.create",
        (Kind::Feature, "remove") => "feature.delete",
        (Kind::Feature, "switch") => "feature.switch",
        (Kind::Feature, _) => "feature.change",
        (Kind::Experiment, "create") => "experiment.create",
        (Kind::Experiment, "remove") => "experiment.delete",
        (Kind::Experiment, "start") => "experiment.start",
        (Kind::Experiment, "stop") => "experiment.stop",
        (Kind::Experiment, "ship") => "experiment.ship",
        (Kind::Experiment, "roll_back") => "experiment.roll_back",
        (Kind::Experiment, "guardrail") => "experiment.guardrail",
        (Kind::Experiment, "switch_window") => "experiment.switch_window",
        (Kind::Experiment, "reweigh") => "experiment.reweigh",
        (Kind::Experiment, _) => "experiment.change",
        (Kind::Metric, "create") => "metric.create",
        (Kind::Metric, "remove") => "metric.delete",
        (Kind::Metric, _) => "metric.change",
        (_, "create") => "flag_setting.create",
        (_, "remove") => "flag_setting.delete",
        (_, _) => "flag_setting.change",
    }
}
