//! Items under keys of a project, each with its revision.

use footfall_api_access::{Database, Row, Transaction, statement};
use footfall_ingest_activity::Timestamp;

use crate::document::Kind;
use crate::error::BoardError;

/// An item as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    pub key: String,
    /// 0: it is built in, and nobody has changed it.
    pub revision: i64,
    pub title: String,
    pub content: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

/// Items of one kind in a project.
const ITEMS_MAX: i64 = 2_000;

fn kept(row: &Row) -> Result<Kept, BoardError> {
    Ok(Kept {
        key: row.get("item_key")?,
        revision: row.get("revision")?,
        title: row.get("title")?,
        content: row.get("content")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.get("updated_by")?,
    })
}

/// Items after a key, in their order.
pub async fn items(
    database: &Database,
    project: &str,
    kind: Kind,
    after: &str,
    limit: usize,
) -> Result<Vec<Kept>, BoardError> {
    let query = "SELECT * FROM board_items WHERE project_id = $1 AND kind = $2 AND item_key > $3
                 ORDER BY item_key LIMIT $4";
    let query = statement(query).bind(project).bind(kind.name()).bind(after).bind(limit as i64);
    database.read(query).await?.iter().map(kept).collect()
}

pub async fn item(database: &Database, project: &str, kind: Kind, key: &str) -> Result<Option<Kept>, BoardError> {
    let query = "SELECT * FROM board_items WHERE project_id = $1 AND kind = $2 AND item_key = $3";
    let query = statement(query).bind(project).bind(kind.name()).bind(key);
    database.read_one(query).await?.as_ref().map(kept).transpose()
}

/// Adds an item; refused where the key is taken, or there are too many.
pub async fn insert(transaction: &mut Transaction, project: &str, kind: Kind, item: &Kept) -> Result<(), BoardError> {
    let count = statement("SELECT COUNT(*) AS present FROM board_items WHERE project_id = $1 AND kind = $2");
    let present = transaction.one(count.bind(project).bind(kind.name())).await?;
    if present.map_or(Ok(0), |row| row.get::<i64>("present"))? >= ITEMS_MAX {
        return Err(BoardError::TooMany(ITEMS_MAX));
    }
    let insert = "INSERT INTO board_items
        (project_id, kind, item_key, revision, title, content, created_at, updated_at, updated_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (project_id, kind, item_key) DO NOTHING";
    let insert = statement(insert).bind(project).bind(kind.name()).bind(&item.key).bind(item.revision);
    let insert = insert.bind(&item.title).bind(&item.content).bind(item.created_at).bind(item.updated_at);
    match transaction.execute(insert.bind(&item.updated_by)).await? {
        0 => Err(BoardError::KeyTaken),
        _ => Ok(()),
    }
}

/// Puts a new content in the place of revision `before`; false if it is another one by now.
pub async fn replace(
    transaction: &mut Transaction,
    project: &str,
    kind: Kind,
    before: i64,
    item: &Kept,
) -> Result<bool, BoardError> {
    let update = "UPDATE board_items SET revision = $1, title = $2, content = $3, updated_at = $4, updated_by = $5
                  WHERE project_id = $6 AND kind = $7 AND item_key = $8 AND revision = $9";
    let update = statement(update).bind(item.revision).bind(&item.title).bind(&item.content).bind(item.updated_at);
    let update = update.bind(&item.updated_by).bind(project).bind(kind.name()).bind(&item.key).bind(before);
    Ok(transaction.execute(update).await? == 1)
}

/// Removes revision `before`; false if it is another one by now.
pub async fn remove(
    transaction: &mut Transaction,
    project: &str,
    kind: Kind,
    key: &str,
    before: i64,
) -> Result<bool, BoardError> {
    let delete = "DELETE FROM board_items WHERE project_id = $1 AND kind = $2 AND item_key = $3 AND revision = $4";
    let delete = statement(delete).bind(project).bind(kind.name()).bind(key).bind(before);
    Ok(transaction.execute(delete).await? == 1)
}
