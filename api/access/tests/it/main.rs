//! The contract of the access layer, run unchanged on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[macro_use]
mod stage;

mod accounts;
mod audit;
mod database;
mod factors;
mod house;
mod interop;
mod keys;
mod mail;
mod members;
mod passkeys;
mod replica;
mod sessions;
mod webhooks;
