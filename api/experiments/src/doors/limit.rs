//! One address asks the doors only so often: their keys are public, so that nothing else tells askers apart.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use footfall_api_http::limit::Limits;
use footfall_api_http::{Client, Peer, Proxies};

/// How often one address may ask; streams count once, when they open.
pub struct DoorLimit {
    /// Its quota of addresses.
    pub limits: Limits,
    /// Whom addresses are believed.
    pub proxies: Proxies,
}

pub(super) async fn by_address(State(limit): State<Arc<DoorLimit>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let client = Client::of(peer, &request, &limit.proxies);
    match limit.limits.request_from(client.address).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
