//! Members: invited by e-mail, with a role in the organisation or in one project.

use footfall_ingest_activity::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::roles::{held, keep};
use crate::access::Access;
use crate::account::links::{Link, Purpose};
use crate::account::sign_up::account_id_of;
use crate::account::{Email, NewAccount};
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::mail::Mail;
use crate::policy::{BuiltInRole, Denial, Grant, Permission, RoleContent, Scope, Who};
use crate::session::{Caller, Tokens};

/// A member as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    pub account: String,
    pub email: String,
    pub name: String,
    /// One project; `None` for the organisation and all its projects.
    pub project: Option<String>,
    /// A built-in role's name or a custom role's id.
    pub role: String,
    pub has_factor: bool,
    pub created_at: Timestamp,
}

/// Which place in an organisation: all of it, or one project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub organisation: &'a str,
    pub project: Option<&'a str>,
}

/// What an invitation grants.
#[derive(Serialize, Deserialize)]
pub(super) struct Invitation {
    pub(super) organisation: String,
    pub(super) project: String,
    pub(super) role: String,
}

impl Access {
    /// Invites an address. The answer does not tell whether it has an account.
    pub fn invite<'a>(
        &'a self,
        caller: &'a Caller,
        place: Place<'a>,
        email: &'a str,
        role: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let scope = Scope::Organisation(place.organisation);
            self.authorise(caller, Permission::MembersWrite, scope, origin).await?;
            self.check_place(place).await?;
            let content = self.role_content(place.organisation, role).await?;
            may_give(caller, place.organisation, &content)?;
            let (email, organisation) = (Email::parse(email)?, self.organisation(place.organisation).await?);
            let invitation = Invitation {
                organisation: organisation.id,
                project: place.project.unwrap_or_default().to_owned(),
                role: role.to_owned(),
            };
            let detail = serde_json::to_string(&invitation).map_err(|_| AccessError::Damaged("an invitation"))?;
            let mut transaction = self.database().write().await?;
            let link = Link { account: None, email: email.written.clone(), detail };
            let link = self.make_link(&mut transaction, Purpose::Invitation, &link).await?;
            let mail = Mail::Invitation { organisation: organisation.name, link };
            self.enqueue(&mut transaction, &email.written, &mail).await?;
            let act = Act::new(caller.actor.clone(), "member.invite", origin).on("email", &email.folded);
            let act = act.within(place.organisation, place.project.unwrap_or_default()).after(&json!({ "role": role }));
            self.record(&mut transaction, act).await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Accepts an invitation. For an address without an account `new` is needed, and the tokens of its first session come back;
    /// an account that is there just becomes a member: the link proves the mailbox, it is no sign-in.
    pub fn accept_invitation<'a>(
        &'a self,
        secret: &'a str,
        new: Option<&'a NewAccount>,
        origin: &'a Origin,
    ) -> Answer<'a, Option<Tokens>> {
        Box::pin(async move {
            let email = Email::parse(&self.look_at_link(Purpose::Invitation, secret).await?.email)?;
            let hash = match new {
                Some(new) => Some((new, self.hash_new_password(new, &email).await?)),
                None => None,
            };
            let mut transaction = self.database().write().await?;
            let link = self.spend_link(&mut transaction, Purpose::Invitation, secret).await?;
            let invitation: Invitation =
                serde_json::from_str(&link.detail).map_err(|_| AccessError::Damaged("an invitation"))?;
            // Whoever invited them has to choose another role: this one holds nothing any more.
            if !keep(&mut transaction, &invitation.organisation, &invitation.role).await? {
                return Err(AccessError::Link);
            }
            let (account, tokens) = match (account_id_of(&mut transaction, &email).await?, hash) {
                (Some(account), _) => (account, None),
                (None, None) => {
                    return Err(AccessError::invalid("password", "choose a name and a password for the new account"));
                }
                (None, Some((new, hash))) => {
                    let account = self.insert_account(&mut transaction, &email, &new.name, &hash).await?;
                    let tokens = self.begin_session(&mut transaction, &account, false, origin).await?;
                    (account, Some(tokens))
                }
            };
            let Invitation { organisation, project, role } = invitation;
            let place = Place { organisation: &organisation, project: (!project.is_empty()).then_some(&*project) };
            // An invitation never lowers or raises a role that is held already.
            let insert = "INSERT INTO members (organisation_id, account_id, project_id, role, created_at)
                          VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organisation_id, account_id, project_id) DO NOTHING";
            let insert =
                statement(insert).bind(&organisation).bind(&account).bind(&project).bind(&role).bind(self.now());
            let is_new = transaction.execute(insert).await? == 1;
            let act = Act::new(Actor::Account(account.clone()), "member.accept", origin);
            let act = if is_new {
                act.after(&json!({ "role": role }))
            } else {
                let held = role_of(&mut transaction, place, &account).await?;
                let held = json!({ "role": held });
                act.before(&held).after(&held)
            };
            self.finish_member_change(&mut transaction, place, &account, act).await?;
            self.commit(transaction).await?;
            Ok(tokens)
        })
    }

    /// Gives a member another role.
    pub fn set_member_role<'a>(
        &'a self,
        caller: &'a Caller,
        place: Place<'a>,
        account: &'a str,
        role: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let update =
                "UPDATE members SET role = $4 WHERE organisation_id = $1 AND account_id = $2 AND project_id = $3";
            self.authorise(caller, Permission::MembersWrite, Scope::Organisation(place.organisation), origin).await?;
            let content = self.role_content(place.organisation, role).await?;
            may_give(caller, place.organisation, &content)?;
            let mut transaction = self.database().write().await?;
            let before = self.take_role(&mut transaction, caller, place, account).await?;
            if !keep(&mut transaction, place.organisation, role).await? {
                return Err(AccessError::NotFound("role"));
            }
            let update =
                statement(update).bind(place.organisation).bind(account).bind(place.project.unwrap_or_default());
            transaction.execute(update.bind(role)).await?;
            keeps_an_owner(&mut transaction, place.organisation).await?;
            let act = Act::new(caller.actor.clone(), "member.change_role", origin);
            let act = act.before(&json!({ "role": before })).after(&json!({ "role": role }));
            self.finish_member_change(&mut transaction, place, account, act).await?;
            self.commit(transaction).await
        })
    }

    /// Removes a member from a place. One may always leave by oneself.
    pub fn remove_member<'a>(
        &'a self,
        caller: &'a Caller,
        place: Place<'a>,
        account: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let leaves = caller.session().is_some() && caller.account() == Some(account);
            if !leaves {
                self.authorise(caller, Permission::MembersWrite, Scope::Organisation(place.organisation), origin)
                    .await?;
            }
            let mut transaction = self.database().write().await?;
            let before = if leaves {
                present_role(&mut transaction, place, account).await?
            } else {
                self.take_role(&mut transaction, caller, place, account).await?
            };
            let delete = "DELETE FROM members WHERE organisation_id = $1 AND account_id = $2 AND project_id = $3";
            let delete =
                statement(delete).bind(place.organisation).bind(account).bind(place.project.unwrap_or_default());
            transaction.execute(delete).await?;
            keeps_an_owner(&mut transaction, place.organisation).await?;
            let act = Act::new(caller.actor.clone(), "member.remove", origin).before(&json!({ "role": before }));
            self.finish_member_change(&mut transaction, place, account, act).await?;
            self.commit(transaction).await
        })
    }

    /// The members of an organisation and of its projects.
    pub fn members<'a>(&'a self, organisation: &'a str) -> Answer<'a, Vec<Member>> {
        Box::pin(async move {
            let query = "SELECT account_id, email, name, project_id, role, has_factor, members.created_at
                         FROM members JOIN accounts ON accounts.id = account_id
                         WHERE organisation_id = $1 ORDER BY email_folded, project_id";
            let member = |row: &Row| {
                let project: String = row.get("project_id")?;
                Ok(Member {
                    account: row.get("account_id")?,
                    email: row.get("email")?,
                    name: row.get("name")?,
                    project: (!project.is_empty()).then_some(project),
                    role: row.get("role")?,
                    has_factor: row.get::<i64>("has_factor")? != 0,
                    created_at: row.time("created_at")?,
                })
            };
            self.database().read(statement(query).bind(organisation)).await?.iter().map(member).collect()
        })
    }

    /// The role that is to be taken away: like giving, only by whoever holds as much. An admin does not unseat an owner.
    async fn take_role(
        &self,
        transaction: &mut Transaction,
        caller: &Caller,
        place: Place<'_>,
        account: &str,
    ) -> Result<String, AccessError> {
        let before = present_role(transaction, place, account).await?;
        let content = match BuiltInRole::named(&before) {
            Some(built_in) => Some(built_in.into()),
            None => held(transaction, place.organisation, &before).await?,
        };
        if let Some(content) = content {
            may_give(caller, place.organisation, &content)?;
        }
        Ok(before)
    }

    async fn check_place(&self, place: Place<'_>) -> Result<(), AccessError> {
        let Some(project) = place.project else { return Ok(()) };
        let query = statement("SELECT id FROM projects WHERE id = $1 AND organisation_id = $2");
        let found = self.database().read_one(query.bind(project).bind(place.organisation)).await?;
        found.map(drop).ok_or(AccessError::NotFound("project"))
    }

    async fn finish_member_change(
        &self,
        transaction: &mut Transaction,
        place: Place<'_>,
        account: &str,
        act: Act,
    ) -> Result<(), AccessError> {
        self.note(transaction, Change::Account, account).await?;
        let act = act.on("account", account).within(place.organisation, place.project.unwrap_or_default());
        self.record(transaction, act).await
    }
}

