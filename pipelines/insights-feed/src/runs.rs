//! The sealed runs of a project: files on disk, mapped. There are few, because small ones are joined.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use footfall_pipelines_insights::InsightError;
use footfall_pipelines_insights::projection::{Dictionaries, Rows, Run, compact_merged};
use uuid::Uuid;

use crate::error::AskError;

/// As many runs of about one size become one.
const FAN_IN: usize = 4;

/// Makes files for the runs of a project. No name is given twice.
pub(crate) struct RunFiles {
    folder: PathBuf,
}

/// A run's file. It goes with the last who holds it, unless a manifest names it.
pub(crate) struct RunFile {
    path: PathBuf,
    is_named: AtomicBool,
}

impl RunFile {
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
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
        Ok(Sealed { run: Arc::new(run), file: Arc::new(RunFile { path, is_named: AtomicBool::new(true) }) })
    }

    fn sealed(&self, make: impl FnOnce(&Path) -> Result<Run, InsightError>) -> Result<Sealed, AskError> {
        let path = self.folder.join(format!("{}.run", Uuid::now_v7().simple()));
        let file = RunFile { path: path.clone(), is_named: AtomicBool::new(false) };
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

/// The smallest runs of which none is much larger than all before it together, if there are enough.
pub(crate) fn worth_joining(runs: &[Sealed]) -> Option<Vec<Sealed>> {
    let mut sorted: Vec<&Sealed> = runs.iter().collect();
    sorted.sort_by_key(|sealed| sealed.run.rows());
    let mut rows = 0;
    let near = sorted.iter().take_while(|sealed| {
        let fits = rows == 0 || sealed.run.rows() <= rows * 2;
        rows += sealed.run.rows();
        fits
    });
    let near: Vec<Sealed> = near.map(|sealed| (*sealed).clone()).collect();
    let enough = near.len() >= FAN_IN || (near.len() > 1 && runs.len() > FAN_IN * 2);
    enough.then_some(near)
}
