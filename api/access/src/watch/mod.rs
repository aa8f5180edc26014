//! The watch: detections over the audit, and the alerts they lead to.

mod alerts;
mod detect;

pub use alerts::Alert;
pub use detect::{Finding, FindingKind, Thresholds, detect};
