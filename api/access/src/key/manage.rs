//! Making, rotating, revoking and listing keys.

use footfall_ingest_activity::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::KeyKind;
use super::format::new_key;
use crate::access::Access;
use crate::account::sign_up::check_name;
use crate::audit::{Act, Origin};
use crate::changes::Change;
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::policy::{Denial, Grant, Masks, Permission, PermissionSet, RoleContent, RowFilter, Scope, Who};
use crate::secret::{new_id, sha256_hex};
use crate::session::Caller;

/// A key as it is listed. Its text is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    pub id: String,
    pub kind: KeyKind,
    pub organisation: String,
    pub project: String,
    /// Whose it is, for a personal token.
    pub account: String,
    pub name: String,
    /// Its last four characters.
    pub hint: String,
    pub scopes: PermissionSet,
    pub created_at: Timestamp,
    pub created_by: String,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    /// The key that this one took over from.
    pub replaces: Option<String>,
}

/// A key that is to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub kind: KeyKind,
    pub name: String,
    /// For personal and service tokens.
    pub scopes: PermissionSet,
    pub expires_at: Option<Timestamp>,
}

impl Access {
    /// Makes a write, read, client or service key; returns its id and its text, which is shown this once.
    ///
    /// Nobody gives a key what they do not hold, nor rows and properties that are hidden from them.
    pub fn create_key<'a>(
        &'a self,
        caller: &'a Caller,
        scope: Scope<'a>,
        new: &'a NewKey,
        origin: &'a Origin,
    ) -> Answer<'a, (String, String)> {
        Box::pin(async move {
            self.authorise(caller, Permission::KeysWrite, scope, origin).await?;
            let (organisation, project) = match (scope, new.kind) {
                (_, KeyKind::Personal) => {
                    return Err(AccessError::invalid("kind", "personal tokens belong to an account"));
                }
                (Scope::Organisation(organisation), KeyKind::Service) => (organisation, ""),
                (Scope::Project { organisation, project }, _) => (organisation, project),
                _ => return Err(AccessError::invalid("project", "this kind of key belongs to a project")),
            };
            let permissions = new.kind.permissions().unwrap_or(new.scopes);
            if permissions.is_empty() {
                return Err(AccessError::invalid("scopes", "name at least one"));
            }
            may_give_key(caller, scope, permissions)?;
            let key =
                Key { organisation: organisation.to_owned(), project: project.to_owned(), ..self.draft(caller, new)? };
            self.create(caller, key, origin).await
        })
    }

    /// Makes a personal token: acts as its account within `scopes`, never dangerously. The caller is a session of its own.
    pub fn create_personal_token<'a>(
        &'a self,
        caller: &'a Caller,
        new: &'a NewKey,
        origin: &'a Origin,
    ) -> Answer<'a, (String, String)> {
        Box::pin(async move {
            let account = caller.account().ok_or(Denial::Anonymous)?.to_owned();
            self.authorise(caller, Permission::AccountManage, Scope::Account(&account), origin).await?;
            if new.scopes.is_empty() || !new.scopes.intersection(PermissionSet::dangerous()).is_empty() {
                let problem = "name at least one, and none that needs a second factor each time";
                return Err(AccessError::invalid("scopes", problem));
            }
            let new = NewKey { kind: KeyKind::Personal, ..new.clone() };
            let key = Key { account, ..self.draft(caller, &new)? };
            self.create(caller, key, origin).await
        })
    }

    /// Makes a successor of a key with the same rights; the old one stays good for `overlap_millis`.
    pub fn rotate_key<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        overlap_millis: i64,
        origin: &'a Origin,
    ) -> Answer<'a, (String, String)> {
        Box::pin(async move {
            const OVERLAP_MAX: i64 = 90 * 24 * 60 * 60 * 1000;
            if !(0..=OVERLAP_MAX).contains(&overlap_millis) {
                return Err(AccessError::invalid("overlap", "from nothing to 90 days"));
            }
            let old = self.own_key(caller, id, origin).await?;
            let now = self.now();
            if old.revoked_at.is_some() || old.expires_at.is_some_and(|end| end <= now) {
                return Err(AccessError::Conflict("the key is revoked or expired; make a new one"));
            }
            let text = new_key(old.kind)?;
            let end = now.plus_millis(overlap_millis);
            let end = old.expires_at.map_or(end, |expires_at| expires_at.min(end));
            let successor = Key {
                id: new_id(),
                hint: hint(&text),
                created_at: now,
                created_by: caller.actor.label().to_owned(),
                last_used_at: None,
                replaces: Some(id.to_owned()),
                ..old
            };
            let mut transaction = self.database().write().await?;
            // The mark is in the key's own row: of two rotations at once, the second finds it. (A `NOT EXISTS` over other rows would
            // look at the state before the first one's commit on PostgreSQL.)
            let shorten = "UPDATE keys SET expires_at = $1, replaced_by = $2
                           WHERE id = $3 AND revoked_at IS NULL AND replaced_by IS NULL";
            if transaction.execute(statement(shorten).bind(end).bind(&successor.id).bind(id)).await? == 0 {
                return Err(AccessError::Conflict("the key was rotated or revoked meanwhile"));
            }
            insert(&mut transaction, &successor, &text).await?;
            self.note(&mut transaction, Change::Key, id).await?;
            let act = Act::new(caller.actor.clone(), "key.rotate", origin).before(&json!({ "id": id }));
            self.finish_key_change(&mut transaction, &successor, act).await?;
            self.commit(transaction).await?;
            Ok((successor.id, text))
        })
    }

    /// Revokes a key; in effect at once here, within a second elsewhere.
    pub fn revoke_key<'a>(&'a self, caller: &'a Caller, id: &'a str, origin: &'a Origin) -> Answer<'a, ()> {
        Box::pin(async move {
            let key = self.own_key(caller, id, origin).await?;
            let mut transaction = self.database().write().await?;
            let revoke = "UPDATE keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
            if transaction.execute(statement(revoke).bind(self.now()).bind(id)).await? == 1 {
                self.finish_key_change(&mut transaction, &key, Act::new(caller.actor.clone(), "key.revoke", origin))
                    .await?;
            }
            self.commit(transaction).await
        })
    }

    /// The keys of an organisation and of its projects, revoked ones too.
    pub fn organisation_keys<'a>(&'a self, organisation: &'a str) -> Answer<'a, Vec<Key>> {
        Box::pin(async move {
            let query = "SELECT * FROM keys WHERE organisation_id = $1 ORDER BY created_at DESC, id";
            self.database().read(statement(query).bind(organisation)).await?.iter().map(read).collect()
        })
    }

    /// Every key of the installation, revoked ones too, oldest first: for its operator.
    pub fn all_keys(&self) -> Answer<'_, Vec<Key>> {
        Box::pin(async move {
            let query = statement("SELECT * FROM keys ORDER BY created_at, id");
            self.database().read(query).await?.iter().map(read).collect()
        })
    }

    /// The personal tokens of an account, revoked ones too.
    pub fn personal_tokens<'a>(&'a self, account: &'a str) -> Answer<'a, Vec<Key>> {
        Box::pin(async move {
            let query = "SELECT * FROM keys WHERE account_id = $1 ORDER BY created_at DESC, id";
            self.database().read(statement(query).bind(account)).await?.iter().map(read).collect()
        })
    }

    /// The key `id`, when the caller may change it.
    async fn own_key(&self, caller: &Caller, id: &str, origin: &Origin) -> Result<Key, AccessError> {
        let row = self.database().read_one(statement("SELECT * FROM keys WHERE id = $1").bind(id)).await?;
        let key = read(&row.ok_or(AccessError::NotFound("key"))?)?;
        if key.kind == KeyKind::Personal {
            self.authorise(caller, Permission::AccountManage, Scope::Account(&key.account), origin).await?;
            return Ok(key);
        }
        let scope = if key.project.is_empty() {
            Scope::Organisation(&key.organisation)
        } else {
            Scope::Project { organisation: &key.organisation, project: &key.project }
        };
        self.authorise(caller, Permission::KeysWrite, scope, origin).await?;
        // A rotation shows the successor's text: it takes what making the key takes.
        may_give_key(caller, scope, key.kind.permissions().unwrap_or(key.scopes))?;
        Ok(key)
    }

    fn draft(&self, caller: &Caller, new: &NewKey) -> Result<Key, AccessError> {
        check_name(&new.name)?;
        if new.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(AccessError::invalid("expires_at", "it lies in the past"));
        }
        Ok(Key {
            id: new_id(),
            kind: new.kind,
            organisation: String::new(),
            project: String::new(),
            account: String::new(),
            name: new.name.trim().to_owned(),
            hint: String::new(),
            scopes: new.scopes,
            created_at: self.now(),
            created_by: caller.actor.label().to_owned(),
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
            replaces: None,
        })
    }

    async fn create(&self, caller: &Caller, key: Key, origin: &Origin) -> Result<(String, String), AccessError> {
        let text = new_key(key.kind)?;
        let key = Key { hint: hint(&text), ..key };
        let mut transaction = self.database().write().await?;
        insert(&mut transaction, &key, &text).await?;
        self.finish_key_change(&mut transaction, &key, Act::new(caller.actor.clone(), "key.create", origin)).await?;
        self.commit(transaction).await?;
        Ok((key.id, text))
    }

    async fn finish_key_change(&self, transaction: &mut Transaction, key: &Key, act: Act) -> Result<(), AccessError> {
        self.note(transaction, Change::Key, &key.id).await?;
        let after = json!({ "kind": key.kind, "name": key.name, "scopes": key.scopes, "expires_at": key.expires_at });
        let act = act.on("key", &key.id).within(&key.organisation, &key.project).after(&after);
        self.record(transaction, act).await
    }
}

