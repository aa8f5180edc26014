//! PostHog's flag semantics: groups of conditions in order, SHA-1 buckets, cohorts, dependencies, payloads.
//!
//! The evaluator stands on the same ground as [`crate::assign`]: [`crate::Value`], [`crate::pattern`], and ranges of
//! [0, 1) for variants. Where the dialects mean different things (equality, case, regular expressions, versions), it has
//! its own operators.

mod date;
mod definition;
mod evaluate;
mod hash;
mod property;
mod semver;

pub use definition::{Flag, Flags};
pub use evaluate::{Answer, Evaluator, FlagValue, Reason, Subject};
pub use hash::bucket;
pub use property::unreadable;
