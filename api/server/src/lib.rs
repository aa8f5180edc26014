//! What people and programs ask: SQL, the tables in words, the live stream, the first page, and the operator's routes.
//!
//! [`router`] makes all of it from an [`Api`]. Every route stands in one table ([`ROUTES`]) that says who may call it;
//! there is no other way to add one.

mod access;
mod health;
mod live;
mod operator;
mod page;
mod problem;
mod request;
mod routes;
mod sql;
mod state;
mod tables;
mod telemetry;

pub use access::{Access, OperatorToken, ReadKeys, Reader};
pub use health::{Check, Health};
pub use live::{Live, LiveSettings, Summary};
pub use operator::{Account, OperationError, Operations};
pub use problem::Problem;
pub use routes::{ROUTES, Route, router};
pub use state::{Api, Settings};
pub use telemetry::{Telemetry, TelemetryError};
