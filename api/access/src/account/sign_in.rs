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

/// Looks at one account: its password may be changed, or hashed anew by another sign-in, while it is compared.
const ROUNDS: usize = 3;

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
            for _ in 0..ROUNDS {
                if let Some(outcome) = self.try_sign_in(&email, password, origin).await? {
                    return Ok(outcome);
                }
            }
            Err(AccessError::Busy)
        })
    }

    /// `None` where the account was changed while its password was compared: what was compared counts no more.
    async fn try_sign_in(&self, email: &Email, password: &str, origin: &Origin) -> Result<Option<SignIn>, AccessError> {
        let found = self.find_by_email(email).await?;
        let stored = found.as_ref().and_then(|found| found.password_hash.as_deref());
        let matches = self.passwords().verify(password, stored).await?;
        let known = found.as_ref().map(|found| found.account.clone());
        let right = found.filter(|found| matches && !found.is_disabled);
        let right = right.and_then(|found| Some((found.account, found.password_hash?, found.has_factor)));
        let Some((account, mut stored, has_factor)) = right else {
            return self.refuse_sign_in(email, known, origin).await;
        };
        if self.passwords().is_dated(&stored) {
            let Some(renewed) = self.renew_password_hash(&account, password, &stored).await? else { return Ok(None) };
            stored = renewed;
        }
        let mut transaction = self.database().write().await?;
        // Under the account's lock: who resets the password at this moment ends this session as well, or is seen here.
        let lock = "UPDATE accounts SET version = version
                    WHERE id = $1 AND password_hash = $2 AND has_factor = $3 AND disabled_at IS NULL";
        let lock = statement(lock).bind(&account).bind(&stored).bind(i64::from(has_factor));
        if transaction.execute(lock).await? == 0 {
            return Ok(None);
        }
        if has_factor {
            let challenge = self.open_challenge_within(&mut transaction, Purpose::SignIn, Some(&account)).await?;
            transaction.commit().await?;
            let factors = self.factors(&account).await?.into_iter().map(|factor| factor.kind).collect();
            return Ok(Some(SignIn::FactorNeeded { challenge, factors }));
        }
        let tokens = self.begin_session(&mut transaction, &account, false, origin).await?;
        let act = Act::new(Actor::Account(account), "session.create", origin).on("session", &tokens.session);
        self.record(&mut transaction, act.after(&serde_json::json!({ "by": ["password"] }))).await?;
        self.commit(transaction).await?;
        Ok(Some(SignIn::Done(tokens)))
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

    /// Hashes the password behind `stored` anew; `None` when it is not the account's any more.
    async fn renew_password_hash(
        &self,
        account: &str,
        password: &str,
        stored: &str,
    ) -> Result<Option<String>, AccessError> {
        let hash = self.passwords().hash(password).await?;
        let update = "UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = $3";
        let update = statement(update).bind(&hash).bind(account).bind(stored);
        Ok((self.database().execute(update).await? == 1).then_some(hash))
    }
}
