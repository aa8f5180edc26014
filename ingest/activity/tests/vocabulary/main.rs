//! The vocabulary: times, clocks, ids, records, and the checks on drafts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clocks;
mod drafts;
mod records;
mod times;