async fn present_role(transaction: &mut Transaction, place: Place<'_>, account: &str) -> Result<String, AccessError> {
    // The organisation's row is the lock under which its members change: two owners cannot unseat each other at once.
    let lock = statement("UPDATE organisations SET version = version WHERE id = $1").bind(place.organisation);
    transaction.execute(lock).await?;
    role_of(transaction, place, account).await
}

async fn role_of(transaction: &mut Transaction, place: Place<'_>, account: &str) -> Result<String, AccessError> {
    let query = "SELECT role FROM members WHERE organisation_id = $1 AND account_id = $2 AND project_id = $3";
    let query = statement(query).bind(place.organisation).bind(account).bind(place.project.unwrap_or_default());
    Ok(transaction.one(query).await?.ok_or(AccessError::NotFound("member"))?.get("role")?)
}

async fn keeps_an_owner(transaction: &mut Transaction, organisation: &str) -> Result<(), AccessError> {
    let query =
        "SELECT account_id FROM members WHERE organisation_id = $1 AND project_id = '' AND role = 'owner' LIMIT 1";
    let owner = transaction.one(statement(query).bind(organisation)).await?;
    owner.map(drop).ok_or(AccessError::Conflict("an organisation keeps at least one owner"))
}

/// Nobody gives what they do not hold in this organisation.
pub(super) fn may_give(caller: &Caller, organisation: &str, role: &RoleContent) -> Result<(), AccessError> {
    let holds = |grant: &&Grant| *grant.organisation == *organisation && grant.project.is_none();
    let mut grants = caller.subject.grants.iter().filter(holds);
    let allowed = matches!(caller.subject.who, Who::Operator) || grants.any(|grant| role.may_be_given_by(&grant.role));
    if allowed { Ok(()) } else { Err(Denial::Permission.into()) }
}
