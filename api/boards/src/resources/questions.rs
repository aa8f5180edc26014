//! Saved questions: insights without their time, and SQL with typed parameters.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member};
use footfall_api_http::{JsonBody, Path, Problem, Routes, Told};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ItemPlace;
use super::answers::{Answered, COST, TIME_MAX, ask};
use super::items::routes as items;
use crate::answers::{RowFormat, Span, TILE_ROWS_MAX, ready};
use crate::boards::Boards;
use crate::document::{Content, SavedQuestion, Show, Values, values_of};
use crate::error::{ASKS, BoardError, problem};

/// Values of the parameters; what is left out has its default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QuestionAsking")]
struct Asking {
    #[serde(default)]
    variables: Values,
    /// Instead of the question's own.
    #[schemars(range(min = 1, max = 3650))]
    days: Option<u32>,
}

pub(super) fn routes() -> Routes<Boards, May> {
    items!(
        SavedQuestion,
        "questions",
        "Questions that are kept.",
        "questions",
        post("/v1/projects/{project}/questions/{key}/answers", read(), answer, "Asks it.")
            .cost(COST)
            .time_max(TIME_MAX)
            .raises(ASKS),
    )
}

/// A saved question as it is kept.
pub(crate) async fn saved(boards: &Boards, project: &str, key: &str) -> Result<SavedQuestion, BoardError> {
    let kept = boards.item(project, SavedQuestion::KIND, key).await?;
    serde_json::from_str(&kept.content).map_err(|_| BoardError::Damaged("a question"))
}

async fn answer(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Path(place): Path<ItemPlace>,
    JsonBody(asking): JsonBody<Asking>,
) -> Result<Told<Answered>, Problem> {
    let question = saved(&boards, &place.project, &place.key).await.map_err(problem)?;
    let view = boards.view(&member, Permission::DashboardsRead, &place.project);
    let view = view.ok_or_else(|| problem(BoardError::NotFound("question")))?;
    let values = values_of(&question.parameters, &asking.variables, |_| true);
    let values = values.map_err(|faults| problem(BoardError::Invalid(faults)))?;
    let span = Span { days: asking.days.unwrap_or(question.days), zone: &question.zone };
    let time = span.at(boards.now()).map_err(problem)?;
    let ready = ready(question.ask, time, &question.zone, &values, &[], (RowFormat::Json, TILE_ROWS_MAX));
    let ready = ready.map_err(problem)?;
    let ready = if question.show == Show::Number { ready.into_numbers().map_err(problem)? } else { ready };
    let answered = ask(&boards, &place.project, &view, ready, question.show).await;
    answered.map(Told).map_err(problem)
}
