//! Why there is no backup, or why one is not restored.

use std::io;
use std::path::PathBuf;

/// A failure of `footfall backup` or `footfall restore`.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0} holds something else than backups; name a folder that is empty or that `footfall backup` has made")]
    NotOurs(PathBuf),
    #[error("{0} holds no backup")]
    None(PathBuf),
    #[error("{0} is in use by another backup")]
    Busy(PathBuf),
    #[error("there is no backup {wanted} in {folder}; there are {known}")]
    Unknown { wanted: String, folder: PathBuf, known: String },
    #[error("the backup was written by a newer version: format {found}, this program knows {known}; use that version")]
    Newer { found: u32, known: u32 },
    #[error("the backup {id} is damaged: {what}; take another one (`footfall backup --list`)")]
    Damaged { id: String, what: String },
    #[error("{0} is not empty: a backup is restored into an empty folder only")]
    NotEmpty(PathBuf),
    #[error("{0} was not restored to its end: remove it and restore again")]
    Unfinished(PathBuf),
    #[error("{part} is in a database or a topic ({url}), which is backed up with its own tools (docs/operations.md)")]
    Elsewhere { part: &'static str, url: String },
    #[error("nothing is known of {until}: {why}")]
    Until { until: String, why: String },
    #[error("the running server has taken back what it held for this backup; try again")]
    TakenBack,
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
}

impl BackupError {
    /// For `map_err` on file operations.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BackupError {
        let path = path.into();
        move |source| BackupError::File(path, source)
    }
}
