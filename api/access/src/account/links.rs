//! One-time links: 256 random bits that go out by e-mail, kept as their hash, good once and for a while.

use crate::access::Access;
use crate::database::{Row, Transaction, statement};
use crate::error::AccessError;
use crate::secret::{random_text, sha256_hex};

const HOUR: i64 = 60 * 60 * 1000;

/// What a link is for. One kind of link never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    SignUp,
    ResetPassword,
    ChangeEmail,
    Invitation,
    FirstOwner,
}

impl Purpose {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Purpose::SignUp => "sign-up",
            Purpose::ResetPassword => "reset-password",
            Purpose::ChangeEmail => "change-email",
            Purpose::Invitation => "invitation",
            Purpose::FirstOwner => "first-owner",
        }
    }

    /// OWASP ASVS 5, V6.4.1 asks for a short life; NIST SP 800-63B-4, 3.1.3.2 gives e-mail 24 hours at most.
    const fn life_millis(self) -> i64 {
        match self {
            Purpose::ResetPassword | Purpose::ChangeEmail => HOUR,
            Purpose::SignUp | Purpose::FirstOwner => 24 * HOUR,
            Purpose::Invitation => 7 * 24 * HOUR,
        }
    }
}

/// What stands behind a link.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub account: Option<String>,
    pub email: String,
    pub detail: String,
}

impl Link {
    fn read(row: &Row) -> Result<Link, AccessError> {
        Ok(Link { account: row.get("account_id")?, email: row.get("email")?, detail: row.get("detail")? })
    }
}

impl Access {
    /// Makes a link and returns its address. The secret stands behind the `#`: browsers send it to no server's log and in no
    /// `Referer` (OWASP ASVS 5, V14.2.1).
    pub(crate) async fn make_link(
        &self,
        transaction: &mut Transaction,
        purpose: Purpose,
        link: &Link,
    ) -> Result<String, AccessError> {
        let (secret, now) = (random_text()?, self.now());
        let insert = "INSERT INTO links (hash, purpose, account_id, email, detail, created_at, expires_at)
                      VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let insert = statement(insert).bind(sha256_hex(secret.as_bytes())).bind(purpose.name());
        let insert = insert.bind(link.account.as_deref()).bind(&link.email).bind(&link.detail);
        transaction.execute(insert.bind(now).bind(now.plus_millis(purpose.life_millis()))).await?;
        Ok(format!("{}/account/{}#{secret}", self.settings().public_url, purpose.name()))
    }

    /// What stands behind a link that is still good, without spending it: so that a refused password does not cost the link.
    pub(crate) async fn look_at_link(&self, purpose: Purpose, secret: &str) -> Result<Link, AccessError> {
        let query = "SELECT account_id, email, detail FROM links
                     WHERE hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3";
        let query = statement(query).bind(sha256_hex(secret.as_bytes())).bind(purpose.name()).bind(self.now());
        Link::read(&self.database().read_one(query).await?.ok_or(AccessError::Link)?)
    }

    /// Spends a link: of several at once, one gets it.
    pub(crate) async fn spend_link(
        &self,
        transaction: &mut Transaction,
        purpose: Purpose,
        secret: &str,
    ) -> Result<Link, AccessError> {
        let spend = "UPDATE links SET used_at = $1
                     WHERE hash = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $1
                     RETURNING account_id, email, detail";
        let spend = statement(spend).bind(self.now()).bind(sha256_hex(secret.as_bytes())).bind(purpose.name());
        Link::read(&transaction.one(spend).await?.ok_or(AccessError::Link)?)
    }

    /// Makes all open links and half-done sign-ins of an account worthless: after its password or address has changed, or it was
    /// disabled, older ones must not act.
    pub(crate) async fn void_links(&self, transaction: &mut Transaction, account: &str) -> Result<(), AccessError> {
        for sql in [
            "UPDATE links SET used_at = $1 WHERE account_id = $2 AND used_at IS NULL",
            "UPDATE challenges SET used_at = $1 WHERE account_id = $2 AND used_at IS NULL",
        ] {
            transaction.execute(statement(sql).bind(self.now()).bind(account)).await?;
        }
        Ok(())
    }
}
