//! What happens around a handler that takes keys.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use footfall_ingest_activity::Clock;
use http::HeaderMap;
use tracing::Instrument;

use super::key::{self, Fingerprint, Scope};
use super::{Begun, Idempotency, IdempotencyStore, Recorded, Ticket};
use crate::body;
use crate::extract::media_type;
use crate::problem::{Problem, kinds};

/// The key that a request brings, where the route takes one.
pub(crate) fn headers_of(headers: &HeaderMap, taken: Idempotency) -> Result<Option<String>, Problem> {
    match taken {
        Idempotency::None => Ok(None),
        Idempotency::Accepted => key::read(headers),
        Idempotency::Required => key::read(headers)?.map(Some).ok_or_else(|| {
            Problem::new(&kinds::IDEMPOTENCY_KEY_MISSING)
                .detail("Send Idempotency-Key with a new UUID for each request.")
        }),
    }
}

struct Attempt {
    store: Arc<dyn IdempotencyStore>,
    clock: Arc<dyn Clock>,
    scope: Scope,
    ticket: Ticket,
}

/// Runs the handler, or answers without it. `account` and `operation_id` bound the key.
pub(crate) async fn run(
    store: Arc<dyn IdempotencyStore>,
    clock: Arc<dyn Clock>,
    (account, operation_id, key): (&str, &str, &str),
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = body::collect(body).await?;
    let kind = media_type(&parts.headers).unwrap_or_default();
    let fingerprint = Fingerprint::new(&parts.method, &parts.uri, &kind, &body);
    let scope = Scope::new(account, operation_id, key);
    let ticket = match store.begin(scope, fingerprint, clock.now()).await.map_err(Problem::internal)? {
        Begun::Fresh(ticket) => ticket,
        Begun::Done(recorded) => return Ok(recorded.replay()),
        Begun::Running => {
            return Err(Problem::retry(&kinds::IDEMPOTENCY_RUNNING, Duration::from_secs(1))
                .detail("The first request with this key is not finished. Ask again in a moment."));
        }
        Begun::Differs => {
            return Err(Problem::new(&kinds::IDEMPOTENCY_KEY_REUSED)
                .detail("A key is for one request and its repetitions. Take a new one for another request."));
        }
    };
    let attempt = Attempt { store, clock, scope, ticket };
    let request = Request::from_parts(parts, Body::from(body));
    // Its own task: a caller that goes away does not stop it halfway.
    let done = tokio::spawn(attempt.make(request, next).in_current_span());
    done.await.unwrap_or_else(|error| Err(Problem::internal(error)))
}

impl Attempt {
    async fn make(self, request: Request, next: Next) -> Result<Response, Problem> {
        let handler = tokio::spawn(next.run(request).in_current_span());
        let response = match handler.await {
            Ok(response) => response,
            Err(panic) => Problem::internal(panic).into_response(),
        };
        if !Recorded::is_final(response.status()) {
            self.store.release(self.scope, self.ticket).await.map_err(Problem::internal)?;
            return Ok(response);
        }
        let problem = response.extensions().get::<Arc<Problem>>().cloned();
        let (recorded, mut response) = Recorded::of(response).await.map_err(Problem::internal)?;
        self.store.finish(self.scope, self.ticket, recorded, self.clock.now()).await.map_err(Problem::internal)?;
        if let Some(problem) = problem {
            response.extensions_mut().insert(problem);
        }
        Ok(response)
    }
}
