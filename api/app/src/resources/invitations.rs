//! Invitations that are still open.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{OpenInvitation, Permission};
use footfall_api_http::{Done, Page, Paging, Path, Problem, Routes, Time, Unfiltered, delete, get};
use schemars::JsonSchema;
use serde::Serialize;

use super::places::{InOrganisation, InvitationPlace};
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ACTS, ALWAYS, problem};

/// An invitation that nobody has accepted yet.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpenInvitation")]
struct Invitation {
    id: String,
    email: String,
    /// One project; `null` for the organisation and all its projects.
    project_id: Option<String>,
    /// A built-in role's name or a custom role's id.
    role: String,
    created_at: Time,
    expires_at: Time,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let all = "/v1/organisations/{organisation}/invitations";
    let one = "/v1/organisations/{organisation}/invitations/{invitation}";
    Routes::new(
        "invitations",
        "Who was invited and has not come yet.",
        [
            get(all, May(Permission::MembersRead), list, "Those that may still be accepted.").raises(ALWAYS),
            delete(one, May(Permission::MembersWrite), withdraw, "Takes one back; its link is worthless.")
                .step_up()
                .raises(ACTS),
        ],
    )
}

async fn list(
    State(gate): State<Gate>,
    Path(place): Path<InOrganisation>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<Invitation>, Problem> {
    let open = gate.access.invitations(&place.organisation).await.map_err(problem)?;
    Ok(listing::page(
        open,
        &paging,
        |one| one.id.clone(),
        |one: OpenInvitation| Invitation {
            id: one.id,
            email: one.email,
            project_id: one.project,
            role: one.role,
            created_at: one.created_at.into(),
            expires_at: one.expires_at.into(),
        },
    ))
}

async fn withdraw(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InvitationPlace>,
) -> Result<Done, Problem> {
    let InvitationPlace { organisation, invitation } = place;
    let done = gate.access.withdraw_invitation(&member.caller, &organisation, &invitation, &origin).await;
    done.map(|()| Done).map_err(problem)
}
