//! Plans over HTTP. Descriptions are whose who build dashboards; what is checked and refused is whose who run the project's jobs.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Permission, Scope, Who};
use footfall_api_app::{Gatekeeper, May, Member, Whence};
use footfall_api_http::{
    Created, Done, IfMatch, JsonBody, Page, Paging, Path, Problem, Routes, Shown, Site, Unfiltered, delete, get, post,
    put,
};
use footfall_ingest_plan::{OnViolation, Unplanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{RAISED, problem};
use crate::form::{
    NewPlannedActivity, PlanRevision, PlanViolation, PlannedActivity, TrackingPlan, WantedPlannedActivity,
    WantedTrackingPlan,
};
use crate::plans::{Change, TrackingPlans, Wanted, etag};
use crate::storage;

const BODY_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlanPlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlannedPlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    #[schemars(length(min = 1, max = 200))]
    activity: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfActivity {
    /// Of this activity alone.
    #[schemars(length(min = 1, max = 200))]
    activity: Option<String>,
}

/// Adds the routes.
#[must_use]
pub fn add(site: Site<Gatekeeper>, plans: &TrackingPlans) -> Site<Gatekeeper> {
    let (read, write, run) =
        (|| May(Permission::InsightsRead), || May(Permission::DashboardsWrite), || May(Permission::JobsWrite));
    let (plan, all) = ("/v1/projects/{project}/plan", "/v1/projects/{project}/plan/activities");
    let one = "/v1/projects/{project}/plan/activities/{activity}";
    let revisions = "/v1/projects/{project}/plan/activities/{activity}/revisions";
    let own = "/v1/projects/{project}/plan/activities/{activity}/violations";
    let violations = "/v1/projects/{project}/plan/violations";
    let raised = || RAISED.iter().copied();
    let routes = [
        get(plan, read(), show_plan, "The plan as a whole.").raises(raised()),
        put(plan, run(), change_plan, "Says what becomes of activities that are not in it.").raises(raised()),
        get(all, read(), list, "Its activities, by name.").raises(raised()),
        post(all, write(), create, "Takes an activity into the plan.")
            .body_bytes_max(BODY_BYTES_MAX)
            .idempotent()
            .raises(raised()),
        get(one, read(), show, "One.").raises(raised()),
        put(one, write(), replace, "Says something else of one.").body_bytes_max(BODY_BYTES_MAX).raises(raised()),
        delete(one, run(), remove, "Takes one out of the plan.").raises(raised()),
        get(revisions, read(), history, "What was said of it, the newest first.").raises(raised()),
        delete(own, run(), forget, "Forgets what was found otherwise of it.").raises(raised()),
        get(violations, read(), found, "What was found otherwise, counted.").raises(raised()),
    ];
    site.add(Routes::new("plan", "What activities are meant to be, and what is otherwise.", routes), plans.clone())
}

async fn show_plan(
    State(plans): State<TrackingPlans>,
    Path(place): Path<PlanPlace>,
) -> Result<Shown<TrackingPlan>, Problem> {
    let head = plans.head(&place.project).await.map_err(problem)?;
    Ok(Shown(etag(head.revision), head.into()))
}

async fn change_plan(
    State(plans): State<TrackingPlans>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<PlanPlace>,
    if_match: IfMatch,
    JsonBody(wanted): JsonBody<WantedTrackingPlan>,
) -> Result<Shown<TrackingPlan>, Problem> {
    let before = plans.head(&place.project).await.map_err(problem)?;
    if_match.check(etag(before.revision))?;
    let change = Change { member: &member, origin: &origin, project: &place.project };
    let is_any = if_match == IfMatch::Any;
    let head = plans.set_unplanned(&change, &before, is_any, wanted.unplanned.into()).await.map_err(problem)?;
    Ok(Shown(etag(head.revision), head.into()))
}

async fn list(
    State(plans): State<TrackingPlans>,
    Path(place): Path<PlanPlace>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<PlannedActivity>, Problem> {
    let after = paging.after.clone().unwrap_or_default();
    let limit = paging.limit as i64 + 1;
    let found = storage::activities(plans.access().database(), &place.project, &after, limit).await;
    Ok(Page::of(found.map_err(problem)?, &paging, |kept| kept.activity.clone(), PlannedActivity::from))
}

async fn create(
    State(plans): State<TrackingPlans>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<PlanPlace>,
    JsonBody(new): JsonBody<NewPlannedActivity>,
) -> Result<Created<PlannedActivity>, Problem> {
    let (activity, wanted) = new.split();
    let wanted: Wanted = wanted.into();
    let says_more = wanted.schema.is_some() || wanted.on_violation != OnViolation::default();
    // What is in the plan is no longer refused for not being in it.
    let head = plans.head(&place.project).await.map_err(problem)?;
    if says_more || head.unplanned != Unplanned::Allow {
        may_run(&plans, &member, &whence, &place.project).await?;
    }
    let change = Change { member: &member, origin: &whence.0, project: &place.project };
    let made = plans.create(&change, &activity, wanted).await.map_err(problem)?;
    let path = ["v1", "projects", &place.project, "plan", "activities", &activity];
    Ok(Created::new(&path, etag(made.revision), made.into()))
}

async fn show(
    State(plans): State<TrackingPlans>,
    Path(place): Path<PlannedPlace>,
) -> Result<Shown<PlannedActivity>, Problem> {
    let kept = plans.one(&place.project, &place.activity).await.map_err(problem)?;
    Ok(Shown(etag(kept.revision), kept.into()))
}

async fn replace(
    State(plans): State<TrackingPlans>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<PlannedPlace>,
    if_match: IfMatch,
    JsonBody(wanted): JsonBody<WantedPlannedActivity>,
) -> Result<Shown<PlannedActivity>, Problem> {
    let before = plans.one(&place.project, &place.activity).await.map_err(problem)?;
    if_match.check(etag(before.revision))?;
    let wanted: Wanted = wanted.into();
    if wanted.schema != before.schema || wanted.on_violation != before.on_violation {
        may_run(&plans, &member, &whence, &place.project).await?;
    }
    let change = Change { member: &member, origin: &whence.0, project: &place.project };
    let kept = plans.replace(&change, before, wanted).await.map_err(problem)?;
    Ok(Shown(etag(kept.revision), kept.into()))
}

async fn remove(
    State(plans): State<TrackingPlans>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<PlannedPlace>,
    if_match: IfMatch,
) -> Result<Done, Problem> {
    let before = plans.one(&place.project, &place.activity).await.map_err(problem)?;
    if_match.check(etag(before.revision))?;
    let change = Change { member: &member, origin: &origin, project: &place.project };
    plans.remove(&change, before).await.map_err(problem)?;
    Ok(Done)
}

async fn history(
    State(plans): State<TrackingPlans>,
    Path(place): Path<PlannedPlace>,
    paging: Paging<Unfiltered, i64>,
) -> Result<Page<PlanRevision>, Problem> {
    let before = paging.after.unwrap_or(i64::MAX);
    let limit = paging.limit as i64 + 1;
    let database = plans.access().database();
    let revised = storage::history(database, &place.project, &place.activity, before, limit).await;
    Ok(Page::of(revised.map_err(problem)?, &paging, |revised| revised.revision, PlanRevision::from))
}

async fn forget(
    State(plans): State<TrackingPlans>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<PlannedPlace>,
) -> Result<Done, Problem> {
    let change = Change { member: &member, origin: &origin, project: &place.project };
    plans.forget(&change, &place.activity).await.map_err(problem)?;
    Ok(Done)
}

async fn found(
    State(plans): State<TrackingPlans>,
    Path(place): Path<PlanPlace>,
    paging: Paging<OfActivity, (String, String, String, String)>,
) -> Result<Page<PlanViolation>, Problem> {
    let (after, limit) = (paging.after.clone().unwrap_or_default(), paging.limit as i64 + 1);
    let activity = paging.filter.activity.as_deref();
    let found = storage::violations(plans.access().database(), &place.project, activity, &after, limit).await;
    let position =
        |found: &storage::Found| (found.activity.clone(), found.kind.clone(), found.path.clone(), found.fate.clone());
    Ok(Page::of(found.map_err(problem)?, &paging, position, PlanViolation::from))
}

/// What is checked and refused concerns what the project keeps: more than describing it.
async fn may_run(plans: &TrackingPlans, member: &Member, whence: &Whence, project: &str) -> Result<(), Problem> {
    if matches!(member.caller.subject.who, Who::Operator) {
        return Ok(());
    }
    let organisation = plans.access().organisation_of(project).unwrap_or_default();
    let scope = Scope::Project { organisation: &organisation, project };
    let seen = plans.access().authorise(&member.caller, Permission::JobsWrite, scope, &whence.0).await;
    seen.map(drop).map_err(footfall_api_app::problem)
}
