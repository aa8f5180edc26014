//! Why a measurement stopped.

/// Every way in which it can.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{program}: {source}; build it first or name it with --binary")]
    Program { program: String, source: std::io::Error },
    #[error("the server ended by itself: {0}; its words are in {1}")]
    Ended(String, String),
    #[error("the command `{0}` failed: {1}")]
    Command(String, String),
    #[error("{0} took longer than {1} s")]
    Slow(&'static str, u64),
    #[error("{path} answered {status}: {body}")]
    Answer { path: String, status: u16, body: String },
    #[error("{0} is not what was expected")]
    Shape(&'static str),
}
