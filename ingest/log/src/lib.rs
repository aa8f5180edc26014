//! The durable activity log: what the doors append to and the jobs read from.
//!
//! [`ActivityLog`] is the seam. The embedded backend keeps segment files (docs/log-format.md), the other a topic of
//! Apache Kafka (docs/kafka.md); the choice is made
//! by URL in [`open`]. Every backend passes the same `contract_suite` (feature `contract`).

#[cfg(any(test, feature = "contract"))]
mod contract;
mod error;
mod file;
#[cfg(feature = "kafka")]
mod kafka;
mod log;
mod open;
mod options;
mod spill;
mod timeline;

#[cfg(any(test, feature = "contract"))]
pub use contract::contract_suite;
pub use error::{KafkaAccessError, LogError};
pub use log::{ActivityLog, Batch, Damage, HeldFile, IsErased, LogRecord, LogStatus, PartitionStatus};
pub use open::{cut, open, segment_end, set_timeline, timeline_of, verify};
pub use options::{KafkaAccess, LogOptions, SaslMechanism, VerifiedPartition, VerifyReport};
pub use spill::{SpillOptions, drain_spilled, is_spilled, spilling};
pub use timeline::{Restored, Timeline};
