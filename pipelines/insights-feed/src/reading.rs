//! Rows on their way into a projection: of files of the lake, or of a database.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use footfall_pipelines_store::lake::{DataFile, ProjectSnapshot, TableScan};
use footfall_pipelines_store::tables::Table;

use crate::error::AskError;
use crate::remote::RemoteScan;

/// Files on their way in.
pub(crate) struct Reading {
    pub root: PathBuf,
    pub files: VecDeque<Arc<DataFile>>,
    pub open: Option<Scan>,
    /// Rows of a database after a version.
    pub remote: Option<RemoteScan>,
    pub any: bool,
}

/// What is being read.
pub(crate) enum Scan {
    File(TableScan),
    Remote(RemoteScan),
}

impl Iterator for Scan {
    type Item = Result<RecordBatch, AskError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Scan::File(rows) => rows.next().map(|batch| batch.map_err(AskError::from)),
            Scan::Remote(rows) => rows.next(),
        }
    }
}

impl Reading {
    /// These files.
    pub fn of(snapshot: &ProjectSnapshot, files: VecDeque<Arc<DataFile>>) -> Reading {
        Reading { root: snapshot.root.clone(), any: !files.is_empty(), files, open: None, remote: None }
    }

    /// What a database has after a version.
    pub fn after(snapshot: &ProjectSnapshot, version: u64) -> Reading {
        let rows = snapshot.remote.as_ref().filter(|_| snapshot.version > version);
        let remote = rows.map(|rows| RemoteScan::new(rows.clone(), Table::Activity, version));
        Reading { remote, ..Reading::of(snapshot, VecDeque::new()) }
    }

    pub fn waits_for(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }

    /// Whether there was anything to read.
    pub fn has_read(&self) -> bool {
        self.any
    }
}
