//! Changes of what an account signs in with: password, address; and an account's end.

use super::links::{Link, Purpose};
use super::sign_up::account_id_of;
use super::{Email, NewAccount};
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::{DatabaseError, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::mail::Mail;

impl Access {
    /// Asks for a link to choose a new password. The answer is the same for an unknown address, and so is the work but for one
    /// mail's row; what is sent goes to the address alone.
    pub fn ask_password_reset<'a>(&'a self, email: &'a str, origin: &'a Origin) -> Answer<'a, ()> {
        Box::pin(async move {
            let email = Email::parse(email)?;
            let mut transaction = self.database().write().await?;
            let account = account_id_of(&mut transaction, &email).await?;
            let link = Link { account: account.clone(), email: email.written.clone(), detail: String::new() };
            // For an unknown address a link is made as well, so that time does not tell, and goes nowhere: without an account
            // behind it, it is refused.
            let link = self.make_link(&mut transaction, Purpose::ResetPassword, &link).await?;
            if account.is_some() {
                self.enqueue(&mut transaction, &email.written, &Mail::ResetPassword { link }).await?;
            }
            let act = Act::new(Actor::Anonymous, "password.ask_reset", origin).on("email", &email.folded);
            self.record(&mut transaction, act).await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Sets a new password by such a link. All sessions end; second factors stay (OWASP ASVS 5, V6.4.3), so whoever holds the
    /// mailbox alone does not get in.
    pub fn reset_password<'a>(&'a self, secret: &'a str, password: &'a str, origin: &'a Origin) -> Answer<'a, ()> {
        Box::pin(async move {
            let link = self.look_at_link(Purpose::ResetPassword, secret).await?;
            let account = link.account.ok_or(AccessError::Link)?;
            let (hash, email) = self.hash_password_of(&account, password).await?;
            let mut transaction = self.database().write().await?;
            self.spend_link(&mut transaction, Purpose::ResetPassword, secret).await?;
            let act = Act::new(Actor::Account(account.clone()), "password.reset", origin);
            self.set_password(&mut transaction, &account, &hash, None, &email, act).await?;
            self.commit(transaction).await
        })
    }

    /// Changes the password of a signed-in account that knows its present one (V6.2.3); other sessions end (V7.4.3).
    pub fn change_password<'a>(
        &'a self,
        account: &'a str,
        session: &'a str,
        present: &'a str,
        password: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.check_own_password(account, session, present, origin).await?;
            let (hash, email) = self.hash_password_of(account, password).await?;
            let mut transaction = self.database().write().await?;
            let act = Act::new(Actor::Account(account.to_owned()), "password.change", origin);
            self.set_password(&mut transaction, account, &hash, Some(session), &email, act).await?;
            self.commit(transaction).await
        })
    }

    async fn hash_password_of(&self, account: &str, password: &str) -> Result<(String, Email), AccessError> {
        let account = self.account(account).await?;
        let (email, new) =
            (Email::parse(&account.email)?, NewAccount { name: account.name, password: password.to_owned() });
        Ok((self.hash_new_password(&new, &email).await?, email))
    }

    async fn set_password(
        &self,
        transaction: &mut Transaction,
        account: &str,
        hash: &str,
        keep: Option<&str>,
        email: &Email,
        act: Act,
    ) -> Result<(), AccessError> {
        let update = "UPDATE accounts SET password_hash = $1, changed_at = $2, version = version + 1
                      WHERE id = $3 AND disabled_at IS NULL";
        let updated = transaction.execute(statement(update).bind(hash).bind(self.now()).bind(account)).await?;
        if updated == 0 {
            return Err(AccessError::Link);
        }
        self.void_links(transaction, account).await?;
        self.enqueue(transaction, &email.written, &Mail::PasswordChanged).await?;
        self.end_sessions(transaction, account, keep, "password changed").await?;
        self.record(transaction, act.on("account", account)).await
    }

    /// Asks to change the address: a link goes to the new one. Nothing changes before it is used, and a taken address is not
    /// told.
    pub fn ask_email_change<'a>(
        &'a self,
        account: &'a str,
        session: &'a str,
        password: &'a str,
        email: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.check_own_password(account, session, password, origin).await?;
            let email = Email::parse(email)?;
            let mut transaction = self.database().write().await?;
            // One's own in another case is not taken.
            let taken = account_id_of(&mut transaction, &email).await?.is_some_and(|owner| owner != account);
            let link = Link { account: Some(account.to_owned()), email: email.written.clone(), detail: String::new() };
            let link = self.make_link(&mut transaction, Purpose::ChangeEmail, &link).await?;
            if !taken {
                self.enqueue(&mut transaction, &email.written, &Mail::ConfirmEmail { link }).await?;
            }
            let act =
                Act::new(Actor::Account(account.to_owned()), "email.ask_change", origin).on("email", &email.folded);
            self.record(&mut transaction, act).await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Changes the address by such a link; the old one is told.
    pub fn finish_email_change<'a>(&'a self, secret: &'a str, origin: &'a Origin) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let link = self.spend_link(&mut transaction, Purpose::ChangeEmail, secret).await?;
            let (account, email) = (link.account.ok_or(AccessError::Link)?, Email::parse(&link.email)?);
            let query = "SELECT email FROM accounts WHERE id = $1 AND disabled_at IS NULL";
            let before = transaction.one(statement(query).bind(&account)).await?.ok_or(AccessError::Link)?;
            let before: String = before.get("email")?;
            let update = "UPDATE accounts SET email = $1, email_folded = $2, changed_at = $3, version = version + 1
                          WHERE id = $4";
            let update = statement(update).bind(&email.written).bind(&email.folded).bind(self.now()).bind(&account);
            match transaction.execute(update).await {
                Err(DatabaseError::Unique) => return Err(AccessError::Link),
                other => drop(other?),
            }
            self.void_links(&mut transaction, &account).await?;
            self.enqueue(&mut transaction, &before, &Mail::EmailChanged { email: email.written.clone() }).await?;
            let act = Act::new(Actor::Account(account.clone()), "email.change", origin).on("account", &account);
            let state = |email: &str| serde_json::json!({ "email": email });
            self.record(&mut transaction, act.before(&state(&before)).after(&state(&email.written))).await?;
            self.commit(transaction).await
        })
    }

    /// Switches an account off or on: off, its sessions and personal tokens end at once.
    pub fn set_disabled<'a>(
        &'a self,
        account: &'a str,
        disabled: bool,
        actor: Actor,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let update = "UPDATE accounts SET disabled_at = $1, changed_at = $2, version = version + 1 WHERE id = $3";
            let (now, at) = (self.now(), disabled.then(|| self.now()));
            if transaction.execute(statement(update).bind(at).bind(now).bind(account)).await? == 0 {
                return Err(AccessError::NotFound("account"));
            }
            if disabled {
                self.void_links(&mut transaction, account).await?;
                self.end_sessions(&mut transaction, account, None, "account disabled").await?;
            }
            self.note(&mut transaction, Change::Account, account).await?;
            let action = if disabled { "account.disable" } else { "account.enable" };
            self.record(&mut transaction, Act::new(actor, action, origin).on("account", account)).await?;
            self.commit(transaction).await
        })
    }
}
