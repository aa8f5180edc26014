//! What an answer looks like.

use footfall_api_http::Time;
use footfall_pipelines_insights::definition::Question;
use footfall_pipelines_insights::{clickhouse_sql, clickhouse_unsaid};
use footfall_pipelines_insights_feed::Answered;
use schemars::JsonSchema;
use serde::Serialize;

/// An answer, and what it took.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Insight<T> {
    pub answer: T,
    /// The answer is of all rows that were visible at this moment.
    pub as_of: Time,
    /// Rows, or where sessions were enough sessions, that were looked at.
    pub rows_read: u64,
    pub bytes_read: u64,
    /// Working it out, in milliseconds, without waiting; of an answer that was there already, then.
    pub took_ms: f64,
    /// It was worked out for an earlier question, and nothing has come since.
    pub is_cached: bool,
    /// A statement that gives the same on ClickHouse, over tables as docs/insights/README.md has them.
    /// `null` where `clickhouse_unsaid` says why.
    pub clickhouse_sql: Option<String>,
    /// Why there is no statement, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clickhouse_unsaid: Option<String>,
    /// The answer is of this share of the people alone, as asked; nothing in it is scaled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<f64>,
}

impl<T> Insight<T> {
    pub fn new(answer: T, answered: &Answered, question: &Question) -> Insight<T> {
        Insight {
            answer,
            as_of: answered.as_of.into(),
            rows_read: answered.rows_read,
            bytes_read: answered.bytes_read,
            took_ms: answered.took.as_micros() as f64 / 1e3,
            is_cached: answered.is_cached,
            clickhouse_sql: clickhouse_sql(question),
            clickhouse_unsaid: clickhouse_unsaid(question).map(str::to_owned),
            sample: question.scope().and_then(|scope| scope.sample),
        }
    }
}
