//! Custom roles: named sets of permissions, with the rows and properties they see.

use serde::Serialize;

use super::members::may_give;
use crate::access::Access;
use crate::account::links::Purpose;
use crate::account::sign_up::check_name;
use crate::audit::{Act, Origin};
use crate::changes::Change;
use crate::database::{DatabaseError, Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::policy::{BuiltInRole, Permission, PermissionSet, RoleContent, Scope};
use crate::secret::new_id;
use crate::session::Caller;

/// A custom role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Role {
    pub id: String,
    pub name: String,
    pub content: RoleContent,
    pub version: i64,
}

impl Role {
    fn read(row: &Row) -> Result<Role, AccessError> {
        let content = serde_json::from_str(&row.get::<String>("content")?);
        let content = content.map_err(|_| AccessError::Damaged("a role"))?;
        Ok(Role { id: row.get("id")?, name: row.get("name")?, content, version: row.get("version")? })
    }
}

/// Permissions that belong to no role.
const NEVER: PermissionSet = PermissionSet::of(&[Permission::AccountManage, Permission::InstallationManage]);

const NAME_TAKEN: AccessError = AccessError::Conflict("a role of this name exists");

impl Access {
    /// Makes a custom role of what the caller holds.
    pub fn create_role<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        name: &'a str,
        content: &'a RoleContent,
        origin: &'a Origin,
    ) -> Answer<'a, String> {
        Box::pin(async move {
            self.authorise(caller, Permission::RolesWrite, Scope::Organisation(organisation), origin).await?;
            let json = checked(caller, organisation, name, content)?;
            let (id, mut transaction) = (new_id(), self.database().write().await?);
            let insert =
                "INSERT INTO roles (id, organisation_id, name, content, created_at) VALUES ($1, $2, $3, $4, $5)";
            let insert = statement(insert).bind(&id).bind(organisation).bind(name.trim()).bind(json.to_string());
            match transaction.execute(insert.bind(self.now())).await {
                Err(DatabaseError::Unique) => return Err(NAME_TAKEN),
                other => drop(other?),
            }
            let act = Act::new(caller.actor.clone(), "role.create", origin).on("role", &id).within(organisation, "");
            self.record(&mut transaction, act.after(&json)).await?;
            // Nobody holds it yet, so there is nothing to tell.
            transaction.commit().await?;
            Ok(id)
        })
    }

    /// Changes a custom role, when it still has `version`; in effect for its holders within a second.
    pub fn change_role<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        role: &'a Role,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.authorise(caller, Permission::RolesWrite, Scope::Organisation(organisation), origin).await?;
            let json = checked(caller, organisation, &role.name, &role.content)?;
            let before = self.role_content(organisation, &role.id).await?;
            may_give(caller, organisation, &before)?;
            let mut transaction = self.database().write().await?;
            let update = "UPDATE roles SET name = $1, content = $2, version = version + 1
                          WHERE id = $3 AND organisation_id = $4 AND version = $5";
            let update =
                statement(update).bind(role.name.trim()).bind(json.to_string()).bind(&role.id).bind(organisation);
            match transaction.execute(update.bind(role.version)).await {
                Err(DatabaseError::Unique) => return Err(NAME_TAKEN),
                Ok(0) => return Err(AccessError::Conflict("it was changed meanwhile; read it again")),
                other => drop(other?),
            }
            self.note(&mut transaction, Change::Role, &role.id).await?;
            let before = serde_json::to_value(&before).map_err(|_| AccessError::Damaged("a role"))?;
            let act =
                Act::new(caller.actor.clone(), "role.change", origin).on("role", &role.id).within(organisation, "");
            self.record(&mut transaction, act.before(&before).after(&json)).await?;
            self.commit(transaction).await
        })
    }

    /// Deletes a custom role that nobody holds, when it still has `version`; whatever it has without one.
    pub fn delete_role<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        id: &'a str,
        version: Option<i64>,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.authorise(caller, Permission::RolesWrite, Scope::Organisation(organisation), origin).await?;
            let mut transaction = self.database().write().await?;
            // Open invitations to it go as well. They come first, as for whoever accepts one: the link's row, then the role's.
            let void = "UPDATE links SET used_at = $1 WHERE purpose = $2 AND used_at IS NULL AND detail LIKE $3";
            let void = statement(void).bind(self.now()).bind(Purpose::Invitation.name());
            transaction.execute(void.bind(format!("%\"role\":\"{id}\"%"))).await?;
            // First its row is locked, then its holders are looked for by a statement of its own: it sees whom the holder of the
            // lock before has given the role.
            let lock = "UPDATE roles SET version = version
                        WHERE id = $1 AND organisation_id = $2 AND version = COALESCE($3, version)";
            if transaction.execute(statement(lock).bind(id).bind(organisation).bind(version)).await? == 0 {
                return Err(AccessError::Conflict("it was changed or deleted meanwhile; read it again"));
            }
            let delete = "DELETE FROM roles WHERE id = $1 AND organisation_id = $2
                          AND NOT EXISTS (SELECT 1 FROM members WHERE role = $1)";
            if transaction.execute(statement(delete).bind(id).bind(organisation)).await? == 0 {
                return Err(AccessError::Conflict("somebody holds this role"));
            }
            let act = Act::new(caller.actor.clone(), "role.delete", origin).on("role", id).within(organisation, "");
            self.record(&mut transaction, act).await?;
            Ok(transaction.commit().await?)
        })
    }

    /// The custom roles of an organisation.
    pub fn roles<'a>(&'a self, organisation: &'a str) -> Answer<'a, Vec<Role>> {
        Box::pin(async move {
            let query = "SELECT id, name, content, version FROM roles WHERE organisation_id = $1 ORDER BY name";
            self.database().read(statement(query).bind(organisation)).await?.iter().map(Role::read).collect()
        })
    }

    /// One custom role of an organisation.
    pub fn role<'a>(&'a self, organisation: &'a str, id: &'a str) -> Answer<'a, Role> {
        Box::pin(async move {
            let query = "SELECT id, name, content, version FROM roles WHERE id = $1 AND organisation_id = $2";
            let row = self.database().read_one(statement(query).bind(id).bind(organisation)).await?;
            Role::read(&row.ok_or(AccessError::NotFound("role"))?)
        })
    }

    /// What the role `role` of an organisation comes to: a built-in name or a custom role's id.
    pub fn role_content<'a>(&'a self, organisation: &'a str, role: &'a str) -> Answer<'a, RoleContent> {
        Box::pin(async move {
            if let Some(built_in) = BuiltInRole::named(role) {
                return Ok(built_in.into());
            }
            Ok(self.role(organisation, role).await?.content)
        })
    }
}

