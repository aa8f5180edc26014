//! Results: from the table `activity` by one question to sufficient statistics, and from them to effects and plain words.

mod analysis;
mod asking;
mod bandits;
mod before;
mod breakdown;
mod comparison;
mod differences;
mod dimensions;
mod division;
mod exposures;
mod facts;
mod guardrails;
mod holdouts;
mod interactions;
mod measures;
mod novelty;
mod prediction;
mod projected;
mod question;
mod reading;
mod report;
mod responses;
mod samples;
mod sql;
mod strata;
mod switchback;

pub use breakdown::Breakdown;
pub use differences::Differences;
pub use dimensions::Dimension;
pub use exposures::ExposureSource;
pub use facts::{Facts, Rows};
pub use interactions::Interactions;
pub use novelty::Novelty;
pub use question::{Question, question};
pub use report::Report;
