//! Dashboards: the text of their file, kept byte for byte.

use axum::Extension;
use axum::extract::State;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{
    Created, Done, Fault, IfMatch, JsonBody, Page, Paging, Path, Place, Problem, Routes, Shown, Time, Unfiltered,
    delete, get, post, put,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::items::checked_key;
use super::{InProject, ItemPlace, is_meant, read, revision, write};
use crate::boards::{Boards, Wanted, board_of};
use crate::built_in;
use crate::document::{Board, Kind, typed};
use crate::error::{BoardError, CHANGES, READS, problem};
use crate::faults::DOCUMENT_BYTES_MAX;
use crate::storage::{self, Kept};
use crate::yaml;

/// A dashboard.
#[derive(Debug, Serialize, JsonSchema)]
struct Dashboard {
    key: String,
    revision: i64,
    /// The file, as it was given.
    text: String,
    /// What the file says.
    dashboard: Value,
    /// Part of the program, and unchanged here.
    is_built_in: bool,
    created_at: Time,
    updated_at: Time,
    updated_by: String,
}

/// A dashboard in a list.
#[derive(Debug, Serialize, JsonSchema)]
struct DashboardLine {
    key: String,
    title: String,
    revision: i64,
    is_built_in: bool,
    updated_at: Time,
    updated_by: String,
}

/// A new dashboard: its file, or what the file says, which is then written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DashboardDraft {
    /// Lower-case letters, digits, `-` and `_`; it never changes. One is made where none is given.
    #[schemars(length(min = 1, max = 64))]
    key: Option<String>,
    /// YAML.
    #[schemars(length(max = 262_144))]
    text: Option<String>,
    dashboard: Option<Board>,
}

/// A dashboard as it is wanted: its file, or what the file says, which is then written anew without comments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DashboardChange {
    /// YAML.
    #[schemars(length(max = 262_144))]
    text: Option<String>,
    dashboard: Option<Board>,
}

pub(super) fn routes() -> Routes<Boards, May> {
    let (all, one) = ("/v1/projects/{project}/dashboards", "/v1/projects/{project}/dashboards/{key}");
    let bytes = 4 * DOCUMENT_BYTES_MAX;
    Routes::new(
        "dashboards",
        "Dashboards, kept as their files.",
        [
            get(all, read(), list, "All of a project, by key, those that are built in as well.").raises(READS),
            post(all, write(), create, "Makes one.").idempotent().body_bytes_max(bytes).raises(CHANGES),
            get(one, read(), show, "One, with its file.").raises(READS),
            put(one, write(), replace, "Replaces one; of one that is built in the project has its own then.")
                .body_bytes_max(bytes)
                .raises(CHANGES),
            delete(one, write(), remove, "Removes one; one that is built in is then as it was.").raises(CHANGES),
        ],
    )
}

fn shown(kept: Kept) -> Result<Dashboard, BoardError> {
    let board = board_of(&kept.content).map_err(|_| BoardError::Damaged("a dashboard"))?;
    Ok(Dashboard {
        key: kept.key,
        revision: kept.revision,
        dashboard: serde_json::to_value(&board).map_err(|_| BoardError::Damaged("a dashboard"))?,
        text: kept.content,
        is_built_in: kept.revision == 0,
        created_at: kept.created_at.into(),
        updated_at: kept.updated_at.into(),
        updated_by: kept.updated_by,
    })
}

/// What is to be kept: the text as it is, or one written of what it should say.
fn wanted(text: Option<String>, dashboard: Option<Board>) -> Result<Wanted, BoardError> {
    let text = match (text, dashboard) {
        (Some(text), None) => text,
        (None, Some(board)) => {
            let value = serde_json::to_value(board).map_err(|_| BoardError::Damaged("a dashboard"))?;
            yaml::write(&value)
        }
        _ => {
            let detail = "either text or dashboard is needed";
            return Err(BoardError::Invalid(vec![Fault::new(Place::Body, "/text", detail)]));
        }
    };
    let board = board_of(&text)?;
    Ok(Wanted { title: board.title.clone(), asks_sql: board.asks_sql(), content: text })
}

