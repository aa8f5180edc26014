//! Definitions and their revisions. Writers of one project wait for each other at its generation.

use footfall_api_access::{Database, DatabaseError, Row, Transaction, statement};
use footfall_ingest_activity::Timestamp;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::definition::{
    Attribute, Definition, Environment, Experiment, Feature, Holdout, Kind, Members, Metric, Namespace, SavedGroup,
};
use crate::error::ExperimentError;
use crate::experiments::Item;

use super::Connection;

/// A definition as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    pub kind: Kind,
    pub key: String,
    pub revision: i64,
    pub definition: Value,
    pub state: Value,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One revision of a definition.
#[derive(Debug, Clone)]
pub struct Revision {
    pub revision: i64,
    pub at: Timestamp,
    pub actor: String,
    pub reason: String,
    /// `create`, `change`, `start` …
    pub act: String,
    /// Null where it was deleted.
    pub definition: Value,
    pub state: Value,
}

/// What is to become of a definition.
pub enum Change {
    Put { definition: Value, state: Value },
    Remove,
}

/// One change to be written.
pub struct Write<'a> {
    pub project: &'a str,
    pub kind: Kind,
    pub key: &'a str,
    /// The revision that was read; `None` for what is new.
    pub before: Option<i64>,
    pub change: Change,
    pub actor: &'a str,
    pub reason: &'a str,
    pub act: &'static str,
    pub at: Timestamp,
}

fn json(row: &Row, column: &str) -> Result<Value, ExperimentError> {
    let text: String = row.get(column)?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|_| ExperimentError::Damaged("a definition"))
}

