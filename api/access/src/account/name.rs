//! How somebody is called.

use serde_json::json;

use super::Account;
use super::sign_up::check_name;
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::statement;
use crate::error::{AccessError, Answer};

impl Access {
    /// Changes the name of an account, by itself.
    pub fn change_name<'a>(&'a self, account: &'a str, name: &'a str, origin: &'a Origin) -> Answer<'a, Account> {
        Box::pin(async move {
            check_name(name)?;
            let before = self.account(account).await?;
            let mut transaction = self.database().write().await?;
            let update = "UPDATE accounts SET name = $1, changed_at = $2, version = version + 1
                          WHERE id = $3 AND disabled_at IS NULL";
            let update = statement(update).bind(name.trim()).bind(self.now()).bind(account);
            if transaction.execute(update).await? == 0 {
                return Err(AccessError::NotFound("account"));
            }
            self.note(&mut transaction, Change::Account, account).await?;
            let act = Act::new(Actor::Account(account.to_owned()), "account.rename", origin).on("account", account);
            let act = act.before(&json!({ "name": before.name })).after(&json!({ "name": name.trim() }));
            self.record(&mut transaction, act).await?;
            self.commit(transaction).await?;
            self.account(account).await
        })
    }
}