/// A dashboard as it is kept.
pub(crate) async fn board(boards: &Boards, project: &str, key: &str) -> Result<Board, BoardError> {
    let kept = boards.item(project, Kind::Dashboard, key).await?;
    // It was checked when it was kept; the checks may have become stricter since.
    let read = yaml::read(&kept.content).map_err(|_| BoardError::Damaged("a dashboard"))?;
    typed(read.value, "/dashboard", None).map_err(|_| BoardError::Damaged("a dashboard"))
}

async fn list(
    State(boards): State<Boards>,
    Path(place): Path<InProject>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<DashboardLine>, Problem> {
    let after = paging.after.clone().unwrap_or_default();
    let database = boards.access().database();
    let limit = paging.limit + 1;
    let mut kept = storage::items(database, &place.project, Kind::Dashboard, &after, limit).await.map_err(problem)?;
    kept.extend(built_in::others(&after, &kept));
    kept.sort_by(|a, b| a.key.cmp(&b.key));
    kept.truncate(limit);
    Ok(Page::of(
        kept,
        &paging,
        |item| item.key.clone(),
        |item| DashboardLine {
            is_built_in: item.revision == 0,
            key: item.key,
            title: item.title,
            revision: item.revision,
            updated_at: item.updated_at.into(),
            updated_by: item.updated_by,
        },
    ))
}

async fn create(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InProject>,
    JsonBody(draft): JsonBody<DashboardDraft>,
) -> Result<Created<Dashboard>, Problem> {
    let key = checked_key(draft.key).map_err(problem)?;
    if built_in::kept(&key).is_some() {
        return Err(problem(BoardError::KeyTaken));
    }
    let author = boards.author(&member, origin, &place.project);
    let wanted = wanted(draft.text, draft.dashboard).map_err(problem)?;
    let made = boards.create(&place.project, Kind::Dashboard, &key, wanted, &author).await.map_err(problem)?;
    let path = ["v1", "projects", &place.project, Kind::Dashboard.collection(), &key];
    Ok(Created::new(&path, revision(made.revision), shown(made).map_err(problem)?))
}

async fn show(State(boards): State<Boards>, Path(place): Path<ItemPlace>) -> Result<Shown<Dashboard>, Problem> {
    let kept = boards.item(&place.project, Kind::Dashboard, &place.key).await.map_err(problem)?;
    Ok(Shown(revision(kept.revision), shown(kept).map_err(problem)?))
}

async fn replace(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<ItemPlace>,
    if_match: IfMatch,
    JsonBody(change): JsonBody<DashboardChange>,
) -> Result<Shown<Dashboard>, Problem> {
    let before = boards.item(&place.project, Kind::Dashboard, &place.key).await.map_err(problem)?;
    if_match.check(revision(before.revision))?;
    let author = boards.author(&member, origin, &place.project);
    let wanted = wanted(change.text, change.dashboard).map_err(problem)?;
    let is_meant = is_meant(&if_match);
    let kept = boards.replace(&place.project, Kind::Dashboard, &place.key, wanted, &author, &is_meant).await;
    let kept = kept.map_err(problem)?;
    Ok(Shown(revision(kept.revision), shown(kept).map_err(problem)?))
}

async fn remove(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<ItemPlace>,
    if_match: IfMatch,
) -> Result<Done, Problem> {
    let before = boards.item(&place.project, Kind::Dashboard, &place.key).await.map_err(problem)?;
    if_match.check(revision(before.revision))?;
    let author = boards.author(&member, origin, &place.project);
    let removed = boards.remove(&place.project, Kind::Dashboard, &place.key, &author, &is_meant(&if_match)).await;
    removed.map(|()| Done).map_err(problem)
}
