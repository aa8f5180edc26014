//! Lists of people that were uploaded for a cohort: kept in pieces beside it, and brought to the engine when a question names it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use footfall_api_access::{Database, Transaction, statement};
use footfall_pipelines_insights::PeopleList;
use footfall_pipelines_insights::definition::{Cohort, Question};
use footfall_pipelines_insights_feed::Insights;
use serde_json::{Value, json};

use super::{Change, CohortError, Cohorts, Saved, storage};

/// People of one list.
pub(crate) const PEOPLE_MAX: usize = 1_000_000;
const IDS_OF_PIECE: usize = 16_384;
const MEMBER: &str = "uploaded";

/// What is to be done with the ids that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Replace,
    Add,
    Remove,
}

/// What an upload came to.
#[derive(Debug)]
pub(crate) struct Uploaded {
    pub saved: Saved,
    pub people: usize,
    pub added: usize,
    pub removed: usize,
}

/// A name that no other list has: lists and answers are kept under it, and a cohort that was removed may have had the same
/// key and revision.
fn name_of(key: &str, revision: i64) -> String {
    format!("{key}@{revision}.{:08x}", uuid::Uuid::new_v4().as_fields().0)
}

/// The key and the revision that a name stands for.
fn parts_of(name: &str) -> Option<(&str, i64)> {
    let (key, version) = name.rsplit_once('@')?;
    // Lists that were uploaded earlier have the revision alone.
    let revision = version.split('.').next()?;
    Some((key, revision.parse().ok()?))
}

/// The list that a definition is, if it is one that was uploaded.
pub(super) fn list_of(definition: &Value) -> Option<&str> {
    definition.get(MEMBER)?.as_str()
}

/// Whether a list stands anywhere in it: only names of cohorts may.
pub(super) fn names_lists(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, inner)| name == MEMBER || names_lists(inner)),
        Value::Array(items) => items.iter().any(names_lists),
        _ => false,
    }
}

impl Cohorts {
    /// The question with the definitions of the saved cohorts that it names, and their lists where the engine finds them.
    ///
    /// # Errors
    /// It names what is not there, or the database does not answer.
    pub async fn ready(&self, insights: &Insights, project: &str, question: Question) -> Result<Question, CohortError> {
        if !question.uploaded().is_empty() {
            return Err(CohortError::Refused("an uploaded list is named by its cohort: {\"cohort\": key}".to_owned()));
        }
        let question = self.resolve(project, question).await?;
        for name in question.uploaded() {
            if insights.knows_list(project, name) {
                continue;
            }
            let ids = load(self.database(), project, name).await?;
            insights.keep_list(project, Arc::new(PeopleList::new(name, ids)));
        }
        Ok(question)
    }

    /// Replaces, adds to or takes from the list of a cohort. `given` are ids of persons, ascending, each once.
    pub(crate) async fn upload(
        &self,
        change: &Change<'_>,
        mode: Mode,
        given: Vec<u128>,
    ) -> Result<Uploaded, CohortError> {
        let before = self.one(change.project, change.key).await?;
        let there = self.people_of(change.project, &before).await?;
        let count = there.len();
        let merging = move || {
            let there_of = |id: &u128| there.binary_search(id).is_ok();
            let (known, new): (Vec<u128>, Vec<u128>) = given.into_iter().partition(there_of);
            let (added, removed, mut now) = match mode {
                Mode::Replace => (new.len(), count - known.len(), [known, new].concat()),
                Mode::Add => (new.len(), 0, [there, new].concat()),
                Mode::Remove => {
                    let stays = |id: &u128| known.binary_search(id).is_err();
                    (0, known.len(), there.into_iter().filter(stays).collect())
                }
            };
            now.sort_unstable();
            (added, removed, now)
        };
        let merged = tokio::task::spawn_blocking(merging).await;
        let (added, removed, now) = merged.map_err(|_| CohortError::Damaged)?;
        if now.len() > PEOPLE_MAX {
            return Err(CohortError::TooManyPeople);
        }
        if added == 0 && removed == 0 && list_of(&before.definition).is_some() {
            return Ok(Uploaded { saved: before, people: now.len(), added, removed });
        }
        let (revision, updated_at) = (before.revision + 1, self.clock.now());
        let definition = json!({ MEMBER: name_of(change.key, revision) });
        let saved = Saved { definition, revision, updated_at, ..before.clone() };
        let mut transaction = self.database().write().await?;
        storage::update(&mut transaction, change.project, &saved, &[]).await?;
        forget(&mut transaction, change.project, change.key).await?;
        for (piece, ids) in now.chunks(IDS_OF_PIECE).enumerate() {
            keep(&mut transaction, change, revision, piece, ids).await?;
        }
        let told = json!({"people": now.len(), "added": added, "removed": removed, "revision": revision});
        let act = self.act("cohort.upload", change).before(&json!({"people": count})).after(&told);
        self.access.record(&mut transaction, act).await?;
        transaction.commit().await?;
        Ok(Uploaded { saved, people: now.len(), added, removed })
    }

