//! Sign-up: first the address is proved, then the account is made. So nobody can prepare an account under another's address
//! and wait until its owner confirms it, and an unproved address costs no password hash.

use super::links::{Link, Purpose};
use super::{Account, Email};
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::database::{DatabaseError, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::mail::Mail;
use crate::password::check_password;
use crate::secret::new_id;
use crate::session::Tokens;

/// What a person chooses for a new account.
#[derive(Clone)]
pub struct NewAccount {
    pub name: String,
    pub password: String,
}

impl Access {
    /// Asks for an account. The answer is the same whether the address has one or not; what differs goes to the address itself
    /// (OWASP ASVS 5, V6.3.8).
    pub fn sign_up<'a>(&'a self, email: &'a str, origin: &'a Origin) -> Answer<'a, ()> {
        Box::pin(async move {
            if !self.settings().sign_up_is_open {
                return Err(AccessError::Conflict(
                    "accounts are made by invitation here; ask an administrator for one",
                ));
            }
            let email = Email::parse(email)?;
            let mut transaction = self.database().write().await?;
            let known = account_id_of(&mut transaction, &email).await?;
            let link = |account| Link { account, email: email.written.clone(), detail: String::new() };
            let mail = match known {
                Some(account) => Mail::AlreadySignedUp {
                    link: self.make_link(&mut transaction, Purpose::ResetPassword, &link(Some(account))).await?,
                },
                None => {
                    Mail::ConfirmSignUp { link: self.make_link(&mut transaction, Purpose::SignUp, &link(None)).await? }
                }
            };
            self.enqueue(&mut transaction, &email.written, &mail).await?;
            let act = Act::new(Actor::Anonymous, "account.sign_up", origin).on("email", &email.folded);
            self.record(&mut transaction, act).await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Makes the account that the link of [`Access::sign_up`] stands for, and signs it in.
    pub fn finish_sign_up<'a>(
        &'a self,
        secret: &'a str,
        new: &'a NewAccount,
        origin: &'a Origin,
    ) -> Answer<'a, Tokens> {
        Box::pin(async move {
            let link = self.look_at_link(Purpose::SignUp, secret).await?;
            let email = Email::parse(&link.email)?;
            let hash = self.hash_new_password(new, &email).await?;
            let mut transaction = self.database().write().await?;
            self.spend_link(&mut transaction, Purpose::SignUp, secret).await?;
            let account = self.insert_account(&mut transaction, &email, &new.name, &hash).await?;
            let tokens = self.begin_session(&mut transaction, &account, false, origin).await?;
            self.record_creation(&mut transaction, &account, &email, origin).await?;
            self.commit(transaction).await?;
            Ok(tokens)
        })
    }

    /// Checks a new account's choice and hashes its password, outside of any transaction: it takes a while.
    pub(crate) async fn hash_new_password(&self, new: &NewAccount, email: &Email) -> Result<String, AccessError> {
        check_name(&new.name)?;
        let local = email.folded.split('@').next().unwrap_or_default();
        let own = [email.folded.as_str(), local, new.name.as_str(), "footfall"];
        check_password(&new.password, self.settings().password_length_min, &own)?;
        self.passwords().hash(&new.password).await
    }

    pub(crate) async fn insert_account(
        &self,
        transaction: &mut Transaction,
        email: &Email,
        name: &str,
        password_hash: &str,
    ) -> Result<String, AccessError> {
        let id = new_id();
        let insert = "INSERT INTO accounts (id, email, email_folded, name, password_hash, created_at, changed_at)
                      VALUES ($1, $2, $3, $4, $5, $6, $6)";
        let insert = statement(insert).bind(&id).bind(&email.written).bind(&email.folded).bind(name.trim());
        match transaction.execute(insert.bind(password_hash).bind(self.now())).await {
            // Two links of one address were used: the second is as good as spent.
            Err(DatabaseError::Unique) => Err(AccessError::Link),
            other => other.map(|_| id).map_err(AccessError::from),
        }
    }

    pub(crate) async fn record_creation(
        &self,
        transaction: &mut Transaction,
        account: &str,
        email: &Email,
        origin: &Origin,
    ) -> Result<(), AccessError> {
        let after = serde_json::json!({ "email": email.folded });
        let act = Act::new(Actor::Account(account.to_owned()), "account.create", origin).on("account", account);
        self.record(transaction, act.after(&after)).await
    }

    /// The account with this id, as its owner sees it.
    pub fn account<'a>(&'a self, id: &'a str) -> Answer<'a, Account> {
        Box::pin(async move {
            let query =
                "SELECT id, email, name, has_factor, disabled_at, created_at, version FROM accounts WHERE id = $1";
            let row =
                self.database().read_one(statement(query).bind(id)).await?.ok_or(AccessError::NotFound("account"))?;
            Account::read(&row)
        })
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), AccessError> {
    let length = name.trim().chars().count();
    if length == 0 || length > 100 || name.chars().any(char::is_control) {
        return Err(AccessError::invalid("name", "it needs 1 to 100 characters on one line"));
    }
    Ok(())
}

pub(crate) async fn account_id_of(transaction: &mut Transaction, email: &Email) -> Result<Option<String>, AccessError> {
    let query = "SELECT id FROM accounts WHERE email_folded = $1 AND disabled_at IS NULL";
    let row = transaction.one(statement(query).bind(&email.folded)).await?;
    Ok(row.map(|row| row.get("id")).transpose()?)
}
