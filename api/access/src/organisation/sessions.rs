//! Members' sessions as administrators see them and end them.

use crate::access::Access;
use crate::audit::{Act, Origin};
use crate::database::statement;
use crate::error::{AccessError, Answer};
use crate::policy::{Permission, Scope, decide};
use crate::session::{Caller, Session};

use super::members::may_give;

impl Access {
    /// The sessions of a member that are in force, the one used last first.
    pub fn member_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        account: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, Vec<Session>> {
        Box::pin(async move {
            self.answers_for(caller, organisation, account, origin).await?;
            self.sessions(account).await
        })
    }

    /// Ends one session of a member; in effect at once here, and within a second in other processes.
    pub fn end_member_session<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        account: &'a str,
        session: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.answers_for(caller, organisation, account, origin).await?;
            let mut transaction = self.database().write().await?;
            let own =
                statement("SELECT id FROM sessions WHERE id = $1 AND account_id = $2").bind(session).bind(account);
            transaction.one(own).await?.ok_or(AccessError::NotFound("session"))?;
            if self.end_session(&mut transaction, session, "ended by an administrator").await? {
                let after = serde_json::json!({ "account": account });
                let act = Act::new(caller.actor.clone(), "member.end_session", origin).on("session", session);
                self.record(&mut transaction, act.within(organisation, "").after(&after)).await?;
            }
            self.commit(transaction).await
        })
    }

    /// Ends all sessions of a member, of one's own all but the one that asks; returns how many.
    pub fn end_member_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        account: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, usize> {
        Box::pin(async move {
            self.answers_for(caller, organisation, account, origin).await?;
            let mut transaction = self.database().write().await?;
            let keep = caller.session();
            let ended = self.end_sessions(&mut transaction, account, keep, "ended by an administrator").await?;
            let after = serde_json::json!({ "ended": ended });
            let act = Act::new(caller.actor.clone(), "member.end_sessions", origin).on("account", account);
            self.record(&mut transaction, act.within(organisation, "").after(&after)).await?;
            self.commit(transaction).await?;
            Ok(ended)
        })
    }

    /// Refuses whoever may not take the member's roles away. A session is an account's, not an organisation's: whoever is a member of others
    /// too is left to those who may do the same in all of them.
    async fn answers_for(
        &self,
        caller: &Caller,
        organisation: &str,
        account: &str,
        origin: &Origin,
    ) -> Result<(), AccessError> {
        self.authorise(caller, Permission::MembersWrite, Scope::Organisation(organisation), origin).await?;
        let query = "SELECT organisation_id, role FROM members WHERE account_id = $1";
        let rows = self.database().read(statement(query).bind(account)).await?;
        let mut held = Vec::with_capacity(rows.len());
        for row in &rows {
            held.push((row.get::<String>("organisation_id")?, row.get::<String>("role")?));
        }
        if !held.iter().any(|(place, _)| place == organisation) {
            return Err(AccessError::NotFound("member"));
        }
        let governs =
            |place: &str| decide(&caller.subject, Permission::MembersWrite, Scope::Organisation(place)).is_allowed();
        for (place, role) in &held {
            if place != organisation && !governs(place) {
                return Err(AccessError::Conflict(
                    "they are a member of another organisation too: they, or the operator, end these sessions",
                ));
            }
            // As with their roles: an admin does not sign out an owner.
            match self.role_content(place, role).await {
                Ok(content) => may_give(caller, place, &content)?,
                // It is gone, and gives nothing.
                Err(AccessError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
