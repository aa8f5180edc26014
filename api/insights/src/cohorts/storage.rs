//! Cohorts in the app's database.

use footfall_api_access::{Database, DatabaseError, Row, Transaction, statement};
use serde_json::Value;

use super::{CohortError, Saved};

fn read(row: &Row) -> Result<Saved, CohortError> {
    let definition: String = row.get("definition")?;
    Ok(Saved {
        key: row.get("cohort_key")?,
        name: row.get("name")?,
        description: row.get("description")?,
        definition: serde_json::from_str(&definition).map_err(|_| CohortError::Damaged)?,
        revision: row.get("revision")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// Those after a key, in their order.
pub(super) async fn list(
    database: &Database,
    project: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Saved>, CohortError> {
    let query = "SELECT * FROM insight_cohorts WHERE project_id = $1 AND cohort_key > $2 ORDER BY cohort_key LIMIT $3";
    let query = statement(query).bind(project).bind(after).bind(limit as i64);
    database.read(query).await?.iter().map(read).collect()
}

pub(super) async fn one(database: &Database, project: &str, key: &str) -> Result<Option<Saved>, CohortError> {
    let query = "SELECT * FROM insight_cohorts WHERE project_id = $1 AND cohort_key = $2";
    database.read_one(statement(query).bind(project).bind(key)).await?.as_ref().map(read).transpose()
}

pub(super) async fn count(transaction: &mut Transaction, project: &str) -> Result<i64, CohortError> {
    let query = statement("SELECT count(*) AS cohorts FROM insight_cohorts WHERE project_id = $1").bind(project);
    Ok(transaction.one(query).await?.map(|row| row.get("cohorts")).transpose()?.unwrap_or(0))
}

/// Keys of those whose definitions name this one.
pub(super) async fn users_of(
    transaction: &mut Transaction,
    project: &str,
    key: &str,
) -> Result<Vec<String>, CohortError> {
    let query = "SELECT cohort_key, names FROM insight_cohorts WHERE project_id = $1 AND names <> '[]'
                 ORDER BY cohort_key";
    let mut users = Vec::new();
    for row in transaction.all(statement(query).bind(project)).await? {
        let names: Vec<String> =
            serde_json::from_str(&row.get::<String>("names")?).map_err(|_| CohortError::Damaged)?;
        if names.iter().any(|name| name == key) {
            users.push(row.get("cohort_key")?);
        }
    }
    Ok(users)
}

fn names_text(names: &[String]) -> String {
    Value::from(names.to_vec()).to_string()
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    project: &str,
    saved: &Saved,
    names: &[String],
) -> Result<(), CohortError> {
    let insert = "INSERT INTO insight_cohorts
        (project_id, cohort_key, name, description, definition, names, revision, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
    let insert = statement(insert).bind(project).bind(&saved.key).bind(&saved.name).bind(&saved.description);
    let insert = insert.bind(saved.definition.to_string()).bind(names_text(names));
    match transaction.execute(insert.bind(saved.revision).bind(saved.created_at)).await {
        Err(DatabaseError::Unique) => Err(CohortError::KeyTaken),
        other => Ok(other.map(drop)?),
    }
}

/// Writes the revision after the one that was read.
pub(super) async fn update(
    transaction: &mut Transaction,
    project: &str,
    saved: &Saved,
    names: &[String],
) -> Result<(), CohortError> {
    let update = "UPDATE insight_cohorts SET name = $3, description = $4, definition = $5, names = $6, revision = $7,
        updated_at = $8 WHERE project_id = $1 AND cohort_key = $2 AND revision = $9";
    let update = statement(update).bind(project).bind(&saved.key).bind(&saved.name).bind(&saved.description);
    let update = update.bind(saved.definition.to_string()).bind(names_text(names)).bind(saved.revision);
    match transaction.execute(update.bind(saved.updated_at).bind(saved.revision - 1)).await? {
        0 => Err(CohortError::Stale(None)),
        _ => Ok(()),
    }
}

pub(super) async fn delete(
    transaction: &mut Transaction,
    project: &str,
    key: &str,
    revision: i64,
) -> Result<(), CohortError> {
    let delete = "DELETE FROM insight_cohorts WHERE project_id = $1 AND cohort_key = $2 AND revision = $3";
    match transaction.execute(statement(delete).bind(project).bind(key).bind(revision)).await? {
        0 => Err(CohortError::Stale(None)),
        _ => Ok(()),
    }
}
