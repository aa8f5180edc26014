//! The vocabulary: times, clocks, ids, records, how these are documented, and the checks on drafts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clocks;
mod documented;
mod drafts;
mod records;
mod times;
