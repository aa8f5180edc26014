//! Footfall's own resources over HTTP: accounts, sessions, factors, organisations, members, roles, keys, audit, alerts.
//!
//! Joins `api/http` (how every route behaves) and `api/access` (who may do what). [`App::build`] gives the router, the OpenAPI
//! document and the list of routes; each file of `resources/` is one resource: its types, its routes, its thin handlers.

mod app;
mod authority;
mod browser;
mod gate;
mod guessing;
mod listing;
mod operator;
mod origin;
mod permission;
mod problem;
mod resources;
mod secret_file;
mod stored;
mod text;

pub use app::{App, AppSettings};
pub use authority::{Gatekeeper, Member};
pub use gate::Gate;
pub use operator::OperatorToken;
pub use origin::Whence;
pub use permission::{May, PermissionName};
pub use problem::{NOT_FOUND, problem};
pub use secret_file::{SecretFileError, secret_of};
pub use stored::{DatabaseBuckets, DatabaseIdempotency};
