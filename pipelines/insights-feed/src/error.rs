//! Why a question has no answer.

use std::sync::Arc;
use std::time::Duration;

use footfall_pipelines_insights::InsightError;
use footfall_pipelines_store::StoreError;

/// Errors of a question. Those of [`AskError::Question`] say what to change in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Question(Arc<InsightError>),
    #[error("property {name:?} has too many different values to be asked about")]
    TooManyValues { name: String },
    #[error("the project has more than {most} different activity names")]
    TooManyActivities { most: usize },
    /// The projection is being made, of the first rows or with a property that was not asked about before.
    #[error("the project's activity is being prepared: {rows_done} of {rows_all} rows")]
    Preparing { rows_done: u64, rows_all: u64 },
    #[error("the answer took longer than {} ms", limit.as_millis())]
    TimeLimit { limit: Duration },
    #[error("too many questions are waiting")]
    Busy,
    #[error("more than {most} people are in it")]
    TooManyPeople { most: usize },
    #[error("the question takes more memory than the {limit} bytes that one may have")]
    Memory { limit: u64 },
    /// Of all questions under way together.
    #[error("the questions under way have more than {limit} bytes on disk that have no room in memory")]
    Spill { limit: u64 },
    #[error("the store cannot be read: {0}")]
    Store(Arc<StoreError>),
    /// What the operator has to see.
    #[error("the insights engine failed: {0}")]
    Engine(Arc<InsightError>),
    #[error("the service has ended")]
    Closed,
}

impl From<InsightError> for AskError {
    fn from(error: InsightError) -> AskError {
        match error {
            InsightError::Question { .. }
            | InsightError::UnknownProperty { .. }
            | InsightError::PropertyKind { .. }
            | InsightError::UnknownZone(_) => AskError::Question(Arc::new(error)),
            InsightError::Memory { limit } => AskError::Memory { limit },
            InsightError::MemoryOfAll => AskError::Busy,
            InsightError::Spill { limit } => AskError::Spill { limit },
            other => AskError::Engine(Arc::new(other)),
        }
    }
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> AskError {
        AskError::Store(Arc::new(error))
    }
}
