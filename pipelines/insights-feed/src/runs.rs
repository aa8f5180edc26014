//! The sealed runs of a project: files on disk, mapped. There are few, because small ones are joined.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use footfall_pipelines_insights::InsightError;
use footfall_pipelines_insights::projection::{Dictionaries, Rows, Run, compact_merged};
use uuid::Uuid;

use crate::error::AskError;

/// A run stays by itself if it has so many times the rows of all smaller ones. Every row is written anew about so often for
/// each time that all rows grow by this factor.
const TIMES_LARGER: u64 = 4;

/// Makes files for the runs of a project. No name is given twice.
pub(crate) struct RunFiles {
    folder: PathBuf,
}

/// A run's file. It goes with the last who holds it, unless a manifest names it.
pub(crate) struct RunFile {
    path: PathBuf,
    is_named: AtomicBool,
    is_synced: AtomicBool,
}

impl RunFile {
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Has it survive a crash of the machine.
    pub fn sync(&self) -> io::Result<()> {
        if !self.is_synced.load(Ordering::Relaxed) {
            File::open(&self.path)?.sync_all()?;
            self.is_synced.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether it outlives the program.
    pub fn keep(&self, is_named: bool) {
        self.is_named.store(is_named, Ordering::Relaxed);
    }
}

impl Drop for RunFile {
    fn drop(&mut self) {
        if !self.is_named.load(Ordering::Relaxed) {
            // Best effort: what stays is removed when the folder is opened.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A run and its file.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub run: Arc<Run>,
    pub file: Arc<RunFile>,
}

impl RunFiles {
    pub fn new(folder: &Path) -> RunFiles {
        RunFiles { folder: folder.to_owned() }
    }

    pub fn write(&self, rows: Rows, dictionaries: &Dictionaries) -> Result<Sealed, AskError> {
        self.sealed(|path| rows.write(dictionaries, path))
    }

    /// Opens a file of this name, which a manifest names.
    pub fn open(&self, name: &str) -> Result<Sealed, InsightError> {
        let path = self.folder.join(name);
        let run = Run::open(&path)?;
        run.verify(&path)?;
        let file = RunFile { path, is_named: AtomicBool::new(true), is_synced: AtomicBool::new(true) };
        Ok(Sealed { run: Arc::new(run), file: Arc::new(file) })
    }

    fn sealed(&self, make: impl FnOnce(&Path) -> Result<Run, InsightError>) -> Result<Sealed, AskError> {
        let path = self.folder.join(format!("{}.run", Uuid::now_v7().simple()));
        let (is_named, is_synced) = (AtomicBool::new(false), AtomicBool::new(false));
        let file = RunFile { path: path.clone(), is_named, is_synced };
        Ok(Sealed { run: Arc::new(make(&path)?), file: Arc::new(file) })
    }
}

/// Runs that are worth joining, and the merges of persons that are applied while they are.
pub(crate) struct Join {
    pub files: Arc<RunFiles>,
    pub dictionaries: Arc<Dictionaries>,
    pub runs: Vec<Sealed>,
    pub merged: HashMap<u32, u32>,
}

impl Join {
    /// The runs as one, persons merged.
    pub fn run(&self) -> Result<Sealed, AskError> {
        let runs: Vec<Arc<Run>> = self.runs.iter().map(|sealed| sealed.run.clone()).collect();
        self.files.sealed(|path| compact_merged(&self.dictionaries, runs, &self.merged, path))
    }
}

/// The smallest runs, as long as the next is not much larger than they are together: what is left is few runs, each of which
/// has most of the rows of those that are not larger.
pub(crate) fn worth_joining(runs: &[Sealed]) -> Option<Vec<Sealed>> {
    let mut sorted: Vec<&Sealed> = runs.iter().collect();
    sorted.sort_by_key(|sealed| sealed.run.rows());
    let sizes: Vec<u64> = sorted.iter().map(|sealed| sealed.run.rows()).collect();
    let count = worth_joining_of(&sizes);
    (count > 1).then(|| sorted.into_iter().take(count).cloned().collect())
}

/// How many of the smallest, of ascending sizes.
fn worth_joining_of(sizes: &[u64]) -> usize {
    let (mut rows, mut count) = (0, 0);
    for (place, &size) in sizes.iter().enumerate() {
        if place > 0 && size < rows * TIMES_LARGER {
            count = place + 1;
        }
        rows += size;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_few() {
        assert_eq!(worth_joining_of(&[]), 0);
        assert_eq!(worth_joining_of(&[5]), 0);
        assert_eq!(worth_joining_of(&[5, 5]), 2);
        assert_eq!(worth_joining_of(&[5, 20]), 0);
        assert_eq!(worth_joining_of(&[5, 19, 200]), 2);
        // The second is too large for the first, but not the third for both.
        assert_eq!(worth_joining_of(&[1, 10, 30]), 3);
    }
}
