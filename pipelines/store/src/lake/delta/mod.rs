//! The lake for everybody else: each table's files are published as a Delta Lake log, which DuckDB, Polars, Spark, Trino
//! and ClickHouse read. It follows the manifest and is never read back as truth: what is missing after a crash or an
//! error is published with the next commit.
//!
//! Delta Transaction Log Protocol, reader version 1, writer version 2; one checkpoint every [`CHECKPOINT_EVERY`] commits.

mod actions;
mod checkpoint;
mod table_log;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use footfall_ingest_activity::Timestamp;

use super::data_file::folder_of;
use super::manifest::Manifest;
use crate::StoreError;
use crate::tables::Table;
use table_log::TableLog;

/// Commits between two checkpoints of a table's log.
const CHECKPOINT_EVERY: u64 = 50;

/// The published logs of all tables.
pub(super) struct DeltaLogs {
    root: PathBuf,
    logs: Mutex<BTreeMap<(Arc<str>, Table), TableLog>>,
}

impl DeltaLogs {
    /// Finds out what is published below `root`, and publishes what `manifest` has beyond that.
    pub fn open(root: &Path, manifest: &Manifest, now: Timestamp) -> DeltaLogs {
        let logs = DeltaLogs { root: root.to_owned(), logs: Mutex::new(BTreeMap::new()) };
        logs.publish(manifest, now);
        logs
    }

    /// Brings the logs to where `manifest` is. A failure is reported and made good by the next call.
    pub fn publish(&self, manifest: &Manifest, now: Timestamp) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        for (project, tables) in &manifest.projects {
            for (&table, files) in tables {
                let result =
                    self.log_of(&mut logs, project, table, manifest, now).and_then(|log| log.follow(files, now));
                if let Err(error) = result {
                    metrics::counter!("footfall_lake_errors_total", "what" => "publish").increment(1);
                    tracing::warn!(%error, table = table.name(), "publishing the table's files failed; it is tried again");
                }
            }
        }
    }

    fn log_of<'l>(
        &self,
        logs: &'l mut BTreeMap<(Arc<str>, Table), TableLog>,
        project: &Arc<str>,
        table: Table,
        manifest: &Manifest,
        now: Timestamp,
    ) -> Result<&'l mut TableLog, StoreError> {
        use std::collections::btree_map::Entry;
        match logs.entry((project.clone(), table)) {
            Entry::Occupied(log) => Ok(log.into_mut()),
            Entry::Vacant(place) => {
                let folder = format!("{}/{}", folder_of(project), table.name());
                let files = manifest.projects.get(project).and_then(|tables| tables.get(&table));
                let removed = manifest.removed.iter().map(|file| file.path.as_str());
                let log = TableLog::open(&self.root, &folder, table, files.map_or(&[], Vec::as_slice), removed, now)?;
                Ok(place.insert(log))
            }
        }
    }
}
