//! The sealed runs of a project: files on disk, mapped, without names. There are few, because small ones are joined.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use footfall_pipelines_insights::InsightError;
use footfall_pipelines_insights::projection::{Dictionaries, Rows, Run, compact_merged};

use crate::error::AskError;

/// As many runs of about one size become one.
const FAN_IN: usize = 4;

/// Makes files for runs. A file loses its name as soon as it is mapped, so that its space is free when nobody reads it
/// any more, however the program ends.
pub(crate) struct RunFiles {
    folder: PathBuf,
    next: AtomicU64,
}

impl RunFiles {
    pub fn new(folder: &Path) -> Result<RunFiles, AskError> {
        let make = || {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
            fs::create_dir_all(folder)
        };
        let failed = |source| InsightError::File { action: "creating", path: folder.to_owned(), source };
        make().map_err(failed)?;
        Ok(RunFiles { folder: folder.to_owned(), next: AtomicU64::new(0) })
    }

    pub fn write(&self, rows: Rows, dictionaries: &Dictionaries) -> Result<Arc<Run>, AskError> {
        self.nameless(|path| rows.write(dictionaries, path))
    }

    fn nameless(&self, make: impl FnOnce(&Path) -> Result<Run, InsightError>) -> Result<Arc<Run>, AskError> {
        let path = self.folder.join(format!("{}.run", self.next.fetch_add(1, Ordering::Relaxed)));
        let made = make(&path);
        // Best effort: what stays is removed at the next start.
        let _ = fs::remove_file(&path);
        Ok(Arc::new(made?))
    }

    /// Several runs as one, persons merged.
    pub fn join(&self, work: &Join) -> Result<Arc<Run>, AskError> {
        self.nameless(|path| compact_merged(&work.dictionaries, work.runs.clone(), &work.merged, path))
    }
}

/// Runs that are worth joining, and the merges of persons that are applied while they are.
pub(crate) struct Join {
    pub dictionaries: Arc<Dictionaries>,
    pub runs: Vec<Arc<Run>>,
    pub merged: HashMap<u32, u32>,
}

/// The smallest runs of which none is much larger than all before it together, if there are enough.
pub(crate) fn worth_joining(runs: &[Arc<Run>]) -> Option<Vec<Arc<Run>>> {
    let mut sorted: Vec<&Arc<Run>> = runs.iter().collect();
    sorted.sort_by_key(|run| run.rows());
    let mut rows = 0;
    let near = sorted.iter().take_while(|run| {
        let fits = rows == 0 || run.rows() <= rows * 2;
        rows += run.rows();
        fits
    });
    let near: Vec<Arc<Run>> = near.map(|run| (*run).clone()).collect();
    let enough = near.len() >= FAN_IN || (near.len() > 1 && runs.len() > FAN_IN * 2);
    enough.then_some(near)
}
