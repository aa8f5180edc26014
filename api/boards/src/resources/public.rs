//! What viewers of shared dashboards see: that dashboard, its answers, and nothing else. They name tiles and, where a variable
//! has options, one of these; what is asked stands in the dashboard.

use axum::extract::State;
use footfall_api_app::May;
use footfall_api_http::{JsonBody, Problem, Routes, Time, Told, post, public};
use footfall_ingest_activity::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::{Answered, Asking, TIME_MAX, ask_tile};
use super::dashboards::board;
use super::shares::hash_of;
use crate::answers::Unanswered;
use crate::boards::{Boards, everything};
use crate::document::{Ask, Board, Values};
use crate::error::{BoardError, VIEWS, problem};
use crate::storage::{self, Share};
use crate::viewing::Viewing;

/// How long a viewer of a link may look before the link is asked for again.
const VIEWING_MS: i64 = 60 * 60 * 1000;
const OPEN_COST: u32 = 10;
const ASK_COST: u32 = 5;

/// The secret of a link with its password, or a token.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SharedOpening")]
struct Opening {
    #[schemars(length(min = 1, max = 100))]
    secret: Option<String>,
    #[schemars(length(min = 1, max = 256))]
    password: Option<String>,
    #[schemars(length(min = 1, max = 8192))]
    token: Option<String>,
}

