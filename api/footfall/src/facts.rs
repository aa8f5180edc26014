//! What experiments ask of the tables: exposures of the insights engine, and SQL where that has no answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_api_insights::Desk;
use footfall_pipelines_insights::definition::{Answer, Exposures, ExposuresAnswer, Question as Insight};
use footfall_pipelines_insights_feed::{AskError, AskLimits, Insights};
use footfall_pipelines_store::query::{Engine, Format, Question, encode};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

/// Results of experiments by what answered them.
const ANSWERS: &str = "footfall_experiment_answers_total";

/// While a projection is made for longer than this, SQL answers: a request has 30 seconds.
const ENGINE_TIME_MAX: Duration = Duration::from_secs(10);
/// Of more rows it has no answer in what is left of them.
const SQL_ROWS_MAX: u64 = 5_000_000;

/// The tables, for experiments.
pub struct Tables {
    pub engine: Arc<Engine>,
    pub insights: Arc<Insights>,
    /// Knows saved cohorts.
    pub desk: Desk,
    pub limits: AskLimits,
}

/// Who is in a cohort, by the ids that apps know.
const MEMBERS: &str =
    "SELECT DISTINCT distinct_id FROM person_ids WHERE person_id IN (SELECT person_id FROM cohort($1))
    ORDER BY distinct_id LIMIT $2";

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

impl Tables {
    async fn rows(&self, project: &str, question: Question) -> Result<Rows, ExperimentError> {
        let answer = self.engine.query(project, question).await.map_err(failed)?;
        let mut pieces = encode(answer, Format::Json).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(failed)?);
        }
        let Answered { columns, rows } = serde_json::from_slice(&body).map_err(failed)?;
        Ok(Rows { columns: columns.into_iter().map(|column| column.name).collect(), rows })
    }
}

#[async_trait]
impl Facts for Tables {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        self.rows(project, Question::new(sql).with_params(params)).await
    }

    async fn members(&self, project: &str, cohort: &str, most: usize) -> Result<Vec<String>, ExperimentError> {
        let question = Question::new(MEMBERS).with_params(json!([cohort, most]));
        let rows = self.rows(project, question.calling(self.desk.functions(&project.into()))).await?.rows;
        Ok(rows.into_iter().filter_map(|row| row.first()?.as_str().map(str::to_owned)).collect())
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
            Err(AskError::Preparing { rows_done, rows_all }) if rows_all > SQL_ROWS_MAX => {
                Err(ExperimentError::Preparing { rows_done, rows_all })
            }
            Err(reason) => {
                metrics::counter!(ANSWERS, "by" => "sql").increment(1);
                tracing::info!(%reason, project, "results are asked for in SQL");
                Ok(None)
            }
        }
    }
}
