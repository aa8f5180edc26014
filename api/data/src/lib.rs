//! Tracking plans: kept in the app's database with every revision, in force at the doors within a second, and what was found
//! otherwise, counted. Beside them, what became of imports ([`ImportLedger`]).
//!
//! [`TrackingPlans`] is what the doors ask ([`footfall_ingest_server::Plans`]) and what the routes change; [`add`] adds the routes.

mod error;
mod form;
mod imports;
mod plans;
mod routes;
mod storage;
mod tally;

pub use error::PlanError;
pub use imports::{ImportCounts, ImportLedger};
pub use plans::{AREA, MIGRATIONS, TrackingPlans};
pub use routes::add;