/// A dashboard as its viewers see it.
#[derive(Serialize, JsonSchema)]
struct SharedDashboard {
    /// Without questions: how it looks, and which variables may be set.
    dashboard: Value,
    /// With it the tiles are asked.
    token: String,
    expires_at: Time,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SharedTileAsked {
    #[schemars(length(min = 1, max = 8192))]
    token: String,
    #[schemars(length(min = 1, max = 64))]
    tile: String,
    #[serde(default)]
    variables: Values,
}

pub(super) fn routes() -> Routes<Boards, May> {
    let reason = || public("The secret of the link, or a signed token, says which dashboard may be seen.");
    Routes::new(
        "shared",
        "Dashboards that were given away.",
        [
            post("/v1/shared/dashboards", reason(), open, "A shared dashboard, and a token for its answers.")
                .cost(OPEN_COST)
                .raises(VIEWS),
            post("/v1/shared/answers", reason(), tile, "Asks what a tile of a shared dashboard asks.")
                .cost(ASK_COST)
                .time_max(TIME_MAX)
                .raises(VIEWS),
        ],
    )
}

async fn open(
    State(boards): State<Boards>,
    JsonBody(opening): JsonBody<Opening>,
) -> Result<Told<SharedDashboard>, Problem> {
    let (share, viewing) = admitted(&boards, &opening).await.map_err(problem)?;
    let board = shared(&boards, &share).await.map_err(problem)?;
    let token = viewing.sign(boards.secret()).ok_or_else(|| Problem::internal("a token was not signed"))?;
    let expires_at = Timestamp::from_millis(viewing.ends_ms).into();
    Ok(Told(SharedDashboard { dashboard: seen(&board, &viewing), token, expires_at }))
}

async fn tile(
    State(boards): State<Boards>,
    JsonBody(asked): JsonBody<SharedTileAsked>,
) -> Result<Told<Answered>, Problem> {
    answered(&boards, asked).await.map(Told).map_err(problem)
}

async fn answered(boards: &Boards, asked: SharedTileAsked) -> Result<Answered, BoardError> {
    let (share, viewing) = viewed(boards, &asked.token).await?;
    let mut board = shared(boards, &share).await?;
    // What the token settles is the default, and not to be set.
    for variable in &mut board.variables {
        if let Some(settled) = viewing.variables.get(&variable.name) {
            variable.default = settled.clone();
        }
    }
    let may_set = |variable: &crate::document::Variable| {
        !variable.options.is_empty() && !viewing.variables.contains_key(&variable.name)
    };
    let asking = Asking { tile: &asked.tile, variables: &asked.variables, days: None };
    let answered = ask_tile(boards, &share.project, &board, &everything(), asking, may_set).await;
    let answered = answered.map_err(|error| match error {
        // Texts of the engines name what the question names.
        BoardError::Unanswered(Unanswered::Refused { code, .. }) => {
            refused(code, "the question of this tile has no answer")
        }
        // How many rows there are is nothing that the tile shows.
        BoardError::Unanswered(Unanswered::Preparing { .. }) => {
            BoardError::Unanswered(Unanswered::Later { detail: "the activity is being read".to_owned() })
        }
        BoardError::NotFound(_) => BoardError::ShareRefused,
        other => other,
    })?;
    if answered.has_people() {
        let why = "this tile names people, and is shown to members alone";
        return Err(refused("insight_refused".to_owned(), why));
    }
    Ok(without_question(answered))
}

fn refused(code: String, detail: &str) -> BoardError {
    BoardError::Unanswered(Unanswered::Refused { code, detail: detail.to_owned(), position: None })
}

/// The share of a secret, after its password, or of a token; and for how long.
async fn admitted(boards: &Boards, opening: &Opening) -> Result<(Share, Viewing), BoardError> {
    let secret = match (&opening.secret, &opening.token) {
        (Some(secret), None) => secret,
        (None, Some(token)) => return viewed(boards, token).await,
        _ => return Err(BoardError::ShareRefused),
    };
    let found = storage::share_by_secret(boards.access().database(), &hash_of(secret)).await?;
    let share = found.filter(|share| share.is_in_force(boards.now())).ok_or(BoardError::ShareRefused)?;
    if let Some(stored) = &share.password {
        let given = opening.password.as_ref().ok_or(BoardError::PasswordNeeded)?;
        boards.try_password(&share.id).await?;
        if !boards.access().passwords().verify(given, Some(stored)).await? {
            return Err(BoardError::ShareRefused);
        }
    }
    let hour = boards.now().millis() + VIEWING_MS;
    let ends_ms = share.expires_at.map_or(hour, |ends| ends.millis().min(hour));
    Ok((share.clone(), Viewing { share: share.id, ends_ms, variables: Values::new() }))
}

/// The share of a token, if both are in force.
async fn viewed(boards: &Boards, token: &str) -> Result<(Share, Viewing), BoardError> {
    let viewing = Viewing::read(token, boards.secret(), boards.now()).ok_or(BoardError::ShareRefused)?;
    let found = storage::share(boards.access().database(), &viewing.share).await?;
    let share = found.filter(|share| share.is_in_force(boards.now())).ok_or(BoardError::ShareRefused)?;
    Ok((share, viewing))
}

/// The dashboard of a share; when it is gone, so is the share.
async fn shared(boards: &Boards, share: &Share) -> Result<Board, BoardError> {
    board(boards, &share.project, &share.dashboard).await.map_err(|error| match error {
        BoardError::NotFound(_) => BoardError::ShareRefused,
        other => other,
    })
}

/// How it looks, without what it asks.
fn seen(board: &Board, viewing: &Viewing) -> Value {
    let tiles: Vec<Value> = board
        .tiles
        .iter()
        .map(|tile| {
            let text = match &tile.ask {
                Ask::Text(text) => Some(text),
                _ => None,
            };
            json!({
                "id": tile.id, "title": tile.title, "description": tile.description, "x": tile.x, "y": tile.y,
                "width": tile.width, "height": tile.height, "show": tile.show, "text": text,
            })
        })
        .collect();
    let may_set = |name: &str| !viewing.variables.contains_key(name);
    let variables = board.variables.iter().filter(|variable| !variable.options.is_empty() && may_set(&variable.name));
    json!({
        "title": board.title, "description": board.description, "refresh_seconds": board.refresh_seconds, "zone": board.zone,
        "days": board.days, "variables": variables.collect::<Vec<_>>(), "tiles": tiles,
    })
}

/// Of the question only what charts are drawn by: its kind, its buckets, the names of its activities.
fn without_question(mut answered: Answered) -> Answered {
    answered.hide_conditions();
    answered
}
