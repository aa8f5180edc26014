//! Results: from the table `activity` by one question to sufficient statistics, and from them to effects and plain words.

mod analysis;
mod asking;
mod bandits;
mod before;
mod breakdown;
mod dimensions;
mod exposures;
mod facts;
mod guardrails;
mod measures;
mod projected;
mod question;
mod report;
mod samples;
mod sql;

pub use breakdown::Breakdown;
pub use dimensions::Dimension;
pub use exposures::ExposureSource;
pub use facts::{Facts, Rows};
pub use question::{Question, question};
pub use report::Report;
