//! By which id somebody's flags fell before they signed in.

use footfall_api_access::{Database, Row, statement};
use footfall_ingest_activity::Timestamp;

use crate::error::ExperimentError;

/// The earlier id of somebody, and since when it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub distinct_id: String,
    pub hash_id: String,
    pub at: Timestamp,
}

/// The id by which the flags of `id` fell before; `None` for one of whom nothing is known.
pub(crate) async fn hash_id(database: &Database, project: &str, id: &str) -> Result<Option<String>, ExperimentError> {
    let query = "SELECT hash_id FROM flag_sign_ins WHERE project_id = $1 AND distinct_id = $2";
    let row = database.read_one(statement(query).bind(project).bind(id)).await?;
    row.map(|row| Ok(row.get("hash_id")?)).transpose()
}

/// Remembers it, unless something is remembered of `id` already; returns what is.
pub(crate) async fn remember(
    database: &Database,
    project: &str,
    (id, hash_id): (&str, &str),
    at: Timestamp,
) -> Result<String, ExperimentError> {
    // Two requests at one time: the row's lock lets the second see what the first has written.
    let insert = "INSERT INTO flag_sign_ins (project_id, distinct_id, hash_id, at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (project_id, distinct_id) DO UPDATE SET hash_id = flag_sign_ins.hash_id RETURNING hash_id";
    let row = database.write_one(statement(insert).bind(project).bind(id).bind(hash_id).bind(at)).await?;
    Ok(row.ok_or(ExperimentError::Damaged("a sign-in"))?.get("hash_id")?)
}

/// What is remembered of one of these ids.
pub async fn sign_ins_of(database: &Database, project: &str, ids: &[String]) -> Result<Vec<SignIn>, ExperimentError> {
    let query = "SELECT distinct_id, hash_id, at FROM flag_sign_ins
        WHERE project_id = $1 AND (distinct_id = $2 OR hash_id = $2) ORDER BY distinct_id";
    let mut found = Vec::new();
    for id in ids {
        let rows = database.read(statement(query).bind(project).bind(id)).await?;
        for row in &rows {
            let sign_in = SignIn::read(row)?;
            if !found.contains(&sign_in) {
                found.push(sign_in);
            }
        }
    }
    Ok(found)
}

/// Forgets what is remembered of these ids; returns of how many.
pub async fn forget_sign_ins(database: &Database, project: &str, ids: &[String]) -> Result<u64, ExperimentError> {
    let delete = "DELETE FROM flag_sign_ins WHERE project_id = $1 AND (distinct_id = $2 OR hash_id = $2)";
    let mut transaction = database.write().await?;
    let mut forgotten = 0;
    for id in ids {
        forgotten += transaction.execute(statement(delete).bind(project).bind(id)).await?;
    }
    transaction.commit().await?;
    Ok(forgotten)
}

/// Forgets the oldest of each project that has more than `most`; returns how many.
pub(crate) async fn forget_oldest(database: &Database, most: i64) -> Result<u64, ExperimentError> {
    let crowded = "SELECT project_id FROM flag_sign_ins GROUP BY project_id HAVING count(*) > $1 ORDER BY project_id";
    let mut forgotten = 0;
    for row in database.read(statement(crowded).bind(most)).await? {
        let project: String = row.get("project_id")?;
        // The newest of those that are too many: it goes, and so does what is as old.
        let first = "SELECT at FROM flag_sign_ins WHERE project_id = $1 ORDER BY at DESC LIMIT 1 OFFSET $2";
        let Some(row) = database.read_one(statement(first).bind(&project).bind(most)).await? else { continue };
        let at: i64 = row.get("at")?;
        let delete = "DELETE FROM flag_sign_ins WHERE project_id = $1 AND at <= $2";
        forgotten += database.execute(statement(delete).bind(&project).bind(at)).await?;
    }
    Ok(forgotten)
}

impl SignIn {
    fn read(row: &Row) -> Result<SignIn, ExperimentError> {
        Ok(SignIn { distinct_id: row.get("distinct_id")?, hash_id: row.get("hash_id")?, at: row.time("at")? })
    }
}
