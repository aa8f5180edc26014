//! Files of cases with known answers, run through this crate: behind `footfall flags check` and `footfall stats check`.

mod arms;
mod compare;
mod conventions;
mod effects;
mod fields;
mod flags;
mod plans;
mod report;
mod statistics;

pub use flags::flags;
pub use report::{Outcome, Report};
pub use statistics::statistics;
