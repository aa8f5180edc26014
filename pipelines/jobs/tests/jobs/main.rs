//! Tests of the job against a file log in a temporary folder and a store in memory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod given;
mod memory_store;
mod merges;
mod rows;
mod runner;
mod sessions;
