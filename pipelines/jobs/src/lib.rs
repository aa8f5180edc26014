//! From the log to the tables: read, transform, publish.
//!
//! [`Runner`] is the loop. It reads records, keeps what is new by [`message_key`], builds Arrow rows ([`transform`]),
//! decides claims of identity ([`identity`]), and publishes all of it with the checkpoint in one step of the store.

pub mod identity;
pub mod transform;

mod config;
mod copy;
mod error;
mod imports;
mod keys;
mod leadership;
mod live;
mod observe;
mod pace;
mod runner;
mod trouble;
mod turn;

pub use config::JobsConfig;
pub use copy::{CopyOptions, CopySource, copy_tables, is_begun, is_complete, is_half, places_in_log};
pub use error::JobError;
pub use imports::{ImportAccount, ImportAccounts};
pub use keys::{log_quarantine_id, message_key, quarantine_key, resolved_key};
pub use leadership::{Alone, Leadership, Standing, Term};
pub use live::{LiveActivity, LiveFeed, LivePulse};
pub use pace::Pace;
pub use runner::Runner;
pub use turn::{Built, Graphs, IsNew, Sources, Tally, build};
