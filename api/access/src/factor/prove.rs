//! Judging a second factor, and the step-up that dangerous acts ask for.

use footfall_ingest_activity::Timestamp;

use super::passkey::PasskeyResponse;
use super::totp::step_of;
use super::{FactorKind, recovery_hash, totp_context};
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::database::{Transaction, statement};
use crate::error::{AccessError, Answer};

/// Wrong passwords and codes that a session takes before it ends: whoever borrows a session does not guess on in it.
const FAILURES_MAX: i64 = 10;

/// A second factor as it is given.
#[derive(Clone)]
pub enum FactorProof {
    Totp(String),
    RecoveryCode(String),
    Passkey(PasskeyResponse),
}

impl FactorProof {
    pub fn kind(&self) -> FactorKind {
        match self {
            FactorProof::Totp(_) => FactorKind::Totp,
            FactorProof::RecoveryCode(_) => FactorKind::RecoveryCode,
            FactorProof::Passkey(_) => FactorKind::Passkey,
        }
    }
}

impl Access {
    /// Judges `proof` and spends it in `transaction`. Any refusal is [`AccessError::Factor`].
    pub(crate) async fn prove_factor(
        &self,
        transaction: &mut Transaction,
        account: &str,
        proof: &FactorProof,
    ) -> Result<(), AccessError> {
        let now = self.now();
        match proof {
            FactorProof::Totp(code) => {
                let query =
                    "SELECT sealed, last_step FROM totp_factors WHERE account_id = $1 AND confirmed_at IS NOT NULL";
                let row = transaction.one(statement(query).bind(account)).await?.ok_or(AccessError::Factor)?;
                let secret = self.vault().unseal(&totp_context(account), &row.get::<String>("sealed")?)?;
                let step = step_of(&secret, code, now.millis(), row.get("last_step")?).ok_or(AccessError::Factor)?;
                // Of several with the same code, one moves the step on.
                let spend = "UPDATE totp_factors SET last_step = $1
                             WHERE account_id = $2 AND confirmed_at IS NOT NULL AND last_step < $1";
                one_row(transaction.execute(statement(spend).bind(step).bind(account)).await?)
            }
            FactorProof::RecoveryCode(code) => {
                let spend =
                    "UPDATE recovery_codes SET used_at = $1 WHERE account_id = $2 AND hash = $3 AND used_at IS NULL";
                let spend = statement(spend).bind(now).bind(account).bind(recovery_hash(code));
                one_row(transaction.execute(spend).await?)
            }
            FactorProof::Passkey(response) => {
                self.check_passkey(transaction, Some(account), response).await.map(|_| ())
            }
        }
    }

    /// Gives a session a recent second factor. Returns a new access token that says so.
    pub fn step_up<'a>(
        &'a self,
        account: &'a str,
        session: &'a str,
        proof: &'a FactorProof,
        origin: &'a Origin,
    ) -> Answer<'a, (String, Timestamp)> {
        Box::pin(async move {
            self.count_failure(account, session, origin).await?;
            let mut transaction = self.database().write().await?;
            let proved = self.prove_factor(&mut transaction, account, proof).await;
            let act = Act::new(Actor::Account(account.to_owned()), "session.step_up", origin).on("session", session);
            if let Err(AccessError::Factor) = proved {
                drop(transaction);
                self.record_alone(act.refused()).await?;
                return Err(AccessError::Factor);
            }
            proved?;
            let update = "UPDATE sessions SET factor_at = $1, factor_failures = 0 WHERE id = $2 AND revoked_at IS NULL";
            transaction.execute(statement(update).bind(self.now()).bind(session)).await?;
            let renewed = self.renew_access(&mut transaction, session).await?;
            self.record(&mut transaction, act).await?;
            self.commit(transaction).await?;
            Ok(renewed)
        })
    }

    /// The step-up of an account without a second factor: its password again.
    pub fn confirm_password<'a>(
        &'a self,
        account: &'a str,
        session: &'a str,
        password: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, (String, Timestamp)> {
        Box::pin(async move {
            self.check_own_password(account, session, password, origin).await?;
            let mut transaction = self.database().write().await?;
            let update = "UPDATE sessions SET authenticated_at = $1 WHERE id = $2 AND revoked_at IS NULL";
            transaction.execute(statement(update).bind(self.now()).bind(session)).await?;
            let renewed = self.renew_access(&mut transaction, session).await?;
            transaction.commit().await?;
            Ok(renewed)
        })
    }

    /// Checks the password of a signed-in account.
    pub(crate) async fn check_own_password(
        &self,
        account: &str,
        session: &str,
        password: &str,
        origin: &Origin,
    ) -> Result<(), AccessError> {
        self.count_failure(account, session, origin).await?;
        let query = "SELECT password_hash FROM accounts WHERE id = $1 AND disabled_at IS NULL";
        let row = self.database().read_one(statement(query).bind(account)).await?.ok_or(AccessError::Credentials)?;
        let stored: Option<String> = row.get("password_hash")?;
        if !self.passwords().verify(password, stored.as_deref()).await? {
            let act = Act::new(Actor::Account(account.to_owned()), "password.check", origin).on("session", session);
            self.record_alone(act.refused()).await?;
            return Err(AccessError::Credentials);
        }
        let reset = statement("UPDATE sessions SET factor_failures = 0 WHERE id = $1").bind(session);
        self.database().execute(reset).await?;
        Ok(())
    }

    /// Counts an attempt before it is judged (parallel ones too); past the limit the session ends.
    async fn count_failure(&self, account: &str, session: &str, origin: &Origin) -> Result<(), AccessError> {
        let count = "UPDATE sessions SET factor_failures = factor_failures + 1
                     WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL AND factor_failures < $3";
        let count = statement(count).bind(session).bind(account).bind(FAILURES_MAX);
        if self.database().execute(count).await? == 1 {
            return Ok(());
        }
        let mut transaction = self.database().write().await?;
        if self.end_session(&mut transaction, session, "too many wrong codes").await? {
            let act = Act::new(Actor::Account(account.to_owned()), "session.end_by_failures", origin);
            self.record(&mut transaction, act.on("session", session).refused()).await?;
        }
        self.commit(transaction).await?;
        Err(AccessError::Token)
    }
}

fn one_row(rows: u64) -> Result<(), AccessError> {
    if rows == 1 { Ok(()) } else { Err(AccessError::Factor) }
}
