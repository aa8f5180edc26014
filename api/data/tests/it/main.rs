//! Tracking plans over HTTP and at the doors' side, in process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../app/tests/it/gear.rs"]
#[allow(dead_code, reason = "shared with the app's tests")]
mod gear;
#[path = "../../../access/tests/it/stage.rs"]
#[allow(dead_code, reason = "shared with the app's tests")]
#[macro_use]
mod stage;

mod imports;
mod plans;
