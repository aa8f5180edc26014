//! Dashboards, questions, shares and schedules over HTTP on SQLite and on PostgreSQL, and the document.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../access/tests/it/stage.rs"]
#[macro_use]
mod stage;

mod dashboards;
mod deliveries;
mod document;
mod gear;
mod schedules;
mod sharing;
