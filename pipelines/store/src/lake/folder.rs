//! The folder of a lake is one process's alone, and work on it is done apart from what waits.

use std::fs::File;
use std::path::Path;

use crate::StoreError;

/// Takes the folder; it is let go with the value.
pub(super) fn lock_folder(root: &Path) -> Result<File, StoreError> {
    let path = root.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::file("opening", &path))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse { path: root.to_owned() }),
        Err(error) => Err(StoreError::File { action: "locking", path, source: error.into() }),
    }
}

/// Does something that reads or writes files.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Task(error.to_string()))?
}
