//! The engines behind dashboards, and the page of embedded ones, which alone may stand in frames of others.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use footfall_api_access::{RowFilter, View};
use footfall_api_boards::{Answers, Boards, InsightAnswer, Listened, RowFormat, SqlAsked, Unanswered};
use footfall_api_http::limit::Limits;
use footfall_api_http::{Client, Known, Part, Peer, Proxies};
use footfall_api_insights::{CohortError, Desk, progress_of};
use footfall_pipelines_insights::definition::{Answer, Question};
use footfall_pipelines_insights_feed::{Answered, AskError, AskLimits, Insights};
use footfall_pipelines_store::query::{Engine, Format, QueryError, Question as Statement, encode};
use futures::StreamExt;
use serde_json::Value;

/// SQL and insights, for dashboards.
pub struct Engines {
    pub engine: Arc<Engine>,
    pub insights: Arc<Insights>,
    /// Knows saved cohorts, and what SQL may call.
    pub desk: Desk,
    pub limits: AskLimits,
}

fn of_query(error: QueryError) -> Unanswered {
    match error {
        QueryError::Internal => Unanswered::Failed("the SQL engine failed; it has traced why".to_owned()),
        QueryError::Busy { .. } => Unanswered::Later { detail: error.to_string() },
        error => Unanswered::Refused {
            code: error.code().to_owned(),
            position: error.position().map(|place| (place.line, place.column)),
            detail: error.to_string(),
        },
    }
}

fn of_ask(error: AskError) -> Unanswered {
    let detail = error.to_string();
    let refused = |code: &str| Unanswered::Refused { code: code.to_owned(), detail: detail.clone(), position: None };
    match error {
        AskError::Question(_) => refused("insight_refused"),
        AskError::TooManyValues { .. } | AskError::TooManyActivities { .. } => refused("insight_values_too_many"),
        AskError::TooManyPeople { .. } => refused("insight_refused"),
        AskError::Memory { .. } => refused("insight_memory"),
        AskError::Spill { .. } => refused("insight_disk"),
        AskError::Preparing { rows_done, rows_all } => Unanswered::Preparing { detail, rows_done, rows_all },
        AskError::TimeLimit { .. } | AskError::Busy => Unanswered::Later { detail },
        AskError::Store(_) | AskError::Engine(_) | AskError::Closed => Unanswered::Failed(detail),
    }
}

fn of_cohort(error: CohortError) -> Unanswered {
    let detail = error.to_string();
    match error {
        CohortError::Stale(_) => Unanswered::Later { detail },
        CohortError::Access(_) | CohortError::Damaged => Unanswered::Failed(detail),
        _ => Unanswered::Refused { code: "cohort_invalid".to_owned(), detail, position: None },
    }
}

/// Insights are made of all rows: who sees a part of them would learn of the others.
fn sees_all(view: &View) -> bool {
    view.rows == RowFilter::Everything && view.masks.is_empty()
}

impl Engines {
    /// A question with what it names, of somebody who may ask it.
    async fn ready(&self, project: &str, question: &Question, view: &View) -> Result<Question, Unanswered> {
        if !sees_all(view) {
            return Err(Unanswered::Restricted);
        }
        self.desk.ready(project, question.clone()).await.map_err(of_cohort)
    }
}

/// An answer as a tile has it.
fn value_of(answer: &Answer) -> Result<Value, Unanswered> {
    let mut value = serde_json::to_value(answer).map_err(|error| Unanswered::Failed(error.to_string()))?;
    if let Some(members) = value.as_object_mut() {
        members.remove("question");
    }
    Ok(value)
}

fn whole_of(answered: &Answered) -> Result<InsightAnswer, Unanswered> {
    let took_ms = answered.took.as_micros() as f64 / 1e3;
    Ok(InsightAnswer { answer: value_of(&answered.answer)?, as_of: answered.as_of, took_ms })
}

/// A question that somebody listens to.
struct Listening {
    insights: Arc<Insights>,
    project: String,
    question: Question,
    limits: AskLimits,
}

#[async_trait]
impl Listened for Listening {
    async fn answer(&self) -> Result<InsightAnswer, Unanswered> {
        let answered = self.insights.ask_listening(&self.project, &self.question, self.limits).await.map_err(of_ask)?;
        whole_of(&answered)
    }

    fn known(&self, share: f64) -> Known<Value> {
        let larger = self.insights.partly(&self.project, &self.question).filter(|part| part.share > share);
        let part = larger.and_then(|part| {
            let answer = value_of(&part.answer).ok()?;
            Some(Part { answer, share: part.share, as_of: part.as_of.into() })
        });
        Known { progress: Some(progress_of(self.insights.progress(&self.project, &self.question))), part }
    }
}

#[async_trait]
impl Answers for Engines {
    async fn sql(&self, project: &str, asked: SqlAsked, view: &View) -> Result<Vec<u8>, Unanswered> {
        let format = match asked.format {
            RowFormat::Json => Format::Json,
            RowFormat::Csv => Format::Csv,
            RowFormat::Parquet => Format::Parquet,
        };
        let policy = footfall_api_sql::policy_of(view);
        let mut statement = Statement::new(asked.sql).with_params(asked.params).under(Arc::new(policy));
        statement.limits.rows_max = Some(asked.rows_max);
        if sees_all(view) {
            statement = statement.calling(self.desk.functions(&project.into()));
        }
        let answer = self.engine.query(project, statement).await.map_err(of_query)?;
        let mut pieces = encode(answer, format).await.map_err(of_query)?;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.map_err(of_query)?);
        }
        Ok(bytes)
    }

    async fn insight(&self, project: &str, question: &Question, view: &View) -> Result<InsightAnswer, Unanswered> {
        let question = self.ready(project, question, view).await?;
        let answered = self.insights.ask(project, &question, self.limits).await.map_err(of_ask)?;
        whole_of(&answered)
    }

    async fn listened(&self, project: &str, question: &Question, view: &View) -> Result<Arc<dyn Listened>, Unanswered> {
        let question = self.ready(project, question, view).await?;
        let (insights, project) = (self.insights.clone(), project.to_owned());
        Ok(Arc::new(Listening { insights, project, question, limits: self.limits }))
    }
}

/// `/embedded/{share}`: the application's page, which pages of the share's origins alone may hold. Each is looked up in the database, so
/// that requests count for their address as those to the API do.
pub fn embedded(boards: &Boards, limits: Limits, proxies: Proxies) -> Router {
    let door = Arc::new((boards.clone(), limits, proxies));
    let show = move |Path(share): Path<String>, request: Request| {
        let (door, headers) = (door.clone(), request.headers().clone());
        let client = Client::of(request.extensions().get::<Peer>().copied(), &request, &door.2);
        async move {
            let (boards, limits, _) = &*door;
            match limits.request_from(client.address).await {
                Ok(()) => page(boards, &share, &headers).await,
                Err(problem) => problem.into_response(),
            }
        }
    };
    Router::new().route("/embedded/{share}", get(show))
}

async fn page(boards: &Boards, share: &str, headers: &HeaderMap) -> Response {
    let ancestors = boards.frame_ancestors(share).await.unwrap_or_else(|error| {
        tracing::error!(%error, "an embedding could not be looked up");
        None
    });
    footfall_api_pages::embedded(headers, ancestors.as_deref())
}
