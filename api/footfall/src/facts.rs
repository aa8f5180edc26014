//! What experiments ask of the tables: SQL about one project, answered by the engine.

use std::sync::Arc;

use async_trait::async_trait;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_pipelines_store::query::{Engine, Format, Question, encode};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::Value;

/// The tables, for experiments.
pub struct Tables(pub Arc<Engine>);

#[derive(Deserialize)]
struct Answered {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

fn failed(error: impl ToString) -> ExperimentError {
    ExperimentError::Facts(error.to_string())
}

#[async_trait]
impl Facts for Tables {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        let question = Question::new(sql).with_params(params);
        let answer = self.0.query(project, question).await.map_err(failed)?;
        let mut pieces = encode(answer, Format::Json).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(failed)?);
        }
        let Answered { columns, rows } = serde_json::from_slice(&body).map_err(failed)?;
        Ok(Rows { columns: columns.into_iter().map(|column| column.name).collect(), rows })
    }
}
