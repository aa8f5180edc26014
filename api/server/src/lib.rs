//! What people and programs ask: SQL, the tables in words, the live stream, health and metrics, and the operator's routes.
//!
//! [`add`] puts all of it on the site of the app's API: each route is a row of a table that names its permission, and the one
//! policy of `api/access` decides.

mod data;
mod health;
mod live;
mod operator;
mod reach;
mod sql;
mod status;
mod tables;
mod telemetry;

pub use data::{Data, Probes, add, add_probes};
pub use health::{Check, Health, Lag, not_ready};
pub use live::{Live, LiveSettings, Summary};
pub use operator::{Account, OperationError, Operations};
pub use reach::Reach;
pub use telemetry::{Telemetry, TelemetryError};
