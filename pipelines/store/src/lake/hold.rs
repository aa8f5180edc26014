//! Copies of an open lake without copying: hard links to the files of one manifest, and that manifest beside them.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use footfall_ingest_activity::Checkpoint;

use super::erasures::NAME as ERASURES;
use super::manifest::Manifest;
use crate::StoreError;
use crate::tables::Table;

/// A data file of a held lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldData {
    /// Below the folder that holds the lake.
    pub path: String,
    pub project: Arc<str>,
    pub table: Table,
    pub rows: u64,
}

/// A lake as it was at one moment.
#[derive(Debug, Clone)]
pub struct HeldLake {
    /// The log below this is in the files.
    pub checkpoint: Checkpoint,
    pub data: Vec<HeldData>,
    /// Everything else that belongs to it: runs of message ids and the manifest, last.
    pub others: Vec<String>,
}

/// Links the files of `manifest` from `root` into `into`. Only while no commit happens: a file may be cleared away after one.
pub(super) fn hold(root: &Path, manifest: Manifest, into: &Path) -> Result<HeldLake, StoreError> {
    // Files that have been replaced wait for readers of the lake itself.
    let manifest = Manifest { removed: Vec::new(), ..manifest };
    fs::create_dir_all(into.join("keys")).map_err(StoreError::file("creating", into))?;
    for path in manifest.paths() {
        let (from, to) = (root.join(path), into.join(path));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(StoreError::file("creating", folder))?;
        }
        link(&from, &to).map_err(StoreError::file("linking", &from))?;
    }
    let mut held = describe(&manifest);
    // It is appended to in place, so that a link would go on changing.
    let erasures = root.join(ERASURES);
    if erasures.exists() {
        fs::copy(&erasures, into.join(ERASURES)).map_err(StoreError::file("copying", &erasures))?;
        held.others.insert(0, ERASURES.to_owned());
    }
    manifest.save(into)?;
    Ok(held)
}

fn describe(manifest: &Manifest) -> HeldLake {
    let mut data = Vec::new();
    for (project, tables) in &manifest.projects {
        for (&table, files) in tables {
            data.extend(files.iter().map(|file| HeldData {
                path: file.path.clone(),
                project: project.clone(),
                table,
                rows: file.rows,
            }));
        }
    }
    let mut others: Vec<String> = manifest.key_runs.iter().map(|run| run.path.clone()).collect();
    others.push("manifest.json".to_owned());
    HeldLake { checkpoint: manifest.checkpoint.clone(), data, others }
}

/// A hard link, or a copy where the file system has none or another one lies between.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => fs::copy(from, to).map(drop),
        linked => linked,
    }
}
