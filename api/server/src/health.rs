//! `/healthz`: the process answers. `/readyz`: it can do its work, or why not.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use footfall_api_app::May;
use footfall_api_http::{Answer, Kind, Operation, Problem, Routes, Told, get, public};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::Probes;

static NOT_READY: Kind = Kind::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "It cannot do its work yet.");

/// One thing that has to be so before the program is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// `log`, `jobs`, `store` …
    pub name: &'static str,
    pub ok: bool,
    /// Why not, or how far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How far answers are behind what was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Lag {
    /// Records of the log that no answer shows yet.
    pub records_behind: u64,
    /// For how long the oldest of them has been waiting, to within the two seconds between looks; 0 when there is none.
    pub seconds_behind: f64,
}

/// Knows whether the parts of the program can do their work. Answers at once, without I/O.
pub trait Health: Send + Sync + 'static {
    /// Every check, whether it holds or not.
    fn checks(&self) -> Vec<Check>;

    /// How far answers are behind; `None` in a process that gives none.
    fn lag(&self) -> Option<Lag> {
        None
    }
}

#[derive(Serialize, JsonSchema)]
struct Readiness {
    ready: bool,
    checks: Vec<Check>,
}

pub(crate) fn routes() -> Routes<Probes, May> {
    Routes::new(
        "health",
        "Whether the program is alive and can do its work.",
        [
            get("/healthz", public("Says nothing but that it runs."), alive, "200 while the process answers."),
            get(
                "/readyz",
                public("Load balancers ask it."),
                ready,
                "200 when it can do its work, else 503 with the reasons.",
            )
            .raises([&NOT_READY]),
        ],
    )
}

/// `ok`.
struct Alive;

impl IntoResponse for Alive {
    fn into_response(self) -> Response {
        ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], "ok\n").into_response()
    }
}

impl Answer for Alive {
    fn describe(operation: &mut Operation<'_>) {
        operation.replies(StatusCode::OK, "It runs.", &[], vec![("text/plain", json!({"type": "string"}))]);
    }
}

async fn alive() -> Result<Alive, Problem> {
    Ok(Alive)
}

async fn ready(State(probes): State<Probes>) -> Result<Told<Readiness>, Problem> {
    let checks = probes.health.checks();
    if checks.iter().all(|check| check.ok) {
        return Ok(Told(Readiness { ready: true, checks }));
    }
    Err(not_ready(&checks))
}

/// What `/readyz` answers while something does not hold.
pub fn not_ready(checks: &[Check]) -> Problem {
    Problem::new(&NOT_READY).member("ready", false).member("checks", json!(checks))
}
