//! The analytical tables: what the jobs publish and everybody asks.
//!
//! [`Store`] is the seam. The embedded backend is the [`lake`]: Parquet runs, an atomic manifest and the newest rows in
//! memory. [`query`] puts DataFusion in front of it.

pub mod lake;
pub mod query;
pub mod tables;
pub mod traits;

mod error;
mod store;

pub use error::StoreError;
pub use store::{Publication, Store, TableRows};
