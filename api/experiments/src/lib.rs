//! Experiments and feature flags: their configuration, the doors of SDKs, and results.
//!
//! routes (`resources/`) → [`Experiments`] → definitions and their rules (`definition/`, `check/`, `lifecycle`) → SQL (`storage/`).
//! A change is compiled (`compile/`) into [`Payloads`], which the doors (`doors/`) read without waiting and push to listeners.
//! `results/` turns the table `activity` into effects by way of the seam [`Facts`].

mod catalogue;
mod check;
mod compile;
pub mod definition;
mod doors;
mod environments;
mod error;
mod experiments;
mod explain;
mod faults;
mod lifecycle;
mod members;
mod payloads;
mod resources;
mod results;
mod schedule;
mod sighting;
mod sign_ins;
mod stale;
mod storage;
mod upkeep;
mod windows;

pub use catalogue::Catalogue;
pub use doors::{DoorSettings, SeatLimits, doors};
pub use environments::{ENVIRONMENT, KeyEnvironments};
pub use error::ExperimentError;
pub use experiments::{Author, Experiments, Item};
pub use lifecycle::Step;
pub use payloads::{Compiled, Payloads, ProjectPayloads};
pub use resources::add;
pub use results::{Breakdown, Dimension, ExposureSource, Facts, Question, Report, Rows, question};
pub use sighting::{Sighting, Witness};
pub use sign_ins::SIGN_INS_MAX;
pub use storage::{
    AREA, Connection, GroupOfCohort, MIGRATIONS, ScheduledChange, ScheduledKept, SignIn, forget_sign_ins,
    groups_of_cohorts, sign_ins_of,
};
pub use windows::arm_of_window;
