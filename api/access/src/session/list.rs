//! An account's sessions: seen with device, address, place and time; ended one by one or all at once.

use footfall_ingest_activity::Timestamp;
use serde::Serialize;

use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::{Transaction, statement};
use crate::error::{AccessError, Answer};

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    pub id: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub device: String,
    pub address: String,
    pub place: String,
    /// When a second factor was given in it.
    pub factor_at: Option<Timestamp>,
}

impl Access {
    /// The sessions of `account` that are in force, the one used last first.
    pub fn sessions<'a>(&'a self, account: &'a str) -> Answer<'a, Vec<Session>> {
        Box::pin(async move {
            // Without a refresh for longer than a session may lie idle, it cannot go on.
            let alive_since = self.now().plus_millis(-self.settings().session_idle_millis);
            let query =
                "SELECT id, created_at, last_seen_at, expires_at, device, address, place, factor_at FROM sessions
                         WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND last_seen_at > $3
                         ORDER BY last_seen_at DESC, id DESC";
            let query = statement(query).bind(account).bind(self.now()).bind(alive_since);
            let rows = self.database().read(query).await?;
            let session = |row: &crate::database::Row| {
                Ok(Session {
                    id: row.get("id")?,
                    created_at: row.time("created_at")?,
                    last_seen_at: row.time("last_seen_at")?,
                    expires_at: row.time("expires_at")?,
                    device: row.get("device")?,
                    address: row.get("address")?,
                    place: row.get("place")?,
                    factor_at: row.time_if_any("factor_at")?,
                })
            };
            rows.iter().map(session).collect()
        })
    }

    /// Ends one session of `account`; in effect at once here, and within a second in other processes.
    pub fn revoke_session<'a>(
        &'a self,
        account: &'a str,
        session: &'a str,
        actor: Actor,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let own =
                statement("SELECT id FROM sessions WHERE id = $1 AND account_id = $2").bind(session).bind(account);
            transaction.one(own).await?.ok_or(AccessError::NotFound("session"))?;
            if self.end_session(&mut transaction, session, "signed out").await? {
                let act = Act::new(actor, "session.revoke", origin).on("session", session);
                self.record(&mut transaction, act).await?;
            }
            self.commit(transaction).await
        })
    }

    /// Ends all sessions of `account` but `keep`; returns how many.
    pub fn revoke_sessions<'a>(
        &'a self,
        account: &'a str,
        keep: Option<&'a str>,
        actor: Actor,
        origin: &'a Origin,
    ) -> Answer<'a, usize> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let ended = self.end_sessions(&mut transaction, account, keep, "all signed out").await?;
            let after = serde_json::json!({ "ended": ended });
            let act = Act::new(actor, "session.revoke_all", origin).on("account", account).after(&after);
            self.record(&mut transaction, act).await?;
            self.commit(transaction).await?;
            Ok(ended)
        })
    }

    /// Ends all sessions of `account` but `keep` in `transaction`.
    pub(crate) async fn end_sessions(
        &self,
        transaction: &mut Transaction,
        account: &str,
        keep: Option<&str>,
        why: &str,
    ) -> Result<usize, AccessError> {
        let end = "UPDATE sessions SET revoked_at = $1, revoked_why = $2
                   WHERE account_id = $3 AND id <> $4 AND revoked_at IS NULL AND expires_at > $1 RETURNING id";
        let end = statement(end).bind(self.now()).bind(why).bind(account).bind(keep.unwrap_or_default());
        let rows = transaction.all(end).await?;
        for row in &rows {
            self.note(transaction, Change::Session, &row.get::<String>("id")?).await?;
        }
        Ok(rows.len())
    }
}
