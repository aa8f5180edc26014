//! The manifest: which files are the lake. One file, replaced by rename, so that a flush or a compaction happens in
//! all tables of all projects at once or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footfall_ingest_activity::{Checkpoint, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::snapshot::DataFile;
use crate::StoreError;
use crate::tables::Table;

/// Version of the layout: what this program reads.
pub(super) const FORMAT: u32 = ERASED;
/// … and writes, while nobody is forgotten.
const PLAIN: u32 = 1;
/// Files may have rows that are not to be shown.
pub(super) const ERASED: u32 = 2;
const NAME: &str = "manifest.json";

/// A run of message keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyRunFile {
    pub path: String,
    pub count: u64,
    /// Newest receipt among its activities: when it is older than the window, the run is dropped.
    pub newest_received: Timestamp,
}

/// A file that is no longer part of the lake and waits until nobody reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RemovedFile {
    pub path: String,
    pub removed_at: Timestamp,
}

/// Files by table.
pub(super) type TableFiles = BTreeMap<Table, Vec<Arc<DataFile>>>;

/// The whole lake at one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub format: u32,
    /// Counts the commits.
    pub version: u64,
    /// The log below this is in the files.
    pub checkpoint: Checkpoint,
    pub projects: BTreeMap<Arc<str>, TableFiles>,
    pub key_runs: Vec<KeyRunFile>,
    pub removed: Vec<RemovedFile>,
    /// Erasures that the files know of: those of `erasures.ndjson` that are not in here are applied at the next start.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub erasures: BTreeSet<Uuid>,
}

/// As it stands in the file: the checksum is that of the manifest's text.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    xxh3: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

impl Manifest {
    /// Reads the manifest below `root`; an empty one if there is none.
    pub fn load(root: &Path) -> Result<Manifest, StoreError> {
        let path = root.join(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Manifest { format: PLAIN, ..Manifest::default() });
            }
            Err(error) => return Err(StoreError::file("reading", path)(error)),
        };
        let damaged = |detail: String| StoreError::Manifest { path: path.clone(), detail };
        let envelope: Envelope = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if format!("{:016x}", xxh3_64(envelope.manifest.get().as_bytes())) != envelope.xxh3 {
            return Err(damaged("its checksum does not match".into()));
        }
        let format = serde_json::from_str::<Format>(envelope.manifest.get()).map(|f| f.format).unwrap_or(0);
        if format > FORMAT {
            return Err(StoreError::TooNew { found: format, known: FORMAT });
        }
        serde_json::from_str(envelope.manifest.get()).map_err(|error| damaged(error.to_string()))
    }

    /// Puts this manifest in place of the one below `root`: after the return it survives a power cut.
    pub fn save(&self, root: &Path) -> Result<(), StoreError> {
        let path = root.join(NAME);
        let encode = || -> serde_json::Result<Vec<u8>> {
            let manifest = serde_json::value::to_raw_value(self)?;
            let xxh3 = format!("{:016x}", xxh3_64(manifest.get().as_bytes()));
            serde_json::to_vec(&Envelope { xxh3, manifest: &manifest })
        };
        let bytes = encode().map_err(|error| StoreError::Manifest { path: path.clone(), detail: error.to_string() })?;
        let next = root.join("manifest.json.next");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&next)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&next, &path)?;
            File::open(root)?.sync_all()
        };
        write().map_err(StoreError::file("writing", path))
    }

    /// Every path that belongs to the lake or waits to be removed.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let data = self.projects.values().flat_map(|tables| tables.values().flatten()).map(|file| file.path.as_str());
        let keys = self.key_runs.iter().map(|run| run.path.as_str());
        data.chain(keys).chain(self.removed.iter().map(|file| file.path.as_str()))
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Syncs a folder, so that the names of new files in it survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(StoreError::file("syncing", PathBuf::from(folder)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn example() -> Manifest {
        let file = DataFile {
            path: "p/activity/a.parquet".into(),
            rows: 3,
            bytes: 9,
            times: Some((1, 2)),
            promoted: vec![],
            erased: vec![],
        };
        Manifest {
            format: FORMAT,
            version: 4,
            checkpoint: [(0, 17)].into_iter().collect(),
            projects: [(Arc::from("p"), [(Table::Activity, vec![Arc::new(file)])].into_iter().collect())].into(),
            key_runs: vec![KeyRunFile { path: "keys/a".into(), count: 3, newest_received: Timestamp::from_millis(5) }],
            removed: vec![],
            erasures: BTreeSet::new(),
        }
    }

    #[test]
    fn comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::load(folder.path()).unwrap().version, 0);
        example().save(folder.path()).unwrap();
        assert_eq!(Manifest::load(folder.path()).unwrap(), example());
    }

    #[test]
    fn damage_and_newer_formats_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        example().save(folder.path()).unwrap();
        let path = folder.path().join(NAME);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"rows\":3", "\"rows\":4")).unwrap();
        assert!(matches!(Manifest::load(folder.path()), Err(StoreError::Manifest { .. })));
        Manifest { format: FORMAT + 1, ..example() }.save(folder.path()).unwrap();
        assert!(matches!(Manifest::load(folder.path()), Err(StoreError::TooNew { .. })));
    }
}