fn kept(row: &Row) -> Result<Kept, ExperimentError> {
    let kind = Kind::named(&row.get::<String>("kind")?).ok_or(ExperimentError::Damaged("a kind of definition"))?;
    Ok(Kept {
        kind,
        key: row.get("item_key")?,
        revision: row.get("revision")?,
        definition: json(row, "definition")?,
        state: json(row, "state")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// Definitions of one kind after a key, in their order.
pub async fn items(
    database: &Database,
    project: &str,
    kind: Kind,
    after: &str,
    limit: usize,
) -> Result<Vec<Kept>, ExperimentError> {
    let query = "SELECT * FROM flag_definitions WHERE project_id = $1 AND kind = $2 AND item_key > $3
                 ORDER BY item_key LIMIT $4";
    let query = statement(query).bind(project).bind(kind.name()).bind(after).bind(limit as i64);
    database.read(query).await?.iter().map(kept).collect()
}

pub async fn item(database: &Database, project: &str, kind: Kind, key: &str) -> Result<Option<Kept>, ExperimentError> {
    let query = "SELECT * FROM flag_definitions WHERE project_id = $1 AND kind = $2 AND item_key = $3";
    let query = statement(query).bind(project).bind(kind.name()).bind(key);
    database.read_one(query).await?.as_ref().map(kept).transpose()
}

/// A definition as a transaction that holds its project sees it.
pub(crate) async fn held<D: Definition>(
    transaction: &mut Transaction,
    project: &str,
    key: &str,
) -> Result<Option<Item<D>>, ExperimentError> {
    let query = "SELECT * FROM flag_definitions WHERE project_id = $1 AND kind = $2 AND item_key = $3";
    let query = statement(query).bind(project).bind(D::KIND.name()).bind(key);
    transaction.one(query).await?.as_ref().map(kept).transpose()?.map(Item::of).transpose()
}

/// Revisions before one, the newest first.
pub async fn revisions(
    database: &Database,
    project: &str,
    (kind, key): (Kind, &str),
    before: i64,
    limit: usize,
) -> Result<Vec<Revision>, ExperimentError> {
    let query = "SELECT * FROM flag_revisions WHERE project_id = $1 AND kind = $2 AND item_key = $3 AND revision < $4
                 ORDER BY revision DESC LIMIT $5";
    let query = statement(query).bind(project).bind(kind.name()).bind(key).bind(before).bind(limit as i64);
    let revision = |row: &Row| {
        Ok(Revision {
            revision: row.get("revision")?,
            at: row.time("at")?,
            actor: row.get("actor")?,
            reason: row.get("reason")?,
            act: row.get("act")?,
            definition: json(row, "definition")?,
            state: json(row, "state")?,
        })
    };
    database.read(query).await?.iter().map(revision).collect()
}

/// Projects that have configured anything.
pub async fn projects(database: &Database) -> Result<Vec<String>, ExperimentError> {
    let rows = database.read(statement("SELECT project_id FROM flag_generations ORDER BY project_id")).await?;
    Ok(rows.iter().map(|row| row.get("project_id")).collect::<Result<_, _>>()?)
}

/// Projects with a switchback, running or not.
pub async fn projects_with_switchbacks(database: &Database) -> Result<Vec<String>, ExperimentError> {
    // Every form in which the member is written; that it stands in a description does no harm.
    let query = "SELECT DISTINCT project_id FROM flag_definitions WHERE kind = 'experiment' AND definition LIKE '%switchback%' \
        ORDER BY project_id";
    let rows = database.read(statement(query)).await?;
    Ok(rows.iter().map(|row| row.get("project_id")).collect::<Result<_, _>>()?)
}

/// A saved group whose values are the people of a cohort.
#[derive(Debug, Clone)]
pub struct GroupOfCohort {
    pub project: String,
    pub key: String,
    pub revision: i64,
    pub cohort: String,
    /// As they were found the last time.
    pub members: Members,
}

/// All of them.
pub async fn groups_of_cohorts(database: &Database) -> Result<Vec<GroupOfCohort>, ExperimentError> {
    let query = "SELECT * FROM flag_definitions WHERE kind = 'saved_group' AND definition LIKE '%\"cohort\"%'
        ORDER BY project_id, item_key";
    let damaged = |_| ExperimentError::Damaged("a saved group");
    let mut groups = Vec::new();
    for row in database.read(statement(query)).await? {
        let (project, kept) = (row.get("project_id")?, kept(&row)?);
        let definition: SavedGroup = serde_json::from_value(kept.definition).map_err(damaged)?;
        let members = serde_json::from_value(kept.state).map_err(damaged)?;
        let Some(cohort) = definition.cohort else { continue };
        groups.push(GroupOfCohort { project, key: kept.key, revision: kept.revision, cohort, members });
    }
    Ok(groups)
}

/// Writes what was found of a group, which is no revision of it.
pub(crate) async fn set_state(
    transaction: &mut Transaction,
    group: &GroupOfCohort,
    state: &serde_json::Value,
) -> Result<(), ExperimentError> {
    let update = "UPDATE flag_definitions SET state = $4 WHERE project_id = $1 AND kind = $2 AND item_key = $3";
    let update = statement(update).bind(&group.project).bind(Kind::SavedGroup.name()).bind(&group.key);
    transaction.execute(update.bind(state.to_string())).await?;
    Ok(())
}

/// How often a project was changed, and when last.
pub async fn generation(database: &Database, project: &str) -> Result<(i64, Timestamp), ExperimentError> {
    let query = "SELECT generation, changed_at FROM flag_generations WHERE project_id = $1";
    match database.read_one(statement(query).bind(project)).await? {
        Some(row) => Ok((row.get("generation")?, row.time("changed_at")?)),
        None => Ok((0, Timestamp::from_millis(0))),
    }
}

/// All definitions of a project.
pub async fn catalogue(database: &Database, project: &str) -> Result<Catalogue, ExperimentError> {
    let query = statement("SELECT * FROM flag_definitions WHERE project_id = $1").bind(project);
    gather(&database.read(query).await?)
}

fn gather(rows: &[Row]) -> Result<Catalogue, ExperimentError> {
    let mut catalogue = Catalogue::default();
    for row in rows {
        let kept = kept(row)?;
        match kept.kind {
            Kind::Environment => put::<Environment>(kept, &mut catalogue)?,
            Kind::Attribute => put::<Attribute>(kept, &mut catalogue)?,
            Kind::SavedGroup => put::<SavedGroup>(kept, &mut catalogue)?,
            Kind::Namespace => put::<Namespace>(kept, &mut catalogue)?,
            Kind::Holdout => put::<Holdout>(kept, &mut catalogue)?,
            Kind::Feature => put::<Feature>(kept, &mut catalogue)?,
            Kind::Experiment => put::<Experiment>(kept, &mut catalogue)?,
            Kind::Metric => put::<Metric>(kept, &mut catalogue)?,
        }
    }
    Ok(catalogue)
}

fn put<D: Definition>(kept: Kept, catalogue: &mut Catalogue) -> Result<(), ExperimentError> {
    let damaged = |_| ExperimentError::Damaged("a definition");
    let definition: D = serde_json::from_value(kept.definition).map_err(damaged)?;
    definition.put(&kept.key, serde_json::from_value(kept.state).map_err(damaged)?, catalogue);
    Ok(())
}

/// Takes the project for a change: others wait until the transaction ends. Returns what there is.
pub(crate) async fn lock(
    transaction: &mut Transaction,
    project: &str,
    at: Timestamp,
) -> Result<Catalogue, ExperimentError> {
    let next = "INSERT INTO flag_generations (project_id, generation, changed_at) VALUES ($1, 1, $2)
                ON CONFLICT (project_id) DO UPDATE SET generation = flag_generations.generation + 1, changed_at = $2";
    transaction.execute(statement(next).bind(project).bind(at)).await?;
    let query = statement("SELECT * FROM flag_definitions WHERE project_id = $1").bind(project);
    let mut catalogue = gather(&transaction.all(query).await?)?;
    catalogue.recording_keys = Connection::recording(transaction, project).await?;
    Ok(catalogue)
}

/// Writes a change and its revision; returns the number of the revision.
pub(crate) async fn write(transaction: &mut Transaction, write: &Write<'_>) -> Result<i64, ExperimentError> {
    let place = |sql| statement(sql).bind(write.project).bind(write.kind.name()).bind(write.key);
    let last = "SELECT max(revision) AS last FROM flag_revisions WHERE project_id = $1 AND kind = $2 AND item_key = $3";
    let last = transaction.one(place(last)).await?.map(|row| row.get::<Option<i64>>("last")).transpose()?.flatten();
    let revision = last.unwrap_or(0) + 1;
    let touched = match (&write.change, write.before) {
        (Change::Put { definition, state }, None) => {
            let insert = "INSERT INTO flag_definitions
                (project_id, kind, item_key, revision, definition, state, created_at, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
            let insert = place(insert).bind(revision).bind(definition.to_string()).bind(state.to_string());
            match transaction.execute(insert.bind(write.at)).await {
                Err(DatabaseError::Unique) => return Err(ExperimentError::KeyTaken),
                other => other?,
            }
        }
        (Change::Put { definition, state }, Some(before)) => {
            let update = "UPDATE flag_definitions SET revision = $4, definition = $5, state = $6, updated_at = $7
                          WHERE project_id = $1 AND kind = $2 AND item_key = $3 AND revision = $8";
            let update = place(update).bind(revision).bind(definition.to_string()).bind(state.to_string());
            transaction.execute(update.bind(write.at).bind(before)).await?
        }
        (Change::Remove, before) => {
            let delete = "DELETE FROM flag_definitions
                          WHERE project_id = $1 AND kind = $2 AND item_key = $3 AND revision = $4";
            transaction.execute(place(delete).bind(before.unwrap_or(0))).await?
        }
    };
    if touched == 0 {
        return Err(ExperimentError::Stale);
    }
    let (definition, state) = match &write.change {
        Change::Put { definition, state } => (definition.to_string(), state.to_string()),
        Change::Remove => (String::new(), String::new()),
    };
    let insert = "INSERT INTO flag_revisions
        (project_id, kind, item_key, revision, at, actor, reason, act, definition, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let insert = place(insert).bind(revision).bind(write.at).bind(write.actor).bind(write.reason).bind(write.act);
    transaction.execute(insert.bind(definition).bind(state)).await?;
    Ok(revision)
}
