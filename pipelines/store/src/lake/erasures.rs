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
use crate::erasure::ErasureRecord;

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
        let mut file = ErasureFile { path, records: Vec::new() };
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for (place, line) in lines.iter().enumerate() {
            match serde_json::from_str(line) {
                Ok(record) => file.put(record),
                // The end of a line that a killed process did not finish: nobody was told that it is there.
                Err(_) if place + 1 == lines.len() && !line.ends_with('\n') => {
                    let whole = (text.len() - line.len()) as u64;
                    let cut = File::options().write(true).open(&file.path).and_then(|file| file.set_len(whole));
                    cut.map_err(StoreError::file("mending", &file.path))?;
                }
                Err(error) => {
                    return Err(StoreError::Manifest {
                        path: file.path,
                        detail: format!("line {}: {error}", place + 1),
                    });
                }
            }
        }
        Ok(file)
    }

    fn put(&mut self, record: ErasureRecord) {
        match self.records.iter_mut().find(|known| known.erasure.id == record.erasure.id) {
            Some(known) => *known = record,
            None => self.records.push(record),
        }
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
        self.put(record);
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
