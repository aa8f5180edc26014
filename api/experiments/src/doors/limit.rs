//! Who asks: the address, and how often one may ask. Keys of apps are public, so that nothing else tells askers apart.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use footfall_api_http::limit::Limits;
use footfall_api_http::{Client, Peer, Proxies};
use http::StatusCode;

/// Whom addresses are believed, the quota of one, and how long one may take to ask.
pub(super) struct Gate {
    /// Streams count once, when they open.
    pub limits: Option<Limits>,
    pub proxies: Proxies,
    /// Until an answer begins, the body of its request included: whoever sends slower holds a connection for nothing.
    pub patience: Duration,
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
    let answered = tokio::time::timeout(gate.patience, next.run(request)).await;
    answered.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;

    async fn take(_: Bytes) -> &'static str {
        "taken"
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let gate = Gate { limits: None, proxies: Proxies::default(), patience: Duration::from_millis(50) };
        let router = Router::new().route("/", post(take)).layer(from_fn_with_state(Arc::new(gate), by_address));
        let send = async |body: Body| {
            let request = http::Request::post("/").body(body).unwrap();
            router.clone().oneshot(request).await.unwrap().status()
        };
        let endless = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        assert_eq!(send(Body::from_stream(endless)).await, StatusCode::REQUEST_TIMEOUT);
        assert_eq!(send(Body::from("{}")).await, StatusCode::OK);
    }
}
