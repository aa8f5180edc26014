//! Members of an organisation and of its projects, and invitations.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Email, Member as Kept, NewAccount, Permission, Place};
use footfall_api_http::{
    Client, Done, JsonBody, Page, Paging, Path, Problem, Query, Routes, Time, Unfiltered, delete, get, kinds, post,
    public, put, signed_in,
};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::places::{InOrganisation, MemberPlace};
use crate::authority::Member as Caller;
use crate::browser::{Answered, Mode, SessionGrant};
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ACTS, ALWAYS, INVALID, LINK_REFUSED, NOT_FOUND, problem};
use crate::text::{EMAIL, ONE_LINE};

/// A member.
#[derive(Serialize, JsonSchema)]
struct Member {
    account_id: String,
    email: String,
    name: String,
    /// One project; `null` for the organisation and all its projects.
    project_id: Option<String>,
    /// A built-in role's name or a custom role's id.
    role: String,
    has_factor: bool,
    created_at: Time,
}

/// Which membership of an account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The one in this project; without it, the one in the organisation.
    #[schemars(length(min = 1, max = 64))]
    project: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HeldRole {
    /// A built-in role's name or a custom role's id.
    #[schemars(length(min = 1, max = 64))]
    role: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Invitation {
    #[schemars(length(min = 3, max = 254), regex(pattern = EMAIL))]
    email: String,
    #[schemars(length(min = 1, max = 64))]
    role: String,
    /// One project; without it, the organisation and all its projects.
    #[schemars(length(min = 1, max = 64))]
    project: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    /// What stands behind the `#` of the link.
    #[schemars(length(min = 1, max = 200))]
    secret: String,
    /// For an address without an account: the name of the new one …
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: Option<String>,
    /// … and its password.
    #[schemars(length(min = 1, max = 1000))]
    password: Option<String>,
    mode: Option<Mode>,
}

/// What became of an invitation.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Accepted {
    /// The account that there was is a member now; the link is no sign-in.
    Joined,
    SignedIn {
        session: SessionGrant,
    },
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let of = "/v1/organisations/{organisation}/members/{account}";
    let write = || May(Permission::MembersWrite);
    let leave = signed_in("One may always leave.");
    let link = public("The link's secret is the credential.");
    Routes::new(
        "members",
        "Who belongs to an organisation, and with which role.",
        [
            get("/v1/organisations/{organisation}/members", May(Permission::MembersRead), list, "Members by account.")
                .raises(ALWAYS),
            put(of, write(), set_role, "Gives a member another role.").step_up().raises(ACTS),
            delete(of, write(), remove, "Removes a member.").step_up().raises(ACTS),
            delete("/v1/organisations/{organisation}/membership", leave, leave_it, "Leaves an organisation.")
                .raises(ACTS),
            post("/v1/organisations/{organisation}/invitations", write(), invite, "Invites an address by e-mail.")
                .step_up()
                .cost(20)
                .raises([&kinds::RATE_LIMITED, &kinds::UNAVAILABLE].into_iter().chain(ACTS)),
            post("/v1/invitations/acceptance", link, accept, "Accepts an invitation.")
                .cost(20)
                .raises([&LINK_REFUSED, &INVALID, &NOT_FOUND, &kinds::CSRF_REFUSED].into_iter().chain(ALWAYS)),
        ],
    )
}

async fn list(
    State(gate): State<Gate>,
    Path(place): Path<InOrganisation>,
    paging: Paging<Unfiltered, (String, String)>,
) -> Result<Page<Member>, Problem> {
    let members = gate.access.members(&place.organisation).await.map_err(problem)?;
    let position = |member: &Kept| (member.account.clone(), member.project.clone().unwrap_or_default());
    Ok(listing::page(members, &paging, position, |member| Member {
        account_id: member.account,
        email: member.email,
        name: member.name,
        project_id: member.project,
        role: member.role,
        has_factor: member.has_factor,
        created_at: member.created_at.into(),
    }))
}

async fn set_role(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Whence(origin): Whence,
    Path(of): Path<MemberPlace>,
    Query(which): Query<Which>,
    JsonBody(body): JsonBody<HeldRole>,
) -> Result<Done, Problem> {
    let place = Place { organisation: &of.organisation, project: which.project.as_deref() };
    let set = gate.access.set_member_role(&caller.caller, place, &of.account, &body.role, &origin).await;
    set.map(|()| Done).map_err(problem)
}

async fn remove(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Whence(origin): Whence,
    Path(of): Path<MemberPlace>,
    Query(which): Query<Which>,
) -> Result<Done, Problem> {
    let place = Place { organisation: &of.organisation, project: which.project.as_deref() };
    gate.access.remove_member(&caller.caller, place, &of.account, &origin).await.map(|()| Done).map_err(problem)
}

async fn leave_it(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Whence(origin): Whence,
    Path(of): Path<InOrganisation>,
    Query(which): Query<Which>,
) -> Result<Done, Problem> {
    let place = Place { organisation: &of.organisation, project: which.project.as_deref() };
    let account = caller.session()?.0;
    gate.access.remove_member(&caller.caller, place, account, &origin).await.map(|()| Done).map_err(problem)
}

async fn invite(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Whence(origin): Whence,
    Path(of): Path<InOrganisation>,
    JsonBody(body): JsonBody<Invitation>,
) -> Result<Done, Problem> {
    let place = Place { organisation: &of.organisation, project: body.project.as_deref() };
    gate.guessing.invite(&Email::parse(&body.email).map_err(problem)?.folded).await?;
    gate.access.invite(&caller.caller, place, &body.email, &body.role, &origin).await.map(|()| Done).map_err(problem)
}

async fn accept(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Acceptance>,
) -> Result<Answered<Accepted>, Problem> {
    gate.browsers.check_page(body.mode, &headers)?;
    let new = body.name.zip(body.password).map(|(name, password)| NewAccount { name, password });
    match gate.access.accept_invitation(&body.secret, new.as_ref(), &origin).await.map_err(problem)? {
        Some(tokens) => Ok(gate.begin(tokens, body.mode, &client).await?.map(|session| Accepted::SignedIn { session })),
        None => Ok(Answered::plain(Accepted::Joined)),
    }
}
