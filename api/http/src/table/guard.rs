//! What happens before and after every handler, within the route's time limit and in this order: limit by address, credentials, limits by account and key,
//! the authority's decision, the query's names, the body's bounds, idempotency, the handler; then 304, the
//! check that the answer is a declared one, and the limits' headers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};

use super::facts::Facts;
use super::route::Access;
use crate::authority::{Asked, Authority, Subject};
use crate::body::{self, BodyFault, Guarded};
use crate::credentials;
use crate::extract::query_pairs;
use crate::idempotency;
use crate::limit::{self, Taken};
use crate::machinery::{Machinery, Undeclared};
use crate::problem::{Fault, PROBLEM_JSON, Place, Problem, kinds};
use crate::revision;
use crate::stack::Client;

pub(super) struct Guard<A: Authority> {
    pub(super) machinery: Arc<Machinery<A>>,
    pub(super) facts: Arc<Facts>,
    pub(super) access: Access<A::Permission>,
}

pub(super) async fn guard<A: Authority>(State(guard): State<Arc<Guard<A>>>, request: Request, next: Next) -> Response {
    let mut taken = Vec::new();
    let (method, asked) = (request.method().clone(), request.headers().clone());
    let time_max = guard.facts.time_max.unwrap_or(guard.machinery.settings.time_max);
    // What was begun under an idempotency key has a task of its own and goes on.
    let outcome = tokio::time::timeout(time_max, guard.admit(request, next, &mut taken)).await;
    let mut response = outcome.unwrap_or_else(|_| Err(too_long())).unwrap_or_else(IntoResponse::into_response);
    if let Some(known) = guard.known_already(&method, &asked, &response) {
        response = known;
    }
    let mut response = guard.declared(response);
    limit::tell(response.headers_mut(), &taken);
    response
}

fn too_long() -> Problem {
    Problem::retry(&kinds::TIME_LIMIT, Duration::from_secs(5))
        .detail("The work was given up. Ask for less, or try again later.")
}

