//! Saved cohorts: kept in the app's database ([`storage`]), put in the place of their names in questions ([`resolve`]), and
//! over HTTP ([`routes`]). Lists of people lie beside them ([`people`], [`upload`]).

mod form;
mod people;
mod resolve;
mod routes;
mod storage;
mod upload;

use std::sync::Arc;

use footfall_api_access::{Access, AccessError, Act, Database, DatabaseError, Migration, Origin};
use footfall_api_app::Member;
use footfall_api_http::Revision;
use footfall_ingest_activity::{Clock, Timestamp};
use footfall_pipelines_insights::definition::Cohort;
use serde_json::{Value, json};

pub(crate) use form::{RAISED_OF_BODIES, problem_of_body};
pub(crate) use routes::routes;

/// The area's name among migrations.
pub const AREA: &str = "insights";
/// The tables of this area, ascending.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "cohorts", both: include_str!("cohorts.sql"), sqlite: "", postgres: "" },
    Migration { version: 2, name: "people", both: include_str!("people.sql"), sqlite: "", postgres: "" },
];
/// Of a project.
const COHORTS_MAX: i64 = 2_000;

/// A saved cohort.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    pub key: String,
    pub name: String,
    pub description: String,
    pub definition: Value,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Saved {
    pub fn etag(&self) -> Revision {
        Revision(self.revision.unsigned_abs())
    }

    fn shown(&self) -> Value {
        json!({"name": self.name, "description": self.description, "definition": self.definition, "revision": self.revision})
    }
}

/// What a cohort is to be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub name: String,
    pub description: String,
    pub definition: Cohort,
}

/// A refusal or a failure.
#[derive(Debug, thiserror::Error)]
pub enum CohortError {
    #[error("there is no cohort {0:?}")]
    Unknown(String),
    #[error("the key is taken")]
    KeyTaken,
    #[error("it was changed meanwhile")]
    Stale(Option<Revision>),
    /// Through these, in this order.
    #[error("the cohort is defined by itself: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    #[error("too many cohorts are defined by each other")]
    TooManyNamed,
    #[error("a project has at most {COHORTS_MAX} cohorts")]
    TooMany,
    #[error("the cohort is no list of people: it has a definition of its own")]
    NoList,
    #[error("a list has at most {} people", people::PEOPLE_MAX)]
    TooManyPeople,
    #[error("it is in use by {}", .0.join(", "))]
    InUse(Vec<String>),
    #[error("{0}")]
    Refused(String),
    #[error("a cohort in the database cannot be read")]
    Damaged,
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<DatabaseError> for CohortError {
    fn from(error: DatabaseError) -> Self {
        CohortError::Access(error.into())
    }
}

/// The saved cohorts of all projects. Cheap to clone.
#[derive(Clone)]
pub struct Cohorts {
    access: Access,
    clock: Arc<dyn Clock>,
}

/// Who changes one, where, and which one.
pub(crate) struct Change<'a> {
    pub member: &'a Member,
    pub origin: &'a Origin,
    pub project: &'a str,
    pub key: &'a str,
}

impl Cohorts {
    /// Migrates the tables of this area.
    pub async fn open(access: Access, clock: Arc<dyn Clock>) -> Result<Cohorts, CohortError> {
        access.database().migrate_area(AREA, MIGRATIONS, &*clock).await?;
        Ok(Cohorts { access, clock })
    }

    fn database(&self) -> &Database {
        self.access.database()
    }

    pub(crate) async fn list(&self, project: &str, after: &str, limit: usize) -> Result<Vec<Saved>, CohortError> {
        storage::list(self.access.database(), project, after, limit).await
    }

    pub(crate) async fn one(&self, project: &str, key: &str) -> Result<Saved, CohortError> {
        let found = storage::one(self.access.database(), project, key).await?;
        found.ok_or_else(|| CohortError::Unknown(key.to_owned()))
    }

