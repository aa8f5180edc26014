//! What a tile shows: the server asks the stored question, and the asker gives values of variables, nothing else.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use footfall_api_access::{Permission, View};
use footfall_api_app::{May, Member};
use footfall_api_http::{Answering, JsonBody, Known, Part, Path, Problem, Routes, Time, Wished, events, post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dashboards::board;
use super::questions::saved;
use super::{ItemPlace, read};
use crate::answers::{InsightAnswer, Ready, RowFormat, Span, TILE_ROWS_MAX, ready};
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
    wished: Wished,
    JsonBody(asked): JsonBody<TileAsked>,
) -> Result<Answering<Answered>, Problem> {
    let board = board(&boards, &place.project, &place.key).await.map_err(problem)?;
    let view = boards.view(&member, Permission::DashboardsRead, &place.project);
    let view = view.ok_or_else(|| problem(BoardError::NotFound("dashboard")))?;
    let asking = Asking { tile: &asked.tile, variables: &asked.variables, days: asked.days };
    let tile = ready_tile(&boards, &place.project, &board, asking, |_| true).await.map_err(problem)?;
    match wished {
        Wished::Json => {
            let answered = tile.ask(&boards, &place.project, &view).await;
            answered.map(|answered| Answering::Told(Box::new(answered))).map_err(problem)
        }
        Wished::Events => {
            let told = tile.listen(boards, place.project, view).await;
            told.map(Answering::Events).map_err(problem)
        }
    }
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
    ready_tile(boards, project, board, asking, may_set).await?.ask(boards, project, view).await
}

/// What a tile asks, ready for an engine.
struct ReadyTile {
    ready: Ready,
    show: Show,
    /// The filters of the dashboard reach what it asks.
    is_reached: bool,
}

async fn ready_tile(
    boards: &Boards,
    project: &str,
    board: &Board,
    asking: Asking<'_>,
    may_set: impl Fn(&Variable) -> bool,
) -> Result<ReadyTile, BoardError> {
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
    Ok(ReadyTile { ready, show: tile.show, is_reached })
}

impl ReadyTile {
    async fn ask(self, boards: &Boards, project: &str, view: &View) -> Result<Answered, BoardError> {
        let mut answered = ask(boards, project, view, self.ready, self.show).await?;
        answered.is_filtered &= self.is_reached;
        Ok(answered)
    }

    /// The same as events: how far it is, of insights what parts of the people say, and at last the answer.
    async fn listen(self, boards: Boards, project: String, view: View) -> Result<Response, BoardError> {
        let Ready::Insight { question, shown, is_filtered } = self.ready else {
            let last = async move { self.ask(&boards, &project, &view).await.map_err(problem) };
            return Ok(events(last, |_: f64| Known::<Answered> { progress: None, part: None }));
        };
        let listened = boards.answers().listened(&project, &question, &view).await?;
        let (asked, frame) = (listened.clone(), Frame { show: self.show, question: shown, is_filtered });
        let framed = frame.clone();
        let last = async move {
            let found = asked.answer().await;
            found.map(|found| frame.around_whole(found)).map_err(|why| problem(BoardError::Unanswered(why)))
        };
        let look = move |share: f64| {
            let Known { progress, part } = listened.known(share);
            let part = part.map(|Part { answer, share, as_of }| {
                let answer = framed.around(answer, as_of, None);
                Part { answer, share, as_of }
            });
            Known { progress, part }
        };
        Ok(events(last, look))
    }
}

/// What stands around the answer of an insight.
#[derive(Debug, Clone)]
struct Frame {
    show: Show,
    question: Value,
    is_filtered: bool,
}

impl Frame {
    fn around(&self, answer: Value, as_of: Time, took_ms: Option<f64>) -> Answered {
        Answered {
            show: self.show,
            question: Some(self.question.clone()),
            answer: Some(answer),
            is_filtered: self.is_filtered,
            columns: Vec::new(),
            rows: Vec::new(),
            as_of,
            took_ms,
        }
    }

    fn around_whole(&self, found: InsightAnswer) -> Answered {
        self.around(found.answer, found.as_of.into(), Some(found.took_ms))
    }
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
    "measure",
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
                    // The names of properties and measures, whatever they are called, and what a breakdown is by.
                    let is_of_names = |name: &str| matches!(name, "breakdown" | "measures" | "properties");
                    let others = members.iter_mut().filter(|(name, _)| !is_of_names(name.as_str()));
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
            Ok(Frame { show, question: shown, is_filtered }.around_whole(found))
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
