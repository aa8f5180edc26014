//! What whoever runs the installation mends from its shell when mail or second factor are lost.

use crate::access::Access;
use crate::account::Account;
use crate::account::links::{Link, Purpose};
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::statement;
use crate::error::{AccessError, Answer};
use crate::mail::Mail;

impl Access {
    /// All accounts, by address.
    pub fn accounts(&self) -> Answer<'_, Vec<Account>> {
        Box::pin(async move {
            let query = statement("SELECT * FROM accounts ORDER BY email_folded");
            self.database().read(query).await?.iter().map(Account::read).collect()
        })
    }

    /// A link by which the account's owner chooses a new password, for the operator to hand over.
    pub fn operator_reset_link<'a>(&'a self, account: &'a str, origin: &'a Origin) -> Answer<'a, String> {
        Box::pin(async move {
            let email = self.account(account).await?.email;
            let mut transaction = self.database().write().await?;
            let link = Link { account: Some(account.to_owned()), email, detail: String::new() };
            let link = self.make_link(&mut transaction, Purpose::ResetPassword, &link).await?;
            let act = Act::new(Actor::Operator, "password.operator_reset", origin).on("account", account);
            self.record(&mut transaction, act).await?;
            self.commit(transaction).await?;
            Ok(link)
        })
    }

    /// Takes every second factor off an account and ends its sessions; its owner is told by mail.
    pub fn remove_all_factors<'a>(&'a self, account: &'a str, origin: &'a Origin) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let lock = "UPDATE accounts SET version = version + 1, changed_at = $1, has_factor = 0 WHERE id = $2 RETURNING email";
            let row = transaction.one(statement(lock).bind(self.now()).bind(account)).await?;
            let email: String = row.ok_or(AccessError::NotFound("account"))?.get("email")?;
            for sql in [
                "DELETE FROM totp_factors WHERE account_id = $1",
                "DELETE FROM recovery_codes WHERE account_id = $1",
                "DELETE FROM passkeys WHERE account_id = $1",
            ] {
                transaction.execute(statement(sql).bind(account)).await?;
            }
            self.void_links(&mut transaction, account).await?;
            self.end_sessions(&mut transaction, account, None, "factors removed").await?;
            let what = "all second factors were removed by whoever runs this installation";
            self.enqueue(&mut transaction, &email, &Mail::FactorChanged { what }).await?;
            self.note(&mut transaction, Change::Account, account).await?;
            let act = Act::new(Actor::Operator, "factors.operator_remove", origin).on("account", account);
            self.record(&mut transaction, act).await?;
            self.commit(transaction).await
        })
    }
}
