//! Why the benchmark stopped.

/// Every way in which it can.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    #[error(transparent)]
    Insight(#[from] footfall_pipelines_insights::InsightError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(
        "usage: --parquet FILE --folder FOLDER [--expected FILE] [--answers FILE] [--times FILE] [--rounds N] [--threads N] [--fresh ROWS] [--merged PERSONS] [--cold] [--reload]; {0}"
    )]
    Usage(String),
    #[error("column {0} of the Parquet file is not as generate.py writes it")]
    Column(&'static str),
    #[error("a thread that loads ended by a panic")]
    Thread,
    #[error("{0} answers differ from the expected")]
    Differs(usize),
}
