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
    #[error(
        "{part} is at {url}://, and not everything is: what is backed up lies in files, or on Kafka, ClickHouse and PostgreSQL"
    )]
    Elsewhere { part: &'static str, url: String },
    #[error("{part} of the target is not empty ({url}): a backup is restored into a new topic and new databases only")]
    PartNotEmpty { part: &'static str, url: String },
    #[error(
        "{0} is for a backup of files that is restored into files; restore the whole into files or into services, and move it with \
         `footfall migrate`"
    )]
    FilesOnly(&'static str),
    #[error(
        "the database is at another version than this program: back it up with the program that runs on it (here {here}, there {there})"
    )]
    OtherVersion { here: String, there: String },
    #[error("{what} differs after the copy: {wanted} there, {found} here; try again")]
    Differs { what: String, wanted: String, found: String },
    #[error("the tables are a copy that did not come to its end; there is nothing to be backed up")]
    Half,
    #[error(
        "the log has lost records while they were copied (partition {partition}, from offset {offset} on): its retention is too short"
    )]
    LogGone { partition: u32, offset: u64 },
    #[error("{0} of the target differs from that of the backup; remove it, or keep secrets elsewhere")]
    OtherSecret(PathBuf),
    #[error("nothing is known of {until}: {why}")]
    Until { until: String, why: String },
    #[error(
        "{0} is of another timeline than the log in {1}: what was received is not the same in both; restore one of them without the other"
    )]
    OtherTimeline(String, PathBuf),
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
