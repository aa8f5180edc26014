//! Personal tokens: programs that act as one's account, within scopes, and never dangerously.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{KeyKind as Kind, NewKey as Wanted, Permission};
use footfall_api_http::{
    Done, JsonBody, Page, Paging, Path, Problem, Routes, Time, Told, Unfiltered, delete, get, post,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::{Key, NewKey, Position, Rotation, position, shown};
use super::places::TokenPlace;
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::{May, PermissionName, TokenScope};
use crate::problem::{ACTS, ALWAYS, not_found, problem};
use crate::text::ONE_LINE;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenDraft {
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
    #[schemars(length(min = 1, max = 64))]
    scopes: Vec<TokenScope>,
    /// Without it, the token is good until it is revoked.
    expires_at: Option<Time>,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let own = || May(Permission::AccountManage);
    let about = "A successor with the same scopes; the old token stays good for a while.";
    Routes::new(
        "personal tokens",
        "Tokens that act as one's account.",
        [
            get("/v1/account/tokens", own(), list, "One's tokens, the newest first.").raises(ALWAYS),
            post("/v1/account/tokens", own(), create, "Makes a token; its text is shown once.").step_up().raises(ACTS),
            post("/v1/account/tokens/{token}/rotation", own(), rotate, about).step_up().raises(ACTS),
            delete("/v1/account/tokens/{token}", own(), revoke, "Revokes a token.").raises(ACTS),
        ],
    )
}

async fn list(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    paging: Paging<Unfiltered, Position>,
) -> Result<Page<Key>, Problem> {
    let tokens = gate.access.personal_tokens(member.session()?.0).await.map_err(problem)?;
    Ok(listing::page(tokens, &paging, position, shown))
}

async fn check(gate: &Gate, member: &Member, place: &TokenPlace) -> Result<(), Problem> {
    let tokens = gate.access.personal_tokens(member.session()?.0).await.map_err(problem)?;
    tokens.iter().any(|token| token.id == place.token).then_some(()).ok_or_else(not_found)
}

async fn create(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<TokenDraft>,
) -> Result<Told<NewKey>, Problem> {
    let TokenDraft { name, scopes, expires_at } = body;
    let scopes = scopes.into_iter().map(|TokenScope(PermissionName(permission))| permission).collect();
    let wanted = Wanted { kind: Kind::Personal, name, scopes, expires_at: expires_at.map(Into::into) };
    let (id, key) = gate.access.create_personal_token(&member.caller, &wanted, &origin).await.map_err(problem)?;
    Ok(Told(NewKey { id, key }))
}

async fn rotate(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<TokenPlace>,
    JsonBody(body): JsonBody<Rotation>,
) -> Result<Told<NewKey>, Problem> {
    check(&gate, &member, &place).await?;
    let rotated = gate.access.rotate_key(&member.caller, &place.token, body.overlap_millis(), &origin).await;
    rotated.map(|(id, key)| Told(NewKey { id, key })).map_err(problem)
}

async fn revoke(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<TokenPlace>,
) -> Result<Done, Problem> {
    check(&gate, &member, &place).await?;
    gate.access.revoke_key(&member.caller, &place.token, &origin).await.map(|()| Done).map_err(problem)
}
