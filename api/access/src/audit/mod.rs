//! The audit: append-only records, chained by a keyed hash.

mod append;
mod find;
mod record;
mod verify;

pub use find::AuditWanted;
pub use record::{Act, Actor, AuditRecord, Origin, Outcome};
pub use verify::{AuditFault, AuditReport, AuditWalk};
