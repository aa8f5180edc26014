//! Reading rows that lie in a database: columns, and properties as text, as of files.

use std::sync::Arc;

use arrow::array::RecordBatch;
use footfall_pipelines_store::lake::fresh_columns;
use footfall_pipelines_store::remote::{RemoteRows, Rows, RowsWanted};
use footfall_pipelines_store::tables::Table;

use crate::error::AskError;

const PROPERTIES: &str = "properties";

/// Rows of a table after a version of the project.
pub(crate) struct RemoteScan {
    source: Arc<dyn RemoteRows>,
    table: Table,
    after: u64,
    columns: Vec<String>,
    properties: Vec<String>,
    rows: Option<Rows>,
}

impl RemoteScan {
    pub fn new(source: Arc<dyn RemoteRows>, table: Table, after: u64) -> RemoteScan {
        RemoteScan { source, table, after, columns: Vec::new(), properties: Vec::new(), rows: None }
    }

    /// Starts reading.
    pub fn begin(mut self, columns: &[&str], properties: &[String]) -> RemoteScan {
        self.columns = columns.iter().map(|&name| name.to_owned()).collect();
        self.properties = properties.to_vec();
        let mut wanted = RowsWanted { after: self.after, ..RowsWanted::columns(self.table, columns) };
        if !properties.is_empty() && !columns.contains(&PROPERTIES) {
            wanted.columns.push(PROPERTIES.to_owned());
        }
        self.rows = Some(self.source.read(wanted));
        self
    }
}

impl Iterator for RemoteScan {
    type Item = Result<RecordBatch, AskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.rows.as_mut()?.next_blocking()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error.into())),
        };
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        Some(fresh_columns(self.table, &batch, &columns, &self.properties).map_err(AskError::from))
    }
}
