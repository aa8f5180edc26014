//! The table of routes. A resource declares each of its routes in one line; the router, the guard before every handler,
//! the document and the tests come from it. There is no other way to add a route, so none lacks a permission.

mod endpoint;
mod facts;
mod guard;
mod operation;
mod route;
mod site;

pub use endpoint::Endpoint;
pub(crate) use facts::Described;
pub use facts::{Facts, Listed};
pub(crate) use operation::Reply;
pub use operation::{Answer, Describe, Operation};
pub use route::{Access, Route, Routes, delete, get, patch, post, public, put, signed_in};
pub use site::{About, Built, Site, TableError};
