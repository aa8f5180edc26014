//! What the log asks of a disk, so that tests can make it fail at any moment.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A segment file that is open for writing.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub file: File,
    pub path: PathBuf,
}

/// Every operation that changes the log, or asks how much room is left.
pub(super) trait Disk: Send + Sync + 'static {
    /// Creates an empty file; one of the same name is replaced.
    fn create(&self, path: &Path) -> io::Result<OpenFile>;
    /// Opens an existing file to write to its end.
    fn open(&self, path: &Path) -> io::Result<OpenFile>;
    /// Writes all of `bytes` at `place`.
    fn write(&self, file: &OpenFile, bytes: &[u8], place: u64) -> io::Result<()>;
    /// Makes contents and length durable.
    fn sync(&self, file: &OpenFile) -> io::Result<()>;
    /// Cuts the file to `bytes`.
    fn truncate(&self, file: &OpenFile, bytes: u64) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Puts a file in the place of another.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Bytes that an ordinary user may still write.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// The file system.
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<OpenFile> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(OpenFile { file, path: path.to_owned() })
    }

    fn open(&self, path: &Path) -> io::Result<OpenFile> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(OpenFile { file, path: path.to_owned() })
    }

    fn write(&self, file: &OpenFile, bytes: &[u8], place: u64) -> io::Result<()> {
        file.file.write_all_at(bytes, place)
    }

    fn sync(&self, file: &OpenFile) -> io::Result<()> {
        file.file.sync_data()
    }

    fn truncate(&self, file: &OpenFile, bytes: u64) -> io::Result<()> {
        file.file.set_len(bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let space = rustix::fs::statvfs(path)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}
