//! What experiments ask of the tables: exposures of the insights engine, and SQL where that has no answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_pipelines_insights::definition::{Answer, Exposures, ExposuresAnswer, Question as Insight};
use footfall_pipelines_insights_feed::{AskLimits, Insights};
use footfall_pipelines_store::query::{Engine, Format, Question, encode};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::Value;

/// Results of experiments by what answered them.
const ANSWERS: &str = "footfall_experiment_answers_total";

/// While a projection is made for longer than this, SQL answers: a request has 30 seconds.
const ENGINE_TIME_MAX: Duration = Duration::from_secs(10);

/// The tables, for experiments.
pub struct Tables {
    pub engine: Arc<Engine>,
    pub insights: Arc<Insights>,
    pub limits: AskLimits,
}

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
        let answer = self.engine.query(project, question).await.map_err(failed)?;
        let mut pieces = encode(answer, Format::Json).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(failed)?);
        }
        let Answered { columns, rows } = serde_json::from_slice(&body).map_err(failed)?;
        Ok(Rows { columns: columns.into_iter().map(|column| column.name).collect(), rows })
    }

    async fn exposures(&self, project: &str, asked: &Exposures) -> Result<Option<ExposuresAnswer>, ExperimentError> {
        // A result is of the moment at which it is asked for.
        let limits = AskLimits { age: Duration::ZERO, time: self.limits.time.min(ENGINE_TIME_MAX) };
        match self.insights.ask(project, &Insight::Exposures(asked.clone()), limits).await {
            Ok(answered) => match &answered.answer {
                Answer::Exposures(answer) => {
                    metrics::counter!(ANSWERS, "by" => "insights").increment(1);
                    Ok(Some(answer.clone()))
                }
                _ => Ok(None),
            },
            Err(reason) => {
                metrics::counter!(ANSWERS, "by" => "sql").increment(1);
                tracing::info!(%reason, project, "results are asked for in SQL");
                Ok(None)
            }
        }
    }
}
