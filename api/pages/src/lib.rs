//! The pages that people look at: files of `dashboards/`, part of the executable. Nothing is loaded from elsewhere.
//!
//! [`router`] serves `/` (what arrives, live), `/account` and everything below it (signing in, one's account, organisations),
//! `/app` and everything below it (the web application), `/shared` (dashboards given away), and the scripts
//! and styles of all below `/assets/`. A page holds no data: it asks the API, as whoever is signed in.

mod answer;
mod application;
mod files;
mod router;

pub use router::{embedded, router};
