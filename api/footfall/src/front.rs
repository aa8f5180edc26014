//! What stands before the routes while they are not there yet, and when they are about to go.
//!
//! The port is bound before anything is opened. Until then whoever asks waits a while, and is told to come again; `/healthz` and
//! `/readyz` answer at once. Before the end `/readyz` says so, and answers part from their connections, so that balancers and
//! clients have gone elsewhere when the port closes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use footfall_api_server::{Check, not_ready};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::watch;
use tower::ServiceExt;

/// For the routes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Clone)]
pub struct Front {
    phase: Arc<watch::Sender<Phase>>,
    /// How long a request waits for the routes.
    patience: Duration,
}

#[derive(Clone)]
enum Phase {
    /// Why it takes so long, once that is known.
    Opening(Option<Check>),
    Open(Router),
    Leaving(Router),
}

impl Front {
    pub fn new() -> Front {
        Front { phase: Arc::new(watch::Sender::new(Phase::Opening(None))), patience: PATIENCE }
    }

    /// What is served: this, for as long as the process runs.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Says what is waited for.
    pub fn waits_for(&self, name: &'static str, why: &str) {
        let check = Check { name, ok: false, detail: Some(why.to_owned()) };
        self.phase.send_replace(Phase::Opening(Some(check)));
    }

    /// From now on the routes answer.
    pub fn open(&self, router: Router) {
        self.phase.send_replace(Phase::Open(router));
    }

    /// Has everybody go elsewhere.
    pub fn leave(&self) {
        self.phase.send_modify(|phase| {
            if let Phase::Open(router) = phase {
                *phase = Phase::Leaving(router.clone());
            }
        });
    }

    async fn opened(&self) -> Option<Router> {
        let mut phase = self.phase.subscribe();
        let open = phase.wait_for(|phase| !matches!(phase, Phase::Opening(_)));
        match tokio::time::timeout(self.patience, open).await.ok()?.ok()?.clone() {
            Phase::Opening(_) => None,
            Phase::Open(router) | Phase::Leaving(router) => Some(router),
        }
    }
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let phase = front.phase.borrow().clone();
    match phase {
        Phase::Open(router) => routed(router, request).await,
        Phase::Leaving(router) => {
            let mut response = match request.uri().path() {
                "/readyz" => unready("process", "it is about to stop"),
                _ => routed(router, request).await,
            };
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
        Phase::Opening(why) => match request.uri().path() {
            "/healthz" => "ok\n".into_response(),
            "/readyz" => {
                let starting = || Check { name: "process", ok: false, detail: Some("it is starting".to_owned()) };
                not_ready(&[why.unwrap_or_else(starting)]).into_response()
            }
            _ => match front.opened().await {
                Some(router) => routed(router, request).await,
                None => later(),
            },
        },
    }
}

async fn routed(router: Router, request: Request) -> Response {
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

fn unready(name: &'static str, why: &str) -> Response {
    not_ready(&[Check { name, ok: false, detail: Some(why.to_owned()) }]).into_response()
}

fn later() -> Response {
    let mut response = unready("process", "it is starting");
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;

    async fn status(front: &Front, path: &str) -> (StatusCode, bool) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = front.router().oneshot(request).await.unwrap();
        let parts = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
        (response.status(), parts)
    }

    fn routes() -> Router {
        Router::new().route("/x", get(|| async { "x" })).route("/readyz", get(|| async { "ready" }))
    }

    #[tokio::test]
    async fn who_comes_early_waits_and_probes_are_answered() {
        let front = Front::new();
        assert_eq!(status(&front, "/healthz").await.0, StatusCode::OK);
        assert_eq!(status(&front, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        let early = tokio::spawn({
            let front = front.clone();
            async move { status(&front, "/x").await }
        });
        tokio::task::yield_now().await;
        front.waits_for("log", "the brokers are away");
        assert!(!early.is_finished());
        front.open(routes());
        assert_eq!(early.await.unwrap(), (StatusCode::OK, false));
        assert_eq!(status(&front, "/readyz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_to_come_again() {
        let front = Front { patience: Duration::ZERO, ..Front::new() };
        assert_eq!(status(&front, "/x").await.0, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn before_the_end_answers_part_from_their_connections() {
        let front = Front::new();
        front.open(routes());
        front.leave();
        assert_eq!(status(&front, "/x").await, (StatusCode::OK, true));
        assert_eq!(status(&front, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, true));
    }
}