    /// Makes one.
    pub(crate) async fn create(&self, change: &Change<'_>, wanted: Wanted) -> Result<Saved, CohortError> {
        let (definition, names) = self.checked(change, &wanted, None).await?;
        let at = self.clock.now();
        let Wanted { name, description, .. } = wanted;
        let key = change.key.to_owned();
        let saved = Saved { key, name, description, definition, revision: 1, created_at: at, updated_at: at };
        let mut transaction = self.access.database().write().await?;
        if storage::count(&mut transaction, change.project).await? >= COHORTS_MAX {
            return Err(CohortError::TooMany);
        }
        storage::insert(&mut transaction, change.project, &saved, &names).await?;
        let act = self.act("cohort.create", change).after(&saved.shown());
        self.access.record(&mut transaction, act).await?;
        transaction.commit().await?;
        Ok(saved)
    }

    /// Makes one another, if it still is as it was `meant`.
    pub(crate) async fn replace(
        &self,
        change: &Change<'_>,
        wanted: Wanted,
        meant: impl Fn(Revision) -> bool + Send,
    ) -> Result<Saved, CohortError> {
        let before = self.one(change.project, change.key).await?;
        let (definition, names) = self.checked(change, &wanted, Some(&before.definition)).await?;
        if !meant(before.etag()) {
            return Err(CohortError::Stale(Some(before.etag())));
        }
        let Wanted { name, description, .. } = wanted;
        let (revision, updated_at) = (before.revision + 1, self.clock.now());
        let saved = Saved { name, description, definition, revision, updated_at, ..before.clone() };
        let mut transaction = self.access.database().write().await?;
        storage::update(&mut transaction, change.project, &saved, &names).await?;
        if people::list_of(&saved.definition).is_none() {
            people::forget(&mut transaction, change.project, change.key).await?;
        }
        let act = self.act("cohort.change", change).before(&before.shown()).after(&saved.shown());
        self.access.record(&mut transaction, act).await?;
        transaction.commit().await?;
        Ok(saved)
    }

    /// Removes one that no other names.
    pub(crate) async fn remove(
        &self,
        change: &Change<'_>,
        meant: impl Fn(Revision) -> bool + Send,
    ) -> Result<(), CohortError> {
        let before = self.one(change.project, change.key).await?;
        if !meant(before.etag()) {
            return Err(CohortError::Stale(Some(before.etag())));
        }
        let mut transaction = self.access.database().write().await?;
        let users = storage::users_of(&mut transaction, change.project, change.key).await?;
        if !users.is_empty() {
            return Err(CohortError::InUse(users));
        }
        storage::delete(&mut transaction, change.project, change.key, before.revision).await?;
        people::forget(&mut transaction, change.project, change.key).await?;
        let act = self.act("cohort.delete", change).before(&before.shown());
        self.access.record(&mut transaction, act).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The definition as JSON and the keys that it names, which have to be there and not lead back.
    async fn checked(
        &self,
        change: &Change<'_>,
        wanted: &Wanted,
        before: Option<&Value>,
    ) -> Result<(Value, Vec<String>), CohortError> {
        let value = serde_json::to_value(&wanted.definition).map_err(|_| CohortError::Damaged)?;
        if people::names_lists(&value) && before != Some(&value) {
            return Err(CohortError::Refused("a list of people is uploaded, and named by its cohort".to_owned()));
        }
        let names = resolve::names(&value);
        let mut whole = value.clone();
        self.put_in_place(change.project, &mut whole, Some(change.key)).await?;
        self.settle(&mut whole)?;
        resolve::check(whole)?;
        Ok((value, names))
    }

    fn act(&self, action: &'static str, change: &Change<'_>) -> Act {
        let organisation = self.access.organisation_of(change.project).unwrap_or_default();
        let act = Act::new(change.member.caller.actor.clone(), action, change.origin);
        act.on("cohort", change.key).within(&*organisation, change.project)
    }
}
