//! What the operating system says: memory, and dropping files from the page cache.

use std::fs::File;
use std::path::Path;

use rustix::fs::Advice;

use crate::error::BenchError;

/// The most memory the process had, files it mapped included, in MB.
pub fn peak_mb() -> Result<u64, BenchError> {
    status("VmHWM:")
}

/// Memory of the process's own just now, without mapped files, in MB.
pub fn own_mb() -> Result<u64, BenchError> {
    status("RssAnon:")
}

fn status(key: &str) -> Result<u64, BenchError> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("0");
    Ok(line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) / 1024)
}

/// Drops a file's pages from the page cache. Pages that are mapped stay, so nobody may have it open.
pub fn forget(path: &Path) -> Result<(), BenchError> {
    let file = File::open(path)?;
    file.sync_all()?;
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).map_err(std::io::Error::from)?;
    Ok(())
}
