//! Joins the store and the insights engine: keeps a projection of each project's activity equal to what the store shows,
//! and answers questions from it.
//!
//! [`Insights`] is the whole of it. Files become runs, once each; fresh rows become small runs in memory; merges of
//! persons are applied on the way in, or when a snapshot is read. `docs/insights/serving.md` has the reasons and figures.

mod cache;
mod columns;
mod error;
mod feeder;
mod followed;
mod fresh;
mod groups;
mod intake;
mod job;
mod kept;
mod options;
mod people;
mod people_lists;
mod project;
mod projection;
mod queue;
mod reading;
mod remote;
mod runs;
mod said;
mod service;
mod shelf;
mod speeds;
mod tend;
mod texts;

#[cfg(test)]
mod tests;

pub use error::AskError;
pub use options::{AskLimits, InsightsOptions};
pub use said::column_sql;
pub use service::{Answered, Insights, Partly, Progress};
