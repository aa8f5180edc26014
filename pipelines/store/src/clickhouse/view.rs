//! What readers see: the head of the chain of publications, which numbers below it are void, who is whom, and the projects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use footfall_ingest_activity::Checkpoint;

use super::ddl::SETTLED;
use super::forgotten::{Forgotten, Hidden};
use crate::lake::Overrides;
use crate::tables::Table;

/// One moment of the store; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub visible: Visible,
    /// Of the head.
    pub checkpoint: Checkpoint,
    pub overrides: BTreeMap<Arc<str>, Arc<Overrides>>,
    pub projects: Arc<BTreeSet<Arc<str>>>,
    pub forgotten: Arc<Forgotten>,
}

/// Which rows are committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Visible {
    /// The latest committed publication.
    pub head: u64,
    /// Numbers below it that were never committed, and whose rows may still be there. Others are settled: the database knows them.
    pub void: Arc<[u64]>,
    /// Persons who are forgotten, and whose rows may still be there.
    pub hidden: Arc<[Hidden]>,
}

impl Visible {
    /// The condition on rows published after `after`, in the database of that name.
    pub fn condition(&self, after: u64, database: &str) -> String {
        let mut sql = format!("publication <= {}", self.head);
        if after > 0 {
            sql += &format!(" AND publication > {after}");
        }
        let void: Vec<String> =
            self.void.iter().filter(|void| **void > after && **void <= self.head).map(u64::to_string).collect();
        if !void.is_empty() {
            sql += &format!(" AND publication NOT IN ({})", void.join(", "));
        }
        // What was left out once is void for ever: rows may come long after those that were there are gone, from whoever was halted
        // meanwhile. Numbers are only ever added, so it does not matter when the list is read.
        sql + &format!(" AND publication NOT IN (SELECT publication FROM `{database}`.{SETTLED})")
    }

    /// The condition on rows of a table published after `after`, of one project or of all, which are in the database of
    /// that name: without those of the forgotten.
    pub fn rows(&self, table: Table, project: Option<&str>, after: u64, database: &str) -> String {
        let concerns = |hidden: &&Hidden| hidden.publication > after && project.is_none_or(|of| *of == *hidden.project);
        let theirs = self.hidden.iter().filter(concerns).filter_map(|hidden| hidden.rows(table, database));
        theirs.fold(self.condition(after, database), |sql, theirs| format!("{sql} AND NOT ({theirs})"))
    }
}

impl View {
    /// Whether the number after the head has been that of an erasure before.
    pub fn is_next_used(&self, erasure: uuid::Uuid) -> bool {
        self.forgotten.is_used(erasure, self.visible.head + 1)
    }

    /// Takes in who is forgotten, as of the head: who is newly so is nobody's merged id any more.
    pub fn forget(&mut self, forgotten: Arc<Forgotten>) {
        for erasure in forgotten.erasures.iter() {
            let is_new = self.forgotten.get(erasure.id).is_none_or(|known| known.publication.is_none());
            if let Some(overrides) = self.overrides.get_mut(&erasure.project).filter(|_| is_new) {
                Arc::make_mut(overrides).retain(|own, _| !erasure.persons.contains(own));
            }
        }
        self.visible.hidden = forgotten.hidden();
        self.forgotten = forgotten;
    }

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
        let visible = Visible { head: 9, void: [3, 7, 12].into(), ..Visible::default() };
        let condition = |after, expected: &str| {
            let settled = "AND publication NOT IN (SELECT publication FROM `db`.settled_publications)";
            assert_eq!(visible.condition(after, "db"), format!("publication <= 9 {expected}{settled}"));
        };
        condition(0, "AND publication NOT IN (3, 7) ");
        condition(5, "AND publication > 5 AND publication NOT IN (7) ");
        condition(8, "AND publication > 8 ");
    }

    #[test]
    fn rows_of_the_forgotten_are_left_out_of_what_was_published_before() {
        let hidden = Hidden { id: uuid::Uuid::nil(), project: "it's".into(), publication: 7 };
        let visible = Visible { head: 9, hidden: [hidden].into(), ..Visible::default() };
        let theirs = "project = 'it\\'s' AND publication < 7 AND quarantine_id IN (SELECT key FROM `db`.erased_rows \
                      WHERE erasure = '00000000-0000-0000-0000-000000000000' AND publication = 7 AND kind = 'item')";
        let all = visible.rows(Table::Quarantine, Some("it's"), 0, "db");
        let plain = |after| visible.condition(after, "db");
        assert_eq!(all, format!("{} AND NOT ({theirs})", plain(0)));
        assert_eq!(visible.rows(Table::Quarantine, None, 0, "db"), all);
        assert_eq!(visible.rows(Table::Quarantine, Some("other"), 0, "db"), plain(0));
        assert_eq!(visible.rows(Table::Quarantine, None, 7, "db"), plain(7));
        assert_eq!(visible.rows(Table::QuarantineResolved, None, 0, "db"), plain(0));
    }
}
