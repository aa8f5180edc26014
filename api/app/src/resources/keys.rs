//! Keys of projects and organisations: made, rotated with an overlap, revoked. The text of a key is shown once.

use std::cmp::Reverse;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Key as Kept, KeyKind as Kind, NewKey as Wanted, Permission, Scope};
use footfall_api_http::{
    Done, JsonBody, Page, Paging, Path, Problem, Routes, Time, Told, Unfiltered, delete, get, post,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::places::{InOrganisation, InProject, OrganisationKeyPlace, ProjectKeyPlace};
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::{May, PermissionName};
use crate::problem::{ACTS, ALWAYS, not_found, problem};
use crate::text::ONE_LINE;

/// What a key is for.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum KeyKind {
    Write,
    Read,
    Client,
    Personal,
    Service,
}

/// What a key of a project may be for.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ProjectKeyKind {
    /// Sends activity; it may be public.
    Write,
    /// Reads.
    Read,
    /// Evaluates flags in an app; it may be public.
    Client,
    /// A program, with scopes.
    Service,
}

/// A key.
#[derive(Serialize, JsonSchema)]
pub(super) struct Key {
    id: String,
    kind: KeyKind,
    /// `null` for the whole organisation, and for personal tokens.
    project_id: Option<String>,
    name: String,
    /// Its last four characters.
    hint: String,
    scopes: Vec<PermissionName>,
    created_at: Time,
    /// An account or key; `keys.json` for imported ones.
    created_by: String,
    expires_at: Option<Time>,
    revoked_at: Option<Time>,
    last_used_at: Option<Time>,
    /// The key that this one took over from.
    replaces: Option<String>,
}

/// A key's text, shown this once.
#[derive(Serialize, JsonSchema)]
pub(super) struct NewKey {
    pub(super) id: String,
    pub(super) key: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProjectKeyDraft {
    kind: ProjectKeyKind,
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
    /// Of a service key.
    #[schemars(length(max = 64))]
    scopes: Option<Vec<PermissionName>>,
    expires_at: Option<Time>,
}

/// A service key of an organisation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScopedKeyDraft {
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
    #[schemars(length(min = 1, max = 64))]
    scopes: Vec<PermissionName>,
    expires_at: Option<Time>,
}

