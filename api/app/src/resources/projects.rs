//! Projects of an organisation.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Permission, Project as Kept};
use footfall_api_http::{
    Created, IfMatch, JsonBody, Page, Paging, Patch, Path, Problem, Replace, Routes, Shown, Time, Unfiltered, get,
    patch, post,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::organisations::revision;
use super::places::{InOrganisation, InProject};
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ACTS, ALWAYS, NOT_FOUND, not_found, problem};
use crate::text::{ONE_LINE, PROJECT_ID};

/// A project. Its id is its name in tables, keys and addresses.
#[derive(Serialize, JsonSchema)]
struct Project {
    id: String,
    organisation_id: String,
    name: String,
    created_at: Time,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewProject {
    /// Letters, digits, dots, dashes and underscores; unique in the installation.
    #[schemars(length(min = 1, max = 64), regex(pattern = PROJECT_ID))]
    id: String,
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProjectPatch {
    #[serde(default)]
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: Replace<String>,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let path = "/v1/organisations/{organisation}/projects";
    Routes::new(
        "projects",
        "Projects hold activity, and what is made of it.",
        [
            get(path, May(Permission::ProjectsRead), list, "The projects of an organisation.").raises(ALWAYS),
            post(path, May(Permission::ProjectsWrite), create, "Makes a project.").idempotent().raises(ACTS),
            get("/v1/projects/{project}", May(Permission::ProjectsRead), show, "One project.")
                .raises([&NOT_FOUND])
                .raises(ALWAYS),
            patch("/v1/projects/{project}", May(Permission::ProjectsWrite), change, "Calls a project something else.")
                .raises(ACTS),
        ],
    )
}

fn shown(kept: Kept) -> Project {
    let Kept { id, organisation, name, created_at, .. } = kept;
    Project { id, organisation_id: organisation, name, created_at: created_at.into() }
}

async fn list(
    State(gate): State<Gate>,
    Path(place): Path<InOrganisation>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<Project>, Problem> {
    let projects = gate.access.projects(&place.organisation).await.map_err(problem)?;
    Ok(listing::page(projects, &paging, |project| project.id.clone(), shown))
}

async fn create(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InOrganisation>,
    JsonBody(body): JsonBody<NewProject>,
) -> Result<Created<Project>, Problem> {
    let made = gate.access.create_project(&member.caller, &place.organisation, &body.id, &body.name, &origin).await;
    let made = made.map_err(problem)?;
    Ok(Created::new(&["v1", "projects", &made.id.clone()], revision(made.version), shown(made)))
}

async fn change(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InProject>,
    if_match: IfMatch,
    Patch(body): Patch<ProjectPatch>,
) -> Result<Shown<Project>, Problem> {
    let mut now = one(&gate, &place.project).await?;
    if_match.check(revision(now.version))?;
    body.name.apply(&mut now.name);
    let changed = gate.access.rename_project(&member.caller, &now.id, &now.name, now.version, &origin).await;
    let changed = changed.map_err(problem)?;
    Ok(Shown(revision(changed.version), shown(changed)))
}

async fn one(gate: &Gate, project: &str) -> Result<Kept, Problem> {
    let organisation = gate.access.organisation_of(project).ok_or_else(not_found)?;
    let projects = gate.access.projects(&organisation).await.map_err(problem)?;
    projects.into_iter().find(|one| one.id == project).ok_or_else(not_found)
}

async fn show(State(gate): State<Gate>, Path(place): Path<InProject>) -> Result<Shown<Project>, Problem> {
    let project = one(&gate, &place.project).await?;
    Ok(Shown(revision(project.version), shown(project)))
}