fn hint(text: &str) -> String {
    text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}

/// A key sees all rows and properties of its project, so it is given by whoever sees all of them.
fn may_give_key(caller: &Caller, scope: Scope<'_>, permissions: PermissionSet) -> Result<(), AccessError> {
    let content = RoleContent { permissions, rows: RowFilter::Everything, masks: Masks::default() };
    let gives = |grant: &Grant| grant.reaches(scope) && content.may_be_given_by(&grant.role);
    let ceiling = caller.subject.ceiling.is_none_or(|ceiling| ceiling.covers(permissions));
    let allowed = matches!(caller.subject.who, Who::Operator) || (ceiling && caller.subject.grants.iter().any(gives));
    if allowed { Ok(()) } else { Err(Denial::Permission.into()) }
}

async fn insert(transaction: &mut Transaction, key: &Key, text: &str) -> Result<(), AccessError> {
    let scopes = serde_json::to_string(&key.scopes).map_err(|_| AccessError::Damaged("a key"))?;
    let insert = "INSERT INTO keys (id, hash, kind, organisation_id, project_id, account_id, name, hint, scopes,
                      created_at, created_by, expires_at, replaces)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let insert = statement(insert).bind(&key.id).bind(sha256_hex(text.as_bytes())).bind(key.kind.name());
    let insert = insert.bind(&key.organisation).bind(&key.project).bind(&key.account).bind(&key.name).bind(&key.hint);
    let insert = insert.bind(scopes).bind(key.created_at).bind(&key.created_by).bind(key.expires_at);
    transaction.execute(insert.bind(key.replaces.as_deref())).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Key, AccessError> {
    let damaged = || AccessError::Damaged("a key");
    Ok(Key {
        id: row.get("id")?,
        kind: KeyKind::named(&row.get::<String>("kind")?).ok_or_else(damaged)?,
        organisation: row.get("organisation_id")?,
        project: row.get("project_id")?,
        account: row.get("account_id")?,
        name: row.get("name")?,
        hint: row.get("hint")?,
        scopes: serde_json::from_str(&row.get::<String>("scopes")?).map_err(|_| damaged())?,
        created_at: row.time("created_at")?,
        created_by: row.get("created_by")?,
        expires_at: row.time_if_any("expires_at")?,
        revoked_at: row.time_if_any("revoked_at")?,
        last_used_at: row.time_if_any("last_used_at")?,
        replaces: row.get("replaces")?,
    })
}
