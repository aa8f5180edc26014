//! What became of the items of each `footfall import`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Imports whose account is kept; the oldest is forgotten first.
const ACCOUNTS_MAX: usize = 1024;

/// The account of one import, as far as the job has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ImportAccount {
    /// Activities that queries see.
    pub stored: u64,
    /// Activities that were there before, or twice in the import.
    pub duplicate: u64,
    /// Items in the `quarantine` table.
    pub quarantined: u64,
    /// Activities of persons who are forgotten: they make no rows.
    pub erased: u64,
}

impl ImportAccount {
    /// Items accounted for.
    pub fn total(&self) -> u64 {
        self.stored + self.duplicate + self.quarantined + self.erased
    }

    pub(crate) fn add(&mut self, other: ImportAccount) {
        self.stored += other.stored;
        self.duplicate += other.duplicate;
        self.quarantined += other.quarantined;
        self.erased += other.erased;
    }
}

#[derive(Debug, Default)]
struct Accounts {
    by_import: HashMap<String, ImportAccount>,
    oldest_first: VecDeque<String>,
}

/// Accounts by import id; share it as an `Arc`.
#[derive(Debug, Default)]
pub struct ImportAccounts(Mutex<Accounts>);

impl ImportAccounts {
    /// The account of `import`: empty when the job has seen nothing of it yet.
    pub fn get(&self, import: &str) -> ImportAccount {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.by_import.get(import).copied().unwrap_or_default()
    }

    pub(crate) fn add(&self, import: &str, more: ImportAccount) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.by_import.get_mut(import) {
            account.add(more);
            return;
        }
        accounts.by_import.insert(import.to_owned(), more);
        accounts.oldest_first.push_back(import.to_owned());
        if accounts.oldest_first.len() > ACCOUNTS_MAX {
            let oldest = accounts.oldest_first.pop_front();
            oldest.and_then(|oldest| accounts.by_import.remove(&oldest));
        }
    }
}
