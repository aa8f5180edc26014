//! All keys in force, in memory: a check is one hash and one look-up, and an unknown key costs no query, however many are tried.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use footfall_ingest_activity::{Clock, Timestamp};

use super::KeyKind;
use super::format::kind_of;
use crate::access::Access;
use crate::audit::Actor;
use crate::database::{Row, statement};
use crate::error::{AccessError, Answer};
use crate::policy::{Grant, Masks, PermissionSet, RoleContent, RowFilter, Subject, Who};
use crate::secret::sha256_hex;
use crate::session::Caller;

/// A key in force.
pub(crate) struct KeyEntry {
    id: Arc<str>,
    kind: KeyKind,
    project: Arc<str>,
    account: Arc<str>,
    scopes: PermissionSet,
    expires_at: Option<Timestamp>,
    grants: Arc<[Grant]>,
    used_at: AtomicI64,
    noted_at: AtomicI64,
}

/// The keys in force. Doors ask it without waiting.
pub struct KeyRing {
    keys: RwLock<Keys>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Keys {
    /// By SHA-256 in hexadecimal. Looking up a hash leaks nothing that helps to find a key: it cannot be steered.
    by_hash: HashMap<String, Arc<KeyEntry>>,
    hash_by_id: HashMap<String, String>,
}

impl KeyRing {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> KeyRing {
        KeyRing { keys: RwLock::default(), clock }
    }

    /// The project of a write, read or client key; `None` when it is unknown, revoked, expired or of another kind.
    pub fn project(&self, key: &str, kind: KeyKind) -> Option<Arc<str>> {
        self.find(key).filter(|entry| entry.kind == kind).map(|entry| entry.project.clone())
    }

    /// The id and the project of a write, read or client key in force, for what is set up key by key.
    pub fn id_and_project(&self, key: &str) -> Option<(Arc<str>, Arc<str>, KeyKind)> {
        self.find(key).map(|entry| (entry.id.clone(), entry.project.clone(), entry.kind))
    }

    /// Whether the key of this id is in force.
    pub(crate) fn holds(&self, id: &str) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let entry = keys.hash_by_id.get(id).and_then(|hash| keys.by_hash.get(hash));
        entry.is_some_and(|entry| entry.expires_at.is_none_or(|end| self.clock.now() < end))
    }

    pub(crate) fn find(&self, key: &str) -> Option<Arc<KeyEntry>> {
        let kind = kind_of(key)?;
        let hash = sha256_hex(key.as_bytes());
        let entry = self.keys.read().unwrap_or_else(PoisonError::into_inner).by_hash.get(&hash)?.clone();
        let now = self.clock.now();
        let in_force = entry.kind == kind && entry.expires_at.is_none_or(|end| now < end);
        in_force.then(|| {
            entry.used_at.fetch_max(now.millis(), Ordering::Relaxed);
            entry
        })
    }

    fn put(&self, hash: String, entry: KeyEntry) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = keys.by_hash.get(&hash) {
            entry.used_at.fetch_max(known.used_at.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        keys.hash_by_id.insert(entry.id.to_string(), hash.clone());
        keys.by_hash.insert(hash, Arc::new(entry));
    }

    fn remove(&self, id: &str) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = keys.hash_by_id.remove(id) {
            keys.by_hash.remove(&hash);
        }
    }

    /// Keys used since their last use was noted, and when; in one order for all processes, so that none waits for another that waits for it.
    fn unnoted(&self) -> Vec<(Arc<KeyEntry>, i64)> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let used = keys.by_hash.values().map(|entry| (entry.clone(), entry.used_at.load(Ordering::Relaxed)));
        let mut unnoted: Vec<_> = used.filter(|(entry, used)| *used > entry.noted_at.load(Ordering::Relaxed)).collect();
        unnoted.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        unnoted
    }
}

const IN_FORCE: &str =
    "SELECT id, hash, kind, organisation_id, project_id, account_id, scopes, expires_at, last_used_at
                        FROM keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)";
const ONE_IN_FORCE: &str =
    "SELECT id, hash, kind, organisation_id, project_id, account_id, scopes, expires_at, last_used_at
                            FROM keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) AND id = $2";

