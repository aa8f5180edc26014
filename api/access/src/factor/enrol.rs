//! Switching second factors on and off: TOTP with its QR code, recovery codes, and the list of what an account has.

use footfall_ingest_activity::Timestamp;
use serde::Serialize;

use super::qr::svg;
use super::totp::{SECRET_BYTES, base32, otpauth_url, step_of};
use super::{FactorKind, recovery_hash};
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::{Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::mail::Mail;
use crate::secret::random;

/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;

/// A second factor as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Factor {
    pub kind: FactorKind,
    /// The passkey's id; empty for the others.
    pub id: String,
    pub name: String,
    pub created_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

/// What an authenticator needs. Shown once.
#[derive(Clone, Serialize)]
pub struct TotpEnrolment {
    /// For typing.
    pub secret: String,
    pub otpauth_url: String,
    pub qr_svg: String,
}

impl Access {
    /// Begins TOTP: the secret counts for nothing until a code of it has been given.
    pub fn begin_totp<'a>(&'a self, account: &'a str) -> Answer<'a, TotpEnrolment> {
        Box::pin(async move {
            let (secret, owner) = (random::<SECRET_BYTES>()?, self.account(account).await?);
            let sealed = self.vault().seal(&super::totp_context(account), &secret)?;
            // One that is confirmed is not overwritten: whoever borrows a session must not swap it silently.
            let upsert = "INSERT INTO totp_factors (account_id, sealed, created_at) VALUES ($1, $2, $3)
                          ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at
                          WHERE totp_factors.confirmed_at IS NULL";
            let upsert = statement(upsert).bind(account).bind(sealed).bind(self.now());
            if self.database().execute(upsert).await? == 0 {
                return Err(AccessError::Conflict("an authenticator is set up already; remove it first"));
            }
            let otpauth_url = otpauth_url(&secret, "Footfall", &owner.email);
            Ok(TotpEnrolment { secret: base32(&secret), qr_svg: svg(&otpauth_url)?, otpauth_url })
        })
    }

    /// Switches TOTP on with a first code; returns new recovery codes, shown once.
    pub fn confirm_totp<'a>(&'a self, account: &'a str, code: &'a str, origin: &'a Origin) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let query = "SELECT sealed FROM totp_factors WHERE account_id = $1 AND confirmed_at IS NULL";
            let row = transaction.one(statement(query).bind(account)).await?.ok_or(AccessError::Factor)?;
            let sealed: String = row.get("sealed")?;
            let secret = self.vault().unseal(&super::totp_context(account), &sealed)?;
            let step = step_of(&secret, code, self.now().millis(), 0).ok_or(AccessError::Factor)?;
            // The same secret as was judged: another enrolment may have begun meanwhile.
            let confirm = "UPDATE totp_factors SET confirmed_at = $1, last_step = $2
                           WHERE account_id = $3 AND sealed = $4 AND confirmed_at IS NULL";
            let confirm = statement(confirm).bind(self.now()).bind(step).bind(account).bind(sealed);
            if transaction.execute(confirm).await? != 1 {
                return Err(AccessError::Factor);
            }
            let codes = self.replace_recovery_codes(&mut transaction, account).await?;
            self.factors_changed(&mut transaction, account, "an authenticator was added", "totp.confirm", origin)
                .await?;
            self.commit(transaction).await?;
            Ok(codes)
        })
    }

    /// Switches TOTP off. The caller has checked the step-up.
    pub fn remove_totp<'a>(&'a self, account: &'a str, origin: &'a Origin) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let delete = statement("DELETE FROM totp_factors WHERE account_id = $1").bind(account);
            if transaction.execute(delete).await? == 0 {
                return Err(AccessError::NotFound("authenticator"));
            }
            self.factors_changed(&mut transaction, account, "the authenticator was removed", "totp.remove", origin)
                .await?;
            self.commit(transaction).await
        })
    }

    /// Makes new recovery codes; the old ones are worthless. The caller has checked the step-up.
    pub fn renew_recovery_codes<'a>(&'a self, account: &'a str, origin: &'a Origin) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let codes = self.replace_recovery_codes(&mut transaction, account).await?;
            self.factors_changed(
                &mut transaction,
                account,
                "new recovery codes were made",
                "recovery_codes.renew",
                origin,
            )
            .await?;
            self.commit(transaction).await?;
            Ok(codes)
        })
    }

    /// What `account` has switched on.
    pub fn factors<'a>(&'a self, account: &'a str) -> Answer<'a, Vec<Factor>> {
        Box::pin(async move {
            let mut factors = Vec::new();
            let totp = "SELECT confirmed_at FROM totp_factors WHERE account_id = $1 AND confirmed_at IS NOT NULL";
            for row in self.database().read(statement(totp).bind(account)).await? {
                let created_at = row.time_if_any("confirmed_at")?;
                factors.push(Factor { created_at, ..Factor::plain(FactorKind::Totp, "Authenticator") });
            }
            let passkeys =
                "SELECT id, name, created_at, last_used_at FROM passkeys WHERE account_id = $1 ORDER BY created_at";
            for row in self.database().read(statement(passkeys).bind(account)).await? {
                factors.push(Factor {
                    kind: FactorKind::Passkey,
                    id: row.get("id")?,
                    name: row.get("name")?,
                    created_at: row.time_if_any("created_at")?,
                    last_used_at: row.time_if_any("last_used_at")?,
                });
            }
            let left = "SELECT COUNT(*) AS codes FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL";
            let left = self.database().read_one(statement(left).bind(account)).await?;
            let left: i64 = left.map(|row| row.get("codes")).transpose()?.unwrap_or_default();
            if left > 0 {
                factors.push(Factor::plain(FactorKind::RecoveryCode, &format!("{left} recovery codes")));
            }
            Ok(factors)
        })
    }

    async fn replace_recovery_codes(
        &self,
        transaction: &mut Transaction,
        account: &str,
    ) -> Result<Vec<String>, AccessError> {
        transaction.execute(statement("DELETE FROM recovery_codes WHERE account_id = $1").bind(account)).await?;
        let mut codes = Vec::with_capacity(RECOVERY_CODES);
        for _ in 0..RECOVERY_CODES {
            // 120 random bits: from 112 on, a plain hash is enough (OWASP ASVS 5, V6.5.2).
            let text = base32(&random::<15>()?).to_lowercase();
            let groups: Vec<&str> = (0..6).filter_map(|group| text.get(4 * group..4 * group + 4)).collect();
            let code = groups.join("-");
            let insert = statement("INSERT INTO recovery_codes (account_id, hash) VALUES ($1, $2)");
            transaction.execute(insert.bind(account).bind(recovery_hash(&code))).await?;
            codes.push(code);
        }
        Ok(codes)
    }

    /// Brings `has_factor` up to date, tells the owner, and records it.
    pub(super) async fn factors_changed(
        &self,
        transaction: &mut Transaction,
        account: &str,
        what: &'static str,
        action: &'static str,
        origin: &Origin,
    ) -> Result<(), AccessError> {
        // First the account's row is locked, then the factors are counted by a statement of its own: it sees what the holder of the
        // lock before has committed. In one statement, PostgreSQL would count as of before the wait, and a passkey that was added
        // meanwhile could be left out.
        let lock = "UPDATE accounts SET version = version + 1, changed_at = $1 WHERE id = $2 RETURNING email";
        let lock = statement(lock).bind(self.now()).bind(account);
        let row = transaction.one(lock).await?.ok_or(AccessError::NotFound("account"))?;
        // Recovery codes alone are no factor: they stand in for one.
        let count = "UPDATE accounts SET has_factor = CASE
                         WHEN EXISTS (SELECT 1 FROM totp_factors WHERE account_id = $1 AND confirmed_at IS NOT NULL)
                           OR EXISTS (SELECT 1 FROM passkeys WHERE account_id = $1) THEN 1 ELSE 0 END
                     WHERE id = $1";
        transaction.execute(statement(count).bind(account)).await?;
        self.enqueue(transaction, &row.get::<String>("email")?, &Mail::FactorChanged { what }).await?;
        self.note(transaction, Change::Account, account).await?;
        let act = Act::new(Actor::Account(account.to_owned()), action, origin).on("account", account);
        self.record(transaction, act).await
    }
}

impl Factor {
    fn plain(kind: FactorKind, name: &str) -> Factor {
        Factor { kind, id: String::new(), name: name.to_owned(), created_at: None, last_used_at: None }
    }
}
