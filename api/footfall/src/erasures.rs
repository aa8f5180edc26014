//! People who ask what is known of them, or to be forgotten: the export, the erasure, and what is left of it to do.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use footfall_api_access::{Access, Act, Permission, RowFilter, Scope, Who};
use footfall_api_app::{Gatekeeper, May, Member, NOT_FOUND, Whence};
use footfall_api_experiments::forget_sign_ins;
use footfall_api_http::{Kind, Path, Problem, Routes, Site, Time, Told, delete, get, post};
use footfall_ingest_activity::{Entry, Erasure, Record, Timestamp};
use footfall_pipelines_store::ErasureRecord;
use footfall_pipelines_store::query::Question;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::error::AppError;
use crate::person_export::{Lines, export_of, ids_of};
use crate::wiring::Stack;

/// Somebody is forgotten once what was under way is on disk.
const LONG: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_secs(1);
/// … and whether another process has hidden somebody.
const FOLLOW: Duration = Duration::from_millis(100);
/// Erasures that a list has at most; the latest of them.
const LISTED_MAX: usize = 1_000;

static VIEW_RESTRICTED: Kind =
    Kind::new(StatusCode::FORBIDDEN, "view_restricted", "The role sees only a part of what is known of people.");

#[derive(Clone)]
struct Desk {
    stack: Arc<Stack>,
    access: Access,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PersonPlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    /// `person_id` of the table `persons`.
    #[schemars(length(min = 36, max = 36))]
    person: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InProject {
    #[schemars(length(min = 1, max = 64))]
    project: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ErasurePlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    #[schemars(length(min = 36, max = 36))]
    erasure: String,
}

/// A person who is forgotten, and how far that is.
#[derive(Debug, Serialize, JsonSchema)]
struct Forgotten {
    id: String,
    person_id: String,
    /// `requested`, `hidden` (no answer shows the person), or `done` (no file and no record of the log holds them).
    state: &'static str,
    /// What was received until then is forgotten.
    requested_at: Time,
    hidden_at: Option<Time>,
    /// No file of the tables holds the person from then on.
    files_at: Option<Time>,
    /// No record of the log does.
    log_at: Option<Time>,
    /// The log keeps its records until its own retention takes them; nothing reads them meanwhile.
    log_by_retention: bool,
    done_at: Option<Time>,
}

/// The latest first.
#[derive(Debug, Serialize, JsonSchema)]
struct AllForgotten {
    erasures: Vec<Forgotten>,
}

/// Adds the routes, and begins to look after what is left to do.
#[must_use]
pub fn add(site: Site<Gatekeeper>, stack: Arc<Stack>, access: Access) -> Site<Gatekeeper> {
    tokio::spawn(tend(Arc::downgrade(&stack)));
    tokio::spawn(follow(Arc::downgrade(&stack), stack.store.erasures().version()));
    let erase_it = || May(Permission::PersonsErase);
    let person = "/v1/projects/{project}/persons/{person}";
    let routes = [
        post(
            "/v1/projects/{project}/persons/{person}/export",
            erase_it(),
            export,
            "Everything known of a person, one line of JSON for each row.",
        )
        .step_up()
        .cost(20)
        .time_max(LONG)
        .raises([&NOT_FOUND, &VIEW_RESTRICTED]),
        delete(person, erase_it(), erase, "Forgets a person: at once in all answers, then in files and in the log.")
            .step_up()
            .cost(20)
            .time_max(LONG)
            .raises([&NOT_FOUND, &VIEW_RESTRICTED]),
        get("/v1/projects/{project}/erasures", erase_it(), list, "Who is forgotten, the latest first.")
            .raises([&VIEW_RESTRICTED]),
        get("/v1/projects/{project}/erasures/{erasure}", erase_it(), show, "How far an erasure is.")
            .raises([&NOT_FOUND, &VIEW_RESTRICTED]),
    ];
    site.add(
        Routes::new("erasures", "People who ask what is known of them, or to be forgotten.", routes),
        Desk { stack, access },
    )
}

impl Desk {
    /// Whoever sees only some rows, or not all of them, neither exports nor erases: both are about the whole person.
    async fn allow(&self, member: &Member, whence: &Whence, project: &str) -> Result<Arc<str>, Problem> {
        let organisation = self.access.organisation_of(project).unwrap_or_default();
        if matches!(member.caller.subject.who, Who::Operator) {
            return Ok(organisation);
        }
        let scope = Scope::Project { organisation: &organisation, project };
        let view = self.access.authorise(&member.caller, Permission::PersonsErase, scope, &whence.0).await;
        let view = view.map_err(footfall_api_app::problem)?;
        if view.rows != RowFilter::Everything || view.masks != Default::default() {
            return Err(
                Problem::new(&VIEW_RESTRICTED).detail("Ask somebody whose role has neither a row filter nor masks.")
            );
        }
        Ok(organisation)
    }

