//! The store that a URL names: the only place that knows of all backends.

use std::path::PathBuf;
use std::sync::Arc;

use footfall_ingest_activity::Clock;

use crate::clickhouse::{ClickHouse, ClickHouseOptions};
use crate::lake::{HeldLake, Lake, LakeOptions, LakeStatus, Overrides, ProjectSnapshot};
use crate::query::Snapshots;
use crate::remote::{Rows, RowsWanted, Seal};
use crate::tables::Table;
use crate::{Store, StoreError};

/// Settings of every backend.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    pub lake: LakeOptions,
    pub clickhouse: ClickHouseOptions,
}

/// An open store; cheap to clone.
#[derive(Clone)]
pub enum Backend {
    Lake(Arc<Lake>),
    ClickHouse(Arc<ClickHouse>),
}

/// Sizes and health of a store. Files are those of the lake.
pub type StoreStatus = LakeStatus;

/// Opens the store of `file:PATH` or `clickhouse://…`.
pub async fn open(url: &str, options: StoreOptions, clock: Arc<dyn Clock>) -> Result<Backend, StoreError> {
    if url.starts_with("clickhouse:") {
        return ClickHouse::open(url, options.clickhouse, clock).await.map(Backend::ClickHouse);
    }
    let url = url.to_owned();
    let open = tokio::task::spawn_blocking(move || Lake::open(&url, options.lake, clock));
    open.await.map_err(|error| StoreError::Task(error.to_string()))?.map(Backend::Lake)
}

impl Backend {
    /// For the jobs.
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Backend::Lake(lake) => lake.clone(),
            Backend::ClickHouse(database) => database.clone(),
        }
    }

    /// For questions.
    pub fn snapshots(&self) -> Arc<dyn Snapshots> {
        Arc::new(self.clone())
    }

    /// Sizes and health.
    pub fn status(&self) -> StoreStatus {
        match self {
            Backend::Lake(lake) => lake.status(),
            Backend::ClickHouse(database) => {
                let (message_keys, filter_bytes) = database.keys_size();
                LakeStatus { message_keys, filter_bytes, failing: database.failing(), ..LakeStatus::default() }
            }
        }
    }

    /// Joins files until none is worth joining; how many times it did. ClickHouse does that by itself.
    pub async fn compact(&self) -> Result<u64, StoreError> {
        match self {
            Backend::Lake(lake) => lake.compact().await,
            Backend::ClickHouse(_) => Ok(0),
        }
    }

    /// Puts the files of the lake at this moment into the folder `into`. `None` from a database.
    pub async fn hold(&self, into: PathBuf) -> Result<Option<HeldLake>, StoreError> {
        let Backend::Lake(lake) = self.clone() else { return Ok(None) };
        let held = tokio::task::spawn_blocking(move || lake.hold(&into)).await;
        held.map_err(|error| StoreError::Task(error.to_string()))?.map(Some)
    }

    /// All rows of a table of a project as they are now, on their way: in order of publication, or file by file.
    pub fn rows(&self, project: &str, table: Table) -> Rows {
        match self {
            Backend::Lake(lake) => lake.rows(project, table),
            Backend::ClickHouse(database) => {
                let columns: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
                let wanted = RowsWanted { in_order: true, ..RowsWanted::columns(table, &columns) };
                database.snapshot(project).remote.as_ref().map_or_else(Rows::none, |rows| rows.read(wanted))
            }
        }
    }

    /// The last publication that is seen, where publications have numbers.
    pub fn head(&self) -> Option<u64> {
        match self {
            Backend::Lake(_) => None,
            Backend::ClickHouse(database) => Some(database.head()),
        }
    }

    /// What tells whether the rows of a table up to a publication are still those that they were; `None` without numbers.
    pub async fn seal(&self, project: &str, table: Table, publication: u64) -> Result<Option<Seal>, StoreError> {
        match self {
            Backend::Lake(_) => Ok(None),
            Backend::ClickHouse(database) => database.seal(project, table, publication).await.map(Some),
        }
    }

    /// Rows of a table of a project that were published after `publication`, in no order but that of `person_merges`. All of them
    /// without numbers.
    pub fn rows_after(&self, project: &str, table: Table, publication: u64) -> Rows {
        let Backend::ClickHouse(database) = self else { return self.rows(project, table) };
        let columns: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        let in_order = table == Table::PersonMerges;
        let wanted = RowsWanted { in_order, after: publication, ..RowsWanted::columns(table, &columns) };
        database.snapshot(project).remote.as_ref().map_or_else(Rows::none, |rows| rows.read(wanted))
    }

    /// Who the ids of a project are now: own person to the person it is.
    pub fn overrides(&self, project: &str) -> Arc<Overrides> {
        match self {
            Backend::Lake(lake) => lake.snapshot(project).overrides.clone(),
            Backend::ClickHouse(database) => database.snapshot(project).overrides.clone(),
        }
    }

    /// Ends the work in the background. It may take a while.
    pub fn close(&self) {
        match self {
            Backend::Lake(lake) => lake.close(),
            Backend::ClickHouse(database) => database.close(),
        }
    }
}

impl Snapshots for Backend {
    fn snapshot(&self, project: &str) -> Option<Arc<ProjectSnapshot>> {
        let is_known = self.store().projects().iter().any(|known| **known == *project);
        is_known.then(|| match self {
            Backend::Lake(lake) => lake.snapshot(project),
            Backend::ClickHouse(database) => database.snapshot(project),
        })
    }
}