    /// The ids of a cohort that is a list, ascending.
    async fn people_of(&self, project: &str, saved: &Saved) -> Result<Vec<u128>, CohortError> {
        if let Some(name) = list_of(&saved.definition) {
            return load(self.database(), project, name).await;
        }
        match serde_json::from_value(saved.definition.clone()) {
            Ok(Cohort::Listed(ids)) => {
                let mut ids: Vec<u128> =
                    ids.iter().filter_map(|id| Some(uuid::Uuid::try_parse(id).ok()?.as_u128())).collect();
                ids.sort_unstable();
                ids.dedup();
                Ok(ids)
            }
            _ => Err(CohortError::NoList),
        }
    }
}

async fn load(database: &Database, project: &str, name: &str) -> Result<Vec<u128>, CohortError> {
    let (key, revision) = parts_of(name).ok_or(CohortError::Damaged)?;
    let query = "SELECT ids FROM insight_cohort_people WHERE project_id = $1 AND cohort_key = $2 AND revision = $3
                 ORDER BY piece";
    let rows = database.read(statement(query).bind(project).bind(key).bind(revision)).await?;
    // Of nobody there is no piece; but it still is the cohort's list, whatever else of the cohort has changed.
    let is_another = |saved: Saved| list_of(&saved.definition) != Some(name);
    if rows.is_empty() && storage::one(database, project, key).await?.is_none_or(is_another) {
        return Err(CohortError::Stale(None));
    }
    let mut ids = Vec::with_capacity(rows.len() * IDS_OF_PIECE);
    for row in rows {
        let bytes = STANDARD_NO_PAD.decode(row.get::<String>("ids")?).map_err(|_| CohortError::Damaged)?;
        let (whole, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(CohortError::Damaged);
        }
        ids.extend(whole.iter().map(|id| u128::from_be_bytes(*id)));
    }
    Ok(ids)
}

async fn keep(
    transaction: &mut Transaction,
    change: &Change<'_>,
    revision: i64,
    piece: usize,
    ids: &[u128],
) -> Result<(), CohortError> {
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
    let insert = "INSERT INTO insight_cohort_people (project_id, cohort_key, revision, piece, ids)
                  VALUES ($1, $2, $3, $4, $5)";
    let insert = statement(insert).bind(change.project).bind(change.key).bind(revision).bind(piece as i64);
    Ok(transaction.execute(insert.bind(STANDARD_NO_PAD.encode(bytes))).await.map(drop)?)
}

/// Forgets the people of a cohort that is another now, or none.
pub(super) async fn forget(transaction: &mut Transaction, project: &str, key: &str) -> Result<(), CohortError> {
    let delete = "DELETE FROM insight_cohort_people WHERE project_id = $1 AND cohort_key = $2";
    Ok(transaction.execute(statement(delete).bind(project).bind(key)).await.map(drop)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_one_list_and_say_where_it_lies() {
        let (one, other) = (name_of("vip.eu:2", 4), name_of("vip.eu:2", 4));
        assert_ne!(one, other);
        assert_eq!((parts_of(&one), parts_of(&other)), (Some(("vip.eu:2", 4)), Some(("vip.eu:2", 4))));
        assert_eq!(parts_of("vip@12"), Some(("vip", 12)));
        assert_eq!((parts_of("vip"), parts_of("vip@x")), (None, None));
    }
}
