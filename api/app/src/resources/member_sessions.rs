//! Members' sessions: seen and ended by whoever may take their roles away.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_http::{Done, Page, Paging, Path, Problem, Routes, Told, Unfiltered, delete, get};

use super::places::{MemberPlace, MemberSessionPlace};
use super::sessions::{Ended, Position, Session, position, shown};
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ACTS, problem};

pub(crate) fn routes() -> Routes<Gate, May> {
    let all = "/v1/organisations/{organisation}/members/{account}/sessions";
    let one = "/v1/organisations/{organisation}/members/{account}/sessions/{session}";
    let write = || May(Permission::MembersWrite);
    Routes::new(
        "member sessions",
        "Where members are signed in.",
        [
            get(all, write(), list, "A member's sessions in force, the one used last first.").step_up().raises(ACTS),
            delete(one, write(), end, "Ends one session of a member.").step_up().raises(ACTS),
            delete(all, write(), end_all, "Ends all sessions of a member; of one's own all but the one that asks.")
                .step_up()
                .raises(ACTS),
        ],
    )
}

async fn list(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(of): Path<MemberPlace>,
    paging: Paging<Unfiltered, Position>,
) -> Result<Page<Session>, Problem> {
    let sessions = gate.access.member_sessions(&member.caller, &of.organisation, &of.account, &origin).await;
    let current = member.caller.session().unwrap_or_default();
    Ok(listing::page(sessions.map_err(problem)?, &paging, position, |session| shown(session, current)))
}

async fn end(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(of): Path<MemberSessionPlace>,
) -> Result<Done, Problem> {
    let MemberSessionPlace { organisation, account, session } = &of;
    let ended = gate.access.end_member_session(&member.caller, organisation, account, session, &origin).await;
    ended.map(|()| Done).map_err(problem)
}

async fn end_all(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(of): Path<MemberPlace>,
) -> Result<Told<Ended>, Problem> {
    let ended = gate.access.end_member_sessions(&member.caller, &of.organisation, &of.account, &origin).await;
    ended.map(|ended| Told(Ended { ended: ended as u64 })).map_err(problem)
}
