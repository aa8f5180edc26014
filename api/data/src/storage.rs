//! Plans in the app's database.

use footfall_api_access::{Database, DatabaseError, Row, Transaction, statement};
use footfall_ingest_activity::Timestamp;
use footfall_ingest_plan::{OnViolation, Unplanned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{ACTIVITIES_MAX, PlanError};
use crate::tally::{Count, Key, OTHER};

/// Kinds and places of violations that are told apart of one activity.
const VIOLATIONS_MAX: i64 = 200;

/// A plan as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub unplanned: Unplanned,
    pub revision: i64,
    pub changed: Option<(Timestamp, String)>,
}

/// An activity of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub activity: String,
    pub description: String,
    pub owner: String,
    pub schema: Option<Value>,
    pub on_violation: OnViolation,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

/// What a revision made of an activity.
#[derive(Debug, Clone)]
pub(crate) struct Revised {
    pub revision: i64,
    pub content: Value,
    pub changed_at: Timestamp,
    pub changed_by: String,
}

/// What was found otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub activity: String,
    pub kind: String,
    pub path: String,
    pub fate: String,
    pub times: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub example_id: String,
    pub example_at: Timestamp,
}

/// The word of a value that is one.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn of_word<T: DeserializeOwned>(word: String) -> Result<T, PlanError> {
    serde_json::from_value(Value::String(word)).map_err(|_| PlanError::Damaged)
}

/// Every project's plan and its revision.
pub(crate) async fn revisions(database: &Database) -> Result<Vec<(String, i64)>, PlanError> {
    let rows = database.read(statement("SELECT project_id, revision FROM tracking_plans")).await?;
    rows.iter().map(|row| Ok((row.get("project_id")?, row.get("revision")?))).collect()
}

pub(crate) async fn head(database: &Database, project: &str) -> Result<Head, PlanError> {
    let query = statement("SELECT * FROM tracking_plans WHERE project_id = $1").bind(project);
    let Some(row) = database.read_one(query).await? else {
        return Ok(Head { unplanned: Unplanned::default(), revision: 0, changed: None });
    };
    let changed = Some((row.time("updated_at")?, row.get("updated_by")?));
    Ok(Head { unplanned: of_word(row.get("unplanned")?)?, revision: row.get("revision")?, changed })
}

/// Counts a change of the plan; `unplanned` is kept where it is not said. Of the revision `before` alone, where it is said.
pub(crate) async fn touch(
    transaction: &mut Transaction,
    project: &str,
    (unplanned, before): (Option<Unplanned>, Option<i64>),
    at: Timestamp,
    by: &str,
) -> Result<(), PlanError> {
    let upsert = "INSERT INTO tracking_plans (project_id, unplanned, revision, updated_at, updated_by)
        VALUES ($1, COALESCE($2, 'allow'), 1, $3, $4)
        ON CONFLICT (project_id) DO UPDATE SET unplanned = COALESCE($2, tracking_plans.unplanned),
            revision = tracking_plans.revision + 1, updated_at = $3, updated_by = $4
        WHERE tracking_plans.revision = COALESCE($5, tracking_plans.revision)";
    let unplanned = unplanned.as_ref().map(word);
    let upsert = statement(upsert).bind(project).bind(unplanned).bind(at).bind(by).bind(before);
    match transaction.execute(upsert).await? {
        0 => Err(PlanError::Stale(None)),
        _ => Ok(()),
    }
}

fn kept(row: &Row) -> Result<Kept, PlanError> {
    let schema: Option<String> = row.get("schema_json")?;
    Ok(Kept {
        activity: row.get("activity")?,
        description: row.get("description")?,
        owner: row.get("owner")?,
        schema: schema.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| PlanError::Damaged)?,
        on_violation: of_word(row.get("on_violation")?)?,
        revision: row.get("revision")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.get("updated_by")?,
    })
}

