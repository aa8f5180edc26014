//! The pages as browsers get them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod files;
mod walk;

#[path = "../../examples/serve_pages/site.rs"]
mod site;
