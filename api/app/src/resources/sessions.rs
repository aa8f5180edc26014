//! An account's sessions: seen and ended.

use std::cmp::Reverse;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Permission, Session as Kept};
use footfall_api_http::{Done, Page, Paging, Path, Problem, Query, Routes, Time, Told, Unfiltered, delete, get};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::places::SessionPlace;
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ALWAYS, NOT_FOUND, problem};

/// A session that is in force.
#[derive(Serialize, JsonSchema)]
pub(super) struct Session {
    id: String,
    /// The one that asks.
    is_current: bool,
    device: String,
    address: String,
    place: String,
    created_at: Time,
    last_seen_at: Time,
    expires_at: Time,
    /// When a second factor was given in it.
    factor_at: Option<Time>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// All but the one that asks.
    keep_current: Option<bool>,
}

/// How many sessions were ended.
#[derive(Serialize, JsonSchema)]
pub(super) struct Ended {
    pub(super) ended: u64,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let own = || May(Permission::AccountManage);
    Routes::new(
        "sessions",
        "Where one is signed in.",
        [
            get("/v1/account/sessions", own(), list, "The sessions in force, the one used last first.").raises(ALWAYS),
            delete("/v1/account/sessions/{session}", own(), end, "Ends one session.")
                .raises([&NOT_FOUND])
                .raises(ALWAYS),
            delete("/v1/account/sessions", own(), end_all, "Ends all sessions.").raises(ALWAYS),
        ],
    )
}

pub(super) type Position = (Reverse<i64>, Reverse<String>);

async fn list(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    paging: Paging<Unfiltered, Position>,
) -> Result<Page<Session>, Problem> {
    let (account, current) = member.session()?;
    let sessions = gate.access.sessions(account).await.map_err(problem)?;
    Ok(listing::page(sessions, &paging, position, |session| shown(session, current)))
}

/// The one used last comes first.
pub(super) fn position(session: &Kept) -> Position {
    (Reverse(session.last_seen_at.millis()), Reverse(session.id.clone()))
}

pub(super) fn shown(session: Kept, current: &str) -> Session {
    Session {
        is_current: session.id == current,
        id: session.id,
        device: session.device,
        address: session.address,
        place: session.place,
        created_at: session.created_at.into(),
        last_seen_at: session.last_seen_at.into(),
        expires_at: session.expires_at.into(),
        factor_at: session.factor_at.map(Time::from),
    }
}

async fn end(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<SessionPlace>,
) -> Result<Done, Problem> {
    let (account, actor) = (member.session()?.0, member.caller.actor.clone());
    gate.access.revoke_session(account, &place.session, actor, &origin).await.map(|()| Done).map_err(problem)
}

async fn end_all(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Query(which): Query<Which>,
) -> Result<Told<Ended>, Problem> {
    let (account, session) = member.session()?;
    let keep = which.keep_current.unwrap_or(false).then_some(session);
    let ended = gate.access.revoke_sessions(account, keep, member.caller.actor.clone(), &origin).await;
    ended.map(|ended| Told(Ended { ended: ended as u64 })).map_err(problem)
}
