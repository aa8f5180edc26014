//! Organisations and their projects, and the first owner of an empty installation.

use footfall_ingest_activity::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::access::Access;
use crate::account::links::{Link, Purpose};
use crate::account::sign_up::check_name;
use crate::account::{Email, NewAccount};
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::{DatabaseError, Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::policy::{Permission, Scope};
use crate::secret::new_id;
use crate::session::{Caller, Tokens};

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organisation {
    pub id: String,
    pub name: String,
    pub factor_required: bool,
    pub created_at: Timestamp,
    pub version: i64,
}

/// A project. Its id is its name in tables, keys and addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Project {
    pub id: String,
    pub organisation: String,
    pub name: String,
    pub created_at: Timestamp,
    pub version: i64,
}

impl Access {
    /// A one-time link by which the first owner of an empty installation is made; `None` when there is an account already.
    pub fn first_owner_link(&self) -> Answer<'_, Option<String>> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            if transaction.one(statement("SELECT id FROM accounts LIMIT 1")).await?.is_some() {
                return Ok(None);
            }
            // Earlier ones go: they may stand in somebody's terminal.
            transaction.execute(statement("DELETE FROM links WHERE purpose = 'first-owner'")).await?;
            let link = Link { account: None, email: String::new(), detail: String::new() };
            let link = self.make_link(&mut transaction, Purpose::FirstOwner, &link).await?;
            transaction.commit().await?;
            Ok(Some(link))
        })
    }

    /// Makes the first owner, their organisation and its first project, and signs them in. Their address is not proved: whoever
    /// reads the program's terminal could write into its database as well.
    pub fn finish_first_owner<'a>(
        &'a self,
        secret: &'a str,
        email: &'a str,
        new: &'a NewAccount,
        organisation: &'a str,
        project: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, Tokens> {
        Box::pin(async move {
            self.look_at_link(Purpose::FirstOwner, secret).await?;
            let email = Email::parse(email)?;
            check_name(organisation)?;
            check_project_id(project)?;
            let hash = self.hash_new_password(new, &email).await?;
            let mut transaction = self.database().write().await?;
            // Two processes may each have printed a link: one after the other.
            transaction.execute(statement("UPDATE change_head SET sequence = sequence")).await?;
            self.spend_link(&mut transaction, Purpose::FirstOwner, secret).await?;
            if transaction.one(statement("SELECT id FROM accounts LIMIT 1")).await?.is_some() {
                return Err(AccessError::Link);
            }
            let account = self.insert_account(&mut transaction, &email, &new.name, &hash).await?;
            let organisation = match self.take_over_unowned(&mut transaction, organisation, &account).await? {
                Some(waited) => waited,
                None => self.insert_organisation(&mut transaction, organisation, &account).await?,
            };
            if !self.has_project(&mut transaction, &organisation, project).await? {
                self.insert_project(&mut transaction, &organisation, project, project).await?;
            }
            let tokens = self.begin_session(&mut transaction, &account, false, origin).await?;
            self.note(&mut transaction, Change::Organisation, &organisation).await?;
            self.record_creation(&mut transaction, &account, &email, origin).await?;
            self.commit(transaction).await?;
            Ok(tokens)
        })
    }

    /// Makes an organisation that `owner` owns: the operator for anybody, an account for itself where sign-up is open.
    pub fn create_organisation<'a>(
        &'a self,
        caller: &'a Caller,
        owner: &'a str,
        name: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, Organisation> {
        Box::pin(async move {
            if !(self.settings().sign_up_is_open && caller.session().is_some() && caller.account() == Some(owner)) {
                self.authorise(caller, Permission::InstallationManage, Scope::Installation, origin).await?;
            }
            check_name(name)?;
            let mut transaction = self.database().write().await?;
            let id = self.insert_organisation(&mut transaction, name, owner).await?;
            self.note(&mut transaction, Change::Organisation, &id).await?;
            let act =
                Act::new(caller.actor.clone(), "organisation.create", origin).on("organisation", &id).within(&id, "");
            self.record(&mut transaction, act.after(&json!({ "name": name, "owner": owner }))).await?;
            self.commit(transaction).await?;
            self.organisation(&id).await
        })
    }

    /// Changes name and rule of an organisation, when it still has `version`.
    pub fn change_organisation<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        name: &'a str,
        factor_required: bool,
        version: i64,
        origin: &'a Origin,
    ) -> Answer<'a, Organisation> {
        Box::pin(async move {
            self.authorise(caller, Permission::OrganisationWrite, Scope::Organisation(id), origin).await?;
            check_name(name)?;
            let before = self.organisation(id).await?;
            let mut transaction = self.database().write().await?;
            let update = "UPDATE organisations SET name = $1, factor_required = $2, version = version + 1
                          WHERE id = $3 AND version = $4";
            let update = statement(update).bind(name.trim()).bind(i64::from(factor_required)).bind(id).bind(version);
            if transaction.execute(update).await? == 0 {
                return Err(AccessError::Conflict("it was changed meanwhile; read it again"));
            }
            self.note(&mut transaction, Change::Organisation, id).await?;
            let act =
                Act::new(caller.actor.clone(), "organisation.change", origin).on("organisation", id).within(id, "");
            let state = |name: &str, required: bool| json!({ "name": name, "factor_required": required });
            let act = act.before(&state(&before.name, before.factor_required)).after(&state(name, factor_required));
            self.record(&mut transaction, act).await?;
            self.commit(transaction).await?;
            self.organisation(id).await
        })
    }

    /// Makes a project.
    pub fn create_project<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        id: &'a str,
        name: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, Project> {
        Box::pin(async move {
            self.authorise(caller, Permission::ProjectsWrite, Scope::Organisation(organisation), origin).await?;
            check_project_id(id)?;
            check_name(name)?;
            let mut transaction = self.database().write().await?;
            self.insert_project(&mut transaction, organisation, id, name).await?;
            self.note(&mut transaction, Change::Organisation, organisation).await?;
            let act =
                Act::new(caller.actor.clone(), "project.create", origin).on("project", id).within(organisation, id);
            self.record(&mut transaction, act.after(&json!({ "name": name }))).await?;
            self.commit(transaction).await?;
            let projects = self.projects(organisation).await?;
            projects.into_iter().find(|project| project.id == id).ok_or(AccessError::NotFound("project"))
        })
    }

    /// Calls a project something else, when it still has `version`. Its id stays.
    pub fn rename_project<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        name: &'a str,
        version: i64,
        origin: &'a Origin,
    ) -> Answer<'a, Project> {
        Box::pin(async move {
            let organisation = self.organisation_of(id).ok_or(AccessError::NotFound("project"))?;
            let scope = Scope::Project { organisation: &organisation, project: id };
            self.authorise(caller, Permission::ProjectsWrite, scope, origin).await?;
            check_name(name)?;
            let find = |projects: Vec<Project>| projects.into_iter().find(|project| project.id == id);
            let before = find(self.projects(&organisation).await?).ok_or(AccessError::NotFound("project"))?;
            let mut transaction = self.database().write().await?;
            let update = "UPDATE projects SET name = $1, version = version + 1 WHERE id = $2 AND version = $3";
            if transaction.execute(statement(update).bind(name.trim()).bind(id).bind(version)).await? == 0 {
                return Err(AccessError::Conflict("it was changed meanwhile; read it again"));
            }
            self.note(&mut transaction, Change::Organisation, &organisation).await?;
            let act = Act::new(caller.actor.clone(), "project.rename", origin).on("project", id);
            let act = act.within(&*organisation, id).before(&json!({ "name": before.name }));
            self.record(&mut transaction, act.after(&json!({ "name": name.trim() }))).await?;
            self.commit(transaction).await?;
            find(self.projects(&organisation).await?).ok_or(AccessError::NotFound("project"))
        })
    }

    pub fn organisation<'a>(&'a self, id: &'a str) -> Answer<'a, Organisation> {
        Box::pin(async move {
            let row = self.database().read_one(statement("SELECT * FROM organisations WHERE id = $1").bind(id)).await?;
            let row = row.ok_or(AccessError::NotFound("organisation"))?;
            Ok(Organisation {
                id: row.get("id")?,
                name: row.get("name")?,
                factor_required: row.get::<i64>("factor_required")? != 0,
                created_at: row.time("created_at")?,
                version: row.get("version")?,
            })
        })
    }

    pub fn projects<'a>(&'a self, organisation: &'a str) -> Answer<'a, Vec<Project>> {
        Box::pin(async move {
            let query = statement("SELECT * FROM projects WHERE organisation_id = $1 ORDER BY id").bind(organisation);
            let project = |row: &Row| {
                Ok(Project {
                    id: row.get("id")?,
                    organisation: row.get("organisation_id")?,
                    name: row.get("name")?,
                    created_at: row.time("created_at")?,
                    version: row.get("version")?,
                })
            };
            self.database().read(query).await?.iter().map(project).collect()
        })
    }

    async fn insert_organisation(
        &self,
        transaction: &mut Transaction,
        name: &str,
        owner: &str,
    ) -> Result<String, AccessError> {
        let (id, now) = (new_id(), self.now());
        let insert = statement("INSERT INTO organisations (id, name, created_at) VALUES ($1, $2, $3)");
        transaction.execute(insert.bind(&id).bind(name.trim()).bind(now)).await?;
        let owns = "INSERT INTO members (organisation_id, account_id, role, created_at) VALUES ($1, $2, 'owner', $3)";
        match transaction.execute(statement(owns).bind(&id).bind(owner).bind(now)).await {
            Err(DatabaseError::ForeignKey) => Err(AccessError::NotFound("account")),
            other => Ok(other.map(|_| id)?),
        }
    }

    pub(crate) async fn insert_project(
        &self,
        transaction: &mut Transaction,
        organisation: &str,
        id: &str,
        name: &str,
    ) -> Result<(), AccessError> {
        let insert = statement("INSERT INTO projects (id, organisation_id, name, created_at) VALUES ($1, $2, $3, $4)");
        let insert = insert.bind(id).bind(organisation).bind(name.trim()).bind(self.now());
        match transaction.execute(insert).await {
            Err(DatabaseError::Unique) => Err(AccessError::Conflict("a project of this id exists; choose another")),
            Err(DatabaseError::ForeignKey) => Err(AccessError::NotFound("organisation")),
            other => Ok(other.map(drop)?),
        }
    }
}

impl Actor {
    /// Who made a thing, for a column.
    pub(crate) fn label(&self) -> &str {
        match self {
            Actor::Account(id) | Actor::Key(id) => id,
            Actor::Anonymous => "anonymous",
            Actor::Operator => "operator",
            Actor::System => "system",
        }
    }
}

pub(crate) fn check_project_id(id: &str) -> Result<(), AccessError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) {
        return Err(AccessError::invalid("id", "1 to 64 letters, digits, dots, dashes and underscores"));
    }
    Ok(())
}
