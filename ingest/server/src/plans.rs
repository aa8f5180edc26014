//! What projects mean their activities to be, known to whoever keeps their plans.

use std::sync::Arc;

use footfall_ingest_activity::Timestamp;
use footfall_ingest_plan::{Plan, Violation};

/// An activity that was otherwise than planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violated {
    pub activity: String,
    pub violations: Vec<Violation>,
    /// It was quarantined for it.
    pub is_refused: bool,
    /// Its message id; of one that was refused the quarantine's id.
    pub example: String,
    /// When it happened.
    pub timestamp: Timestamp,
    pub received_at: Timestamp,
}

/// Knows the plans.
pub trait Plans: Send + Sync + 'static {
    /// The plan of a project, if it has one.
    fn plan(&self, project: &str) -> Option<Arc<Plan>>;

    /// Takes note of what the log has taken and was otherwise than planned.
    fn violated(&self, project: &str, found: Vec<Violated>);
}
