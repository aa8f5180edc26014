//! Changes that wait for their time.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{
    Created, Done, Fault, JsonBody, Page, Paging, Path, Place, Problem, Revision, Routes, Time, Unfiltered, delete,
    get, post,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definitions::InProject;
use super::form::author;
use super::{flags_read, flags_write, sight};
use crate::definition::Kind;
use crate::error::{CHANGES, ExperimentError, READS, problem};
use crate::experiments::Experiments;
use crate::storage::{ScheduledChange, ScheduledKept};

/// A scheduled change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Scheduled")]
struct Scheduled {
    id: String,
    kind: Kind,
    key: String,
    due_at: Time,
    change: ScheduledChange,
    reason: String,
    made_by: String,
    made_at: Time,
    done_at: Option<Time>,
    /// Empty while it waits; `begun`, `done`, or why it could not be done.
    outcome: String,
}

/// Only features and experiments change by themselves.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ScheduledKind {
    Feature,
    Experiment,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewScheduled {
    kind: ScheduledKind,
    #[schemars(length(min = 1, max = 100))]
    key: String,
    due_at: Time,
    change: ScheduledChange,
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScheduledPlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    #[schemars(length(min = 1, max = 64))]
    id: String,
}

pub(super) fn routes() -> Routes<Experiments, May> {
    let (all, one) = ("/v1/projects/{project}/scheduled-changes", "/v1/projects/{project}/scheduled-changes/{id}");
    Routes::new(
        "scheduled_changes",
        "Changes of features and experiments that wait for their time.",
        [
            get(all, flags_read(), list, "By time, those that are done included.").raises(READS),
            post(
                all,
                flags_write(),
                create,
                "Schedules a change, of an experiment for who may change experiments; it is checked now and when its time has come.",
            )
                .idempotent()
                .raises(CHANGES),
            delete(one, flags_write(), remove, "Takes back a change that waits.").raises(CHANGES),
        ],
    )
}

fn shown(kept: ScheduledKept) -> Scheduled {
    Scheduled {
        id: kept.id,
        kind: kept.kind,
        key: kept.key,
        due_at: kept.due_at.into(),
        change: kept.change,
        reason: kept.reason,
        made_by: kept.made_by,
        made_at: kept.made_at.into(),
        done_at: kept.done_at.map(Time::from),
        outcome: kept.outcome,
    }
}

async fn list(
    State(experiments): State<Experiments>,
    Path(place): Path<InProject>,
    paging: Paging<Unfiltered, (i64, String)>,
) -> Result<Page<Scheduled>, Problem> {
    let after = paging.after.clone().unwrap_or((i64::MIN, String::new()));
    let database = experiments.access().database();
    let found = ScheduledKept::of_project(database, &place.project, (after.0, &after.1), paging.limit + 1).await;
    let position = |kept: &ScheduledKept| (kept.due_at.millis(), kept.id.clone());
    Ok(Page::of(found.map_err(problem)?, &paging, position, shown))
}

async fn create(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    JsonBody(body): JsonBody<NewScheduled>,
) -> Result<Created<Scheduled>, Problem> {
    let kind = match body.kind {
        ScheduledKind::Feature => Kind::Feature,
        ScheduledKind::Experiment => Kind::Experiment,
    };
    check_kind(&experiments, (&member, &whence), kind, &place.project).await?;
    let author = author(&member, whence, body.reason);
    let wrong =
        |pointer: &str, detail: &str| problem(ExperimentError::Invalid(vec![Fault::new(Place::Body, pointer, detail)]));
    let now = experiments.now();
    if footfall_ingest_activity::Timestamp::from(body.due_at) <= now {
        return Err(wrong("/due_at", "must lie in the future"));
    }
    if kind == Kind::Feature && !matches!(body.change, ScheduledChange::Patch(_)) {
        return Err(wrong("/change", "a feature is patched; only experiments start and stop"));
    }
    let kept = ScheduledKept {
        id: uuid::Uuid::now_v7().simple().to_string(),
        project: place.project,
        kind,
        key: body.key,
        due_at: body.due_at.into(),
        change: body.change,
        reason: author.reason.clone(),
        made_by: author.name(),
        made_at: now,
        done_at: None,
        outcome: String::new(),
    };
    experiments.schedule(&kept, &author).await.map_err(problem)?;
    let path = ["v1", "projects", &kept.project, "scheduled-changes", &kept.id];
    Ok(Created::new(&path, Revision(1), shown(kept.clone())))
}

async fn remove(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<ScheduledPlace>,
) -> Result<Done, Problem> {
    let change = experiments.scheduled(&place.project, &place.id).await.map_err(problem)?;
    check_kind(&experiments, (&member, &whence), change.kind, &place.project).await?;
    let author = author(&member, whence, None);
    experiments.unschedule(&change, &author).await.map(|()| Done).map_err(problem)
}

/// Who schedules a change has to be allowed to make it. Flags are the route's own.
async fn check_kind(
    experiments: &Experiments,
    who: (&Member, &Whence),
    kind: Kind,
    project: &str,
) -> Result<(), Problem> {
    match kind {
        Kind::Feature => Ok(()),
        _ => sight::check(experiments, who, Permission::ExperimentsWrite, project).await,
    }
}
