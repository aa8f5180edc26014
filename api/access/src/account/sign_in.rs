//! Sign-in: password, then a second factor where there is one, then a session.

use super::Email;
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::database::statement;
use crate::error::{AccessError, Answer};
use crate::factor::{FactorKind, FactorProof, Purpose};
use crate::session::Tokens;

/// Where a sign-in stands after the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    Done(Tokens),
    /// A second factor is needed: send it with this challenge to [`Access::finish_sign_in`].
    FactorNeeded {
        challenge: String,
        factors: Vec<FactorKind>,
    },
}

/// What was found under an address.
struct Found {
    account: String,
    password_hash: Option<String>,
    has_factor: bool,
    is_disabled: bool,
}

impl Access {
    /// Checks address and password.
    ///
    /// An unknown address, a disabled account and a wrong password do the same work (one read, one argon2 run, one record) and
    /// get the same answer.
    pub fn sign_in<'a>(&'a self, email: &'a str, password: &'a str, origin: &'a Origin) -> Answer<'a, SignIn> {
        Box::pin(async move {
            let email = Email::parse(email)?;
            let found = self.find_by_email(&email).await?;
            let stored = found.as_ref().and_then(|found| found.password_hash.as_deref());
            let matches = self.passwords().verify(password, stored).await?;
            let Some(found) = found.as_ref().filter(|found| matches && !found.is_disabled) else {
                let known = found.as_ref().map(|found| found.account.clone());
                return self.refuse_sign_in(&email, known, origin).await;
            };
            if found.password_hash.as_deref().is_some_and(|stored| self.passwords().is_dated(stored)) {
                self.renew_password_hash(&found.account, password).await?;
            }
            if found.has_factor {
                let factors = self.factors(&found.account).await?.into_iter().map(|factor| factor.kind).collect();
                let challenge = self.open_challenge(Purpose::SignIn, Some(&found.account)).await?;
                return Ok(SignIn::FactorNeeded { challenge, factors });
            }
            self.complete_sign_in(&found.account, false, "password", origin).await.map(SignIn::Done)
        })
    }

    /// Ends a sign-in that waits for its second factor. A challenge takes five attempts.
    pub fn finish_sign_in<'a>(
        &'a self,
        challenge: &'a str,
        proof: &'a FactorProof,
        origin: &'a Origin,
    ) -> Answer<'a, Tokens> {
        Box::pin(async move {
            let attempt = self.attempt_challenge(Purpose::SignIn, challenge).await?;
            let account = attempt.account.clone().ok_or(AccessError::Factor)?;
            let mut transaction = self.database().write().await?;
            // The proof is spent in the same transaction that spends the challenge and makes the session: all or nothing.
            let proved = self.prove_factor(&mut transaction, &account, proof).await;
            if let Err(AccessError::Factor) = proved {
                drop(transaction);
                let act = Act::new(Actor::Account(account), "session.create", origin).on("factor", proof.kind().name());
                self.record_alone(act.refused()).await?;
                return Err(AccessError::Factor);
            }
            proved?;
            // The account's row before the challenge's: the order in which a change of password locks them.
            let tokens = self.begin_session(&mut transaction, &account, true, origin).await?;
            self.close_challenge(&mut transaction, &attempt).await?;
            let act = Act::new(Actor::Account(account), "session.create", origin).on("session", &tokens.session);
            let after = serde_json::json!({ "by": ["password", proof.kind().name()] });
            self.record(&mut transaction, act.after(&after)).await?;
            self.commit(transaction).await?;
            Ok(tokens)
        })
    }

    /// Gives a session to an account that has proved itself.
    pub(crate) async fn complete_sign_in(
        &self,
        account: &str,
        with_factor: bool,
        by: &str,
        origin: &Origin,
    ) -> Result<Tokens, AccessError> {
        let mut transaction = self.database().write().await?;
        let tokens = self.begin_session(&mut transaction, account, with_factor, origin).await?;
        let act = Act::new(Actor::Account(account.to_owned()), "session.create", origin);
        let act = act.on("session", &tokens.session).after(&serde_json::json!({ "by": [by] }));
        self.record(&mut transaction, act).await?;
        self.commit(transaction).await?;
        Ok(tokens)
    }

    async fn refuse_sign_in<T>(
        &self,
        email: &Email,
        account: Option<String>,
        origin: &Origin,
    ) -> Result<T, AccessError> {
        let actor = account.map_or(Actor::Anonymous, Actor::Account);
        let act = Act::new(actor, "session.create", origin).on("email", &email.folded);
        self.record_alone(act.refused()).await?;
        Err(AccessError::Credentials)
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<Found>, AccessError> {
        let query = "SELECT id, password_hash, has_factor, disabled_at FROM accounts WHERE email_folded = $1";
        let row = self.database().read_one(statement(query).bind(&email.folded)).await?;
        let found = |row: crate::database::Row| {
            Ok(Found {
                account: row.get("id")?,
                password_hash: row.get("password_hash")?,
                has_factor: row.get::<i64>("has_factor")? != 0,
                is_disabled: row.time_if_any("disabled_at")?.is_some(),
            })
        };
        row.map(found).transpose()
    }

    async fn renew_password_hash(&self, account: &str, password: &str) -> Result<(), AccessError> {
        let hash = self.passwords().hash(password).await?;
        let update = "UPDATE accounts SET password_hash = $1 WHERE id = $2";
        self.database().execute(statement(update).bind(hash).bind(account)).await?;
        Ok(())
    }
}