/// Activities after a name, in their order.
pub(crate) async fn activities(
    database: &Database,
    project: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Kept>, PlanError> {
    let query = "SELECT * FROM tracking_plan_activities WHERE project_id = $1 AND activity > $2
                 ORDER BY activity LIMIT $3";
    database.read(statement(query).bind(project).bind(after).bind(limit)).await?.iter().map(kept).collect()
}

pub(crate) async fn activity(database: &Database, project: &str, name: &str) -> Result<Option<Kept>, PlanError> {
    let query = "SELECT * FROM tracking_plan_activities WHERE project_id = $1 AND activity = $2";
    database.read_one(statement(query).bind(project).bind(name)).await?.as_ref().map(kept).transpose()
}

pub(crate) async fn count(transaction: &mut Transaction, project: &str) -> Result<i64, PlanError> {
    let query = "SELECT count(*) AS present FROM tracking_plan_activities WHERE project_id = $1";
    let row = transaction.one(statement(query).bind(project)).await?;
    Ok(row.map(|row| row.get("present")).transpose()?.unwrap_or(0))
}

/// The number of the next revision of an activity, which goes on where it was removed once.
pub(crate) async fn next_revision(transaction: &mut Transaction, project: &str, name: &str) -> Result<i64, PlanError> {
    let query = "SELECT COALESCE(MAX(revision), 0) AS latest FROM tracking_plan_revisions
                 WHERE project_id = $1 AND activity = $2";
    let row = transaction.one(statement(query).bind(project).bind(name)).await?;
    Ok(row.map(|row| row.get::<i64>("latest")).transpose()?.unwrap_or(0) + 1)
}

pub(crate) async fn insert(transaction: &mut Transaction, project: &str, kept: &Kept) -> Result<(), PlanError> {
    if count(transaction, project).await? >= ACTIVITIES_MAX {
        return Err(PlanError::TooMany);
    }
    let insert = "INSERT INTO tracking_plan_activities
        (project_id, activity, description, owner, schema_json, on_violation, revision, created_at, updated_at, updated_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)";
    let insert = statement(insert).bind(project).bind(&kept.activity).bind(&kept.description).bind(&kept.owner);
    let insert = insert.bind(kept.schema.as_ref().map(Value::to_string)).bind(word(&kept.on_violation));
    match transaction.execute(insert.bind(kept.revision).bind(kept.created_at).bind(&kept.updated_by)).await {
        Err(DatabaseError::Unique) => Err(PlanError::There),
        other => Ok(other.map(drop)?),
    }
}

/// Puts it in the place of revision `before`.
pub(crate) async fn update(
    transaction: &mut Transaction,
    project: &str,
    before: i64,
    kept: &Kept,
) -> Result<(), PlanError> {
    let update =
        "UPDATE tracking_plan_activities SET description = $3, owner = $4, schema_json = $5, on_violation = $6,
        revision = $7, updated_at = $8, updated_by = $9 WHERE project_id = $1 AND activity = $2 AND revision = $10";
    let update = statement(update).bind(project).bind(&kept.activity).bind(&kept.description).bind(&kept.owner);
    let update = update.bind(kept.schema.as_ref().map(Value::to_string)).bind(word(&kept.on_violation));
    let update = update.bind(kept.revision).bind(kept.updated_at).bind(&kept.updated_by).bind(before);
    match transaction.execute(update).await? {
        0 => Err(PlanError::Stale(None)),
        _ => Ok(()),
    }
}

pub(crate) async fn delete(
    transaction: &mut Transaction,
    project: &str,
    name: &str,
    before: i64,
) -> Result<(), PlanError> {
    let delete = "DELETE FROM tracking_plan_activities WHERE project_id = $1 AND activity = $2 AND revision = $3";
    match transaction.execute(statement(delete).bind(project).bind(name).bind(before)).await? {
        0 => Err(PlanError::Stale(None)),
        _ => Ok(()),
    }
}

pub(crate) async fn note_revision(
    transaction: &mut Transaction,
    project: &str,
    name: &str,
    revised: &Revised,
) -> Result<(), PlanError> {
    let insert = "INSERT INTO tracking_plan_revisions (project_id, activity, revision, content, changed_at, changed_by)
                  VALUES ($1, $2, $3, $4, $5, $6)";
    let insert = statement(insert).bind(project).bind(name).bind(revised.revision).bind(revised.content.to_string());
    match transaction.execute(insert.bind(revised.changed_at).bind(&revised.changed_by)).await {
        Err(DatabaseError::Unique) => Err(PlanError::Stale(None)),
        other => Ok(other.map(drop)?),
    }
}

/// Revisions before one, the newest first.
pub(crate) async fn history(
    database: &Database,
    project: &str,
    name: &str,
    before: i64,
    limit: i64,
) -> Result<Vec<Revised>, PlanError> {
    let query = "SELECT * FROM tracking_plan_revisions WHERE project_id = $1 AND activity = $2 AND revision < $3
                 ORDER BY revision DESC LIMIT $4";
    let rows = database.read(statement(query).bind(project).bind(name).bind(before).bind(limit)).await?;
    let revised = |row: &Row| {
        let content: String = row.get("content")?;
        let content = serde_json::from_str(&content).map_err(|_| PlanError::Damaged)?;
        let (changed_at, changed_by) = (row.time("changed_at")?, row.get("changed_by")?);
        Ok(Revised { revision: row.get("revision")?, content, changed_at, changed_by })
    };
    rows.iter().map(revised).collect()
}

/// Violations after one of them, of one activity or of all.
pub(crate) async fn violations(
    database: &Database,
    project: &str,
    activity: Option<&str>,
    after: &(String, String, String, String),
    limit: i64,
) -> Result<Vec<Found>, PlanError> {
    let query = "SELECT * FROM tracking_plan_violations WHERE project_id = $1 AND ($2 = '' OR activity = $2)
        AND (activity, kind, path, fate) > ($3, $4, $5, $6) ORDER BY activity, kind, path, fate LIMIT $7";
    let query = statement(query).bind(project).bind(activity.unwrap_or_default());
    let query = query.bind(&after.0).bind(&after.1).bind(&after.2).bind(&after.3).bind(limit);
    let found = |row: &Row| {
        Ok(Found {
            activity: row.get("activity")?,
            kind: row.get("kind")?,
            path: row.get("path")?,
            fate: row.get("fate")?,
            times: row.get("times")?,
            first_at: row.time("first_at")?,
            last_at: row.time("last_at")?,
            example_id: row.get("example_id")?,
            example_at: row.time("example_at")?,
        })
    };
    database.read_late(query).await?.iter().map(found).collect()
}

pub(crate) async fn forget(transaction: &mut Transaction, project: &str, name: &str) -> Result<u64, PlanError> {
    let delete = "DELETE FROM tracking_plan_violations WHERE project_id = $1 AND activity = $2";
    Ok(transaction.execute(statement(delete).bind(project).bind(name)).await?)
}

/// Adds a count to what is there. Of one activity so many are told apart; the others go together.
pub(crate) async fn add(transaction: &mut Transaction, key: &Key, count: &Count) -> Result<(), PlanError> {
    let fate = if key.is_refused { "quarantined" } else { "accepted" };
    let known = "SELECT COUNT(*) AS present, COUNT(CASE WHEN kind = $3 AND path = $4 AND fate = $5 THEN 1 END) AS own
                 FROM tracking_plan_violations WHERE project_id = $1 AND activity = $2";
    let known = statement(known).bind(&key.project).bind(&key.activity).bind(key.kind).bind(&key.path).bind(fate);
    let row = transaction.one(known).await?.ok_or(PlanError::Damaged)?;
    let is_known = row.get::<i64>("own")? > 0 || row.get::<i64>("present")? < VIOLATIONS_MAX;
    let path = if is_known { key.path.as_str() } else { OTHER };
    let add = "INSERT INTO tracking_plan_violations
        (project_id, activity, kind, path, fate, times, first_at, last_at, example_id, example_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (project_id, activity, kind, path, fate) DO UPDATE SET
            times = tracking_plan_violations.times + $6,
            first_at = CASE WHEN $7 < tracking_plan_violations.first_at THEN $7 ELSE tracking_plan_violations.first_at END,
            last_at = CASE WHEN $8 > tracking_plan_violations.last_at THEN $8 ELSE tracking_plan_violations.last_at END,
            example_id = $9, example_at = $10";
    let add = statement(add).bind(&key.project).bind(&key.activity).bind(key.kind).bind(path).bind(fate);
    let add = add.bind(count.times).bind(count.first_at).bind(count.last_at);
    transaction.execute(add.bind(&count.example).bind(count.example_at)).await?;
    Ok(())
}
