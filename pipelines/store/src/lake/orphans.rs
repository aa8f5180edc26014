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

/// Removes files that a commit was to take in and did not, unless the manifest in place names them: a commit may fail in its very last
/// step. Best effort: what stays is removed as an orphan at the next start.
pub(super) fn remove_made<'p>(root: &Path, made: impl Iterator<Item = &'p str>) {
    let Ok(manifest) = Manifest::load(root) else { return };
    let named: HashSet<&str> = manifest.paths().collect();
    for path in made.filter(|path| !named.contains(path)) {
        let _ = fs::remove_file(root.join(path));
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::manifest::KeyRunFile;
    use super::*;

    #[test]
    fn what_the_manifest_in_place_names_stays_though_its_commit_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("keys")).unwrap();
        let made = ["keys/named.keys", "keys/other.keys"];
        made.iter().for_each(|path| fs::write(root.join(path), "keys").unwrap());
        let run = KeyRunFile { path: made[0].to_owned(), count: 1, newest_received: Default::default() };
        // As it is when the folder could not be synced after the rename.
        Manifest { format: 1, key_runs: vec![run], ..Manifest::default() }.save(root).unwrap();
        remove_made(root, made.into_iter());
        assert!(root.join(made[0]).exists(), "a start after a kill needs it");
        assert!(!root.join(made[1]).exists());
        fs::write(root.join("manifest.json"), "half").unwrap();
        remove_made(root, made.into_iter());
        assert!(root.join(made[0]).exists(), "nobody knows what is named");
    }
}
