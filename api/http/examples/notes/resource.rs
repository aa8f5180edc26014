//! The resource to copy: notes. Types, routes, handlers, and below them what would be SQL.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Extension;
use axum::extract::State;
use footfall_api_http::{
    Change, Created, Done, IfMatch, JsonBody, Kind, Page, Paging, Patch, Path, Problem, Replace, Revision, Routes,
    Shown, Time, delete, get, patch, post, put,
};
use footfall_ingest_activity::{Clock, Timestamp};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::access::{May, Member};

/// One note as it is sent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Note {
    id: Id,
    title: String,
    text: Option<String>,
    mood: Mood,
    tags: Vec<String>,
    created_at: Time,
    updated_at: Time,
}

/// How it feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    Glad,
    Calm,
    Cross,
}

/// A note as it arrives.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewNote {
    #[schemars(length(min = 1, max = 200))]
    title: String,
    #[schemars(length(max = 10_000))]
    text: Option<String>,
    mood: Mood,
    #[schemars(length(max = 20), inner(length(min = 1, max = 50)))]
    tags: Vec<String>,
}

/// What may be changed of a note.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NotePatch {
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    title: Replace<String>,
    #[serde(default)]
    #[schemars(length(max = 10_000))]
    text: Change<String>,
    #[serde(default)]
    mood: Replace<Mood>,
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 50)))]
    tags: Replace<Vec<String>>,
}

/// Which notes are listed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoteFilter {
    mood: Option<Mood>,
    /// Notes whose title contains this.
    #[schemars(length(min = 1, max = 200))]
    title: Option<String>,
}

/// The id of a note: a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(Uuid);

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "uuid"})
    }
}

static NOTE_UNKNOWN: Kind = Kind::new(StatusCode::NOT_FOUND, "note_unknown", "There is no such note.");
static NOTES_FULL: Kind = Kind::new(StatusCode::CONFLICT, "notes_full", "There are as many notes as there may be.");

/// The routes.
pub fn routes() -> Routes<Desk, May> {
    Routes::new(
        "notes",
        "Short texts.",
        [
            get("/v1/notes", May::Read, list, "Notes, the newest first."),
            post("/v1/notes", May::Write, create, "Writes a note.").idempotent().cost(5).raises([&NOTES_FULL]),
            get("/v1/notes/{id}", May::Read, show, "One note.").raises([&NOTE_UNKNOWN]),
            put("/v1/notes/{id}", May::Write, replace, "Replaces a note.").raises([&NOTE_UNKNOWN]),
            patch("/v1/notes/{id}", May::Write, change, "Changes a note.").raises([&NOTE_UNKNOWN]),
            delete("/v1/notes/{id}", May::Delete, remove, "Throws a note away.").step_up().raises([&NOTE_UNKNOWN]),
        ],
    )
}

/// Newest first; the id makes the order total.
type Position = (i64, Id);

async fn list(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    paging: Paging<NoteFilter, Position>,
) -> Result<Page<Note>, Problem> {
    let rows = desk.page(&member, &paging);
    Ok(Page::of(rows, &paging, Row::position, |row| row.note))
}

async fn create(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    JsonBody(new): JsonBody<NewNote>,
) -> Result<Created<Note>, Problem> {
    let row = desk.insert(&member, new)?;
    Ok(Created::new(&["v1", "notes", &row.note.id.0.to_string()], row.revision, row.note))
}

async fn show(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    Path(id): Path<Id>,
) -> Result<Shown<Note>, Problem> {
    let row = desk.read(&member, id)?;
    Ok(Shown(row.revision, row.note))
}

async fn replace(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    Path(id): Path<Id>,
    if_match: IfMatch,
    JsonBody(new): JsonBody<NewNote>,
) -> Result<Shown<Note>, Problem> {
    let row = desk.update(&member, id, &if_match, |note| {
        (note.title, note.text, note.mood, note.tags) = (new.title, new.text, new.mood, new.tags);
    })?;
    Ok(Shown(row.revision, row.note))
}

