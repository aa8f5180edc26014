//! `erasures.ndjson`: who asked to be forgotten, and how far that is. A line for each step; the last of an id counts.
//!
//! It stays when the lake is restored from a backup: what the restored manifest does not know is applied again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footfall_ingest_activity::{Erasure, Erasures};
use uuid::Uuid;

use crate::StoreError;
use crate::erasure::{ErasureRecord, put};

pub(super) const NAME: &str = "erasures.ndjson";

/// The file, read.
#[derive(Debug)]
pub(super) struct ErasureFile {
    path: PathBuf,
    records: Vec<ErasureRecord>,
}

impl ErasureFile {
    /// Reads the file below `root`, if there is one.
    pub fn open(root: &Path) -> Result<ErasureFile, StoreError> {
        let path = root.join(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(StoreError::file("reading", path)(error)),
        };
        let (records, whole) = match ErasureRecord::of_whole_lines(&text) {
            Ok(read) => read,
            Err(detail) => return Err(StoreError::Manifest { path, detail }),
        };
        // The end of a line that a killed process did not finish: nobody was told that it is there.
        if whole < text.len() {
            let cut = File::options().write(true).open(&path).and_then(|file| file.set_len(whole as u64));
            cut.map_err(StoreError::file("mending", &path))?;
        }
        Ok(ErasureFile { path, records })
    }

    /// Writes a step down; after the return it survives a power cut.
    pub fn note(&mut self, record: ErasureRecord) -> Result<(), StoreError> {
        let failed = || StoreError::file("writing", self.path.clone());
        let mut line = serde_json::to_vec(&record).map_err(|error| StoreError::Task(error.to_string()))?;
        line.push(b'\n');
        let is_new = !self.path.exists();
        let mut file = File::options().create(true).append(true).open(&self.path).map_err(failed())?;
        let before = file.metadata().map_err(failed())?.len();
        let written = file.write_all(&line).and_then(|()| file.sync_all());
        if written.is_err() {
            // Best effort: half a line at the end is cut off at the next start.
            let _ = file.set_len(before);
        }
        written.map_err(failed())?;
        if let (true, Some(folder)) = (is_new, self.path.parent()) {
            super::manifest::sync_folder(folder)?;
        }
        put(&mut self.records, record);
        Ok(())
    }

    pub fn records(&self) -> &[ErasureRecord] {
        &self.records
    }

    pub fn record(&self, id: Uuid) -> Option<&ErasureRecord> {
        self.records.iter().find(|record| record.erasure.id == id)
    }

    /// For whoever asks about records and rows.
    pub fn erasures(&self) -> Erasures {
        let mut all = Erasures::default();
        self.records.iter().for_each(|record| all.push(Arc::<Erasure>::new(record.erasure.clone())));
        all
    }
}

/// Who is forgotten in the lake below `root`, which may be open.
pub fn read_erasures(root: &Path) -> Result<Vec<ErasureRecord>, StoreError> {
    let path = root.join(NAME);
    match fs::read_to_string(&path) {
        Ok(text) => ErasureRecord::of_lines(&text).map_err(|detail| StoreError::Manifest { path, detail }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StoreError::file("reading", path)(error)),
    }
}

/// Adds to the list of a lake that nobody has open: whoever opens it next forgets those whom its files do not know of.
pub fn add_erasures(root: &Path, records: &[ErasureRecord]) -> Result<(), StoreError> {
    let mut file = ErasureFile::open(root)?;
    for record in records {
        if file.record(record.erasure.id).is_none() {
            file.note(ErasureRecord::new(record.erasure.clone()))?;
        }
    }
    Ok(())
}
