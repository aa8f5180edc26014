//! Saved cohorts over HTTP.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{
    Created, Done, IfMatch, JsonBody, Page, Paging, Path, Problem, Query, Revision, Routes, Shown, ShownAnew, Told,
    Unfiltered, delete, get, post, put,
};
use footfall_pipelines_insights::definition::{Answer, Cohort, CohortPeople, Question};
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::{self, CohortMembers, NewSavedCohort, RAISED, SavedCohort, WantedSavedCohort, problem_of_body};
use super::upload::{LIST_BYTES_MAX, upload};
use super::{Change, Wanted};
use crate::desk::{Asked, Desk};
use crate::problem;

/// A list of a hundred thousand ids.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Counting who are in it must not hold up who wants to see its definition.
const COUNT_TIME: Duration = Duration::from_secs(3);
const LISTED: usize = 100;
/// A million ids take their time to arrive and to be written.
const LIST_TIME_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CohortsPlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CohortPlace {
    #[schemars(length(min = 1, max = 64))]
    pub project: String,
    #[schemars(length(min = 1, max = 100))]
    pub key: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MembersWanted {
    /// At most so many ids are listed; 100 if absent.
    #[schemars(range(min = 0, max = 10_000))]
    list: Option<usize>,
}

/// The routes of saved cohorts.
pub(crate) fn routes() -> Routes<Desk, May> {
    let (read, write) = (|| May(Permission::InsightsRead), || May(Permission::DashboardsWrite));
    let (all, one) = ("/v1/projects/{project}/cohorts", "/v1/projects/{project}/cohorts/{key}");
    let members = "/v1/projects/{project}/cohorts/{key}/people";
    let uploads = "/v1/projects/{project}/cohorts/{key}/list";
    let raised = || RAISED.iter().copied();
    Routes::new(
        "cohorts",
        "Groups of people under a name, for questions.",
        [
            get(all, read(), list, "All of a project, by key.").raises(raised()),
            post(all, write(), create, "Makes one.").body_bytes_max(BODY_BYTES_MAX).idempotent().raises(raised()),
            get(one, read(), show, "One, and how many are in it now.").cost(5).raises(raised()),
            put(one, write(), replace, "Makes one another.").body_bytes_max(BODY_BYTES_MAX).raises(raised()),
            delete(one, write(), remove, "Removes one that no other is defined by.").raises(raised()),
            post(uploads, write(), upload, "Replaces, adds to or takes from the list of people that it is.")
                .body_bytes_max(LIST_BYTES_MAX)
                .time_max(LIST_TIME_MAX)
                .cost(20)
                .raises(raised()),
            get(members, read(), people, "Who are in it now.")
                .cost(5)
                .raises(raised().chain(problem::RAISED.iter().copied())),
        ],
    )
}

async fn list(
    State(desk): State<Desk>,
    Path(place): Path<CohortsPlace>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<SavedCohort>, Problem> {
    let after = paging.after.clone().unwrap_or_default();
    let found = desk.cohorts.list(&place.project, &after, paging.limit + 1).await.map_err(form::problem)?;
    Ok(Page::of(found, &paging, |saved| saved.key.clone(), |saved| SavedCohort::of(saved, None)))
}

async fn create(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<CohortsPlace>,
    JsonBody(new): JsonBody<NewSavedCohort>,
) -> Result<Created<SavedCohort>, Problem> {
    let NewSavedCohort { key, name, description, definition } = new;
    let change = Change { member: &member, origin: &whence.0, project: &place.project, key: &key };
    let made = desk.cohorts.create(&change, Wanted { name, description, definition }).await;
    let made = made.map_err(problem_of_body)?;
    let path = ["v1", "projects", &place.project, "cohorts", &key];
    Ok(Created::new(&path, made.etag(), SavedCohort::of(made, None)))
}

async fn show(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<CohortPlace>,
) -> Result<ShownAnew<SavedCohort>, Problem> {
    let saved = desk.cohorts.one(&place.project, &place.key).await.map_err(form::problem)?;
    let asked = Asked { time_limit: Some(COUNT_TIME), ..Asked::default() };
    // Whoever sees a part of the activity only, or comes while it is being prepared, sees no number.
    let members = members(&desk, &member, &whence, &place, 0, asked).await.ok();
    let people = members.map(|members| (members.people, members.as_of));
    Ok(ShownAnew(saved.etag(), SavedCohort::of(saved, people)))
}

async fn replace(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<CohortPlace>,
    if_match: IfMatch,
    JsonBody(wanted): JsonBody<WantedSavedCohort>,
) -> Result<Shown<SavedCohort>, Problem> {
    // Before what it names is looked at: an address that leads nowhere is no fault of the body.
    desk.cohorts.one(&place.project, &place.key).await.map_err(form::problem)?;
    let change = Change { member: &member, origin: &whence.0, project: &place.project, key: &place.key };
    let meant = |revision: Revision| if_match.check(revision).is_ok();
    let saved = desk.cohorts.replace(&change, wanted.into(), meant).await.map_err(problem_of_body)?;
    Ok(Shown(saved.etag(), SavedCohort::of(saved, None)))
}

async fn remove(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<CohortPlace>,
    if_match: IfMatch,
) -> Result<Done, Problem> {
    let change = Change { member: &member, origin: &whence.0, project: &place.project, key: &place.key };
    let meant = |revision: Revision| if_match.check(revision).is_ok();
    desk.cohorts.remove(&change, meant).await.map_err(form::problem)?;
    Ok(Done)
}

async fn people(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<CohortPlace>,
    Query(wanted): Query<MembersWanted>,
) -> Result<Told<CohortMembers>, Problem> {
    // The definition is not needed: this says whether it is there.
    desk.cohorts.one(&place.project, &place.key).await.map_err(form::problem)?;
    let list = wanted.list.unwrap_or(LISTED);
    members(&desk, &member, &whence, &place, list, Asked::default()).await.map(Told)
}

async fn members(
    desk: &Desk,
    member: &Member,
    whence: &Whence,
    place: &CohortPlace,
    list: usize,
    asked: Asked,
) -> Result<CohortMembers, Problem> {
    let question = Question::Cohort(CohortPeople { cohort: Cohort::Cohort(place.key.clone()), list });
    let asking = desk.asking(member, whence, Some(&place.project), question, asked).await?;
    let answered = asking.answer().await?;
    match answered.answer.clone() {
        Answer::Cohort(cohort) => {
            let as_of = answered.as_of.into();
            Ok(CohortMembers { people: cohort.people, listed: cohort.listed, as_of })
        }
        _ => Err(Problem::internal("an answer of another kind")),
    }
}
