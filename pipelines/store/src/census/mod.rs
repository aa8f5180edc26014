//! The properties in use, exactly: how often each stands in which activity, and when first and last.
//!
//! A file of the lake never changes, so it is counted once, and the counts are kept; what is asked for is the sum over the files of
//! a moment and its fresh rows. Late rows come in files of their own; who is forgotten leaves files, which are counted again;
//! what compaction joins is the sum of what was joined. Rows in a database are counted as they come.

mod counts;
mod shelf;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::time::Instant;

use crate::StoreError;
use crate::lake::{DataFile, ProjectSnapshot, TableScan, fresh_columns};
use crate::query::Snapshots;
use crate::remote::RowsWanted;
use crate::tables::Table;

pub use counts::PropertyCount;
use counts::{COLUMNS, Counts};
use shelf::{Part, Shelf};

const BATCH_ROWS: usize = 8_192;
/// Files before this one that a file may be made of.
const LINEAGE_MAX: usize = 64;

/// What was counted of a project at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PropertiesCounted {
    /// Those that stand most often first.
    pub properties: Vec<(String, PropertyCount)>,
    /// Activities of the moment, and of them those that were counted; equal unless there was too little time. Zero where it is not
    /// known how many there are.
    pub rows: u64,
    pub rows_counted: u64,
    /// Every activity was counted, under every name.
    pub is_exact: bool,
}

/// Counts the properties of all projects, those that somebody asks about. Cheap to clone.
#[derive(Clone)]
pub struct PropertyCensus {
    snapshots: Arc<dyn Snapshots>,
    folder: PathBuf,
    projects: Arc<Mutex<HashMap<Arc<str>, Arc<Project>>>>,
}

struct Project {
    shelf: Shelf,
    known: Mutex<Known>,
    /// Whoever counts.
    turn: Arc<Turn<()>>,
}

#[derive(Default)]
struct Known {
    files: HashMap<String, Arc<Counted>>,
    remote: Option<Remote>,
}

impl Known {
    fn counted(&self, file: &DataFile) -> Option<&Arc<Counted>> {
        self.files.get(&file.path).filter(|counted| counted.erased == file.erased)
    }
}

/// A file that was counted, without these rows of the forgotten.
struct Counted {
    erased: Vec<(u64, u64)>,
    counts: Counts,
}

/// Rows of a database up to a version of the project.
struct Remote {
    version: u64,
    erasures: u64,
    counts: Counts,
}

impl PropertyCensus {
    /// `folder` is for what was counted.
    pub fn new(snapshots: Arc<dyn Snapshots>, folder: PathBuf) -> PropertyCensus {
        PropertyCensus { snapshots, folder, projects: Arc::default() }
    }

    fn project(&self, name: &str) -> Arc<Project> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = || Shelf::new(&self.folder, name);
        let new = || Arc::new(Project { shelf: shelf(), known: Mutex::default(), turn: Arc::default() });
        projects.entry(name.into()).or_insert_with(new).clone()
    }

    /// The properties of one activity of a project, or of all; at most `patience` is spent on counting what was not counted before,
    /// and the counting goes on after that.
    ///
    /// # Errors
    /// A file cannot be read, or the database does not answer.
    pub async fn ask(
        &self,
        project: &str,
        activity: Option<&str>,
        patience: Duration,
    ) -> Result<PropertiesCounted, StoreError> {
        let deadline = Instant::now() + patience;
        let Some(snapshot) = self.snapshots.snapshot(project) else {
            return Ok(PropertiesCounted { is_exact: true, ..PropertiesCounted::default() });
        };
        let project = self.project(project);
        let (counting, of) = (project.clone(), snapshot.clone());
        let work = tokio::spawn(async move { counting.count(of).await });
        match tokio::time::timeout_at(deadline, work).await {
            Ok(Ok(counted)) => counted?,
            Ok(Err(stopped)) => return Err(StoreError::Task(stopped.to_string())),
            // It goes on by itself.
            Err(_) => {}
        }
        let activity = activity.map(str::to_owned);
        let sum = tokio::task::spawn_blocking(move || project.sum(&snapshot, activity.as_deref()));
        sum.await.map_err(|stopped| StoreError::Task(stopped.to_string()))?
    }
}

