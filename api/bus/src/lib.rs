//! What the processes of an installation tell each other: a seam over this process alone (the default) and Redis.
//!
//! News hurry what everybody would find in the database a little later. Without them everything is slower and nothing is wrong.

mod buckets;
mod bus;
pub mod contract;
mod local;
mod open;
mod over_redis;

pub use buckets::Counters;
pub use bus::{Bus, Heard, Listener, NEWS_BYTES_MAX, News, Topic};
pub use local::LocalBus;
pub use open::{BusError, Opened, open};
