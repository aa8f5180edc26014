//! `GET /v1/status`: how the program does, part by part, and how far its answers are behind, for the page *Live*.

use axum::Extension;
use axum::extract::State;
use footfall_api_app::{May, Member};
use footfall_api_http::{Problem, Routes, Told, get, signed_in};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Check, Lag, Probes};

#[derive(Serialize, JsonSchema)]
struct ProgramStatus {
    /// Every part can do its work.
    ready: bool,
    checks: Vec<Check>,
    /// None where other processes give the answers.
    lag: Option<Lag>,
}

pub(crate) fn routes() -> Routes<Probes, May> {
    let reason = "The health of the program as /readyz tells it to everybody, and numbers of no project.";
    let about = "How each part of the program does, and how far answers are behind what was taken in.";
    Routes::new("status", "How the program does, in JSON.", [get("/v1/status", signed_in(reason), show, about)])
}

async fn show(State(probes): State<Probes>, Extension(_): Extension<Member>) -> Result<Told<ProgramStatus>, Problem> {
    let checks = probes.health.checks();
    Ok(Told(ProgramStatus { ready: checks.iter().all(|check| check.ok), checks, lag: probes.health.lag() }))
}
