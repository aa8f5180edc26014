//! Saved questions: insights without their time, and SQL with typed parameters; kept as what they say, or as the file that says it.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{
    Created, Fault, IfMatch, JsonBody, Path, Place, Problem, Routes, Shown, Time, Told, delete, get, post, put,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::{Answered, COST, TIME_MAX, ask};
use super::items::{self, checked_key};
use super::{InProject, ItemPlace, is_meant, read, revision, write};
use crate::answers::{RowFormat, Span, TILE_ROWS_MAX, ready};
use crate::boards::{Boards, Wanted};
use crate::document::{Content, Kind, SavedQuestion, Show, Values, file_of, question_of, question_of_file, values_of};
use crate::error::{ASKS, BoardError, CHANGES, READS, problem};
use crate::faults::DOCUMENT_BYTES_MAX;
use crate::storage::Kept;

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

/// A saved question.
#[derive(Debug, Serialize, JsonSchema)]
struct KeptQuestion {
    key: String,
    revision: i64,
    /// The file: as it was given, or written of what was.
    text: String,
    /// What it says, with what was left out.
    content: Value,
    created_at: Time,
    updated_at: Time,
    updated_by: String,
}

/// A new question: what it says, or its file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewSavedQuestion {
    /// Lower-case letters, digits, `-` and `_`; it never changes. One is made where none is given.
    #[schemars(length(min = 1, max = 64))]
    key: Option<String>,
    content: Option<SavedQuestion>,
    /// YAML.
    #[schemars(length(max = 262_144))]
    text: Option<String>,
}

/// A question as it is wanted: what it says, of which the file is then written anew without comments, or its file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WantedSavedQuestion {
    content: Option<SavedQuestion>,
    /// YAML.
    #[schemars(length(max = 262_144))]
    text: Option<String>,
}

pub(super) fn routes() -> Routes<Boards, May> {
    let (all, one) = ("/v1/projects/{project}/questions", "/v1/projects/{project}/questions/{key}");
    let answers = "/v1/projects/{project}/questions/{key}/answers";
    let bytes = 4 * DOCUMENT_BYTES_MAX;
    Routes::new(
        "questions",
        "Questions that are kept.",
        [
            get(all, read(), items::list::<SavedQuestion>, "All of a project, by key.").raises(READS),
            post(all, write(), create, "Makes one.").idempotent().body_bytes_max(bytes).raises(CHANGES),
            get(one, read(), show, "One, with its file.").raises(READS),
            put(one, write(), replace, "Replaces one.").body_bytes_max(bytes).raises(CHANGES),
            delete(one, write(), items::remove::<SavedQuestion>, "Removes one.").raises(CHANGES),
            post(answers, read(), answer, "Asks it.").cost(COST).time_max(TIME_MAX).raises(ASKS),
        ],
    )
}

fn shown(kept: Kept) -> Result<KeptQuestion, BoardError> {
    Ok(KeptQuestion {
        key: kept.key,
        revision: kept.revision,
        text: file_of(&kept.content)?,
        content: SavedQuestion::read(&kept.content)?,
        created_at: kept.created_at.into(),
        updated_at: kept.updated_at.into(),
        updated_by: kept.updated_by,
    })
}

/// What is to be kept: what the question says, or the text of its file as it is.
fn wanted(content: Option<SavedQuestion>, text: Option<String>) -> Result<Wanted, BoardError> {
    match (content, text) {
        (Some(content), None) => items::wanted(&content),
        (None, Some(text)) => {
            let question = question_of_file(&text)?;
            Ok(Wanted { title: question.title.clone(), asks_sql: question.asks_sql(), content: text })
        }
        _ => Err(BoardError::Invalid(vec![Fault::new(Place::Body, "/content", "either content or text is needed")])),
    }
}

async fn create(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InProject>,
    JsonBody(draft): JsonBody<NewSavedQuestion>,
) -> Result<Created<KeptQuestion>, Problem> {
    let key = checked_key(draft.key).map_err(problem)?;
    let author = boards.author(&member, origin, &place.project);
    let wanted = wanted(draft.content, draft.text).map_err(problem)?;
    let made = boards.create(&place.project, Kind::Question, &key, wanted, &author).await.map_err(problem)?;
    let path = ["v1", "projects", &place.project, Kind::Question.collection(), &key];
    Ok(Created::new(&path, revision(made.revision), shown(made).map_err(problem)?))
}

async fn show(State(boards): State<Boards>, Path(place): Path<ItemPlace>) -> Result<Shown<KeptQuestion>, Problem> {
    let kept = boards.item(&place.project, Kind::Question, &place.key).await.map_err(problem)?;
    Ok(Shown(revision(kept.revision), shown(kept).map_err(problem)?))
}

async fn replace(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<ItemPlace>,
    if_match: IfMatch,
    JsonBody(change): JsonBody<WantedSavedQuestion>,
) -> Result<Shown<KeptQuestion>, Problem> {
    let before = boards.item(&place.project, Kind::Question, &place.key).await.map_err(problem)?;
    if_match.check(revision(before.revision))?;
    let author = boards.author(&member, origin, &place.project);
    let wanted = wanted(change.content, change.text).map_err(problem)?;
    let is_meant = is_meant(&if_match);
    let kept = boards.replace(&place.project, Kind::Question, &place.key, wanted, &author, &is_meant).await;
    let kept = kept.map_err(problem)?;
    Ok(Shown(revision(kept.revision), shown(kept).map_err(problem)?))
}

/// A saved question as it is kept.
pub(crate) async fn saved(boards: &Boards, project: &str, key: &str) -> Result<SavedQuestion, BoardError> {
    question_of(&boards.item(project, Kind::Question, key).await?.content)
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
