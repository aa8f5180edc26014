//! Changes that wait for their time.

use footfall_api_access::{Database, Row, Transaction, statement};
use footfall_ingest_activity::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::Kind;
use crate::error::ExperimentError;

/// The outcome of what is done.
pub(crate) const DONE: &str = "done";
/// The outcome while it is being done.
const BEGUN: &str = "begun";
/// Whoever has begun something and not told of it for so long was interrupted.
const INTERRUPTED_MILLIS: i64 = 5 * 60 * 1000;

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduledChange {
    /// A merge patch (RFC 7396) of the definition.
    Patch(Value),
    /// Starts the experiment.
    Start {},
    /// Stops the experiment.
    Stop {},
}

/// A scheduled change as it is kept.
#[derive(Debug, Clone)]
pub struct ScheduledKept {
    pub id: String,
    pub project: String,
    pub kind: Kind,
    pub key: String,
    pub due_at: Timestamp,
    pub change: ScheduledChange,
    pub reason: String,
    pub made_by: String,
    pub made_at: Timestamp,
    pub done_at: Option<Timestamp>,
    /// Empty while it waits; `begun`, `done`, or why it could not be done.
    pub outcome: String,
}

/// A scheduled change that this process has taken for itself, and when.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub change: &'a ScheduledKept,
    pub at: Timestamp,
}

impl Claim<'_> {
    /// Writes down that it is done, in the transaction of the change itself.
    ///
    /// # Errors
    /// [`ExperimentError::Stale`] where another process has taken it for interrupted since: nothing of it may be done here.
    pub(crate) async fn done(self, transaction: &mut Transaction) -> Result<(), ExperimentError> {
        let update = "UPDATE flag_schedule SET outcome = $1 WHERE id = $2 AND outcome = $3 AND done_at = $4";
        let update = statement(update).bind(DONE).bind(&self.change.id).bind(BEGUN).bind(self.at);
        match transaction.execute(update).await? {
            0 => Err(ExperimentError::Stale),
            _ => Ok(()),
        }
    }
}

/// What was begun before this moment is not being done any more.
fn interrupted(now: Timestamp) -> i64 {
    now.millis() - INTERRUPTED_MILLIS
}

impl ScheduledKept {
    fn read(row: &Row) -> Result<ScheduledKept, ExperimentError> {
        let damaged = || ExperimentError::Damaged("a scheduled change");
        Ok(ScheduledKept {
            id: row.get("id")?,
            project: row.get("project_id")?,
            kind: Kind::named(&row.get::<String>("kind")?).ok_or_else(damaged)?,
            key: row.get("item_key")?,
            due_at: row.time("due_at")?,
            change: serde_json::from_str(&row.get::<String>("change")?).map_err(|_| damaged())?,
            reason: row.get("reason")?,
            made_by: row.get("made_by")?,
            made_at: row.time("made_at")?,
            done_at: row.time_if_any("done_at")?,
            outcome: row.get("outcome")?,
        })
    }

