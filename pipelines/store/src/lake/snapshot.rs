//! What a question sees: files and fresh rows of one project at one moment. Immutable, cheap to clone.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
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
}

impl DataFile {
    /// Column that holds `properties->>'key'` of every row.
    pub fn promoted_column(key: &str) -> String {
        format!("properties.{key}")
    }
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
        ProjectSnapshot { root, version, tables: views, overrides, lineage, remote: None }
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
