//! From activities to rows, one file per table. Pure: nothing here reads, waits or knows the time.

mod activity;
mod identities;
mod quarantine;
mod session_parts;
mod words;

pub use activity::ActivityRows;
pub use identities::Identities;
pub use quarantine::{QuarantineRows, resolved_rows};
pub use session_parts::{SESSION_GAP_MILLIS, session_parts};
pub use words::Words;
