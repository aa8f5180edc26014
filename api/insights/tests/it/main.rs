//! Insights over HTTP, in process: answers, refusals with their places, who may ask.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../app/tests/it/gear.rs"]
#[allow(dead_code, reason = "shared with the app's tests")]
mod gear;
#[path = "../../../access/tests/it/stage.rs"]
#[allow(dead_code, unused_macros, reason = "shared with the app's tests")]
mod stage;

mod asking;
mod behind;
mod cohorts;
mod lake;
mod options;
mod resent;
mod streams;
mod table_parts;
mod tables;
mod told;
