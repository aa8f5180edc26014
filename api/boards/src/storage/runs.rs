//! When schedules are asked next, and what became of each time.

use footfall_api_access::{Database, Row, Transaction, statement};
use footfall_ingest_activity::Timestamp;

use crate::error::BoardError;

/// A schedule whose moment has come.
#[derive(Debug, Clone)]
pub struct Due {
    pub project: String,
    pub schedule: String,
    pub next_at: Timestamp,
    pub is_alarmed: bool,
}

/// The fate of a run whose process ended before it told anybody.
pub const INTERRUPTED: &str = "interrupted";
/// A time is asked so often at most: what ends the program each time must not do so for ever.
const TRIES_MAX: i64 = 3;

/// One time that a schedule was asked.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: String,
    pub due_at: Timestamp,
    pub began_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// `running`, `sent`, `quiet`, `alarmed`, `recovered`, `failed`, [`INTERRUPTED`].
    pub fate: String,
    pub detail: String,
}

/// Sets when a schedule is asked next; `None`: never.
pub async fn plan(
    transaction: &mut Transaction,
    project: &str,
    schedule: &str,
    next_at: Option<Timestamp>,
) -> Result<(), BoardError> {
    let Some(next_at) = next_at else { return forget(transaction, project, schedule).await };
    let upsert = "INSERT INTO board_due (project_id, schedule, next_at) VALUES ($1, $2, $3)
                  ON CONFLICT (project_id, schedule) DO UPDATE SET next_at = $3";
    transaction.execute(statement(upsert).bind(project).bind(schedule).bind(next_at)).await?;
    Ok(())
}

pub async fn forget(transaction: &mut Transaction, project: &str, schedule: &str) -> Result<(), BoardError> {
    let delete = statement("DELETE FROM board_due WHERE project_id = $1 AND schedule = $2");
    transaction.execute(delete.bind(project).bind(schedule)).await?;
    Ok(())
}

/// What became of it goes with the schedule; who is at it tells nobody.
pub async fn forget_runs(transaction: &mut Transaction, project: &str, schedule: &str) -> Result<(), BoardError> {
    let delete = statement("DELETE FROM board_runs WHERE project_id = $1 AND schedule = $2");
    transaction.execute(delete.bind(project).bind(schedule)).await?;
    Ok(())
}

pub async fn due(database: &Database, now: Timestamp) -> Result<Vec<Due>, BoardError> {
    let query = "SELECT * FROM board_due WHERE next_at <= $1 ORDER BY next_at, project_id, schedule LIMIT 20";
    let read = |row: &Row| -> Result<Due, BoardError> {
        Ok(Due {
            project: row.get("project_id")?,
            schedule: row.get("schedule")?,
            next_at: row.time("next_at")?,
            is_alarmed: row.get::<i64>("is_alarmed")? != 0,
        })
    };
    database.read(statement(query).bind(now)).await?.iter().map(read).collect()
}

/// Asks it at another moment, if it is due at this one; false: it is not.
pub async fn move_due(
    transaction: &mut Transaction,
    due: &Due,
    from: Timestamp,
    to: Timestamp,
) -> Result<bool, BoardError> {
    let update = "UPDATE board_due SET next_at = $1 WHERE project_id = $2 AND schedule = $3 AND next_at = $4";
    let update = statement(update).bind(to).bind(&due.project).bind(&due.schedule).bind(from);
    Ok(transaction.execute(update).await? == 1)
}

