//! The published log of one table.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footfall_ingest_activity::Timestamp;
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::{CHECKPOINT_EVERY, actions, checkpoint};
use crate::StoreError;
use crate::lake::snapshot::DataFile;
use crate::tables::Table;

/// Where a table's published log stands.
pub(super) struct TableLog {
    /// `…/_delta_log`.
    folder: PathBuf,
    /// Below the lake's root: `project=…/table`.
    place: String,
    table: Table,
    /// Version of the next commit.
    next: u64,
    files: BTreeMap<String, Arc<DataFile>>,
}

impl TableLog {
    /// Opens the log; when its last commit is not of these `files`, it is set right with one commit and a checkpoint.
    pub fn open<'r>(
        root: &Path,
        place: &str,
        table: Table,
        files: &[Arc<DataFile>],
        removed: impl Iterator<Item = &'r str>,
        now: Timestamp,
    ) -> Result<TableLog, StoreError> {
        let folder = root.join(place).join("_delta_log");
        fs::create_dir_all(&folder).map_err(StoreError::file("creating", &folder))?;
        let mut log = TableLog { folder, place: place.to_owned(), table, next: 0, files: BTreeMap::new() };
        let Some(last) = log.versions()?.into_iter().max() else { return Ok(log) };
        let current: BTreeMap<_, _> = files.iter().map(|file| (file.path.clone(), file.clone())).collect();
        match log.fingerprint_at(last) {
            Some(published) if published == fingerprint(&current) => {
                (log.next, log.files) = (last + 1, current);
            }
            published => {
                // A commit that cannot be read was torn by a power cut: it is written again.
                log.next = if published.is_some() { last + 1 } else { last };
                let folder = format!("{place}/");
                let mut lines: Vec<Value> = removed
                    .filter(|path| path.starts_with(&folder))
                    .map(|path| actions::remove(path, now, false))
                    .collect();
                lines.extend(files.iter().map(|file| actions::add(file, now, true)));
                log.files = current;
                log.commit("RESTORE", lines, now)?;
                log.write_checkpoint(now)?;
            }
        }
        Ok(log)
    }

    /// Publishes the difference between what is published and `files`, if there is one.
    pub fn follow(&mut self, files: &[Arc<DataFile>], now: Timestamp) -> Result<(), StoreError> {
        let known = |file: &&Arc<DataFile>| self.files.contains_key(&file.path);
        if files.len() == self.files.len() && files.iter().all(|file| known(&file)) {
            return Ok(());
        }
        let current: BTreeMap<_, _> = files.iter().map(|file| (file.path.clone(), file.clone())).collect();
        let gone: Vec<&String> = self.files.keys().filter(|path| !current.contains_key(*path)).collect();
        // Files leave when they were joined: the rows stay. The overrides are the one table that is overwritten.
        let overwritten = self.table == Table::PersonOverrides;
        let change = gone.is_empty() || overwritten;
        let operation = if change { "WRITE" } else { "OPTIMIZE" };
        let mut lines: Vec<Value> = gone.iter().map(|path| actions::remove(path, now, overwritten)).collect();
        lines.extend(files.iter().filter(|file| !known(file)).map(|file| actions::add(file, now, change)));
        let before = std::mem::replace(&mut self.files, current);
        if let Err(error) = self.commit(operation, lines, now) {
            self.files = before;
            return Err(error);
        }
        if self.next.is_multiple_of(CHECKPOINT_EVERY) {
            self.write_checkpoint(now)?;
        }
        Ok(())
    }

    fn commit(&mut self, operation: &str, lines: Vec<Value>, now: Timestamp) -> Result<(), StoreError> {
        let mut all = vec![actions::commit_info(operation, &fingerprint(&self.files), now)];
        if self.next == 0 {
            all.push(actions::protocol());
            all.push(actions::meta_data(self.table, &self.place));
        }
        all.extend(lines);
        let text: String = all.iter().map(|line| format!("{line}\n")).collect();
        self.write(&format!("{:020}.json", self.next), text.as_bytes())?;
        self.next += 1;
        Ok(())
    }

    /// All of the table at the last commit, so that readers need not replay from the first; older commits then go.
    fn write_checkpoint(&self, now: Timestamp) -> Result<(), StoreError> {
        let version = self.next - 1;
        let mut lines = vec![actions::protocol(), actions::meta_data(self.table, &self.place)];
        lines.extend(self.files.values().map(|file| actions::add(file, now, false)));
        let bytes = checkpoint::encode(&lines)?;
        self.write(&format!("{version:020}.checkpoint.parquet"), &bytes)?;
        let last = serde_json::json!({"version": version, "size": lines.len()});
        self.write("_last_checkpoint", last.to_string().as_bytes())?;
        for old in self.versions()?.into_iter().filter(|old| old + CHECKPOINT_EVERY < version) {
            // A reader may hold an old listing; a missing file is no harm.
            let _ = fs::remove_file(self.folder.join(format!("{old:020}.json")));
            let _ = fs::remove_file(self.folder.join(format!("{old:020}.checkpoint.parquet")));
        }
        Ok(())
    }

    /// Puts a file in place at once and durably.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let (path, next) = (self.folder.join(name), self.folder.join(format!(".{name}.next")));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&next)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            fs::rename(&next, &path)
        };
        write().map_err(StoreError::file("writing", &path))
    }

    /// Versions whose commit lies in the folder.
    fn versions(&self) -> Result<Vec<u64>, StoreError> {
        let entries = fs::read_dir(&self.folder).map_err(StoreError::file("listing", &self.folder))?;
        let version = |name: String| name.strip_suffix(".json")?.parse().ok();
        Ok(entries.flatten().filter_map(|entry| version(entry.file_name().to_string_lossy().into_owned())).collect())
    }

    /// What a commit says the table's files are.
    fn fingerprint_at(&self, version: u64) -> Option<String> {
        let text = fs::read_to_string(self.folder.join(format!("{version:020}.json"))).ok()?;
        let info: Value = serde_json::from_str(text.lines().next()?).ok()?;
        info.pointer("/commitInfo/footfallFiles")?.as_str().map(str::to_owned)
    }
}

fn fingerprint(files: &BTreeMap<String, Arc<DataFile>>) -> String {
    let mut hasher = Xxh3::new();
    for path in files.keys() {
        hasher.update(path.as_bytes());
        hasher.update(&[0]);
    }
    format!("{:016x}", hasher.digest())
}
