//! The doors, driven over HTTP messages in process: what each dialect's client sends and what it is answered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod account;
mod browsers;
mod compression;
mod faults;
mod house;
mod native;
mod posthog_v0;
mod posthog_v1;
mod rudder;
mod segment;
