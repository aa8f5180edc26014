//! The seam to the tables: whoever runs the store answers SQL questions about one project.

use async_trait::async_trait;
use footfall_pipelines_insights::definition::{Exposures, ExposuresAnswer};
use serde_json::Value;

use crate::error::ExperimentError;

/// Rows of an answer: names of columns, and values in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

/// Answers questions in SQL over the public tables of one project. `params` is an object for `$name`.
///
/// Numbers come as JSON numbers, times as texts of RFC 3339, NULL as null. A question sees one moment of the tables.
#[async_trait]
pub trait Facts: Send + Sync + 'static {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError>;

    /// Distinct ids of the people who are in a saved cohort now, ascending, at most so many.
    async fn members(&self, _project: &str, _cohort: &str, _most: usize) -> Result<Vec<String>, ExperimentError> {
        Err(ExperimentError::Facts("there are no cohorts".to_owned()))
    }

    /// The same question to an engine that is made for it. `None` where there is none, or it cannot answer just now: then
    /// it is asked in SQL.
    async fn exposures(&self, _project: &str, _asked: &Exposures) -> Result<Option<ExposuresAnswer>, ExperimentError> {
        Ok(None)
    }
}
