//! `/healthz`: the process answers. `/readyz`: it can do its work, or why not.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::Api;

/// One thing that has to be so before the program is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `log`, `jobs`, `store` …
    pub name: &'static str,
    pub ok: bool,
    /// Why not, or how far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Knows whether the parts of the program can do their work. Answers at once, without I/O.
pub trait Health: Send + Sync + 'static {
    /// Every check, whether it holds or not.
    fn checks(&self) -> Vec<Check>;
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    checks: Vec<Check>,
}

pub(crate) async fn alive() -> Response {
    uncached((StatusCode::OK, "ok\n").into_response())
}

pub(crate) async fn ready(State(api): State<Api>) -> Response {
    let checks = api.health.checks();
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, Json(Readiness { ready, checks })).into_response();
    if !ready {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    uncached(response)
}

fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
