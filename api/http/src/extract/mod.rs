//! What handlers take out of a request. Every refusal is a problem that says what to fix.

mod json_body;
mod parameters;

use std::any::TypeId;
use std::sync::Arc;

use http::request::Parts;

use crate::problem::{Place, Problem};
use crate::schema::Shape;
use crate::table::Facts;

pub use json_body::JsonBody;
pub(crate) use json_body::{media_type, read_json};
pub use parameters::{Path, Query};
pub(crate) use parameters::{query as parameters_query, query_pairs};

/// What the table knows of the route that is asked for.
pub(crate) fn facts(parts: &Parts) -> Result<Arc<Facts>, Problem> {
    parts
        .extensions
        .get::<Arc<Facts>>()
        .cloned()
        .ok_or_else(|| Problem::internal("a handler outside the table of routes"))
}

pub(crate) fn shape<T: 'static>(facts: &Facts, place: Place) -> Result<&Shape, Problem> {
    let missing = || Problem::internal(format!("{} is not described", std::any::type_name::<T>()));
    facts.forms().shapes.get(&(TypeId::of::<T>(), place)).ok_or_else(missing)
}