impl Access {
    pub(crate) async fn load_keys(&self) -> Result<(), AccessError> {
        let rows = self.database().read(statement(IN_FORCE).bind(self.now())).await?;
        let ring = KeyRing::new(Arc::new(footfall_ingest_activity::FixedClock::default()));
        for row in &rows {
            let (hash, entry) = entry(row)?;
            ring.put(hash, entry);
        }
        let loaded = ring.keys.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.memory().keys.keys.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    pub(crate) async fn load_key(&self, id: &str) -> Result<(), AccessError> {
        match self.database().read_one(statement(ONE_IN_FORCE).bind(self.now()).bind(id)).await? {
            Some(row) => {
                let (hash, entry) = entry(&row)?;
                self.memory().keys.put(hash, entry);
            }
            None => self.memory().keys.remove(id),
        }
        Ok(())
    }

    /// Writes down when keys were last used, all in one transaction; returns how many.
    pub fn note_key_uses(&self) -> Answer<'_, usize> {
        Box::pin(async move {
            let used = self.memory().keys.unnoted();
            if used.is_empty() {
                return Ok(0);
            }
            let mut transaction = self.database().write().await?;
            for (entry, used_at) in &used {
                let update =
                    "UPDATE keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)";
                transaction.execute(statement(update).bind(*used_at).bind(&*entry.id)).await?;
            }
            transaction.commit().await?;
            for (entry, used_at) in &used {
                entry.noted_at.fetch_max(*used_at, Ordering::Relaxed);
            }
            Ok(used.len())
        })
    }

    /// Who holds the key `key`.
    pub(crate) async fn authenticate_key(&self, key: &str) -> Result<Caller, AccessError> {
        let entry = self.memory().keys.find(key).ok_or(AccessError::Token)?;
        let actor = Actor::Key(entry.id.to_string());
        let subject = match entry.kind {
            KeyKind::Personal => {
                // What its owner holds now, not what they held when they made it.
                let facts = self.account_facts(&entry.account).await?.ok_or(AccessError::Token)?;
                let who = Who::PersonalToken { account: entry.account.clone(), key: entry.id.clone() };
                Subject { who, grants: facts.grants.clone(), ceiling: Some(entry.scopes) }
            }
            _ => Subject { who: Who::Key { key: entry.id.clone() }, grants: entry.grants.clone(), ceiling: None },
        };
        Ok(Caller { subject, actor })
    }
}

fn entry(row: &Row) -> Result<(String, KeyEntry), AccessError> {
    let damaged = || AccessError::Damaged("a key");
    let kind = KeyKind::named(&row.get::<String>("kind")?).ok_or_else(damaged)?;
    let scopes: PermissionSet = serde_json::from_str(&row.get::<String>("scopes")?).map_err(|_| damaged())?;
    let (organisation, project): (String, String) = (row.get("organisation_id")?, row.get("project_id")?);
    let permissions = kind.permissions().unwrap_or(scopes);
    let grant = Grant {
        organisation: organisation.into(),
        project: (!project.is_empty()).then(|| project.as_str().into()),
        role: RoleContent { permissions, rows: RowFilter::Everything, masks: Masks::default() },
        factor_required: false,
    };
    let last_used = row.get::<Option<i64>>("last_used_at")?.unwrap_or(i64::MIN);
    let entry = KeyEntry {
        id: row.get::<String>("id")?.into(),
        kind,
        project: project.into(),
        account: row.get::<String>("account_id")?.into(),
        scopes,
        expires_at: row.time_if_any("expires_at")?,
        grants: if kind == KeyKind::Personal { Arc::new([]) } else { Arc::new([grant]) },
        used_at: AtomicI64::new(last_used),
        noted_at: AtomicI64::new(last_used),
    };
    Ok((row.get("hash")?, entry))
}

#[cfg(test)]
mod tests {
    use footfall_ingest_activity::FixedClock;

    use super::*;

    fn used(id: &str) -> KeyEntry {
        KeyEntry {
            id: id.into(),
            kind: KeyKind::Write,
            project: "p".into(),
            account: "".into(),
            scopes: PermissionSet::NONE,
            expires_at: None,
            grants: Arc::new([]),
            used_at: AtomicI64::new(5),
            noted_at: AtomicI64::new(i64::MIN),
        }
    }

    #[test]
    fn uses_are_noted_in_one_order_by_all_processes() {
        let ring = KeyRing::new(Arc::new(FixedClock::default()));
        for number in (0..64).rev() {
            ring.put(number.to_string(), used(&format!("{number:02}")));
        }
        let ids: Vec<Arc<str>> = ring.unnoted().into_iter().map(|(entry, _)| entry.id.clone()).collect();
        assert!(ids.len() == 64 && ids.is_sorted(), "{ids:?}");
    }
}
