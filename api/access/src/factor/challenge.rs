//! Ceremonies under way: a sign-in that waits for its second factor, a passkey's registration or use. Good once, for a few
//! minutes and a few attempts.

use crate::access::Access;
use crate::database::{Statement, Transaction, statement};
use crate::error::AccessError;
use crate::secret::{random_text, sha256_hex};

/// A challenge lives this long (OWASP ASVS 5, V6.6.1: minutes).
const LIFE_MILLIS: i64 = 5 * 60 * 1000;
/// Six digits guessed five times: 1 in 200,000 for each password that is right (NIST SP 800-63B-4, 3.2.2 allows 100 in all).
const ATTEMPTS_MAX: i64 = 5;

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    SignIn,
    RegisterPasskey,
    /// A passkey as the only factor, as the second, or for a step-up.
    UsePasskey,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Purpose::SignIn => "sign_in",
            Purpose::RegisterPasskey => "register_passkey",
            Purpose::UsePasskey => "use_passkey",
        }
    }
}

/// An attempt that was counted.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    hash: String,
    pub account: Option<String>,
}

impl Access {
    /// Opens a challenge and returns its secret.
    pub(crate) async fn open_challenge(&self, purpose: Purpose, account: Option<&str>) -> Result<String, AccessError> {
        let (secret, insert) = self.new_challenge(purpose, account)?;
        self.database().execute(insert).await?;
        Ok(secret)
    }

    /// The same as part of `transaction`.
    pub(crate) async fn open_challenge_within(
        &self,
        transaction: &mut Transaction,
        purpose: Purpose,
        account: Option<&str>,
    ) -> Result<String, AccessError> {
        let (secret, insert) = self.new_challenge(purpose, account)?;
        transaction.execute(insert).await?;
        Ok(secret)
    }

    fn new_challenge(&self, purpose: Purpose, account: Option<&str>) -> Result<(String, Statement), AccessError> {
        let secret = random_text()?;
        let insert = "INSERT INTO challenges (hash, purpose, account_id, expires_at) VALUES ($1, $2, $3, $4)";
        let insert = statement(insert).bind(sha256_hex(secret.as_bytes())).bind(purpose.name()).bind(account);
        Ok((secret, insert.bind(self.now().plus_millis(LIFE_MILLIS))))
    }

    /// Counts an attempt before it is judged, so that parallel guesses are counted too.
    pub(crate) async fn attempt_challenge(&self, purpose: Purpose, secret: &str) -> Result<Attempt, AccessError> {
        let hash = sha256_hex(secret.as_bytes());
        let count = "UPDATE challenges SET attempts = attempts + 1
                     WHERE hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 AND attempts < $4
                     RETURNING account_id";
        let count = statement(count).bind(&hash).bind(purpose.name()).bind(self.now()).bind(ATTEMPTS_MAX);
        let mut transaction = self.database().write().await?;
        let row = transaction.one(count).await?.ok_or(AccessError::Factor)?;
        transaction.commit().await?;
        Ok(Attempt { hash, account: row.get("account_id")? })
    }

    /// Spends the challenge: of several at once, one gets it.
    pub(crate) async fn close_challenge(
        &self,
        transaction: &mut Transaction,
        attempt: &Attempt,
    ) -> Result<(), AccessError> {
        let close = "UPDATE challenges SET used_at = $1 WHERE hash = $2 AND used_at IS NULL AND expires_at > $1";
        let closed = transaction.execute(statement(close).bind(self.now()).bind(&attempt.hash)).await?;
        if closed == 1 { Ok(()) } else { Err(AccessError::Factor) }
    }
}