impl Project {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what is not counted of a moment, one after the other with whoever counts besides.
    async fn count(self: Arc<Self>, snapshot: Arc<ProjectSnapshot>) -> Result<(), StoreError> {
        let turn = self.turn.clone().lock_owned().await;
        let counted = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            match snapshot.remote.is_some() {
                true => self.count_rows(&snapshot),
                false => self.count_files(&snapshot),
            }
        });
        counted.await.map_err(|stopped| StoreError::Task(stopped.to_string()))?
    }

    fn count_files(&self, snapshot: &ProjectSnapshot) -> Result<(), StoreError> {
        let files = &snapshot.table(Table::Activity).files;
        let mut has_news = false;
        for file in files {
            if self.known().counted(file).is_some() {
                continue;
            }
            has_news = true;
            let part = Part { name: file.path.clone(), erased: file.erased.clone() };
            let kept = self.shelf.load(&part).filter(|counts| counts.rows == file.live_rows());
            let counts = match kept.or_else(|| self.joined(snapshot, file)) {
                Some(counts) => counts,
                None => counted(snapshot, file)?,
            };
            self.shelf.save(part, &counts);
            self.known().files.insert(file.path.clone(), Arc::new(Counted { erased: file.erased.clone(), counts }));
        }
        if has_news {
            let now: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
            self.known().files.retain(|path, _| now.contains(path.as_str()));
            self.shelf.retain(now.into_iter());
        }
        Ok(())
    }

    /// The sum of the files that a file was joined of, where all of them were counted and none of their rows has gone since.
    fn joined(&self, snapshot: &ProjectSnapshot, file: &DataFile) -> Option<Counts> {
        if !file.erased.is_empty() {
            return None;
        }
        let known = self.known();
        let (mut sum, mut open) = (Counts::default(), snapshot.lineage.inputs(&file.path)?.to_vec());
        for _ in 0..LINEAGE_MAX {
            let Some(path) = open.pop() else { break };
            match (known.files.get(path.as_str()), snapshot.lineage.inputs(&path)) {
                (Some(counted), _) => sum.add(&counted.counts),
                (None, Some(inputs)) => open.extend(inputs.iter().cloned()),
                (None, None) => return None,
            }
        }
        (open.is_empty() && sum.rows == file.rows).then_some(sum)
    }

    fn count_rows(&self, snapshot: &ProjectSnapshot) -> Result<(), StoreError> {
        let Some(rows) = &snapshot.remote else { return Ok(()) };
        let before = self.known().remote.take();
        let before = before.filter(|known| known.erasures == snapshot.erasures && known.version <= snapshot.version);
        let (version, erasures) = (snapshot.version, snapshot.erasures);
        let mut known = before.unwrap_or(Remote { version: 0, erasures, counts: Counts::default() });
        if known.version < version || known.counts.rows == 0 {
            let wanted = RowsWanted { after: known.version, ..RowsWanted::columns(Table::Activity, &COLUMNS) };
            let mut rows = rows.read(wanted);
            while let Some(batch) = rows.next_blocking() {
                known.counts.add_rows(&batch?)?;
            }
        }
        self.known().remote = Some(Remote { version, ..known });
        Ok(())
    }

    fn sum(&self, snapshot: &ProjectSnapshot, activity: Option<&str>) -> Result<PropertiesCounted, StoreError> {
        if snapshot.remote.is_some() {
            return Ok(self.sum_rows(snapshot, activity));
        }
        let view = snapshot.table(Table::Activity);
        let mut sum = Counts::default();
        let known: Vec<Arc<Counted>> = {
            let known = self.known();
            view.files.iter().filter_map(|file| known.counted(file).cloned()).collect()
        };
        known.iter().for_each(|counted| sum.add(&counted.counts));
        let mut fresh_rows = 0;
        for batch in &view.fresh {
            fresh_rows += batch.num_rows() as u64;
            sum.add_rows(&fresh_columns(Table::Activity, batch, &COLUMNS, &[])?)?;
        }
        let rows = view.files.iter().map(|file| file.live_rows()).sum::<u64>() + fresh_rows;
        Ok(PropertiesCounted {
            properties: sum.properties(activity),
            rows,
            rows_counted: sum.rows,
            is_exact: sum.rows == rows && !sum.is_cut,
        })
    }

    fn sum_rows(&self, snapshot: &ProjectSnapshot, activity: Option<&str>) -> PropertiesCounted {
        let known = self.known();
        let known = known.remote.as_ref().filter(|known| known.erasures == snapshot.erasures);
        let is_whole = known.is_some_and(|known| known.version >= snapshot.version);
        let (properties, rows_counted) =
            known.map_or((Vec::new(), 0), |known| (known.counts.properties(activity), known.counts.rows));
        let is_exact = is_whole && known.is_some_and(|known| !known.counts.is_cut);
        PropertiesCounted { properties, rows: if is_whole { rows_counted } else { 0 }, rows_counted, is_exact }
    }
}

fn counted(snapshot: &ProjectSnapshot, file: &DataFile) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for batch in TableScan::open(&snapshot.root, Table::Activity, file, &COLUMNS, &[], BATCH_ROWS)? {
        counts.add_rows(&batch?)?;
    }
    Ok(counts)
}
