//! The analytical tables: what the jobs publish and everybody asks.
//!
//! [`Store`] is the seam. The embedded backend is the [`lake`]: Parquet runs, an atomic manifest and the newest rows in
//! memory. The other is [`clickhouse`]. [`query`] puts DataFusion in front of both; [`open`] opens what a URL names.

pub mod census;
pub mod clickhouse;
pub mod contract;
pub mod lake;
pub mod query;
pub mod remote;
pub mod rows_file;
pub mod tables;
pub mod traits;

mod erasure;
mod error;
mod open;
mod store;
mod theirs;

pub use erasure::ErasureRecord;
pub use error::StoreError;
pub use lake::KeySet;
pub use open::{Backend, StoreOptions, StoreStatus, open};
pub use store::{Publication, Store, TableRows};
