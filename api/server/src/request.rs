//! Around every request: its id, its tracing span, a line when it is over, and what happens when a handler panics.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use footfall_ingest_activity::Clock;
use http::{HeaderName, HeaderValue};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;
use uuid::{NoContext, Uuid};

use crate::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the layers around `routes`, the outermost last.
pub(crate) fn around(routes: Router, clock: Arc<dyn Clock>) -> Router {
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(finished).on_failure(()))
        .layer(middleware::from_fn_with_state(clock, identify))
}

/// Takes the caller's request id if it is sane, else makes one, and gives it back with the answer.
async fn identify(State(clock): State<Arc<dyn Clock>>, mut request: Request, next: Next) -> Response {
    let id = match request.headers().get(REQUEST_ID).filter(|id| is_sane(id.as_bytes())) {
        Some(id) => id.clone(),
        None => new_id(clock.as_ref()),
    };
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn is_sane(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
}

fn new_id(clock: &dyn Clock) -> HeaderValue {
    let millis = u64::try_from(clock.now().millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, millis / 1000, nanos));
    HeaderValue::from_str(&id.to_string()).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// The path's pattern and not the path itself, and no header but the id: keys must not reach the tracing.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("none");
    tracing::info_span!("request", method = %request.method(), route, request_id = id)
}

fn finished(response: &Response, latency: Duration, _: &Span) {
    let (status, latency_ms) = (response.status().as_u16(), latency.as_secs_f64() * 1e3);
    if response.status().is_server_error() {
        tracing::warn!(status, latency_ms, "failed");
    } else {
        tracing::debug!(status, latency_ms, "answered");
    }
}

fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = cause.downcast_ref::<&str>().copied().or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    tracing::error!(cause = text.unwrap_or("no text"), "a handler panicked");
    Problem::internal().into_response()
}
