//! What lies around the whole router: request ids, the client's address, limits on heads, CORS, security headers, panics,
//! and one line of tracing.

mod client;
mod cors;
mod request_id;
mod security;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{HeaderMap, Method, Uri};
use tracing::{Instrument, Span};

use crate::authority::Authority;
use crate::limit;
use crate::machinery::{Machinery, Settings};
use crate::problem::{Problem, kinds};

pub use client::{Client, ForwardedBy, Network, NetworkError, Peer, Proxies};
pub use cors::{AllowedOrigins, Cors};
pub use request_id::RequestId;

/// Puts everything around `routes`.
pub(crate) fn around<A: Authority>(routes: Router, machinery: Arc<Machinery<A>>) -> Router {
    routes.layer(from_fn_with_state(machinery, outermost::<A>))
}

async fn outermost<A: Authority>(
    State(machinery): State<Arc<Machinery<A>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let settings = &machinery.settings;
    let id = RequestId::of(request.headers(), machinery.limits.clock.as_ref());
    let peer = request.extensions().get::<Peer>().copied();
    let client = Client::of(peer, &request, &settings.proxies);
    let method = request.method().clone();
    let asked = settings.cors.asked(request.headers());
    let span = span(&request, &id);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(client.clone());

    let mut response = match settings.cors.preflight(&request) {
        Some(answer) => answer,
        None => inner(&machinery, &client, request, next).instrument(span.clone()).await,
    };
    complete(&mut response, &method, &id);
    security::add(response.headers_mut(), settings.hsts.filter(|_| client.is_secure));
    settings.cors.allow(asked.as_ref(), response.headers_mut());
    response.headers_mut().insert(request_id::HEADER, id.header());
    span.in_scope(|| told(&response, started));
    response
}

async fn inner<A: Authority>(machinery: &Machinery<A>, client: &Client, request: Request, next: Next) -> Response {
    if let Err(problem) = check_head(&machinery.settings, request.uri(), request.headers()) {
        return problem.into_response();
    }
    if request.extensions().get::<MatchedPath>().is_none() {
        // No route, so no guard: whoever searches for paths pays as well.
        let mut taken = Vec::new();
        if let Err(problem) = machinery.limits.address(client.address, 1, &mut taken).await {
            let mut response = problem.into_response();
            limit::tell(response.headers_mut(), &taken);
            return response;
        }
    }
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(cause) => {
            let text =
                cause.downcast_ref::<&str>().copied().or_else(|| cause.downcast_ref::<String>().map(String::as_str));
            Problem::internal(format!("a handler panicked: {}", text.unwrap_or("no text"))).into_response()
        }
    }
}

fn check_head(settings: &Settings, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let address = uri.path().len() + uri.query().map_or(0, str::len);
    if address > settings.uri_bytes_max {
        let detail = format!("Path and query may have {} bytes together.", settings.uri_bytes_max);
        return Err(Problem::new(&kinds::URI_TOO_LONG).detail(detail));
    }
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > settings.header_bytes_max {
        let detail = format!("All headers together may have {} bytes.", settings.header_bytes_max);
        return Err(Problem::new(&kinds::HEADERS_TOO_LARGE).detail(detail));
    }
    Ok(())
}

/// Gives a problem the id of its request.
fn complete(response: &mut Response, method: &Method, id: &RequestId) {
    if let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() {
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
        *response.body_mut() = match *method {
            Method::HEAD => Body::empty(),
            _ => Body::from(problem.body(Some(id.as_str()))),
        };
    }
}

/// The path's pattern and not the path itself, and no header but the id: keys must not reach the tracing.
fn span(request: &Request, id: &RequestId) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route, request_id = id.as_str())
}

fn told(response: &Response, started: Instant) {
    let (status, latency_ms) = (response.status().as_u16(), started.elapsed().as_secs_f64() * 1e3);
    if response.status().is_server_error() {
        tracing::warn!(status, latency_ms, "failed");
    } else {
        tracing::debug!(status, latency_ms, "answered");
    }
}
