//! The vocabulary of the ingest path: what an activity is, what time it has,
//! why one is refused, and the record that the log keeps of it.
//!
//! No I/O and no async here; the clock is a value that is handed in.

mod activity;
mod checkpoint;
mod clock;
mod common;
mod depth;
mod draft;
mod erasure;
mod identity;
mod record;
mod refusal;
mod skew;
mod text;
mod timestamp;

pub use activity::{Activity, Kind, Link, LinkKind};
pub use checkpoint::Checkpoint;
pub use clock::{Clock, FixedClock, SystemClock};
pub use common::{COMMON_TEXTS, Common};
pub use depth::has_lone_surrogate;
pub use draft::{Draft, Limits, Source, check_size, content_hash, new_id};
pub use erasure::{Erasure, Erasures};
pub use identity::{is_known_bad, person_id_of};
pub use record::{Entry, EntryError, Quarantined, Record, Resolved, Unmerge};
pub use refusal::{Reason, Refusal};
pub use skew::Skew;
pub use text::{Loose, Text};
pub use timestamp::{Timestamp, TimestampError};
