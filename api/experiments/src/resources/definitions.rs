//! All kinds of definitions over HTTP: one set of handlers, and a table of routes for each kind.

use axum::Extension;
use axum::extract::State;
use footfall_api_app::{Gatekeeper, May, Member, Whence};
use footfall_api_http::{
    Created, Done, IfMatch, JsonBody, Page, Paging, Path, Problem, Query, Routes, Shown as Answered, Site, Unfiltered,
    delete, get, patch, post, put,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::{DefinitionPatch, Draft, Shown, Wanted, Why, author};
use super::{experiments_read, experiments_write, flags_read, flags_write, history};
use crate::definition::{
    Attribute, Definition, Environment, Experiment, Feature, Holdout, Metric, Namespace, SavedGroup,
};
use crate::error::{CHANGES, ExperimentError, READS, problem};
use crate::experiments::{Author, Experiments, Item, Next};
use crate::faults::is_key;
use crate::storage;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InProject {
    #[schemars(length(min = 1, max = 64))]
    pub(super) project: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DefinitionPlace {
    #[schemars(length(min = 1, max = 64))]
    pub(super) project: String,
    #[schemars(length(min = 1, max = 100))]
    pub(super) key: String,
}

/// The routes of one kind; its collection's path stands in the macro, since routes are known when the program is built.
macro_rules! routes {
    ($kind:ty, $tag:literal, $about:literal, $collection:literal, $read:ident, $write:ident) => {{
        let all = concat!("/v1/projects/{project}/", $collection);
        let one = concat!("/v1/projects/{project}/", $collection, "/{key}");
        let past = concat!("/v1/projects/{project}/", $collection, "/{key}/revisions");
        let rollback = concat!("/v1/projects/{project}/", $collection, "/{key}/rollback");
        Routes::<Experiments, May>::new(
            $tag,
            $about,
            [
                get(all, $read(), list::<$kind>, "All of a project, by key.").raises(READS),
                post(all, $write(), create::<$kind>, "Makes one.").idempotent().raises(CHANGES),
                get(one, $read(), show::<$kind>, "One.").raises(READS),
                put(one, $write(), replace::<$kind>, "Replaces one.").raises(CHANGES),
                patch(one, $write(), change::<$kind>, "Changes parts of one.").raises(CHANGES),
                delete(one, $write(), remove::<$kind>, "Removes one that nothing refers to.").raises(CHANGES),
                get(past, $read(), history::revisions::<$kind>, "Who changed what and why, the newest first.")
                    .raises(READS),
                post(rollback, $write(), history::roll_back::<$kind>, "Makes an earlier definition the present one.")
                    .raises(CHANGES),
            ],
        )
    }};
}

pub(super) fn add(site: Site<Gatekeeper>, experiments: &Experiments) -> Site<Gatekeeper> {
    let state = || experiments.clone();
    site.add(
        routes!(Environment, "environments", "Where an app runs.", "environments", flags_read, flags_write),
        state(),
    )
    .add(routes!(Attribute, "attributes", "What is known of users.", "attributes", flags_read, flags_write), state())
    .add(
        routes!(SavedGroup, "saved_groups", "Lists that conditions share.", "saved-groups", flags_read, flags_write),
        state(),
    )
    .add(
        routes!(
            Namespace,
            "namespaces",
            "Experiments that exclude each other.",
            "namespaces",
            experiments_read,
            experiments_write
        ),
        state(),
    )
    .add(
        routes!(Holdout, "holdouts", "Users who get nothing new.", "holdouts", experiments_read, experiments_write),
        state(),
    )
    .add(routes!(Feature, "features", "Feature flags.", "features", flags_read, flags_write), state())
    .add(
        routes!(Experiment, "experiments", "Experiments.", "experiments", experiments_read, experiments_write),
        state(),
    )
    .add(routes!(Metric, "metrics", "What is measured.", "metrics", experiments_read, experiments_write), state())
}

async fn list<D: Definition>(
    State(experiments): State<Experiments>,
    Path(place): Path<InProject>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<Shown<D>>, Problem> {
    let after = paging.after.clone().unwrap_or_default();
    let database = experiments.access().database();
    let kept = storage::items(database, &place.project, D::KIND, &after, paging.limit + 1).await.map_err(problem)?;
    let items: Result<Vec<Item<D>>, ExperimentError> = kept.into_iter().map(Item::of).collect();
    Ok(Page::of(items.map_err(problem)?, &paging, |item| item.key.clone(), Shown::from))
}

async fn create<D: Definition>(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    JsonBody(draft): JsonBody<Draft<D>>,
) -> Result<Created<Shown<D>>, Problem> {
    let Draft { key, definition, reason } = draft;
    let author = author(&member, whence, reason);
    let made = put_new(&experiments, &place.project, &key, definition, &author).await.map_err(problem)?;
    let path = ["v1", "projects", &place.project, D::KIND.collection(), &key];
    Ok(Created::new(&path, made.etag(), made.into()))
}

async fn put_new<D: Definition>(
    experiments: &Experiments,
    project: &str,
    key: &str,
    definition: D,
    author: &Author,
) -> Result<Item<D>, ExperimentError> {
    if !is_key(key) {
        let mut faults = crate::faults::Faults::default();
        faults.key("key", key);
        return Err(ExperimentError::Invalid(faults.into_vec()));
    }
    let made = experiments.change(project, key, "create", author, |before, _| match before {
        Some(_) => Err(ExperimentError::KeyTaken),
        None => Ok(Next::Put(definition, D::State::default())),
    });
    made.await?.ok_or(ExperimentError::NotFound(D::KIND.name()))
}

async fn show<D: Definition>(
    State(experiments): State<Experiments>,
    Path(place): Path<DefinitionPlace>,
) -> Result<Answered<Shown<D>>, Problem> {
    let item = experiments.item::<D>(&place.project, &place.key).await.map_err(problem)?;
    Ok(Answered(item.etag(), item.into()))
}

/// Changes an item whose revision is the one that was meant, and shows it.
pub(super) async fn changed<D: Definition>(
    experiments: &Experiments,
    place: &DefinitionPlace,
    if_match: &IfMatch,
    act: &'static str,
    author: &Author,
    wanted: impl FnOnce(&Item<D>) -> Result<D, ExperimentError> + Send,
) -> Result<Answered<Shown<D>>, Problem> {
    let mut stale = None;
    let done = experiments.change(&place.project, &place.key, act, author, |before: Option<&Item<D>>, _| {
        let item = before.ok_or(ExperimentError::NotFound(D::KIND.name()))?;
        if let Err(refusal) = if_match.check(item.etag()) {
            stale = Some(refusal);
            return Err(ExperimentError::Stale);
        }
        Ok(Next::Put(wanted(item)?, item.state.clone()))
    });
    let done = done.await;
    match (done, stale) {
        (Err(ExperimentError::Stale), Some(refusal)) => Err(refusal),
        (Err(error), _) => Err(problem(error)),
        (Ok(None), _) => Err(problem(ExperimentError::NotFound(D::KIND.name()))),
        (Ok(Some(item)), _) => Ok(Answered(item.etag(), item.into())),
    }
}

async fn replace<D: Definition>(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<DefinitionPlace>,
    if_match: IfMatch,
    JsonBody(wanted): JsonBody<Wanted<D>>,
) -> Result<Answered<Shown<D>>, Problem> {
    let author = author(&member, whence, wanted.reason);
    changed(&experiments, &place, &if_match, "change", &author, |_| Ok(wanted.definition)).await
}

async fn change<D: Definition>(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<DefinitionPlace>,
    if_match: IfMatch,
    patch: DefinitionPatch,
) -> Result<Answered<Shown<D>>, Problem> {
    let author = author(&member, whence, patch.reason.clone());
    let apply = |item: &Item<D>| patch.apply(&item.definition).map_err(|fault| ExperimentError::Invalid(vec![fault]));
    changed(&experiments, &place, &if_match, "change", &author, apply).await
}

async fn remove<D: Definition>(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<DefinitionPlace>,
    if_match: IfMatch,
    Query(why): Query<Why>,
) -> Result<Done, Problem> {
    let author = author(&member, whence, why.reason);
    let mut stale = None;
    let done = experiments.change(&place.project, &place.key, "remove", &author, |before: Option<&Item<D>>, _| {
        let item = before.ok_or(ExperimentError::NotFound(D::KIND.name()))?;
        if let Err(refusal) = if_match.check(item.etag()) {
            stale = Some(refusal);
            return Err(ExperimentError::Stale);
        }
        Ok(Next::Remove)
    });
    let done = done.await;
    match (done, stale) {
        (Err(ExperimentError::Stale), Some(refusal)) => Err(refusal),
        (done, _) => done.map(|_| Done).map_err(problem),
    }
}
