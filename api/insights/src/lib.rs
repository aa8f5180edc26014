//! Insights over HTTP: `POST /v1/projects/{project}/insights/{kind}`, a route for each kind of question, and
//! `POST /v1/insights/{kind}` about the project of a key.
//!
//! A body is the definition of `pipelines/insights` as it stands there; [`routes`] is added to the app's site with a
//! [`Desk`], as `App::build_with(…, |site, _| site.add(routes(), desk))`.

mod answer;
mod compared;
mod desk;
mod problem;
mod routes;

pub use desk::Desk;
pub use routes::routes;
