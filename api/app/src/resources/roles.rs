//! Roles of an organisation: the built-in ones, and custom ones as sets of permissions with the rows and properties they see.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{BuiltInRole, Permission, Role as Kept, RoleContent};
use footfall_api_http::{
    Created, Done, IfMatch, JsonBody, Page, Paging, Path, Problem, Routes, Shown, Unfiltered, delete, get, post, put,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::organisations::{meant, revision};
use super::places::{InOrganisation, RolePlace};
use super::row_filter::RowFilter;
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::{May, PermissionName};
use crate::problem::{ACTS, ALWAYS, NOT_FOUND, problem};
use crate::text::ONE_LINE;

/// A role.
#[derive(Serialize, JsonSchema)]
struct Role {
    /// Of a built-in role its name.
    id: String,
    name: String,
    /// Always there, and never changed.
    is_built_in: bool,
    permissions: Vec<PermissionName>,
    rows: RowFilter,
    /// Columns and properties that it sees as missing.
    masks: Vec<String>,
}

/// A custom role as it is wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RoleDraft {
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
    #[schemars(length(max = 64))]
    permissions: Vec<PermissionName>,
    rows: RowFilter,
    #[schemars(length(max = 200), inner(length(min = 1, max = 200)))]
    masks: Vec<String>,
}

impl RoleDraft {
    fn content(self) -> (String, RoleContent) {
        let permissions = PermissionName::set(&self.permissions);
        (self.name, RoleContent { permissions, rows: self.rows.into(), masks: self.masks.iter().collect() })
    }
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let (all, one) = ("/v1/organisations/{organisation}/roles", "/v1/organisations/{organisation}/roles/{role}");
    let (read, write) = (|| May(Permission::OrganisationRead), || May(Permission::RolesWrite));
    Routes::new(
        "roles",
        "What members may do and see.",
        [
            get(all, read(), list, "Built-in and custom roles.").raises(ALWAYS),
            post(all, write(), create, "Makes a custom role of what one holds.").idempotent().step_up().raises(ACTS),
            get(one, read(), show, "One role.").raises([&NOT_FOUND]).raises(ALWAYS),
            put(one, write(), replace, "Replaces a custom role; in force for its holders within a second.")
                .step_up()
                .raises(ACTS),
            delete(one, write(), remove, "Removes a custom role that nobody holds.").step_up().raises(ACTS),
        ],
    )
}

fn shown(role: Kept, is_built_in: bool) -> Role {
    Role {
        id: role.id,
        name: role.name,
        is_built_in,
        permissions: PermissionName::list(role.content.permissions),
        rows: role.content.rows.into(),
        masks: role.content.masks.iter().map(str::to_owned).collect(),
    }
}

fn built_in(role: BuiltInRole) -> Kept {
    Kept { id: role.name().to_owned(), name: role.name().to_owned(), content: role.into(), version: 0 }
}

async fn list(
    State(gate): State<Gate>,
    Path(place): Path<InOrganisation>,
    paging: Paging<Unfiltered, (bool, String)>,
) -> Result<Page<Role>, Problem> {
    let custom = gate.access.roles(&place.organisation).await.map_err(problem)?;
    let roles = BuiltInRole::ALL.iter().map(|role| (false, built_in(*role)));
    let roles = roles.chain(custom.into_iter().map(|role| (true, role))).collect();
    let position = |(is_custom, role): &(bool, Kept)| (*is_custom, role.id.clone());
    Ok(listing::page(roles, &paging, position, |(is_custom, role)| shown(role, !is_custom)))
}

async fn custom(gate: &Gate, place: &RolePlace) -> Result<Kept, Problem> {
    gate.access.role(&place.organisation, &place.role).await.map_err(problem)
}

async fn create(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InOrganisation>,
    JsonBody(body): JsonBody<RoleDraft>,
) -> Result<Created<Role>, Problem> {
    let (name, content) = body.content();
    let made = gate.access.create_role(&member.caller, &place.organisation, &name, &content, &origin).await;
    let place = RolePlace { organisation: place.organisation, role: made.map_err(problem)? };
    let role = custom(&gate, &place).await?;
    let path = ["v1", "organisations", &place.organisation, "roles", &place.role];
    Ok(Created::new(&path, revision(role.version), shown(role, false)))
}

async fn show(State(gate): State<Gate>, Path(place): Path<RolePlace>) -> Result<Shown<Role>, Problem> {
    if let Some(role) = BuiltInRole::named(&place.role) {
        return Ok(Shown(revision(0), shown(built_in(role), true)));
    }
    let role = custom(&gate, &place).await?;
    Ok(Shown(revision(role.version), shown(role, false)))
}

async fn replace(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<RolePlace>,
    if_match: IfMatch,
    JsonBody(body): JsonBody<RoleDraft>,
) -> Result<Shown<Role>, Problem> {
    let now = custom(&gate, &place).await?;
    if_match.check(revision(now.version))?;
    let (name, content) = body.content();
    let wanted = Kept { name, content, ..now };
    gate.access.change_role(&member.caller, &place.organisation, &wanted, &origin).await.map_err(problem)?;
    let role = custom(&gate, &place).await?;
    Ok(Shown(revision(role.version), shown(role, false)))
}

async fn remove(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<RolePlace>,
    if_match: IfMatch,
) -> Result<Done, Problem> {
    let version = custom(&gate, &place).await?.version;
    if_match.check(revision(version))?;
    let version = meant(&if_match, version);
    let removed = gate.access.delete_role(&member.caller, &place.organisation, &place.role, version, &origin).await;
    removed.map(|()| Done).map_err(problem)
}
