//! The OpenAPI 3.1 document of the table, the page that shows it, and the pages that problems point to.

mod document;
mod shelf;

pub use document::Document;
pub(crate) use document::Source;
pub(crate) use shelf::{Shelf, routes};
