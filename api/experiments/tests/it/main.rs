//! The configuration over HTTP on SQLite and on PostgreSQL, the doors, results against a real SQL engine, the document, and real SDKs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../access/tests/it/stage.rs"]
#[macro_use]
mod stage;

mod bandits;
mod causes;
mod checks;
mod configuration;
mod designs;
mod document;
mod doors;
mod edges;
mod environments;
mod evaluation;
mod gear;
mod groups;
mod guardrails;
mod holdouts;
mod interactions;
mod keyed;
mod lifecycle;
mod members;
mod metric_sql;
mod novelty;
mod quantiles;
mod results;
mod sdks;
mod seats;
mod seeds;
mod sign_ins;
mod strata;
mod switchback;
mod tables;
mod takers;
mod who_may;
