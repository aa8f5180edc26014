//! What was changed and concerns everybody's memory: revoked sessions, roles, keys. Written in the change's transaction; read a
//! few times a second, so that verification needs no database and a revocation holds everywhere within a second.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::access::Access;
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};

/// What kind of thing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A session was revoked.
    Session,
    /// An account's memberships, factors or state.
    Account,
    /// An organisation's projects or rules.
    Organisation,
    /// A role that somebody may hold.
    Role,
    /// A key was made, revoked or given an end.
    Key,
    SigningKeys,
}

impl Change {
    const fn name(self) -> &'static str {
        match self {
            Change::Session => "session",
            Change::Account => "account",
            Change::Organisation => "organisation",
            Change::Role => "role",
            Change::Key => "key",
            Change::SigningKeys => "signing_keys",
        }
    }
}

/// Changes are read at least this often while somebody asks; beyond it, verification reads them itself or refuses.
pub(crate) const STALE_MILLIS: i64 = 900;
/// How often the background task reads them.
pub(crate) const POLL_MILLIS: u64 = 250;
/// Changes are kept this long. A process that has not read for longer starts from nothing.
const KEEP_MILLIS: i64 = 60 * 60 * 1000;

impl Access {
    /// Notes a change in its transaction.
    ///
    /// The counter's row stays locked until the commit, so numbers become visible in their order and no reader skips one.
    pub(crate) async fn note(&self, transaction: &mut Transaction, kind: Change, id: &str) -> Result<(), AccessError> {
        let next = "UPDATE change_head SET sequence = sequence + 1 WHERE id = 1 RETURNING sequence";
        let head = transaction.one(statement(next)).await?.ok_or(AccessError::Damaged("the list of changes"))?;
        let insert = statement("INSERT INTO changes (sequence, at, kind, id) VALUES ($1, $2, $3, $4)");
        let insert = insert.bind(head.get::<i64>("sequence")?).bind(self.now()).bind(kind.name()).bind(id);
        transaction.execute(insert).await?;
        Ok(())
    }

    /// Commits and lets this process know at once what changed.
    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<(), AccessError> {
        transaction.commit().await?;
        self.memory().news.tell();
        self.catch_up().await
    }

    /// Reads the changes since the last time and applies them.
    pub fn catch_up(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut position = self.memory().position.lock().await;
            let began = self.now();
            let head = self.database().read_one(statement("SELECT sequence FROM change_head WHERE id = 1")).await?;
            let head: i64 = head.ok_or(AccessError::Damaged("the list of changes"))?.get("sequence")?;
            if head > *position {
                let query = "SELECT sequence, kind, id FROM changes WHERE sequence > $1 ORDER BY sequence";
                let rows = self.database().read(statement(query).bind(*position)).await?;
                let last = rows.last().map(|row| row.get::<i64>("sequence")).transpose()?;
                let reached = last.unwrap_or(head).max(head);
                if usize::try_from(reached - *position) == Ok(rows.len()) {
                    self.apply(&rows).await?;
                } else {
                    // Some were removed before they were read here: this process slept for an hour, or who removes them goes by a
                    // clock far ahead of theirs who made them.
                    self.load_all().await?;
                }
                *position = reached;
            }
            self.memory().caught_up_at.store(began.millis(), Ordering::Release);
            Ok(())
        })
    }

    async fn apply(&self, rows: &[Row]) -> Result<(), AccessError> {
        let (mut sessions, mut keys, mut signing, mut projects) = (HashSet::new(), HashSet::new(), false, false);
        for row in rows {
            let id: String = row.get("id")?;
            match row.get::<String>("kind")?.as_str() {
                "session" => drop(sessions.insert(id)),
                "key" => drop(keys.insert(id)),
                "account" => self.memory().accounts.forget(&id),
                "organisation" => {
                    projects = true;
                    self.memory().accounts.forget_all();
                }
                "role" => self.memory().accounts.forget_all(),
                "signing_keys" => signing = true,
                other => tracing::warn!(kind = other, "a change of an unknown kind; a newer Footfall writes here too"),
            }
        }
        let now = self.now();
        self.memory()
            .revoked
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(sessions.into_iter().map(|id| (id, now)));
        if signing {
            self.load_signing_keys().await?;
        }
        if projects {
            self.load_projects().await?;
        }
        for key in keys {
            self.load_key(&key).await?;
        }
        Ok(())
    }

    /// Makes sure that what is in memory is fresh. When the database does not answer, verification fails rather than go
    /// on with what may have been revoked (fail closed; OWASP ASVS 5, V16.5.3).
    pub(crate) async fn freshen(&self) -> Result<(), AccessError> {
        let age = self.now().millis().saturating_sub(self.memory().caught_up_at.load(Ordering::Acquire));
        if (0..STALE_MILLIS).contains(&age) { Ok(()) } else { self.catch_up().await }
    }

    /// Removes changes that everybody has read, and revoked sessions whose tokens have run out by themselves.
    pub(crate) async fn prune_changes(&self) -> Result<(), AccessError> {
        let old = self.now().plus_millis(-KEEP_MILLIS);
        self.database().execute(statement("DELETE FROM changes WHERE at < $1").bind(old)).await?;
        let needed = self.now().plus_millis(-KEEP_MILLIS.max(2 * self.settings().access_token_millis));
        self.memory().revoked.write().unwrap_or_else(PoisonError::into_inner).retain(|_, at| *at >= needed);
        Ok(())
    }
}