    /// The person's present id, if it is there.
    async fn find(&self, place: &PersonPlace) -> Result<Uuid, Problem> {
        let missing = || Problem::new(&NOT_FOUND).detail("There is no such person.");
        let person = Uuid::parse_str(&place.person).map_err(|_| missing())?;
        let sql = "SELECT person_id FROM person_ids WHERE person_id = $person LIMIT 1";
        let question = Question::new(sql).with_params(json!({"person": person.to_string()}));
        let mut answer = self.stack.engine.query(&place.project, question).await.map_err(Problem::internal)?;
        while let Some(batch) = answer.next().await {
            if batch.map_err(Problem::internal)?.num_rows() > 0 {
                return Ok(person);
            }
        }
        Err(missing())
    }

    async fn note(&self, act: Act) -> Result<(), Problem> {
        self.access.record_alone(act).await.map_err(footfall_api_app::problem)
    }

    fn told(&self, record: &ErasureRecord) -> Forgotten {
        let by_retention = !self.stack.log.can_erase();
        let done_at = if by_retention { record.files_at } else { record.done_at() };
        let time = |at: Option<Timestamp>| at.map(Time::from);
        Forgotten {
            id: record.erasure.id.to_string(),
            person_id: record.erasure.person.to_string(),
            state: match (done_at, record.hidden_at) {
                (Some(_), _) => "done",
                (None, Some(_)) => "hidden",
                (None, None) => "requested",
            },
            requested_at: record.erasure.at.into(),
            hidden_at: time(record.hidden_at),
            files_at: time(record.files_at),
            log_at: time(record.log_at),
            log_by_retention: by_retention,
            done_at: time(done_at),
        }
    }

