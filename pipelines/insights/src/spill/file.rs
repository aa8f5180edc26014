//! Temporary files of questions, and how many bytes all of them may have together.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::InsightError;

/// Where questions put what they have no memory for.
#[derive(Debug)]
pub struct SpillFolder {
    path: PathBuf,
    bytes_max: u64,
    bytes: AtomicU64,
    bytes_ever: AtomicU64,
    files: AtomicU64,
}

impl SpillFolder {
    /// An empty folder at this path: what an earlier process left there is removed. Beyond `bytes_max` questions are refused.
    ///
    /// # Errors
    /// The folder cannot be emptied, or made.
    pub fn open(path: &Path, bytes_max: u64) -> Result<SpillFolder, InsightError> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(InsightError::file("emptying", path)(error));
            }
            _ => fs::create_dir_all(path).map_err(InsightError::file("making", path))?,
        }
        let [bytes, bytes_ever, files] = [0; 3].map(AtomicU64::new);
        Ok(SpillFolder { path: path.to_owned(), bytes_max, bytes, bytes_ever, files })
    }

    /// Bytes that questions under way have in it.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that were ever written to it.
    pub fn bytes_ever(&self) -> u64 {
        self.bytes_ever.load(Ordering::Relaxed)
    }
}

/// One file, removed when nobody has it any more.
#[derive(Debug)]
pub(super) struct SpillFile {
    folder: Arc<SpillFolder>,
    path: PathBuf,
    file: File,
    length: u64,
}

impl SpillFile {
    pub fn new(folder: &Arc<SpillFolder>) -> Result<SpillFile, InsightError> {
        let number = folder.files.fetch_add(1, Ordering::Relaxed);
        let path = folder.path.join(format!("{number}.spill"));
        let options = File::options().read(true).write(true).create_new(true).open(&path);
        let file = options.map_err(InsightError::file("making", &path))?;
        Ok(SpillFile { folder: folder.clone(), path, file, length: 0 })
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<(), InsightError> {
        let more = bytes.len() as u64;
        self.length += more;
        if self.folder.bytes.fetch_add(more, Ordering::Relaxed) + more > self.folder.bytes_max {
            return Err(InsightError::Spill { limit: self.folder.bytes_max });
        }
        self.folder.bytes_ever.fetch_add(more, Ordering::Relaxed);
        self.file.write_all(bytes).map_err(InsightError::file("writing", &self.path))
    }

    pub fn read(&self, bytes: &mut [u8], at: u64) -> Result<(), InsightError> {
        self.file.read_exact_at(bytes, at).map_err(InsightError::file("reading", &self.path))
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        self.folder.bytes.fetch_sub(self.length, Ordering::Relaxed);
        // If it cannot be removed, the next start does it.
        let _ = fs::remove_file(&self.path);
    }
}
