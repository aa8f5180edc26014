//! One route, declared in one line: `get("/v1/notes/{id}", NotesRead, show, "One note.")`.

use std::time::Duration;

use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;

use super::endpoint::Endpoint;
use super::operation::Operation;
use crate::authority::Permission;
use crate::idempotency::Idempotency;
use crate::problem::Kind;

/// Who may call a route. There is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access<P> {
    /// Whoever has the permission.
    Needs(P),
    /// Everybody who is signed in, and why that is enough.
    SignedIn(&'static str),
    /// Everybody, and why.
    Public(&'static str),
}

impl<P: Permission> From<P> for Access<P> {
    fn from(permission: P) -> Access<P> {
        Access::Needs(permission)
    }
}

/// A route for everybody, with the reason.
pub fn public<P>(reason: &'static str) -> Access<P> {
    Access::Public(reason)
}

/// A route for everybody who is signed in, with the reason why no permission is needed.
pub fn signed_in<P>(reason: &'static str) -> Access<P> {
    Access::SignedIn(reason)
}

/// One route of a resource with state `S`.
pub struct Route<S, P> {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) access: Access<P>,
    pub(super) about: &'static str,
    pub(super) cost: u32,
    pub(super) step_up: bool,
    pub(super) idempotency: Idempotency,
    pub(super) raises: Vec<&'static Kind>,
    pub(super) body_bytes_max: Option<usize>,
    pub(super) time_max: Option<Duration>,
    pub(super) handler_name: &'static str,
    pub(super) describe: fn(&mut Operation<'_>),
    pub(super) handler: MethodRouter<S>,
}

impl<S, P> Route<S, P> {
    /// How much a request takes of the rate limits; 1 unless said.
    #[must_use]
    pub fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// Honours `Idempotency-Key`: for creations. Not for answers that hold secrets, since answers are kept.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotency = Idempotency::Accepted;
        self
    }

    /// Demands `Idempotency-Key`.
    #[must_use]
    pub fn idempotency_required(mut self) -> Self {
        self.idempotency = Idempotency::Required;
        self
    }

    /// A dangerous act: the authority demands a fresh second factor.
    #[must_use]
    pub fn step_up(mut self) -> Self {
        self.step_up = true;
        self
    }

    /// The problems that the handler itself may answer with.
    #[must_use]
    pub fn raises(mut self, kinds: impl IntoIterator<Item = &'static Kind>) -> Self {
        self.raises.extend(kinds);
        self
    }

    /// Another limit for the body than the usual one.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = Some(bytes);
        self
    }

    /// Another limit for the time until the answer begins.
    #[must_use]
    pub fn time_max(mut self, time: Duration) -> Self {
        self.time_max = Some(time);
        self
    }
}

macro_rules! methods {
    ($($name:ident $method:ident;)*) => {
        $(
            #[doc = concat!("A route of ", stringify!($method), ": path in axum's notation, who may, the handler, a sentence.")]
            pub fn $name<S, P, E, M>(
                path: &'static str,
                access: impl Into<Access<P>>,
                handler: E,
                about: &'static str,
            ) -> Route<S, P>
            where
                S: Clone + Send + Sync + 'static,
                E: Endpoint<M, S>,
                M: 'static,
            {
                let handler_name = std::any::type_name::<E>();
                let router = on(MethodFilter::$method, handler);
                Route {
                    method: Method::$method,
                    path,
                    access: access.into(),
                    about,
                    cost: 1,
                    step_up: false,
                    idempotency: Idempotency::None,
                    raises: Vec::new(),
                    body_bytes_max: None,
                    time_max: None,
                    handler_name,
                    describe: E::describe,
                    handler: router,
                }
            }
        )*
    };
}

methods! {
    get GET;
    post POST;
    put PUT;
    patch PATCH;
    delete DELETE;
}

/// The routes of one resource.
pub struct Routes<S, P> {
    pub(super) tag: &'static str,
    pub(super) about: &'static str,
    pub(super) routes: Vec<Route<S, P>>,
}

impl<S, P> Routes<S, P> {
    /// `tag` names the resource in the document and begins every operation id; `about` is a sentence on it.
    pub fn new(tag: &'static str, about: &'static str, routes: impl IntoIterator<Item = Route<S, P>>) -> Routes<S, P> {
        Routes { tag, about, routes: routes.into_iter().collect() }
    }
}
