//! Files that a killed process left behind: written, but in no manifest.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::manifest::Manifest;
use crate::StoreError;

/// Deletes data files and key runs below `root` that the manifest does not name. Only for the holder of the lock.
pub(super) fn remove(root: &Path, manifest: &Manifest) -> Result<u64, StoreError> {
    let named: HashSet<&str> = manifest.paths().collect();
    let mut removed = 0;
    for path in find(root, root)? {
        if !named.contains(path.as_str()) {
            let absolute = root.join(&path);
            fs::remove_file(&absolute).map_err(StoreError::file("removing", absolute))?;
            removed += 1;
        }
    }
    if removed > 0 {
        tracing::info!(removed, "removed files of an unfinished commit");
    }
    Ok(removed)
}

/// Data files and key runs below `folder`, as paths below `root`.
pub(super) fn find(root: &Path, folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(StoreError::file("listing", folder))? {
        let path = entry.map_err(StoreError::file("listing", folder))?.path();
        if path.is_dir() {
            found.extend(find(root, &path)?);
            continue;
        }
        let ours = path.extension().is_some_and(|extension| extension == "parquet" || extension == "keys");
        // Checkpoints of the published table log are Parquet too, and not ours to remove.
        let published = path.components().any(|part| part.as_os_str() == "_delta_log");
        if let (true, false, Ok(below)) = (ours, published, path.strip_prefix(root)) {
            found.push(below.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}
