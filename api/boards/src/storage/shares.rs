//! Public links and embeddings of dashboards.

use footfall_api_access::{Database, Row, Transaction, statement};
use footfall_ingest_activity::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::BoardError;

/// How a dashboard is given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShareKind {
    /// Whoever has the link sees it.
    Link,
    /// Pages of certain origins show it, with tokens that the project signs.
    Embed,
}

impl ShareKind {
    pub const fn name(self) -> &'static str {
        match self {
            ShareKind::Link => "link",
            ShareKind::Embed => "embed",
        }
    }
}

/// One share.
#[derive(Debug, Clone)]
pub struct Share {
    pub id: String,
    pub project: String,
    pub dashboard: String,
    pub kind: ShareKind,
    pub name: String,
    /// Of a link's secret; empty for embeddings.
    pub secret_hash: String,
    /// In PHC form.
    pub password: Option<String>,
    /// Whose pages may hold it; separated by spaces.
    pub origins: String,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub revoked_at: Option<Timestamp>,
}

impl Share {
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|ends| now < ends)
    }
}

const SHARES_MAX: i64 = 200;

fn read(row: &Row) -> Result<Share, BoardError> {
    let kind = match row.get::<String>("kind")?.as_str() {
        "link" => ShareKind::Link,
        "embed" => ShareKind::Embed,
        _ => return Err(BoardError::Damaged("a share")),
    };
    Ok(Share {
        id: row.get("id")?,
        project: row.get("project_id")?,
        dashboard: row.get("dashboard")?,
        kind,
        name: row.get("name")?,
        secret_hash: row.get("secret_hash")?,
        password: row.get("password")?,
        origins: row.get("origins")?,
        expires_at: row.time_if_any("expires_at")?,
        created_at: row.time("created_at")?,
        created_by: row.get("created_by")?,
        revoked_at: row.time_if_any("revoked_at")?,
    })
}

/// Of one dashboard, the oldest first, those that have ended too.
pub async fn shares(database: &Database, project: &str, dashboard: &str) -> Result<Vec<Share>, BoardError> {
    let query = "SELECT * FROM board_shares WHERE project_id = $1 AND dashboard = $2 ORDER BY created_at, id";
    database.read(statement(query).bind(project).bind(dashboard)).await?.iter().map(read).collect()
}

pub async fn share(database: &Database, id: &str) -> Result<Option<Share>, BoardError> {
    let query = statement("SELECT * FROM board_shares WHERE id = $1").bind(id);
    database.read_one(query).await?.as_ref().map(read).transpose()
}

pub async fn share_by_secret(database: &Database, hash: &str) -> Result<Option<Share>, BoardError> {
    let query = statement("SELECT * FROM board_shares WHERE secret_hash = $1 AND kind = 'link'").bind(hash);
    database.read_one(query).await?.as_ref().map(read).transpose()
}

pub async fn add_share(transaction: &mut Transaction, share: &Share) -> Result<(), BoardError> {
    // Those that are over are nobody's to end.
    let count = "SELECT COUNT(*) AS present FROM board_shares
                 WHERE project_id = $1 AND dashboard = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)";
    let count = statement(count).bind(&share.project).bind(&share.dashboard).bind(share.created_at);
    let present = transaction.one(count).await?;
    if present.map_or(Ok(0), |row| row.get::<i64>("present"))? >= SHARES_MAX {
        return Err(BoardError::TooMany(SHARES_MAX));
    }
    let insert = "INSERT INTO board_shares
        (id, project_id, dashboard, kind, name, secret_hash, password, origins, expires_at, created_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let insert = statement(insert).bind(&share.id).bind(&share.project).bind(&share.dashboard);
    let insert = insert.bind(share.kind.name()).bind(&share.name).bind(&share.secret_hash);
    let insert = insert.bind(share.password.clone()).bind(&share.origins).bind(share.expires_at);
    transaction.execute(insert.bind(share.created_at).bind(&share.created_by)).await?;
    Ok(())
}

/// Ends a share; false if there is none in force.
pub async fn revoke(
    transaction: &mut Transaction,
    project: &str,
    dashboard: &str,
    id: &str,
    now: Timestamp,
) -> Result<bool, BoardError> {
    let update = "UPDATE board_shares SET revoked_at = $1
                  WHERE project_id = $2 AND dashboard = $3 AND id = $4 AND revoked_at IS NULL";
    let update = statement(update).bind(now).bind(project).bind(dashboard).bind(id);
    Ok(transaction.execute(update).await? == 1)
}

/// Ends all shares of a dashboard.
pub async fn revoke_all(
    transaction: &mut Transaction,
    project: &str,
    dashboard: &str,
    now: Timestamp,
) -> Result<(), BoardError> {
    let update = "UPDATE board_shares SET revoked_at = $1
                  WHERE project_id = $2 AND dashboard = $3 AND revoked_at IS NULL";
    transaction.execute(statement(update).bind(now).bind(project).bind(dashboard)).await?;
    Ok(())
}
