//! What a tile shows: the server asks the stored question, and the asker gives values of variables, nothing else.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Permission, View};
use footfall_api_app::{May, Member};
use footfall_api_http::{JsonBody, Path, Problem, Routes, Time, Told, post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dashboards::board;
use super::questions::saved;
use super::{ItemPlace, read};
use crate::answers::{Ready, RowFormat, Span, TILE_ROWS_MAX, ready};
use crate::boards::Boards;
use crate::document::{Ask, Asked, Board, Show, Values, Variable, reach, values_of};
use crate::error::{ASKS, BoardError, problem};

/// A question costs the limits as much as so many plain requests.
pub(super) const COST: u32 = 5;
/// The engines have limits of their own, which are shorter and say more.
pub(super) const TIME_MAX: Duration = Duration::from_secs(150);

/// Which tile, with which values; what is left out has its default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TileAsked {
    #[schemars(length(min = 1, max = 64))]
    tile: String,
    #[serde(default)]
    variables: Values,
    /// Instead of the dashboard's.
    #[schemars(range(min = 1, max = 3650))]
    days: Option<u32>,
}

/// What a tile shows.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TileAnswer")]
pub(super) struct Answered {
    /// How it is drawn.
    show: Show,
    /// The question of insights as it was asked, with its time and filters.
    question: Option<Value>,
    /// Its answer.
    answer: Option<Value>,
    /// False where the filters of the dashboard do not apply to the question.
    is_filtered: bool,
    /// Of SQL: names and types.
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    as_of: Time,
    took_ms: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TileColumn")]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Rows {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

pub(super) fn routes() -> Routes<Boards, May> {
    Routes::new(
        "tiles",
        "What the tiles of dashboards show.",
        [post("/v1/projects/{project}/dashboards/{key}/answers", read(), answer, "Asks what a tile asks.")
            .cost(COST)
            .time_max(TIME_MAX)
            .raises(ASKS)],
    )
}

async fn answer(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Path(place): Path<ItemPlace>,
    JsonBody(asked): JsonBody<TileAsked>,
) -> Result<Told<Answered>, Problem> {
    let board = board(&boards, &place.project, &place.key).await.map_err(problem)?;
    let view = boards.view(&member, Permission::DashboardsRead, &place.project);
    let view = view.ok_or_else(|| problem(BoardError::NotFound("dashboard")))?;
    let asking = Asking { tile: &asked.tile, variables: &asked.variables, days: asked.days };
    let answered = ask_tile(&boards, &place.project, &board, &view, asking, |_| true).await;
    answered.map(Told).map_err(problem)
}

/// A tile and values.
pub(super) struct Asking<'a> {
    pub tile: &'a str,
    pub variables: &'a Values,
    pub days: Option<u32>,
}

/// Asks what a tile asks, as somebody sees it who sees this much.
pub(super) async fn ask_tile(
    boards: &Boards,
    project: &str,
    board: &Board,
    view: &View,
    asking: Asking<'_>,
    may_set: impl Fn(&Variable) -> bool,
) -> Result<Answered, BoardError> {
    let tile = board.tile(asking.tile).ok_or(BoardError::NotFound("tile"))?;
    let mut values = values_of(&board.variables, asking.variables, may_set).map_err(BoardError::Invalid)?;
    let asked = match &tile.ask {
        Ask::Saved(key) => {
            let question = saved(boards, project, key).await?;
            // The dashboard's variables go before the question's defaults.
            for parameter in &question.parameters {
                values.entry(parameter.name.clone()).or_insert_with(|| parameter.default.clone());
            }
            question.ask
        }
        other => other.asked().ok_or(BoardError::NotFound("question"))?,
    };
    let span = Span { days: asking.days.or(tile.days).unwrap_or(board.days), zone: &board.zone };
    let time = span.at(boards.now())?;
    let is_reached = match &asked {
        Asked::Sql(sql) => reach(&board.filters, sql, &values),
        Asked::Insight(_) => true,
    };
    let ready = ready(asked, time, &board.zone, &values, &board.filters, (RowFormat::Json, TILE_ROWS_MAX))?;
    let ready = if tile.show == Show::Number { ready.into_numbers()? } else { ready };
    let mut answered = ask(boards, project, view, ready, tile.show).await?;
    answered.is_filtered &= is_reached;
    Ok(answered)
}

/// What of a question says how its answer is drawn: kinds, buckets, names of activities, properties and groups. Everything else,
/// as conditions and who belongs to a group, stays here.
const DRAWN: &[&str] = &[
    "activities",
    "breakdown",
    "bucket",
    "cohorts",
    "converts",
    "edges",
    "formulas",
    "from",
    "from_ms",
    "funnel",
    "kind",
    "measures",
    "name",
    "of",
    "previous",
    "properties",
    "property",
    "question",
    "ranks",
    "resolution",
    "returning",
    "rows_per_person",
    "running",
    "scope",
    "segments",
    "select",
    "series",
    "start",
    "steps",
    "sum_per_person",
    "to",
    "trend",
    "until_ms",
    "window_ms",
    "zone",
];

impl Answered {
    /// Leaves of the question what says how to draw the answer.
    pub(super) fn hide_conditions(&mut self) {
        fn hide(value: &mut Value) {
            match value {
                Value::Object(members) => {
                    members.retain(|name, _| DRAWN.contains(&name.as_str()));
                    // The names of properties and measures, whatever they are called.
                    let others =
                        members.iter_mut().filter(|(name, _)| !matches!(name.as_str(), "measures" | "properties"));
                    others.for_each(|(_, value)| hide(value));
                }
                Value::Array(items) => items.iter_mut().for_each(hide),
                _ => {}
            }
        }
        if let Some(question) = &mut self.question {
            hide(question);
        }
    }

    /// It names people.
    pub(super) fn has_people(&self) -> bool {
        self.question.as_ref().is_some_and(|question| question["question"] == "ranking" && question["by"] != "activity")
    }
}

/// Asks an engine.
pub(super) async fn ask(
    boards: &Boards,
    project: &str,
    view: &View,
    ready: Ready,
    show: Show,
) -> Result<Answered, BoardError> {
    match ready {
        Ready::Insight { question, shown, is_filtered } => {
            let found = boards.answers().insight(project, &question, view).await?;
            Ok(Answered {
                show,
                question: Some(shown),
                answer: Some(found.answer),
                is_filtered,
                columns: Vec::new(),
                rows: Vec::new(),
                as_of: found.as_of.into(),
                took_ms: Some(found.took_ms),
            })
        }
        Ready::Sql(asked) => {
            let bytes = boards.answers().sql(project, asked, view).await?;
            let Rows { columns, rows } =
                serde_json::from_slice(&bytes).map_err(|_| BoardError::Damaged("an answer"))?;
            let as_of = boards.now().into();
            Ok(Answered { show, question: None, answer: None, is_filtered: true, columns, rows, as_of, took_ms: None })
        }
    }
}
