//! Builds the router and the document from the routes of all resources, and refuses what is unclear.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};

use super::facts::{Facts, Listed, with_known};
use super::guard::{Guard, guard};
use super::operation::{Operation, Wanted};
use super::route::{Access, Route, Routes};
use crate::authority::{Authority, Permission};
use crate::idempotency::Idempotency;
use crate::machinery::Machinery;
use crate::openapi::{Document, Source};
use crate::problem::{Kind, Problem, kinds};
use crate::schema::{SchemaClash, Schemas};
use crate::{openapi, stack};

/// Why the table is refused: at start, and where it lies in what the types say, when the document is made. Every test that builds
/// a table makes its document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    #[error("{0} {1} is declared twice")]
    RouteTwice(String, &'static str),
    #[error("the operation {0} is declared twice: name the handler otherwise")]
    OperationTwice(String),
    #[error("the handler of {0} is no named function, so the operation has no name")]
    Unnamed(&'static str),
    #[error("{path} has the placeholders {placeholders:?}, and the handler reads {read:?}")]
    Placeholders { path: &'static str, placeholders: Vec<String>, read: Vec<String> },
    #[error("{operation_id}: {what}")]
    Unclear { operation_id: String, what: String },
    #[error("two different problems have the code {0}")]
    CodeTwice(&'static str),
    #[error("{0}: a public route has no account that its idempotency keys could belong to")]
    IdempotentPublic(String),
    #[error("{0}: a public route has no subject that its handler could be given")]
    SubjectOfPublic(String),
    #[error("{0}: needs a reason or a permission with a name")]
    NoReason(String),
    #[error(transparent)]
    Schema(#[from] SchemaClash),
    #[error("the settings are not usable: {0}")]
    Settings(&'static str),
}

/// What the document says of the whole.
#[derive(Debug, Clone, Copy)]
pub struct About {
    pub title: &'static str,
    pub version: &'static str,
    pub description: &'static str,
}

/// Collects resources.
pub struct Site<A: Authority> {
    about: About,
    machinery: Arc<Machinery<A>>,
    schemas: Arc<Mutex<Schemas>>,
    tags: Vec<(&'static str, &'static str)>,
    facts: Vec<Arc<Facts>>,
    accesses: Vec<Access<A::Permission>>,
    router: Router,
    error: Option<TableError>,
}

/// What comes out: the server's routes with everything around them, the document, and the list of routes.
pub struct Built {
    pub router: Router,
    pub document: Document,
    pub routes: Vec<Listed>,
}

impl<A: Authority> Site<A> {
    pub fn new(about: About, machinery: Machinery<A>) -> Site<A> {
        Site {
            about,
            machinery: Arc::new(machinery),
            schemas: Arc::new(Mutex::new(Schemas::new())),
            tags: Vec::new(),
            facts: Vec::new(),
            accesses: Vec::new(),
            router: Router::new(),
            error: None,
        }
    }

    /// Adds a resource: its routes and what its handlers work with.
    #[must_use]
    pub fn add<S>(mut self, routes: Routes<S, A::Permission>, state: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        self.tags.push((routes.tag, routes.about));
        let mut router: Router<S> = Router::new();
        for route in routes.routes {
            let (path, access) = (route.path, route.access);
            match self.facts_of(routes.tag, &route) {
                Ok(facts) => {
                    let guard_state =
                        Arc::new(Guard { machinery: self.machinery.clone(), facts: facts.clone(), access });
                    router = router.route(path, route.handler.layer(from_fn_with_state(guard_state, guard::<A>)));
                    self.facts.push(facts);
                    self.accesses.push(access);
                }
                Err(error) => self.error = self.error.or(Some(error)),
            }
        }
        self.router = self.router.merge(router.with_state(state));
        self
    }

    /// Everything together.
    pub fn build(self) -> Result<Built, TableError> {
        let shelf = openapi::Shelf::default();
        self.add(openapi::routes(), shelf.clone()).finish(&shelf)
    }

    /// The same, without the routes that give the document away: for a process that has no API.
    pub fn build_plain(self) -> Result<Built, TableError> {
        self.finish(&openapi::Shelf::default())
    }

    fn finish(self, shelf: &openapi::Shelf) -> Result<Built, TableError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.machinery.check().map_err(TableError::Settings)?;
        let kinds = all_kinds(&self.facts)?;
        let routes = self.facts.iter().map(|facts| facts.listed.clone()).collect();
        let document = Document::of(Source {
            about: self.about,
            machinery: self.machinery.clone(),
            tags: self.tags,
            routes: self.facts.into_iter().zip(self.accesses).collect(),
        });
        shelf.fill(document.clone(), kinds);
        let router = self.router.fallback(unknown).method_not_allowed_fallback(wrong_method);
        Ok(Built { router: stack::around(router, self.machinery), document, routes })
    }

    fn facts_of<S>(&self, tag: &'static str, route: &Route<S, A::Permission>) -> Result<Arc<Facts>, TableError> {
        let operation_id = operation_id(tag, route.handler_name).ok_or(TableError::Unnamed(route.path))?;
        self.check_new(route, &operation_id)?;
        let placeholders = placeholders(route.path);
        let mut operation = Operation::new(Wanted::Statuses, placeholders.clone());
        (route.describe)(&mut operation);
        self.machinery.describe_guard(&mut operation, &route.method, route.access, route.idempotency);
        route.raises.iter().for_each(|kind| operation.raises(kind));
        let wants_subject = operation.extensions.contains(&TypeId::of::<A::Subject>());
        if wants_subject && matches!(route.access, Access::Public(_)) {
            return Err(TableError::SubjectOfPublic(operation_id));
        }
        let Operation { request, mut replies, kinds, .. } = operation;
        with_known(&mut replies);
        let listed = listed(route, &operation_id, replies.keys().copied(), &kinds);
        Ok(Arc::new(Facts {
            listed,
            operation_id,
            tag,
            about: route.about,
            kinds,
            takes_body: !request.is_empty(),
            body_bytes_max: route.body_bytes_max,
            time_max: route.time_max,
            secret: self.machinery.secret.clone(),
            placeholders,
            describe: route.describe,
            schemas: self.schemas.clone(),
            forms: OnceLock::new(),
        }))
    }

    fn check_new<S>(&self, route: &Route<S, A::Permission>, operation_id: &str) -> Result<(), TableError> {
        let is_same = |facts: &&Arc<Facts>| facts.listed.method == route.method && facts.listed.path == route.path;
        if self.facts.iter().find(is_same).is_some() {
            return Err(TableError::RouteTwice(route.method.to_string(), route.path));
        }
        if self.facts.iter().any(|facts| facts.operation_id == operation_id) {
            return Err(TableError::OperationTwice(operation_id.to_owned()));
        }
        let is_named = match route.access {
            Access::Needs(permission) => !permission.name().trim().is_empty(),
            Access::SignedIn(reason) | Access::Public(reason) => !reason.trim().is_empty(),
        };
        if !is_named {
            return Err(TableError::NoReason(operation_id.to_owned()));
        }
        match (route.access, route.idempotency) {
            (_, Idempotency::None) | (Access::Needs(_) | Access::SignedIn(_), _) => Ok(()),
            (Access::Public(_), _) => Err(TableError::IdempotentPublic(operation_id.to_owned())),
        }
    }
}

fn listed<S, P: Permission>(
    route: &Route<S, P>,
    operation_id: &str,
    good: impl Iterator<Item = u16>,
    kinds: &[&'static Kind],
) -> Listed {
    let mut statuses: Vec<u16> = good.chain(kinds.iter().map(|kind| kind.status.as_u16())).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let (permission, reason) = match route.access {
        Access::Needs(permission) => (Some(permission.name()), None),
        Access::SignedIn(reason) | Access::Public(reason) => (None, Some(reason)),
    };
    Listed {
        method: route.method.clone(),
        path: route.path,
        operation_id: operation_id.to_owned(),
        permission,
        reason,
        is_public: matches!(route.access, Access::Public(_)),
        step_up: route.step_up,
        cost: route.cost,
        idempotency: route.idempotency,
        statuses,
    }
}

/// `notes_list` of `…::notes::list`.
fn operation_id(tag: &str, handler_name: &str) -> Option<String> {
    let name = handler_name.split('<').next()?.rsplit("::").next()?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| format!("{}_{name}", tag.replace([' ', '-'], "_")))
}

/// The names in braces of a path.
fn placeholders(path: &str) -> Vec<String> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| name.trim_start_matches('*').to_owned()).collect()
}

/// Every kind by its code.
fn all_kinds(facts: &[Arc<Facts>]) -> Result<BTreeMap<&'static str, &'static Kind>, TableError> {
    let always = [&kinds::ROUTE_UNKNOWN, &kinds::METHOD_NOT_ALLOWED];
    let mut all: BTreeMap<&'static str, &'static Kind> = BTreeMap::new();
    for kind in facts.iter().flat_map(|facts| facts.kinds.iter().copied()).chain(always) {
        if all.insert(kind.code, kind).is_some_and(|other| other != kind) {
            return Err(TableError::CodeTwice(kind.code));
        }
    }
    Ok(all)
}

async fn unknown(request: Request) -> Problem {
    Problem::new(&kinds::ROUTE_UNKNOWN).detail(format!("Nothing is at {}.", request.uri().path()))
}

async fn wrong_method(request: Request) -> Response {
    let detail = format!("{} does not go with {}. Allow lists what does.", request.method(), request.uri().path());
    Problem::new(&kinds::METHOD_NOT_ALLOWED).detail(detail).into_response()
}
