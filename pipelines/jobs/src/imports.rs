//! What became of the items of each `footfall import`.

use std::collections::{HashMap, HashSet, VecDeque};
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
    /// Imports whose account has grown since it was last taken.
    grown: HashSet<String>,
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

    /// Accounts that have grown since this was last asked, each as a whole.
    pub fn take_grown(&self) -> Vec<(String, ImportAccount)> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = std::mem::take(&mut accounts.grown).into_iter();
        grown.filter_map(|import| accounts.by_import.get(&import).map(|account| (import.clone(), *account))).collect()
    }

    /// They were not told: they are to be taken again.
    pub fn give_back(&self, imports: impl Iterator<Item = String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).grown.extend(imports);
    }

    pub(crate) fn add(&self, import: &str, more: ImportAccount) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.grown.insert(import.to_owned());
        if let Some(account) = accounts.by_import.get_mut(import) {
            account.add(more);
            return;
        }
        accounts.by_import.insert(import.to_owned(), more);
        accounts.oldest_first.push_back(import.to_owned());
        if accounts.oldest_first.len() > ACCOUNTS_MAX {
            let oldest = accounts.oldest_first.pop_front();
            if let Some(oldest) = oldest {
                accounts.by_import.remove(&oldest);
                accounts.grown.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_grown_is_told_once_as_a_whole_and_again_when_nobody_heard() {
        let accounts = ImportAccounts::default();
        let stored = |stored| ImportAccount { stored, ..ImportAccount::default() };
        accounts.add("a", stored(1));
        accounts.add("a", stored(2));
        assert_eq!(accounts.take_grown(), [("a".to_owned(), stored(3))]);
        assert_eq!(accounts.take_grown(), []);
        accounts.give_back(["a".to_owned(), "unknown".to_owned()].into_iter());
        assert_eq!(accounts.take_grown(), [("a".to_owned(), stored(3))]);
        // However many there are, what is kept is bounded.
        (0..2 * ACCOUNTS_MAX).for_each(|number| accounts.add(&number.to_string(), stored(1)));
        assert_eq!(accounts.take_grown().len(), ACCOUNTS_MAX);
    }
}
