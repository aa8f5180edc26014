//! Organisations.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Organisation as Kept, Permission};
use footfall_api_http::{
    Created, IfMatch, JsonBody, Page, Paging, Patch, Path, Problem, Replace, Revision, Routes, Shown, Time, Unfiltered,
    get, patch, post, signed_in,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::places::InOrganisation;
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ACTS, ALWAYS, NOT_FOUND, PERMISSION_MISSING, problem};
use crate::text::ONE_LINE;

/// An organisation.
#[derive(Serialize, JsonSchema)]
struct Organisation {
    id: String,
    name: String,
    /// Its members have to give a second factor.
    factor_required: bool,
    created_at: Time,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewOrganisation {
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrganisationPatch {
    #[serde(default)]
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: Replace<String>,
    #[serde(default)]
    factor_required: Replace<bool>,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let new = May(Permission::AccountManage);
    let path = "/v1/organisations/{organisation}";
    Routes::new(
        "organisations",
        "Organisations own projects and have members.",
        [
            get(
                "/v1/organisations",
                signed_in("It lists what the caller holds."),
                list,
                "Those that the caller belongs to.",
            )
            .raises(ALWAYS),
            post("/v1/organisations", new, create, "Makes an organisation of one's own, where sign-up is open.")
                .idempotent()
                .cost(20)
                .raises([&PERMISSION_MISSING].into_iter().chain(ACTS)),
            get(path, May(Permission::OrganisationRead), show, "One organisation.").raises([&NOT_FOUND]).raises(ALWAYS),
            patch(path, May(Permission::OrganisationWrite), change, "Changes an organisation.").raises(ACTS),
        ],
    )
}

async fn list(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<Organisation>, Problem> {
    let mut ids: Vec<&str> = member.caller.subject.grants.iter().map(|grant| &*grant.organisation).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut organisations = Vec::with_capacity(ids.len());
    for id in ids {
        organisations.push(gate.access.organisation(id).await.map_err(problem)?);
    }
    Ok(listing::page(organisations, &paging, |organisation| organisation.id.clone(), shown))
}

fn shown(kept: Kept) -> Organisation {
    let Kept { id, name, factor_required, created_at, .. } = kept;
    Organisation { id, name, factor_required, created_at: created_at.into() }
}

/// Versions begin at 1 and grow.
pub(super) fn revision(version: i64) -> Revision {
    Revision(u64::try_from(version).unwrap_or_default())
}

/// The version that is meant to be removed; `None` where it may be any.
pub(super) fn meant(if_match: &IfMatch, version: i64) -> Option<i64> {
    matches!(if_match, IfMatch::Revisions(_)).then_some(version)
}

async fn create(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<NewOrganisation>,
) -> Result<Created<Organisation>, Problem> {
    let account = member.session()?.0;
    let made = gate.access.create_organisation(&member.caller, account, &body.name, &origin).await.map_err(problem)?;
    Ok(Created::new(&["v1", "organisations", &made.id.clone()], revision(made.version), shown(made)))
}

async fn show(State(gate): State<Gate>, Path(place): Path<InOrganisation>) -> Result<Shown<Organisation>, Problem> {
    let organisation = gate.access.organisation(&place.organisation).await.map_err(problem)?;
    Ok(Shown(revision(organisation.version), shown(organisation)))
}

async fn change(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InOrganisation>,
    if_match: IfMatch,
    Patch(body): Patch<OrganisationPatch>,
) -> Result<Shown<Organisation>, Problem> {
    let mut now = gate.access.organisation(&place.organisation).await.map_err(problem)?;
    if_match.check(revision(now.version))?;
    body.name.apply(&mut now.name);
    body.factor_required.apply(&mut now.factor_required);
    let Kept { id, name, factor_required, version, .. } = &now;
    let changed = gate.access.change_organisation(&member.caller, id, name, *factor_required, *version, &origin).await;
    let changed = changed.map_err(problem)?;
    Ok(Shown(revision(changed.version), shown(changed)))
}