impl ScopedKeyDraft {
    fn wanted(self, kind: Kind) -> Wanted {
        let expires_at = self.expires_at.map(Into::into);
        Wanted { kind, name: self.name, scopes: PermissionName::set(&self.scopes), expires_at }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// How long the old key stays good, in seconds; at most 90 days.
    #[schemars(range(min = 0, max = 7_776_000))]
    overlap_seconds: u32,
}

impl Rotation {
    pub(super) fn overlap_millis(&self) -> i64 {
        i64::from(self.overlap_seconds) * 1000
    }
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let (read, write) = (|| May(Permission::KeysRead), || May(Permission::KeysWrite));
    let (project, organisation) = ("/v1/projects/{project}/keys", "/v1/organisations/{organisation}/keys");
    let project_key = "/v1/projects/{project}/keys/{key}";
    let organisation_key = "/v1/organisations/{organisation}/keys/{key}";
    let project_rotation = "/v1/projects/{project}/keys/{key}/rotation";
    let rotation = "/v1/organisations/{organisation}/keys/{key}/rotation";
    let about = "A successor with the same rights; the old key stays good for a while.";
    Routes::new(
        "keys",
        "Keys of programs.",
        [
            get(project, read(), list_of_project, "Keys of a project, the newest first.").raises(ALWAYS),
            post(project, write(), create_in_project, "Makes a key; its text is shown once.").step_up().raises(ACTS),
            post(project_rotation, write(), rotate_in_project, about).step_up().raises(ACTS),
            delete(project_key, write(), revoke_in_project, "Revokes a key.").step_up().raises(ACTS),
            get(organisation, read(), list, "Keys of an organisation and its projects.").raises(ALWAYS),
            post(organisation, write(), create, "Makes a service key; its text is shown once.").step_up().raises(ACTS),
            post(rotation, write(), rotate, about).step_up().raises(ACTS),
            delete(organisation_key, write(), revoke, "Revokes a key.").step_up().raises(ACTS),
        ],
    )
}

pub(super) type Position = (Reverse<i64>, String);

pub(super) fn position(key: &Kept) -> Position {
    (Reverse(key.created_at.millis()), key.id.clone())
}

pub(super) fn shown(key: Kept) -> Key {
    let kind = match key.kind {
        Kind::Write => KeyKind::Write,
        Kind::Read => KeyKind::Read,
        Kind::Client => KeyKind::Client,
        Kind::Personal => KeyKind::Personal,
        Kind::Service => KeyKind::Service,
    };
    Key {
        id: key.id,
        kind,
        project_id: Some(key.project).filter(|project| !project.is_empty()),
        name: key.name,
        hint: key.hint,
        scopes: PermissionName::list(key.kind.permissions().unwrap_or(key.scopes)),
        created_at: key.created_at.into(),
        created_by: key.created_by,
        expires_at: key.expires_at.map(Time::from),
        revoked_at: key.revoked_at.map(Time::from),
        last_used_at: key.last_used_at.map(Time::from),
        replaces: key.replaces,
    }
}

/// The keys of a project, and its organisation.
async fn keys_of(gate: &Gate, project: &str) -> Result<(Vec<Kept>, String), Problem> {
    let organisation = gate.access.organisation_of(project).ok_or_else(not_found)?;
    let mut keys = gate.access.organisation_keys(&organisation).await.map_err(problem)?;
    keys.retain(|key| key.project == project);
    Ok((keys, organisation.to_string()))
}

async fn check_in_project(gate: &Gate, place: &ProjectKeyPlace) -> Result<(), Problem> {
    let (keys, _) = keys_of(gate, &place.project).await?;
    keys.iter().any(|key| key.id == place.key).then_some(()).ok_or_else(not_found)
}

async fn check(gate: &Gate, place: &OrganisationKeyPlace) -> Result<(), Problem> {
    let keys = gate.access.organisation_keys(&place.organisation).await.map_err(problem)?;
    keys.iter().any(|key| key.id == place.key).then_some(()).ok_or_else(not_found)
}

async fn list_of_project(
    State(gate): State<Gate>,
    Path(place): Path<InProject>,
    paging: Paging<Unfiltered, Position>,
) -> Result<Page<Key>, Problem> {
    Ok(listing::page(keys_of(&gate, &place.project).await?.0, &paging, position, shown))
}

async fn list(
    State(gate): State<Gate>,
    Path(place): Path<InOrganisation>,
    paging: Paging<Unfiltered, Position>,
) -> Result<Page<Key>, Problem> {
    let keys = gate.access.organisation_keys(&place.organisation).await.map_err(problem)?;
    Ok(listing::page(keys, &paging, position, shown))
}

async fn create_in_project(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InProject>,
    JsonBody(body): JsonBody<ProjectKeyDraft>,
) -> Result<Told<NewKey>, Problem> {
    let kind = match body.kind {
        ProjectKeyKind::Write => Kind::Write,
        ProjectKeyKind::Read => Kind::Read,
        ProjectKeyKind::Client => Kind::Client,
        ProjectKeyKind::Service => Kind::Service,
    };
    let scopes = body.scopes.unwrap_or_default();
    let wanted = ScopedKeyDraft { name: body.name, scopes, expires_at: body.expires_at }.wanted(kind);
    let organisation = gate.access.organisation_of(&place.project).ok_or_else(not_found)?;
    let scope = Scope::Project { organisation: &organisation, project: &place.project };
    let (id, key) = gate.access.create_key(&member.caller, scope, &wanted, &origin).await.map_err(problem)?;
    Ok(Told(NewKey { id, key }))
}

async fn create(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InOrganisation>,
    JsonBody(body): JsonBody<ScopedKeyDraft>,
) -> Result<Told<NewKey>, Problem> {
    let (wanted, scope) = (body.wanted(Kind::Service), Scope::Organisation(&place.organisation));
    let (id, key) = gate.access.create_key(&member.caller, scope, &wanted, &origin).await.map_err(problem)?;
    Ok(Told(NewKey { id, key }))
}

async fn rotate_in_project(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<ProjectKeyPlace>,
    JsonBody(body): JsonBody<Rotation>,
) -> Result<Told<NewKey>, Problem> {
    check_in_project(&gate, &place).await?;
    let rotated = gate.access.rotate_key(&member.caller, &place.key, body.overlap_millis(), &origin).await;
    rotated.map(|(id, key)| Told(NewKey { id, key })).map_err(problem)
}

async fn rotate(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<OrganisationKeyPlace>,
    JsonBody(body): JsonBody<Rotation>,
) -> Result<Told<NewKey>, Problem> {
    check(&gate, &place).await?;
    let rotated = gate.access.rotate_key(&member.caller, &place.key, body.overlap_millis(), &origin).await;
    rotated.map(|(id, key)| Told(NewKey { id, key })).map_err(problem)
}

async fn revoke_in_project(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<ProjectKeyPlace>,
) -> Result<Done, Problem> {
    check_in_project(&gate, &place).await?;
    gate.access.revoke_key(&member.caller, &place.key, &origin).await.map(|()| Done).map_err(problem)
}

async fn revoke(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<OrganisationKeyPlace>,
) -> Result<Done, Problem> {
    check(&gate, &place).await?;
    gate.access.revoke_key(&member.caller, &place.key, &origin).await.map(|()| Done).map_err(problem)
}