    pub(crate) async fn insert(&self, transaction: &mut Transaction) -> Result<(), ExperimentError> {
        let change = serde_json::to_string(&self.change).map_err(|_| ExperimentError::Damaged("a scheduled change"))?;
        let insert = "INSERT INTO flag_schedule
            (id, project_id, kind, item_key, due_at, change, reason, made_by, made_at, done_at, outcome)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, '')";
        let insert = statement(insert).bind(&self.id).bind(&self.project).bind(self.kind.name()).bind(&self.key);
        let insert = insert.bind(self.due_at).bind(change).bind(&self.reason).bind(&self.made_by).bind(self.made_at);
        transaction.execute(insert).await?;
        Ok(())
    }

    /// Of one project, by time, after a position.
    pub async fn of_project(
        database: &Database,
        project: &str,
        after: (i64, &str),
        limit: usize,
    ) -> Result<Vec<ScheduledKept>, ExperimentError> {
        let query = "SELECT * FROM flag_schedule WHERE project_id = $1 AND (due_at > $2 OR (due_at = $2 AND id > $3))
                     ORDER BY due_at, id LIMIT $4";
        let query = statement(query).bind(project).bind(after.0).bind(after.1).bind(limit as i64);
        database.read(query).await?.iter().map(ScheduledKept::read).collect()
    }

    /// One of a project.
    pub async fn one(database: &Database, project: &str, id: &str) -> Result<ScheduledKept, ExperimentError> {
        let query = statement("SELECT * FROM flag_schedule WHERE project_id = $1 AND id = $2").bind(project).bind(id);
        let found = database.read_one(query).await?;
        ScheduledKept::read(&found.ok_or(ExperimentError::NotFound("scheduled change"))?)
    }

    /// What waits and is due, and what was begun and interrupted, in the order in which it is to be done. What comes behind a change
    /// of the same item that somebody is at waits for that one, or it would be done before it.
    pub async fn due(database: &Database, now: Timestamp) -> Result<Vec<ScheduledKept>, ExperimentError> {
        let query = "SELECT * FROM flag_schedule AS later WHERE due_at <= $1
                     AND (done_at IS NULL OR (outcome = $2 AND done_at <= $3))
                     AND NOT EXISTS (SELECT 1 FROM flag_schedule AS earlier
                         WHERE earlier.project_id = later.project_id AND earlier.kind = later.kind
                         AND earlier.item_key = later.item_key AND earlier.outcome = $2 AND earlier.done_at > $3
                         AND (earlier.due_at < later.due_at
                             OR (earlier.due_at = later.due_at AND earlier.id < later.id)))
                     ORDER BY due_at, id LIMIT 100";
        let query = statement(query).bind(now).bind(BEGUN).bind(interrupted(now));
        database.read(query).await?.iter().map(ScheduledKept::read).collect()
    }

    /// Takes it for oneself; false if another process was first.
    pub(crate) async fn claim(&self, transaction: &mut Transaction, now: Timestamp) -> Result<bool, ExperimentError> {
        let update = "UPDATE flag_schedule SET done_at = $1, outcome = $2
                      WHERE id = $3 AND (done_at IS NULL OR (outcome = $4 AND done_at <= $5))";
        let update = statement(update).bind(now).bind(BEGUN).bind(&self.id).bind(BEGUN).bind(interrupted(now));
        Ok(transaction.execute(update).await? == 1)
    }

    /// Writes down what came of it for whoever claimed it at `claimed`, unless another has taken it for interrupted since.
    pub(crate) async fn settle(
        &self,
        database: &Database,
        claimed: Timestamp,
        what: &str,
    ) -> Result<(), ExperimentError> {
        let update = "UPDATE flag_schedule SET outcome = $1 WHERE id = $2 AND outcome = $3 AND done_at = $4";
        let what: String = what.chars().take(2000).collect();
        database.execute(statement(update).bind(what).bind(&self.id).bind(BEGUN).bind(claimed)).await?;
        Ok(())
    }

    /// It waits again, unless another has taken it for interrupted since it was claimed.
    pub(crate) async fn put_back(&self, database: &Database, claimed: Timestamp) -> Result<(), ExperimentError> {
        let update =
            "UPDATE flag_schedule SET done_at = NULL, outcome = '' WHERE id = $1 AND outcome = $2 AND done_at = $3";
        database.execute(statement(update).bind(&self.id).bind(BEGUN).bind(claimed)).await?;
        Ok(())
    }

    pub(crate) async fn remove(transaction: &mut Transaction, project: &str, id: &str) -> Result<(), ExperimentError> {
        let delete = "DELETE FROM flag_schedule WHERE project_id = $1 AND id = $2 AND done_at IS NULL";
        match transaction.execute(statement(delete).bind(project).bind(id)).await? {
            0 => Err(ExperimentError::NotFound("scheduled change")),
            _ => Ok(()),
        }
    }
}
