//! Insights over HTTP: `POST /v1/projects/{project}/insights/{kind}`, a route for each kind of question, and
//! `POST /v1/insights/{kind}` about the project of a key.
//!
//! A body is the definition of `pipelines/insights` as it stands there; saved cohorts (`cohorts/`) stand in it by name.
//! [`add`] adds the routes to the app's site with a [`Desk`], as `App::build_with(…, |site, _| add(site, desk))`.

mod activities;
mod answer;
mod answering;
mod cohorts;
mod compared;
mod desk;
mod mount;
mod problem;
mod routes;
mod sql;

pub use answering::progress_of;
pub use cohorts::{AREA, CohortError, Cohorts, MIGRATIONS};
pub use desk::Desk;
pub use mount::add;
