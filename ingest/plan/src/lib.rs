//! The tracking plan: what a project means its activities to be, and what of them is otherwise. Pure.
//!
//! [`Schema`] is the part of JSON Schema (2020-12) that can be checked at a bounded cost: no references, patterns that are matched in
//! linear time, bounds on the schema's size and on the steps of one check. What it does not know it refuses when it is written.

mod check;
mod compile;
mod format;
mod plan;
mod schema;

pub use check::{STEPS_MAX, Violation};
pub use compile::{SCHEMA_BYTES_MAX, SchemaFault};
pub use plan::{OnViolation, Plan, Planned, Unplanned, Verdict};
pub use schema::Schema;
