//! What an account holds, read from its memberships and kept in memory until they change.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::access::Access;
use crate::audit::{Act, Origin};
use crate::database::{Row, statement};
use crate::error::{AccessError, Answer};
use crate::policy::{BuiltInRole, Decision, Grant, Permission, RoleContent, Scope, View, decide};
use crate::session::Caller;

/// What the policy needs to know of an account.
#[derive(Debug)]
pub(crate) struct AccountFacts {
    pub grants: Arc<[Grant]>,
    pub has_factor: bool,
}

/// Accounts that were looked up. Bounded: past the limit it starts anew.
#[derive(Default)]
pub(crate) struct AccountCache {
    known: RwLock<HashMap<String, Arc<AccountFacts>>>,
    /// Counts what was forgotten, so that what was read before is not put in afterwards.
    generation: AtomicU64,
}

const ACCOUNTS_MAX: usize = 20_000;

impl AccountCache {
    fn get(&self, account: &str) -> Option<Arc<AccountFacts>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }

    fn put(&self, account: &str, facts: &Arc<AccountFacts>, generation: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::Acquire) != generation {
            return;
        }
        if known.len() >= ACCOUNTS_MAX {
            known.clear();
        }
        known.insert(account.to_owned(), facts.clone());
    }

    pub(crate) fn forget(&self, account: &str) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        known.remove(account);
    }

    pub(crate) fn forget_all(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        known.clear();
    }
}

impl Access {
    /// Asks the policy; a refusal of what is dangerous or of the audit is recorded. The door of every handler.
    pub fn authorise<'a>(
        &'a self,
        caller: &'a Caller,
        permission: Permission,
        scope: Scope<'a>,
        origin: &'a Origin,
    ) -> Answer<'a, View> {
        Box::pin(async move {
            match decide(&caller.subject, permission, scope) {
                Decision::Allow(view) => Ok(view),
                Decision::Deny(denial) => {
                    if permission.is_dangerous() {
                        let act = Act::new(caller.actor.clone(), "permission.use", origin)
                            .on("permission", permission.name());
                        let (organisation, project) = match scope {
                            Scope::Organisation(organisation) => (organisation, ""),
                            Scope::Project { organisation, project } => (organisation, project),
                            Scope::Account(_) | Scope::Installation => ("", ""),
                        };
                        self.record_alone(act.within(organisation, project).refused()).await?;
                    }
                    Err(denial.into())
                }
            }
        })
    }

    /// What `account` holds; `None` when it is gone or disabled.
    pub(crate) async fn account_facts(&self, account: &str) -> Result<Option<Arc<AccountFacts>>, AccessError> {
        let cache = &self.memory().accounts;
        if let Some(facts) = cache.get(account) {
            return Ok(Some(facts));
        }
        let generation = cache.generation.load(Ordering::Acquire);
        let query = "SELECT has_factor FROM accounts WHERE id = $1 AND disabled_at IS NULL";
        let Some(row) = self.database().read_one(statement(query).bind(account)).await? else { return Ok(None) };
        let has_factor = row.get::<i64>("has_factor")? != 0;
        let facts = Arc::new(AccountFacts { grants: self.grants_of(account).await?, has_factor });
        cache.put(account, &facts, generation);
        Ok(Some(facts))
    }

    async fn grants_of(&self, account: &str) -> Result<Arc<[Grant]>, AccessError> {
        let query = "SELECT members.organisation_id, members.project_id, members.role, roles.content, factor_required
                     FROM members
                     JOIN organisations ON organisations.id = members.organisation_id
                     LEFT JOIN roles ON roles.id = members.role AND roles.organisation_id = members.organisation_id
                     WHERE members.account_id = $1";
        let rows = self.database().read(statement(query).bind(account)).await?;
        let grants = rows.iter().map(grant).collect::<Result<Vec<_>, AccessError>>()?;
        Ok(grants.into_iter().flatten().collect())
    }

    pub(crate) async fn load_projects(&self) -> Result<(), AccessError> {
        let rows = self.database().read(statement("SELECT id, organisation_id FROM projects")).await?;
        let pair = |row: &Row| Ok((row.get("id")?, Arc::from(row.get::<String>("organisation_id")?)));
        let projects = rows.iter().map(pair).collect::<Result<HashMap<String, Arc<str>>, AccessError>>()?;
        *self.memory().projects.write().unwrap_or_else(PoisonError::into_inner) = projects;
        Ok(())
    }

    /// The organisation that `project` belongs to.
    pub fn organisation_of(&self, project: &str) -> Option<Arc<str>> {
        self.memory().projects.read().unwrap_or_else(PoisonError::into_inner).get(project).cloned()
    }
}

/// A membership as a grant. A role that is gone or cannot be read (a newer program wrote it) gives nothing.
fn grant(row: &Row) -> Result<Option<Grant>, AccessError> {
    let role: String = row.get("role")?;
    let content = match (BuiltInRole::named(&role), row.get::<Option<String>>("content")?) {
        (Some(built_in), _) => Some(RoleContent::from(built_in)),
        (None, Some(json)) => serde_json::from_str(&json).ok(),
        (None, None) => None,
    };
    let Some(content) = content else {
        tracing::warn!(role, "a role cannot be read; it permits nothing");
        return Ok(None);
    };
    let project: String = row.get("project_id")?;
    Ok(Some(Grant {
        organisation: row.get::<String>("organisation_id")?.into(),
        project: (!project.is_empty()).then(|| project.into()),
        role: content,
        factor_required: row.get::<i64>("factor_required")? != 0,
    }))
}
