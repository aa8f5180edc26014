//! How far the forgetting of a person is.

use footfall_ingest_activity::{Erasure, Timestamp};
use serde::{Deserialize, Serialize};

/// An erasure and its steps, each with the time at which it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRecord {
    #[serde(flatten)]
    pub erasure: Erasure,
    /// No answer shows the person from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_at: Option<Timestamp>,
    /// All files that had its rows are replaced; the old ones wait for their readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewritten_at: Option<Timestamp>,
    /// No file of the tables has its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_at: Option<Timestamp>,
    /// No segment of the log has its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_at: Option<Timestamp>,
}

impl ErasureRecord {
    /// Asked for, and nothing done yet.
    pub fn new(erasure: Erasure) -> ErasureRecord {
        ErasureRecord { erasure, hidden_at: None, rewritten_at: None, files_at: None, log_at: None }
    }

    /// When the last step was done.
    pub fn done_at(&self) -> Option<Timestamp> {
        Some(self.files_at?.max(self.log_at?))
    }
}