async fn change(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    Path(id): Path<Id>,
    if_match: IfMatch,
    Patch(patch): Patch<NotePatch>,
) -> Result<Shown<Note>, Problem> {
    let row = desk.update(&member, id, &if_match, |note| {
        patch.title.apply(&mut note.title);
        patch.text.apply(&mut note.text);
        patch.mood.apply(&mut note.mood);
        patch.tags.apply(&mut note.tags);
    })?;
    Ok(Shown(row.revision, row.note))
}

async fn remove(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    Path(id): Path<Id>,
    if_match: IfMatch,
) -> Result<Done, Problem> {
    desk.delete(&member, id, &if_match).map(|()| Done)
}

/// Where the notes lie.
#[derive(Clone)]
pub struct Desk {
    rows: Arc<Mutex<BTreeMap<Id, Row>>>,
    clock: Arc<dyn Clock>,
    rows_max: usize,
}

#[derive(Debug, Clone)]
struct Row {
    owner: Arc<str>,
    revision: Revision,
    note: Note,
}

impl Row {
    fn position(&self) -> Position {
        (Timestamp::from(self.note.created_at).millis(), self.note.id)
    }
}

impl Desk {
    pub fn new(clock: Arc<dyn Clock>, rows_max: usize) -> Desk {
        Desk { rows: Arc::default(), clock, rows_max }
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<Id, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(&self, member: &Member, paging: &Paging<NoteFilter, Position>) -> Vec<Row> {
        let NoteFilter { mood, title } = &paging.filter;
        let is_asked_for = |row: &&Row| {
            row.owner == member.account
                && mood.is_none_or(|mood| row.note.mood == mood)
                && title.as_ref().is_none_or(|title| row.note.title.contains(title.as_str()))
                && paging.after.is_none_or(|after| row.position() < after)
        };
        let mut rows: Vec<Row> = self.rows().values().filter(is_asked_for).cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.position()));
        rows.truncate(paging.limit + 1);
        rows
    }

    fn insert(&self, member: &Member, new: NewNote) -> Result<Row, Problem> {
        let now = Time::from(self.clock.now());
        let NewNote { title, text, mood, tags } = new;
        let note = Note { id: Id(Uuid::new_v4()), title, text, mood, tags, created_at: now, updated_at: now };
        let row = Row { owner: member.account.clone(), revision: Revision(1), note };
        let mut rows = self.rows();
        if rows.len() >= self.rows_max {
            return Err(Problem::new(&NOTES_FULL).detail("Throw some away first."));
        }
        rows.insert(row.note.id, row.clone());
        Ok(row)
    }

    fn read(&self, member: &Member, id: Id) -> Result<Row, Problem> {
        let row = self.rows().get(&id).filter(|row| row.owner == member.account).cloned();
        row.ok_or_else(unknown)
    }

    fn update(
        &self,
        member: &Member,
        id: Id,
        if_match: &IfMatch,
        change: impl FnOnce(&mut Note),
    ) -> Result<Row, Problem> {
        let mut rows = self.rows();
        let row = rows.get_mut(&id).filter(|row| row.owner == member.account).ok_or_else(unknown)?;
        if_match.check(row.revision)?;
        change(&mut row.note);
        row.note.updated_at = Time::from(self.clock.now());
        row.revision = row.revision.next();
        Ok(row.clone())
    }

    fn delete(&self, member: &Member, id: Id, if_match: &IfMatch) -> Result<(), Problem> {
        let mut rows = self.rows();
        let row = rows.get(&id).filter(|row| row.owner == member.account).ok_or_else(unknown)?;
        if_match.check(row.revision)?;
        rows.remove(&id);
        Ok(())
    }
}

fn unknown() -> Problem {
    Problem::new(&NOTE_UNKNOWN).detail("It was thrown away, or never was, or is somebody else's.")
}
