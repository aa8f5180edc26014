//! Revisions: who changed what, when and why; and the way back.

use axum::Extension;
use axum::extract::State;
use footfall_api_app::{Member, Whence};
use footfall_api_http::{IfMatch, JsonBody, Page, Paging, Path, Problem, Shown as Answered, Time, Unfiltered};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definitions::{DefinitionPlace, changed};
use super::form::{Shown, author};
use crate::definition::Definition;
use crate::error::{ExperimentError, problem};
use crate::experiments::Experiments;
use crate::storage;

/// One revision.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Revision {
    revision: i64,
    at: Time,
    /// An account, a key, or `system`.
    actor: String,
    reason: String,
    act: String,
    /// Against the revision before.
    changes: Vec<Difference>,
    /// As it was from then on; null where it was removed.
    definition: Value,
}

/// One place where two revisions differ.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct Difference {
    /// A JSON pointer into `{definition, state}`.
    pointer: String,
    /// Null where there was nothing.
    before: Value,
    after: Value,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WayBack {
    /// The revision whose definition is wanted.
    #[schemars(range(min = 1))]
    revision: i64,
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

/// The places where `before` and `after` differ, objects member by member and everything else as a whole.
fn differences(pointer: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
            for name in names {
                let part = |members: &serde_json::Map<String, Value>| members.get(name).cloned().unwrap_or_default();
                let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                differences(&below, &part(old), &part(new), found);
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            found.push(Difference { pointer: pointer.to_owned(), before: before.clone(), after: after.clone() });
        }
    }
}

pub(super) async fn revisions<D: Definition>(
    State(experiments): State<Experiments>,
    Path(place): Path<DefinitionPlace>,
    paging: Paging<Unfiltered, i64>,
) -> Result<Page<Revision>, Problem> {
    let before = paging.after.unwrap_or(i64::MAX);
    let database = experiments.access().database();
    // One beyond the page, and one more to compare the last with.
    let of = (D::KIND, place.key.as_str());
    let found = storage::revisions(database, &place.project, of, before, paging.limit + 2).await.map_err(problem)?;
    if found.is_empty() && paging.after.is_none() {
        return Err(problem(ExperimentError::NotFound(D::KIND.name())));
    }
    let shown = found.iter().enumerate().map(|(index, revision)| {
        let mut changes = Vec::new();
        let older = found.get(index + 1);
        let (definition, state) = older.map_or((&Value::Null, &Value::Null), |older| (&older.definition, &older.state));
        differences("/definition", definition, &revision.definition, &mut changes);
        differences("/state", state, &revision.state, &mut changes);
        Revision {
            revision: revision.revision,
            at: revision.at.into(),
            actor: revision.actor.clone(),
            reason: revision.reason.clone(),
            act: revision.act.clone(),
            changes,
            definition: revision.definition.clone(),
        }
    });
    let shown: Vec<Revision> = shown.take(paging.limit + 1).collect();
    Ok(Page::of(shown, &paging, |revision| revision.revision, |revision| revision))
}

pub(super) async fn roll_back<D: Definition>(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<DefinitionPlace>,
    if_match: IfMatch,
    JsonBody(back): JsonBody<WayBack>,
) -> Result<Answered<Shown<D>>, Problem> {
    let of = (D::KIND, place.key.as_str());
    let database = experiments.access().database();
    let before = back.revision.saturating_add(1);
    let found = storage::revisions(database, &place.project, of, before, 1).await.map_err(problem)?;
    let found = found.into_iter().find(|found| found.revision == back.revision && !found.definition.is_null());
    let found = found.ok_or_else(|| problem(ExperimentError::NotFound("revision")))?;
    let definition: D = serde_json::from_value(found.definition).map_err(|_| {
        problem(ExperimentError::Step("a later version of the program cannot read that revision".into()))
    })?;
    let author = author(&member, whence, back.reason);
    changed(&experiments, &place, &if_match, "rollback", &author, |_| Ok(definition)).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_name_the_places() {
        let mut found = Vec::new();
        let (old, new) = (json!({"a": {"b": 1, "c": [1]}, "d": 1}), json!({"a": {"b": 2, "c": [1]}, "e/f": true}));
        differences("/definition", &old, &new, &mut found);
        let pointers: Vec<&str> = found.iter().map(|difference| difference.pointer.as_str()).collect();
        assert_eq!(pointers, ["/definition/a/b", "/definition/d", "/definition/e~1f"]);
        assert_eq!((&found[0].before, &found[0].after), (&json!(1), &json!(2)));
    }
}
