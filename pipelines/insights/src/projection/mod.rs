//! The projection: what behavioural questions touch of the activity table, laid out for them.
//!
//! Persons have dense ordinals; 16,384 of them are a *segment*, the unit of work. A *run* is a file (or fresh rows in
//! memory, in the same bytes) with, for each segment, a *timeline* (every row of every person in order, cut into
//! sessions) and for each activity *postings* (its rows by person and time, with columns of hot properties beside).
//! A *snapshot* is several runs read as one, persons merged. docs/insights/engine.md has the layout in full.

mod bytes;
mod changed;
mod column;
mod compact;
mod dictionary;
mod directory;
mod layout;
mod merge;
mod merged;
mod packed;
mod postings;
mod rows;
mod run;
mod snapshot;
mod timeline;
mod timeline_read;
mod timelines;
mod within;
mod write;

pub use compact::{compact, compact_merged, join};
pub use dictionary::{ColumnKind, Dictionaries, Dictionary, HotColumn, Names};
pub use layout::{PersonSet, SEGMENT_PERSONS};
pub use rows::{Rows, Values};
pub use run::{PartBytes, Run};
pub use snapshot::{GroupProperty, Snapshot, Trait};

pub(crate) use changed::{Changed, Sessions};
pub(crate) use column::Column;
pub(crate) use layout::{SegmentSet, join_person, split_person};
pub(crate) use packed::Visitor;
pub(crate) use postings::Postings;
pub(crate) use timeline::{Codes, Timeline};
pub(crate) use timelines::{Row, Timelines};
pub(crate) use within::{Moved, Piece};

/// A gap longer than this ends a session of a timeline.
pub const SESSION_GAP_MS: i64 = 30 * 60_000;