/// What a custom role comes to that somebody holds; `None` for one that is gone.
pub(super) async fn held(
    transaction: &mut Transaction,
    organisation: &str,
    role: &str,
) -> Result<Option<RoleContent>, AccessError> {
    let query = "SELECT id, name, content, version FROM roles WHERE id = $1 AND organisation_id = $2";
    let row = transaction.one(statement(query).bind(role).bind(organisation)).await?;
    Ok(row.as_ref().map(Role::read).transpose()?.map(|role| role.content))
}

/// Keeps a role that is about to be given from being deleted meanwhile; false for a custom one that is gone.
pub(super) async fn keep(transaction: &mut Transaction, organisation: &str, role: &str) -> Result<bool, AccessError> {
    if BuiltInRole::named(role).is_some() {
        return Ok(true);
    }
    let lock = statement("UPDATE roles SET version = version WHERE id = $1 AND organisation_id = $2");
    Ok(transaction.execute(lock.bind(role).bind(organisation)).await? == 1)
}

fn checked(
    caller: &Caller,
    organisation: &str,
    name: &str,
    content: &RoleContent,
) -> Result<serde_json::Value, AccessError> {
    check_name(name)?;
    if BuiltInRole::named(name.trim()).is_some() {
        return Err(AccessError::Conflict("a built-in role has this name"));
    }
    if !content.permissions.intersection(NEVER).is_empty() {
        return Err(AccessError::invalid("permissions", "account.manage and installation.manage belong to no role"));
    }
    content.rows.check().map_err(|error| AccessError::invalid("rows", error.to_string()))?;
    if content.masks.iter().count() > 200 || content.masks.iter().any(|mask| mask.is_empty() || mask.len() > 200) {
        return Err(AccessError::invalid("masks", "at most 200 names of 1 to 200 characters"));
    }
    may_give(caller, organisation, content)?;
    serde_json::to_value(content).map_err(|_| AccessError::Damaged("a role"))
}
