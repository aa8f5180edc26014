//! Who asks: the address, and how often one may ask. Keys of apps are public, so that nothing else tells askers apart.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use footfall_api_http::limit::Limits;
use footfall_api_http::{Client, Peer, Proxies};

/// Whom addresses are believed, and the quota of one.
pub(super) struct Gate {
    /// Streams count once, when they open.
    pub limits: Option<Limits>,
    pub proxies: Proxies,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskedFrom(pub IpAddr);

pub(super) async fn by_address(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let client = Client::of(peer, &request, &gate.proxies);
    if let Some(limits) = &gate.limits
        && let Err(problem) = limits.request_from(client.address).await
    {
        return problem.into_response();
    }
    request.extensions_mut().insert(AskedFrom(client.address));
    next.run(request).await
}
