//! Which message keys were published in the de-duplication window: those of fresh rows in memory, the others in runs.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footfall_ingest_activity::Timestamp;
use uuid::Uuid;

use super::key_run::KeyRun;
use super::manifest::KeyRunFile;
use crate::StoreError;

/// Keys are uniform hashes: their low half is their hash.
#[derive(Debug, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = self.0.rotate_left(5) ^ u64::from_le_bytes(word);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// A set of message keys, which are hashes already.
pub type KeySet = HashSet<u128, BuildHasherDefault<KeyHasher>>;

/// One run and the file it is in.
#[derive(Debug, Clone)]
pub(super) struct OpenRun {
    pub file: KeyRunFile,
    run: Arc<KeyRun>,
}

/// The runs of one moment; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyRuns(Vec<OpenRun>);

/// Runs of about the same size that are joined into one.
const FAN_IN: usize = 6;
/// The largest has so many times the keys of the smallest.
const SIMILAR: u64 = 8;
/// Smaller ones are taken for as large as this.
const SMALL_KEYS: u64 = 4_096;
/// Keys that are joined are in memory meanwhile: 256 MB.
const JOINED_KEYS_MAX: u64 = 16 << 20;

impl KeyRuns {
    /// Opens the runs that a manifest names.
    pub fn open(root: &Path, files: &[KeyRunFile]) -> Result<KeyRuns, StoreError> {
        let open = |file: &KeyRunFile| {
            let run = Arc::new(KeyRun::open(&root.join(&file.path))?);
            Ok(OpenRun { file: file.clone(), run })
        };
        files.iter().map(open).collect::<Result<_, _>>().map(KeyRuns)
    }

    /// For each key whether it is in one of the runs. Filters answer for all keys first, disk only for those that may be there.
    pub fn contain(&self, keys: &[u128]) -> Result<Vec<bool>, StoreError> {
        let mut found = vec![false; keys.len()];
        let mut may = Vec::new();
        for open in self.0.iter().rev() {
            may.clear();
            open.run.each_that_may(keys, |place| may.push(place));
            for &place in may.iter() {
                if !found[place] {
                    found[place] =
                        open.run.contains(keys[place]).map_err(StoreError::file("reading", &open.file.path))?;
                }
            }
        }
        Ok(found)
    }

    /// As the manifest names them.
    pub fn files(&self) -> Vec<KeyRunFile> {
        self.0.iter().map(|open| open.file.clone()).collect()
    }

    /// Keys on disk and bytes of filters in memory.
    pub fn size(&self) -> (u64, usize) {
        let add = |(keys, bytes), open: &OpenRun| (keys + open.run.count(), bytes + open.run.memory_bytes());
        self.0.iter().fold((0, 0), add)
    }

    /// These and one more.
    pub fn with(&self, run: OpenRun) -> KeyRuns {
        KeyRuns(self.0.iter().cloned().chain([run]).collect())
    }

    /// These without `inputs`, with `output` in the place of the first.
    pub fn replace(&self, inputs: &[OpenRun], output: OpenRun) -> KeyRuns {
        let gone = |run: &&OpenRun| !inputs.iter().any(|input| input.file.path == run.file.path);
        KeyRuns([output].iter().chain(self.0.iter().filter(gone)).cloned().collect())
    }

    /// These without the ones whose newest receipt lies before `horizon`.
    pub fn expire(&self, horizon: Timestamp) -> KeyRuns {
        KeyRuns(self.0.iter().filter(|open| open.file.newest_received >= horizon).cloned().collect())
    }

    /// Runs that are worth joining: the smallest of a similar size, when there are enough of them.
    pub fn candidates(&self) -> Option<Vec<OpenRun>> {
        let mut by_size: Vec<&OpenRun> = self.0.iter().collect();
        by_size.sort_by_key(|open| open.file.count);
        let is_worth_it = |group: &&[&OpenRun]| {
            let keys: u64 = group.iter().map(|open| open.file.count).sum();
            keys <= JOINED_KEYS_MAX && group[FAN_IN - 1].file.count <= SIMILAR * group[0].file.count.max(SMALL_KEYS)
        };
        let group = by_size.windows(FAN_IN).find(is_worth_it)?;
        Some(group.iter().map(|&open| open.clone()).collect())
    }
}

/// Writes a run of `keys` (in any order) into the folder `keys` below `root`.
pub(super) fn write_run(root: &Path, mut keys: Vec<u128>, newest_received: Timestamp) -> Result<OpenRun, StoreError> {
    keys.sort_unstable();
    keys.dedup();
    let path = format!("keys/{}.keys", Uuid::now_v7().simple());
    let run = KeyRun::write(&root.join(&path), &keys)?;
    Ok(OpenRun { file: KeyRunFile { path, count: keys.len() as u64, newest_received }, run: Arc::new(run) })
}

/// Joins runs into one new run.
pub(super) fn join_runs(root: &Path, inputs: &[OpenRun]) -> Result<OpenRun, StoreError> {
    let mut keys = Vec::with_capacity(inputs.iter().map(|input| input.file.count as usize).sum());
    for input in inputs {
        let path: PathBuf = root.join(&input.file.path);
        keys.extend(KeyRun::read_all(&path)?);
    }
    let newest = inputs.iter().map(|input| input.file.newest_received).max().unwrap_or_default();
    write_run(root, keys, newest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn runs(sizes: &[u128]) -> (tempfile::TempDir, KeyRuns) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("keys")).unwrap();
        let run = |size: &u128| write_run(root.path(), (0..*size).collect(), Timestamp::default()).unwrap();
        let runs = KeyRuns(sizes.iter().map(run).collect());
        (root, runs)
    }

    fn joined(sizes: &[u128]) -> Option<Vec<u64>> {
        let (_root, runs) = runs(sizes);
        Some(runs.candidates()?.iter().map(|open| open.file.count).collect())
    }

    #[test]
    fn six_of_a_similar_size_are_joined_whatever_else_is_there() {
        assert_eq!(joined(&[9, 8, 7, 6, 5]), None);
        assert_eq!(joined(&[9, 8, 7, 6, 5, 90_000, 4]), Some(vec![4, 5, 6, 7, 8, 9]));
        // Few small ones do not keep larger ones apart for ever.
        let large = [40_000, 41_000, 42_000, 43_000, 44_000, 45_000];
        assert_eq!(joined(&[&[1][..], &large].concat()), Some(large.iter().map(|&size| size as u64).collect()));
        assert_eq!(joined(&[1, 40_000, 400_000, 41_000, 42_000, 43_000]), None);
    }
}
