//! How far a table was read, for what is folded out of its rows as they come.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use footfall_pipelines_store::lake::{ProjectSnapshot, TableScan, fresh_columns};
use footfall_pipelines_store::tables::Table;

use crate::error::AskError;
use crate::remote::RemoteScan;

const BATCH_ROWS: usize = 8_192;

/// What of one table was read already.
#[derive(Default)]
pub(crate) struct Followed {
    files: HashSet<String>,
    /// Of a database, the version up to which its rows were read.
    until: u64,
    /// Held, so that their addresses name them.
    fresh: Vec<RecordBatch>,
}

impl Followed {
    /// Gives the columns of the rows that were not read yet to `fold`, which says how much of a batch was news. How much it was in all.
    ///
    /// Rows may come again: those of a file that compaction has made, and after an error those that were read before it.
    ///
    /// # Errors
    /// A file cannot be read, or the database does not answer.
    pub fn on(
        &mut self,
        snapshot: &ProjectSnapshot,
        table: Table,
        columns: &[&str],
        mut fold: impl FnMut(&RecordBatch) -> usize,
    ) -> Result<usize, AskError> {
        let view = snapshot.table(table);
        let mut news = 0;
        for file in view.files.iter().filter(|file| !self.files.contains(&file.path)) {
            for batch in TableScan::open(&snapshot.root, table, file, columns, &[], BATCH_ROWS)? {
                news += fold(&batch?);
            }
        }
        self.files = view.files.iter().map(|file| file.path.clone()).collect();
        if let Some(rows) = snapshot.remote.as_ref().filter(|_| snapshot.version > self.until) {
            for batch in RemoteScan::new(rows.clone(), table, self.until).begin(columns, &[]) {
                news += fold(&batch?);
            }
            self.until = snapshot.version;
        }
        let is_known = |batch: &RecordBatch| {
            let same = |known: &RecordBatch| Arc::ptr_eq(known.column(0), batch.column(0));
            self.fresh.iter().any(same)
        };
        for batch in view.fresh.iter().filter(|batch| !is_known(batch)) {
            news += fold(&fresh_columns(table, batch, columns, &[])?);
        }
        self.fresh = view.fresh.clone();
        Ok(news)
    }
}