/// Takes a moment for oneself, in one step with the run's record; `None` if another process was first. Without a next moment it is
/// asked this once.
pub async fn claim(
    database: &Database,
    due: &Due,
    next_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<String>, BoardError> {
    let mut transaction = database.write().await?;
    let is_ours = match next_at {
        Some(next_at) => move_due(&mut transaction, due, due.next_at, next_at).await?,
        None => {
            let delete = "DELETE FROM board_due WHERE project_id = $1 AND schedule = $2 AND next_at = $3";
            let delete = statement(delete).bind(&due.project).bind(&due.schedule).bind(due.next_at);
            transaction.execute(delete).await? == 1
        }
    };
    if !is_ours {
        return Ok(None);
    }
    let id = uuid::Uuid::now_v7().simple().to_string();
    let insert = "INSERT INTO board_runs (id, project_id, schedule, due_at, began_at, fate, detail)
                  VALUES ($1, $2, $3, $4, $5, 'running', '')";
    let insert = statement(insert).bind(&id).bind(&due.project).bind(&due.schedule).bind(due.next_at).bind(now);
    transaction.execute(insert).await?;
    transaction.commit().await?;
    Ok(Some(id))
}

/// Writes down what came of a run; false where it was taken for interrupted since, and is another's.
pub async fn end_run(
    transaction: &mut Transaction,
    id: &str,
    now: Timestamp,
    fate: &str,
    detail: &str,
) -> Result<bool, BoardError> {
    let update = "UPDATE board_runs SET ended_at = $1, fate = $2, detail = $3 WHERE id = $4 AND ended_at IS NULL";
    let detail: String = detail.chars().take(1_000).collect();
    Ok(transaction.execute(statement(update).bind(now).bind(fate).bind(detail).bind(id)).await? == 1)
}

pub async fn set_alarm(
    transaction: &mut Transaction,
    project: &str,
    schedule: &str,
    is_alarmed: bool,
) -> Result<(), BoardError> {
    let update = statement("UPDATE board_due SET is_alarmed = $1 WHERE project_id = $2 AND schedule = $3");
    transaction.execute(update.bind(i64::from(is_alarmed)).bind(project).bind(schedule)).await?;
    Ok(())
}

/// The newest runs of a schedule, the newest first.
pub async fn runs(database: &Database, project: &str, schedule: &str, limit: i64) -> Result<Vec<Run>, BoardError> {
    let query = "SELECT * FROM board_runs WHERE project_id = $1 AND schedule = $2
                 ORDER BY began_at DESC, id DESC LIMIT $3";
    let read = |row: &Row| -> Result<Run, BoardError> {
        Ok(Run {
            id: row.get("id")?,
            due_at: row.time("due_at")?,
            began_at: row.time("began_at")?,
            ended_at: row.time_if_any("ended_at")?,
            fate: row.get("fate")?,
            detail: row.get("detail")?,
        })
    };
    database.read(statement(query).bind(project).bind(schedule).bind(limit)).await?.iter().map(read).collect()
}

/// Removes runs that began before.
pub async fn prune(database: &Database, before: Timestamp) -> Result<(), BoardError> {
    database.execute(statement("DELETE FROM board_runs WHERE began_at < $1").bind(before)).await?;
    Ok(())
}

/// Takes runs that began until then and have not ended for interrupted, and makes their schedules due again, unless they were asked at
/// a later time since, or this time so often already; returns how many runs that was.
pub async fn take_up(database: &Database, until: Timestamp, now: Timestamp) -> Result<usize, BoardError> {
    let query = "SELECT id, project_id, schedule, due_at FROM board_runs WHERE ended_at IS NULL AND began_at <= $1";
    let mut taken = 0;
    for row in database.read(statement(query).bind(until)).await? {
        let (id, due_at): (String, i64) = (row.get("id")?, row.get("due_at")?);
        let (project, schedule): (String, String) = (row.get("project_id")?, row.get("schedule")?);
        let mut transaction = database.write().await?;
        let why = "the program ended while it was asked";
        if !end_run(&mut transaction, &id, now, INTERRUPTED, why).await? {
            continue;
        }
        let since = "SELECT COALESCE(SUM(CASE WHEN due_at > $3 THEN 1 ELSE 0 END), 0) AS later,
                            COALESCE(SUM(CASE WHEN due_at = $3 THEN 1 ELSE 0 END), 0) AS tries
                     FROM board_runs WHERE project_id = $1 AND schedule = $2";
        let since = statement(since).bind(&project).bind(&schedule).bind(due_at);
        let since = transaction.one(since).await?.ok_or(BoardError::Damaged("the runs of a schedule"))?;
        if since.get::<i64>("later")? == 0 && since.get::<i64>("tries")? < TRIES_MAX {
            let again = "UPDATE board_due SET next_at = $1 WHERE project_id = $2 AND schedule = $3 AND next_at > $1";
            transaction.execute(statement(again).bind(due_at).bind(&project).bind(&schedule)).await?;
        }
        transaction.commit().await?;
        taken += 1;
    }
    Ok(taken)
}
