//! What questions, annotations and schedules have in common: kept as JSON under a key.

use axum::Extension;
use axum::extract::State;
use footfall_api_app::{Member, Whence};
use footfall_api_http::{
    Created, Done, Fault, IfMatch, JsonBody, Page, Paging, Path, Place, Problem, Shown, Time, Unfiltered,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{InProject, ItemPlace, is_meant, revision};
use crate::boards::{Boards, Wanted};
use crate::document::Content;
use crate::error::{BoardError, problem};
use crate::faults::{Faults, is_key};
use crate::storage::{self, Kept};

/// An item.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BoardItem")]
pub(super) struct Item {
    key: String,
    revision: i64,
    /// As it was written, with what was left out.
    content: Value,
    created_at: Time,
    updated_at: Time,
    updated_by: String,
}

impl Item {
    fn of<C: Content>(kept: Kept) -> Result<Item, BoardError> {
        Ok(Item {
            key: kept.key,
            revision: kept.revision,
            content: C::read(&kept.content)?,
            created_at: kept.created_at.into(),
            updated_at: kept.updated_at.into(),
            updated_by: kept.updated_by,
        })
    }
}

/// A new item.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(rename = "New{C}")]
pub(super) struct Draft<C: Content> {
    /// Lower-case letters, digits, `-` and `_`; it never changes. One is made where none is given.
    #[schemars(length(min = 1, max = 64))]
    key: Option<String>,
    content: C,
}

/// An item as it is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(rename = "Wanted{C}")]
pub(super) struct Change<C: Content> {
    content: C,
}

pub(super) fn wanted<C: Content>(content: &C) -> Result<Wanted, BoardError> {
    let mut faults = Faults::below("/content", None);
    content.check(&mut faults);
    let faults = faults.into_vec();
    if !faults.is_empty() {
        return Err(BoardError::Invalid(faults));
    }
    let text = serde_json::to_string(content).map_err(|_| BoardError::Damaged("an item"))?;
    Ok(Wanted { title: content.title().to_owned(), content: text, asks_sql: content.asks_sql() })
}

/// The key that is wanted, if it may be one.
pub(super) fn checked_key(key: Option<String>) -> Result<String, BoardError> {
    match key {
        None => Ok(uuid::Uuid::now_v7().simple().to_string()),
        Some(key) if is_key(&key) => Ok(key),
        Some(_) => {
            let detail = "must be 1 to 64 lower-case letters, digits, - and _, the first a letter or digit";
            Err(BoardError::Invalid(vec![Fault::new(Place::Body, "/key", detail)]))
        }
    }
}

pub(super) async fn list<C: Content>(
    State(boards): State<Boards>,
    Path(place): Path<InProject>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<Item>, Problem> {
    let after = paging.after.clone().unwrap_or_default();
    let database = boards.access().database();
    let kept = storage::items(database, &place.project, C::KIND, &after, paging.limit + 1).await.map_err(problem)?;
    let items: Result<Vec<Item>, BoardError> = kept.into_iter().map(Item::of::<C>).collect();
    Ok(Page::of(items.map_err(problem)?, &paging, |item| item.key.clone(), |item| item))
}

pub(super) async fn create<C: Content>(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InProject>,
    JsonBody(draft): JsonBody<Draft<C>>,
) -> Result<Created<Item>, Problem> {
    let key = checked_key(draft.key).map_err(problem)?;
    let author = boards.author(&member, origin, &place.project);
    let wanted = wanted(&draft.content).map_err(problem)?;
    let made = boards.create(&place.project, C::KIND, &key, wanted, &author).await.map_err(problem)?;
    let path = ["v1", "projects", &place.project, C::KIND.collection(), &key];
    Ok(Created::new(&path, revision(made.revision), Item::of::<C>(made).map_err(problem)?))
}

pub(super) async fn show<C: Content>(
    State(boards): State<Boards>,
    Path(place): Path<ItemPlace>,
) -> Result<Shown<Item>, Problem> {
    let kept = boards.item(&place.project, C::KIND, &place.key).await.map_err(problem)?;
    Ok(Shown(revision(kept.revision), Item::of::<C>(kept).map_err(problem)?))
}

pub(super) async fn replace<C: Content>(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<ItemPlace>,
    if_match: IfMatch,
    JsonBody(change): JsonBody<Change<C>>,
) -> Result<Shown<Item>, Problem> {
    let before = boards.item(&place.project, C::KIND, &place.key).await.map_err(problem)?;
    if_match.check(revision(before.revision))?;
    let author = boards.author(&member, origin, &place.project);
    let wanted = wanted(&change.content).map_err(problem)?;
    let is_meant = is_meant(&if_match);
    let kept = boards.replace(&place.project, C::KIND, &place.key, wanted, &author, &is_meant).await;
    let kept = kept.map_err(problem)?;
    Ok(Shown(revision(kept.revision), Item::of::<C>(kept).map_err(problem)?))
}

pub(super) async fn remove<C: Content>(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<ItemPlace>,
    if_match: IfMatch,
) -> Result<Done, Problem> {
    let before = boards.item(&place.project, C::KIND, &place.key).await.map_err(problem)?;
    if_match.check(revision(before.revision))?;
    let author = boards.author(&member, origin, &place.project);
    let removed = boards.remove(&place.project, C::KIND, &place.key, &author, &is_meant(&if_match)).await;
    removed.map(|()| Done).map_err(problem)
}

/// The five routes of one kind; paths stand in the macro, since routes are known when the program is built.
macro_rules! routes {
    ($content:ty, $tag:literal, $about:literal, $collection:literal, $($more:expr),* $(,)?) => {{
        use footfall_api_http::{delete, get, post, put};
        use $crate::error::{CHANGES, READS};
        use $crate::resources::{items, read, write};
        let all = concat!("/v1/projects/{project}/", $collection);
        let one = concat!("/v1/projects/{project}/", $collection, "/{key}");
        footfall_api_http::Routes::<$crate::boards::Boards, footfall_api_app::May>::new(
            $tag,
            $about,
            [
                get(all, read(), items::list::<$content>, "All of a project, by key.").raises(READS),
                post(all, write(), items::create::<$content>, "Makes one.").idempotent().raises(CHANGES),
                get(one, read(), items::show::<$content>, "One.").raises(READS),
                put(one, write(), items::replace::<$content>, "Replaces one.").raises(CHANGES),
                delete(one, write(), items::remove::<$content>, "Removes one.").raises(CHANGES),
                $($more),*
            ],
        )
    }};
}
pub(super) use routes;
