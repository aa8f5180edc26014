//! The OpenAPI 3.1 document of the table, the page that shows it, and the pages that problems point to.

mod document;
mod shelf;

pub(crate) use document::document;
pub(crate) use shelf::{Shelf, routes};
