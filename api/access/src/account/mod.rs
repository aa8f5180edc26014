//! Accounts: sign-up, sign-in, changes of address and password. No text and no time tells who has one.

mod credentials;
mod email;
pub(crate) mod links;
mod name;
mod recovery;
mod sign_in;
pub(crate) mod sign_up;

use footfall_ingest_activity::Timestamp;
use serde::Serialize;

pub use email::Email;
pub use sign_in::SignIn;
pub use sign_up::NewAccount;

use crate::database::Row;
use crate::error::AccessError;

/// An account as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    pub id: String,
    pub email: String,
    pub name: String,
    pub has_factor: bool,
    pub is_disabled: bool,
    pub created_at: Timestamp,
    pub version: i64,
}

impl Account {
    fn read(row: &Row) -> Result<Account, AccessError> {
        Ok(Account {
            id: row.get("id")?,
            email: row.get("email")?,
            name: row.get("name")?,
            has_factor: row.get::<i64>("has_factor")? != 0,
            is_disabled: row.time_if_any("disabled_at")?.is_some(),
            created_at: row.time("created_at")?,
            version: row.get("version")?,
        })
    }
}
