//! What can go wrong in the insights engine: questions that cannot be asked, and files that cannot be read.

use std::io;
use std::path::PathBuf;

/// Errors of the engine. Those of a question say what to change in it.
#[derive(Debug, thiserror::Error)]
pub enum InsightError {
    #[error("{field}: {problem}")]
    Question { field: &'static str, problem: String },
    #[error("property {name:?} is not kept for fast questions; kept are {known:?}")]
    UnknownProperty { name: String, known: Vec<String> },
    #[error("property {name:?} is {is}, and this needs {needed}")]
    PropertyKind { name: String, is: &'static str, needed: &'static str },
    #[error("time zone {0:?} is not in the IANA database; examples: UTC, Europe/Berlin, America/New_York")]
    UnknownZone(String),
    #[error("the question was cancelled")]
    Cancelled,
    #[error("the question takes more memory than the {limit} bytes that one may have")]
    Memory { limit: u64 },
    #[error("the questions under way take all the memory that there is for them")]
    MemoryOfAll,
    #[error(
        "the questions under way take more than the {limit} bytes of disk that there are for what has no room in memory"
    )]
    Spill { limit: u64 },
    #[error("a thread of the engine ended by a panic")]
    Thread,
    #[error("{action} {path}: {source}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} cannot be read as a run: {problem}")]
    Format { path: PathBuf, problem: String },
    #[error("rows cannot be taken: {0}")]
    Rows(String),
}

impl InsightError {
    /// A question whose `field` has a `problem`.
    pub(crate) fn question(field: &'static str, problem: impl Into<String>) -> InsightError {
        InsightError::Question { field, problem: problem.into() }
    }

    /// For `map_err` on file operations: what was done to which path.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> InsightError {
        let path = path.into();
        move |source| InsightError::File { action, path, source }
    }
}
