//! The one executable: settings, keys, and the commands that put the parts together.
//!
//! [`wiring`] is the only place that reads the environment and names backends; [`run`] is the whole program.

pub mod config;

mod admin;
mod app;
mod audit;
#[cfg(test)]
mod away;
mod backup;
mod banner;
mod boards;
mod cases;
mod check;
mod chores;
mod cli;
mod client;
mod console;
mod dashboards;
mod demo;
mod difference;
mod erasures;
mod error;
mod export;
mod facts;
mod forgotten;
mod front;
mod identity;
mod import;
mod job;
mod keys;
mod lag;
mod live;
mod migrate;
mod news;
mod operator;
mod part;
mod patience;
mod person_export;
mod persons;
mod replay;
mod role;
mod secured;
mod serve;
mod sightings;
mod sql_doors;
mod telemetry;
mod token;
mod upkeep;
mod wiring;

pub use cli::run;
pub use error::AppError;
