//! The conventions of the HTTP API, which every resource follows because it is built from them.
//!
//! A resource declares its routes in a table ([`Routes`]): method, path, who may call it, the handler, a sentence. The types
//! of the handler say the rest. [`Site`] makes of all tables one router with a guard before each handler, and the OpenAPI
//! document that says the same. Who somebody is and what they may is decided elsewhere, behind [`Authority`].
//! `examples/notes/` is a whole resource to copy; `docs/api-conventions.md` tells all of it from the outside.

mod answer;
mod authority;
mod body;
mod cookie;
mod credentials;
mod events;
mod extract;
pub mod idempotency;
mod json;
pub mod limit;
mod machinery;
mod openapi;
mod page;
mod patch;
mod path;
mod problem;
mod revision;
mod schema;
mod secret;
mod serve;
mod sign_in;
mod stack;
mod table;
mod time;

pub use answer::{Created, Done, Shown, ShownAnew, Told};
pub use authority::{Asked, Authority, Credential, Permission, Subject};
pub use body::{BodyFault, Pace};
pub use cookie::{cookie, set_cookie};
pub use credentials::{SessionSettings, csrf_token};
pub use events::{Answering, Known, Part, Wished, events};
pub use extract::{JsonBody, Path, Query};
pub use machinery::{Machinery, Settings, Undeclared};
pub use openapi::Document;
pub use page::{LIMIT_MAX, Page, Paging, Unfiltered};
pub use patch::{Change, Patch, Replace, merge};
pub use path::{attachment, path, return_path};
pub use problem::{Fault, Kind, PROBLEM_JSON, Place, Problem, kinds};
pub use revision::{IfMatch, Revision};
pub use schema::SchemaClash;
pub use secret::Secret;
pub use serve::{Certificate, ServeSettings, Stopping, Tls, TlsError, serve};
pub use sign_in::{Attempt, SignInSettings, SignInThrottle, Tried, Verdict};
pub use stack::{AllowedOrigins, Client, Cors, ForwardedBy, Network, NetworkError, Peer, Proxies, RequestId};
pub use table::{
    About, Access, Answer, Built, Describe, Endpoint, Facts, Listed, Operation, Route, Routes, Site, TableError,
    delete, get, patch, post, public, put, signed_in,
};
pub use time::Time;
