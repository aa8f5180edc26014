//! Alerts of the watch: listed and acknowledged.

use std::cmp::Reverse;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Alert as Kept, Permission};
use footfall_api_http::{Done, Page, Paging, Path, Problem, Routes, Subject, Time, Unfiltered, get, post};
use schemars::JsonSchema;
use serde::Serialize;

use super::places::{AlertPlace, InOrganisation};
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ALWAYS, NOT_FOUND, problem};

/// Something in the audit that somebody has to see.
#[derive(Serialize, JsonSchema)]
struct Alert {
    id: String,
    /// As `token_reuse`.
    kind: String,
    /// The address or account that it is about.
    subject: String,
    detail: String,
    /// The first and last of the audit's records that it was found in.
    first_sequence: i64,
    last_sequence: i64,
    created_at: Time,
    acknowledged_at: Option<Time>,
    acknowledged_by: Option<String>,
}

/// Older ones are not listed.
const ALERTS_MAX: i64 = 1_000;

pub(crate) fn routes() -> Routes<Gate, May> {
    let acknowledge_of = "/v1/organisations/{organisation}/alerts/{alert}/acknowledgement";
    Routes::new(
        "alerts",
        "What the watch has found.",
        [
            get("/v1/organisations/{organisation}/alerts", May(Permission::AlertsRead), list, "The newest first.")
                .raises(ALWAYS),
            post(acknowledge_of, May(Permission::AlertsWrite), acknowledge, "Marks an alert as seen.")
                .raises([&NOT_FOUND].into_iter().chain(ALWAYS)),
        ],
    )
}

async fn list(
    State(gate): State<Gate>,
    Path(place): Path<InOrganisation>,
    paging: Paging<Unfiltered, (Reverse<i64>, Reverse<String>)>,
) -> Result<Page<Alert>, Problem> {
    let alerts = gate.access.alerts(&place.organisation, ALERTS_MAX).await.map_err(problem)?;
    let position = |alert: &Kept| (Reverse(alert.created_at.millis()), Reverse(alert.id.clone()));
    Ok(listing::page(alerts, &paging, position, |alert| Alert {
        id: alert.id,
        kind: alert.kind,
        subject: alert.subject,
        detail: alert.detail,
        first_sequence: alert.first_sequence,
        last_sequence: alert.last_sequence,
        created_at: alert.created_at.into(),
        acknowledged_at: alert.acknowledged_at.map(Time::from),
        acknowledged_by: alert.acknowledged_by,
    }))
}

async fn acknowledge(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<AlertPlace>,
) -> Result<Done, Problem> {
    let (by, actor) = (member.account(), member.caller.actor.clone());
    let seen = gate.access.acknowledge_alert(&place.organisation, &place.alert, by, actor, &origin).await;
    seen.map(|()| Done).map_err(problem)
}
