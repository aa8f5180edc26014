//! What a question sees: files and fresh rows of one project at one moment. Immutable, cheap to clone.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::RowSelection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lineage::Lineage;
use crate::remote::RemoteRows;
use crate::tables::Table;

/// One Parquet file of a table, sorted by [`Table::sort_columns`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Below the lake's root: `project/table/name.parquet`.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    /// Least and greatest of the table's time column in milliseconds (`timestamp` of activity), where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<(i64, i64)>,
    /// Names of properties that have a text column of their own in this file, named [`DataFile::promoted_column`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promoted: Vec<String>,
    /// Rows of persons who are forgotten, as ranges `from..until` in ascending order. No reader gives them out, and they
    /// leave the disk with the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<(u64, u64)>,
}

impl DataFile {
    /// A file of which nothing but its place is known.
    pub fn plain(path: &str) -> DataFile {
        DataFile { path: path.to_owned(), rows: 0, bytes: 0, times: None, promoted: Vec::new(), erased: Vec::new() }
    }

    /// Rows that readers see.
    pub fn live_rows(&self) -> u64 {
        self.rows - self.erased.iter().map(|(from, until)| until - from).sum::<u64>()
    }

    /// What a Parquet reader has to read; `None` for all of it.
    pub(crate) fn selection(&self) -> Option<RowSelection> {
        selection(self.rows, &self.erased)
    }

    /// Column that holds `properties->>'key'` of every row.
    pub fn promoted_column(key: &str) -> String {
        format!("properties.{key}")
    }
}

fn selection(rows: u64, erased: &[(u64, u64)]) -> Option<RowSelection> {
    if erased.is_empty() {
        return None;
    }
    let place = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
    let starts = std::iter::once(0).chain(erased.iter().map(|(_, until)| *until));
    let ends = erased.iter().map(|(from, _)| *from).chain(std::iter::once(rows));
    let live = starts.zip(ends).filter(|(from, until)| from < until).map(|(from, until)| place(from)..place(until));
    Some(RowSelection::from_consecutive_ranges(live, place(rows)))
}

/// Own person of an id to the person it is now; ids that are their own person are not in it.
pub type Overrides = HashMap<Uuid, Uuid>;

/// A table at one moment.
#[derive(Debug, Clone, Default)]
pub struct TableView {
    pub files: Vec<Arc<DataFile>>,
    /// Rows not in files yet, with [`Table::fresh_schema`], in order of publication.
    pub fresh: Vec<RecordBatch>,
}

/// A project at one moment. While it lives, none of its files is deleted.
#[derive(Debug, Clone)]
pub struct ProjectSnapshot {
    /// The lake's root folder.
    pub root: PathBuf,
    /// Grows with everything that becomes visible: equal versions hold equal rows.
    pub version: u64,
    pub(crate) tables: Vec<TableView>,
    pub overrides: Arc<Overrides>,
    /// How many of its persons are forgotten so far: what was derived before the last of them is to be thrown away.
    pub erasures: u64,
    /// What the files of lately were made of.
    pub lineage: Arc<Lineage>,
    /// Where the rows are, if they lie in a database: then there are neither files nor fresh rows, and `version` is that of
    /// the database.
    pub remote: Option<Arc<dyn RemoteRows>>,
}

impl ProjectSnapshot {
    /// A project with what `tables` holds; tables that are not named are empty.
    pub fn new(
        root: PathBuf,
        version: u64,
        tables: impl IntoIterator<Item = (Table, TableView)>,
        overrides: Overrides,
    ) -> Self {
        let mut views = vec![TableView::default(); Table::ALL.len()];
        for (table, view) in tables {
            views[table as usize] = view;
        }
        let (overrides, lineage) = (Arc::new(overrides), Arc::default());
        ProjectSnapshot { root, version, tables: views, overrides, erasures: 0, lineage, remote: None }
    }

    /// A project without rows.
    pub fn empty() -> Self {
        ProjectSnapshot::new(PathBuf::new(), 0, [], Overrides::new())
    }

    /// A table's files and fresh rows.
    pub fn table(&self, table: Table) -> &TableView {
        &self.tables[table as usize]
    }
}