    fn records_of(&self, project: &str) -> Vec<ErasureRecord> {
        let mut records = self.stack.store.erasure_records();
        records.retain(|record| *record.erasure.project == *project);
        records.reverse();
        records
    }
}

async fn export(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<PersonPlace>,
) -> Result<Lines, Problem> {
    let organisation = desk.allow(&member, &whence, &place.project).await?;
    let person = desk.find(&place).await?;
    let act = Act::new(member.caller.actor.clone(), "person.export", &whence.0).on("person", person.to_string());
    desk.note(act.within(&*organisation, &place.project)).await?;
    Ok(export_of(desk.stack.engine.clone(), desk.access.database().clone(), place.project, person))
}

async fn erase(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<PersonPlace>,
) -> Result<Told<Forgotten>, Problem> {
    let organisation = desk.allow(&member, &whence, &place.project).await?;
    let person = desk.find(&place).await?;
    let id = Uuid::new_v4();
    let act = Act::new(member.caller.actor.clone(), "person.erase", &whence.0).on("person", person.to_string());
    desk.note(act.within(&*organisation, &place.project).after(&json!({"erasure": id}))).await?;
    // First, for nothing asks for it again should the erasure be left to another process.
    let ids = ids_of(&desk.stack.engine, &place.project, person).await.map_err(Problem::internal)?;
    let forgotten = forget_sign_ins(desk.access.database(), &place.project, &ids).await;
    forgotten.map_err(Problem::internal)?;
    let project: Arc<str> = place.project.as_str().into();
    let asked = Erasure { id, project, person, persons: Default::default(), at: desk.stack.clock.now() };
    let record = desk.stack.store.erase(asked).await.map_err(Problem::internal)?;
    forget_insights(&desk.stack, &place.project).await.map_err(Problem::internal)?;
    Ok(Told(desk.told(&record)))
}

async fn list(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
) -> Result<Told<AllForgotten>, Problem> {
    desk.allow(&member, &whence, &place.project).await?;
    let records = desk.records_of(&place.project);
    Ok(Told(AllForgotten { erasures: records.iter().take(LISTED_MAX).map(|record| desk.told(record)).collect() }))
}

async fn show(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<ErasurePlace>,
) -> Result<Told<Forgotten>, Problem> {
    desk.allow(&member, &whence, &place.project).await?;
    let records = desk.records_of(&place.project);
    let found = records.iter().find(|record| record.erasure.id.to_string() == place.erasure);
    found
        .map(|record| Told(desk.told(record)))
        .ok_or_else(|| Problem::new(&NOT_FOUND).detail("There is no such erasure."))
}

async fn forget_insights(stack: &Arc<Stack>, project: &str) -> Result<(), AppError> {
    let (insights, project) = (stack.insights.clone(), project.to_owned());
    let forget = spawn_blocking(move || insights.forget(&project)).await;
    let forgotten = forget.map_err(|error| AppError::Internal(error.to_string()))?;
    forgotten.map_err(|error| AppError::Internal(error.to_string()))
}

/// Has insights forget whom another process has hidden; the first so many are known.
async fn follow(stack: Weak<Stack>, mut known: u64) {
    let mut look = tokio::time::interval(FOLLOW);
    loop {
        look.tick().await;
        let Some(stack) = stack.upgrade() else { return };
        let erasures = stack.store.erasures();
        let new = usize::try_from(erasures.version().saturating_sub(known)).unwrap_or(usize::MAX);
        let projects: BTreeSet<Arc<str>> =
            erasures.iter().rev().take(new).map(|erasure| erasure.project.clone()).collect();
        let mut are_forgotten = true;
        for project in projects {
            if let Err(error) = forget_insights(&stack, &project).await {
                tracing::warn!(%error, %project, "insights still know a person who is forgotten; it is tried again");
                are_forgotten = false;
            }
        }
        if are_forgotten {
            known = erasures.version();
        }
    }
}

/// Takes records of the forgotten out of the log, also those that a killed process has left.
async fn tend(stack: Weak<Stack>) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let Some(stack) = stack.upgrade() else { return };
        let records = stack.store.erasure_records();
        let open = |record: &&ErasureRecord| record.hidden_at.is_some() && record.log_at.is_none();
        let open: Vec<_> = records.iter().filter(open).collect();
        if open.is_empty() || !stack.log.can_erase() {
            continue;
        }
        for record in open {
            if let Err(error) = finish(&stack, record).await {
                tracing::warn!(%error, "a person's records are still in the log; it is tried again");
                break;
            }
        }
    }
}

async fn finish(stack: &Arc<Stack>, record: &ErasureRecord) -> Result<(), AppError> {
    forget_insights(stack, &record.erasure.project).await?;
    let erasures = stack.store.erasures();
    let is_erased = move |kind: u8, payload: &[u8]| {
        matches!(kind, Record::KIND_ACTIVITY | Record::KIND_QUARANTINED)
            && Entry::decode(kind, payload).is_ok_and(|entry| erasures.cover(&entry))
    };
    let records = stack.log.erase(Arc::new(is_erased)).await?;
    stack.store.note_log_erased(record.erasure.id).await?;
    tracing::info!(records, erasure = %record.erasure.id, "a person's records are out of the log");
    Ok(())
}
