//! What readers see: the head of the chain of publications, which numbers below it are void, who is whom, and the projects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use footfall_ingest_activity::Checkpoint;

use crate::lake::Overrides;

/// One moment of the store; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub visible: Visible,
    /// Of the head.
    pub checkpoint: Checkpoint,
    pub overrides: BTreeMap<Arc<str>, Arc<Overrides>>,
    pub projects: Arc<BTreeSet<Arc<str>>>,
}

/// Which rows are committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Visible {
    /// The latest committed publication.
    pub head: u64,
    /// Numbers below it that were never committed, and whose rows may still be there.
    pub void: Arc<[u64]>,
}

impl Visible {
    /// The condition on rows published after `after`.
    pub fn condition(&self, after: u64) -> String {
        let mut sql = format!("publication <= {}", self.head);
        if after > 0 {
            sql += &format!(" AND publication > {after}");
        }
        let void: Vec<String> =
            self.void.iter().filter(|void| **void > after && **void <= self.head).map(u64::to_string).collect();
        if !void.is_empty() {
            sql += &format!(" AND publication NOT IN ({})", void.join(", "));
        }
        sql
    }
}

impl View {
    /// Takes in who somebody is now.
    pub fn change_persons<'c>(
        &mut self,
        project: &Arc<str>,
        changes: impl IntoIterator<Item = &'c (uuid::Uuid, uuid::Uuid)>,
    ) {
        let mut changes = changes.into_iter().peekable();
        if changes.peek().is_none() {
            return;
        }
        let overrides = Arc::make_mut(self.overrides.entry(project.clone()).or_default());
        for &(own, canonical) in changes {
            match own == canonical {
                true => overrides.remove(&own),
                false => overrides.insert(own, canonical),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_void_numbers_are_left_out() {
        let visible = Visible { head: 9, void: [3, 7, 12].into() };
        assert_eq!(visible.condition(0), "publication <= 9 AND publication NOT IN (3, 7)");
        assert_eq!(visible.condition(5), "publication <= 9 AND publication > 5 AND publication NOT IN (7)");
        assert_eq!(visible.condition(8), "publication <= 9 AND publication > 8");
    }
}
