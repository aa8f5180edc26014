//! Lets browsers in from any page, and gives every answer the id of its request.
//!
//! Write keys are public by nature and no cookie counts here, so mirroring the origin gives nothing away.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers preflights, and adds the headers that a browser asks for.
pub(crate) async fn open(request: Request, next: Next) -> Response {
    let asked = request.headers().clone();
    let request_id = request_id_of(&asked);
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        let span = tracing::debug_span!("door", request_id = request_id.to_str().unwrap_or_default());
        next.run(request).instrument(span).await
    };
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, request_id);
    if let Some(origin) = asked.get(header::ORIGIN) {
        allow(headers, origin, &asked, preflight);
    }
    response
}

fn allow(headers: &mut HeaderMap, origin: &HeaderValue, asked: &HeaderMap, preflight: bool) {
    let set = HeaderValue::from_static;
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, set("true"));
    headers.insert(header::VARY, set("origin, access-control-request-headers"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, set("retry-after, x-request-id, posthog-request-id"));
    if preflight {
        let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, set("GET, POST, OPTIONS"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(set("content-type, authorization")));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, set("86400"));
    }
}

/// The client's id when it is a sensible one, else a new one.
fn request_id_of(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(&REQUEST_ID).filter(|id| id.len() <= 128 && id.to_str().is_ok_and(|id| !id.is_empty()));
    let fresh = || HeaderValue::from_str(&Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("-"));
    given.cloned().unwrap_or_else(fresh)
}