impl<A: Authority> Guard<A> {
    async fn admit(&self, request: Request, next: Next, taken: &mut Vec<Taken>) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
        let cost = self.facts.listed.cost;
        self.machinery.limits.address(client.address, cost, taken).await?;
        let mut account = None;
        if !matches!(self.access, Access::Public(_)) {
            let subject = self.authorise(&mut parts, &client, taken).await?;
            account = Some(subject.account().to_owned());
            parts.extensions.insert(subject);
        }
        self.check_query(&parts)?;
        let body = self.bound(&parts.headers, body)?;
        parts.extensions.insert(self.facts.clone());
        self.answer(account, Request::from_parts(parts, body), next).await
    }

    /// Who it is and that they may.
    async fn authorise(
        &self,
        parts: &mut http::request::Parts,
        client: &Client,
        taken: &mut Vec<Taken>,
    ) -> Result<A::Subject, Problem> {
        let machinery = &self.machinery;
        let credential = credentials::read(parts, &machinery.settings.session, &machinery.secret, client)?;
        let subject = machinery.authority.identify(&credential, client).await?;
        let cost = self.facts.listed.cost;
        if let Some(key) = subject.key() {
            machinery.limits.key(key, cost, taken).await?;
        }
        machinery.limits.account(subject.account(), cost, taken).await?;
        let places = match RawPathParams::from_request_parts(parts, &()).await {
            Ok(places) => places.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
            Err(error) => {
                return Err(Problem::new(&kinds::PATH_INVALID).detail(format!("{}.", error.body_text())));
            }
        };
        let permission = match self.access {
            Access::Needs(permission) => Some(permission),
            Access::SignedIn(_) | Access::Public(_) => None,
        };
        let asked: Asked<'_, A::Permission> = Asked {
            permission,
            step_up: self.facts.listed.step_up,
            method: &parts.method,
            route: self.facts.listed.path,
            operation_id: &self.facts.operation_id,
            places: &Vec::from_iter::<Vec<(String, String)>>(places),
            client,
        };
        machinery.authority.decide(&subject, &asked).await?;
        Ok(subject)
    }

    /// A misspelt filter must not become no filter.
    fn check_query(&self, parts: &http::request::Parts) -> Result<(), Problem> {
        let unknown = |(name, _): &(String, String)| {
            let known = &self.facts.forms().query_names;
            (!known.contains(name)).then(|| {
                let names = known.join(", ");
                let detail =
                    if names.is_empty() { "there are no parameters here".into() } else { format!("known are {names}") };
                Fault::new(Place::Query, crate::schema::Shape::pointer(name), format!("is not known; {detail}"))
            })
        };
        let faults: Vec<Fault> = query_pairs(parts).iter().filter_map(unknown).collect();
        if faults.is_empty() {
            return Ok(());
        }
        Err(Problem::new(&kinds::QUERY_INVALID).detail(crate::json::summary("query", &faults)).faults(faults))
    }

    /// The body within its bounds, and refused at once where it says that it is too large.
    fn bound(&self, headers: &HeaderMap, body: Body) -> Result<Body, Problem> {
        let settings = &self.machinery.settings;
        let bytes_max = self.facts.body_bytes_max.unwrap_or(settings.body_bytes_max);
        if body::length_announced(headers).is_some_and(|length| length > bytes_max) && self.facts.takes_body {
            return Err(BodyFault::TooLarge(bytes_max).into());
        }
        Ok(Guarded::around(body, bytes_max, settings.pace))
    }

    async fn answer(&self, account: Option<String>, request: Request, next: Next) -> Result<Response, Problem> {
        let key = idempotency::headers_of(request.headers(), self.facts.listed.idempotency)?;
        let machinery = &self.machinery;
        match (key, account) {
            (Some(key), Some(account)) => {
                let scope = (account.as_str(), self.facts.operation_id.as_str(), key.as_str());
                let (store, clock) = (machinery.idempotency.clone(), machinery.limits.clock.clone());
                idempotency::run(store, clock, scope, request, next).await
            }
            _ => Ok(next.run(request).await),
        }
    }

    /// 304 for a reader that has this revision, unless it is not to be kept.
    fn known_already(&self, method: &Method, asked: &HeaderMap, response: &Response) -> Option<Response> {
        let is_read = method == Method::GET || method == Method::HEAD;
        let tag = response.headers().get(header::ETAG).filter(|_| is_read && response.status() == StatusCode::OK)?;
        let is_kept = response.headers().get(header::CACHE_CONTROL).is_none_or(|control| control != "no-store");
        if !is_kept || !self.facts.declares(304) || !revision::is_known(asked, tag) {
            return None;
        }
        let mut known = StatusCode::NOT_MODIFIED.into_response();
        for name in [header::ETAG, header::CACHE_CONTROL, header::VARY] {
            known.headers_mut().extend(response.headers().get(&name).map(|value| (name, value.clone())));
        }
        Some(known)
    }

    /// An answer that the document does not list is a mistake of ours; so is a refusal that is no problem, whose text may
    /// say more than it should.
    fn declared(&self, response: Response) -> Response {
        let status = response.status();
        let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
        if status.as_u16() >= 400 && !is_problem {
            return Problem::internal(format!("{}: a refusal that is no problem", self.facts.operation_id))
                .into_response();
        }
        if self.facts.declares(status.as_u16()) {
            return response;
        }
        let code = response.extensions().get::<Arc<Problem>>().map(|problem| problem.code());
        let operation = &self.facts.operation_id;
        tracing::error!(%status, code, operation, "an answer that the route does not declare");
        match self.machinery.settings.undeclared {
            Undeclared::Trace => response,
            Undeclared::Refuse => Problem::internal("undeclared").into_response(),
        }
    }
}
