//! The lake itself: its state, what becomes visible when, and how a commit happens.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use footfall_ingest_activity::{Checkpoint, Clock, Erasure, Erasures, Timestamp};
use tokio::sync::Notify;
use uuid::Uuid;

use super::delta::DeltaLogs;
use super::erase::{self, Gate};
use super::erasures::ErasureFile;
use super::folder::{blocking, lock_folder};
use super::fresh::Generation;
use super::hold::HeldLake;
use super::key_index::KeyRuns;
use super::lineage::Lineage;
use super::manifest::{Manifest, RemovedFile, TableFiles};
use super::options::LakeOptions;
use super::snapshot::{DataFile, Overrides, ProjectSnapshot, TableView};
use super::{background, orphans, overrides, reader};
use crate::remote::Rows;
use crate::tables::Table;
use crate::{ErasureRecord, Publication, Store, StoreError};

/// The embedded store. Dropping it ends its threads; rows that were not flushed come again from the log.
pub struct Lake {
    pub(super) inner: Arc<Inner>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

/// What the lake's threads share.
pub(super) struct Inner {
    pub root: PathBuf,
    pub options: LakeOptions,
    pub clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// One commit at a time.
    commit: Mutex<()>,
    /// Held by whoever replaces files, or says which of their rows are not to be shown.
    rewriting: Mutex<()>,
    erasures: Mutex<ErasureFile>,
    delta: DeltaLogs,
    /// Wakes the background threads.
    pub wake: Condvar,
    /// Tells waiting publishers and flushers that a flush ended.
    pub flushed: Notify,
    _lock: File,
}

/// A file that left the lake; `holder` counts the snapshots that still read it.
pub(super) struct Removed {
    pub file: RemovedFile,
    pub holder: Option<Arc<DataFile>>,
}

pub(super) struct State {
    pub manifest: Manifest,
    pub runs: KeyRuns,
    pub fresh: Generation,
    pub sealed: Option<Arc<Generation>>,
    pub overrides: BTreeMap<Arc<str>, Arc<Overrides>>,
    pub lineage: Arc<Lineage>,
    pub visible: Checkpoint,
    pub removed: Vec<Removed>,
    /// Who is forgotten, as the files say.
    pub erasures: Arc<Erasures>,
    /// How many are being forgotten now: nothing is published meanwhile.
    pub erasing: usize,
    /// Grows with every publication.
    pub version: u64,
    snapshots: HashMap<Arc<str>, Arc<ProjectSnapshot>>,
    /// Somebody waits for everything to be durable.
    pub flush_wanted: bool,
    pub closing: bool,
    /// Why the last flush or compaction failed, if it did.
    pub failing: Option<String>,
    pub compactions: u64,
}

/// Sizes and health of the lake.
#[derive(Debug, Clone, Default)]
pub struct LakeStatus {
    /// Files and bytes by table, over all projects.
    pub tables: BTreeMap<Table, (u64, u64)>,
    pub fresh_activities: u64,
    pub fresh_bytes: usize,
    /// Message keys on disk, and bytes of their filters in memory.
    pub message_keys: u64,
    pub filter_bytes: usize,
    pub manifest_version: u64,
    pub compactions: u64,
    /// Why rows cannot be written to files just now, if they cannot.
    pub failing: Option<String>,
}

impl Lake {
    /// Opens or creates the lake that `url` (`file:PATH`) names.
    pub fn open(url: &str, options: LakeOptions, clock: Arc<dyn Clock>) -> Result<Arc<Lake>, StoreError> {
        let root = url.strip_prefix("file:").ok_or_else(|| StoreError::UnknownUrl { url: url.to_owned() })?;
        Self::open_folder(Path::new(root), options, clock)
    }

    /// Opens or creates the lake in a folder.
    pub fn open_folder(root: &Path, options: LakeOptions, clock: Arc<dyn Clock>) -> Result<Arc<Lake>, StoreError> {
        fs::create_dir_all(root.join("keys")).map_err(StoreError::file("creating", root))?;
        let lock = lock_folder(root)?;
        let manifest = Manifest::load(root)?;
        orphans::remove(root, &manifest)?;
        let runs = KeyRuns::open(root, &manifest.key_runs)?;
        let erasures = ErasureFile::open(root)?;
        let mut forgotten = erasures.erasures();
        forgotten.retain(|known| manifest.erasures.contains(&known.id));
        let delta = DeltaLogs::open(root, &manifest, clock.now());
        let mut state = State {
            runs,
            overrides: overrides::load(root, &manifest)?,
            lineage: Arc::default(),
            visible: manifest.checkpoint.clone(),
            removed: manifest.removed.iter().map(|file| Removed { file: file.clone(), holder: None }).collect(),
            manifest,
            erasures: Arc::new(forgotten),
            erasing: 0,
            fresh: Generation::default(),
            sealed: None,
            version: 0,
            snapshots: HashMap::new(),
            flush_wanted: false,
            closing: false,
            failing: None,
            compactions: 0,
        };
        state.fresh.checkpoint = state.visible.clone();
        let inner = Arc::new(Inner {
            root: root.to_owned(),
            options,
            clock,
            state: Mutex::new(state),
            commit: Mutex::new(()),
            rewriting: Mutex::new(()),
            erasures: Mutex::new(erasures),
            delta,
            wake: Condvar::new(),
            flushed: Notify::new(),
            _lock: lock,
        });
        erase::resume(&inner)?;
        let threads = background::start(&inner)?;
        Ok(Arc::new(Lake { inner, threads: Mutex::new(threads) }))
    }

    /// A project as it is now; an unknown one is empty.
    pub fn snapshot(&self, project: &str) -> Arc<ProjectSnapshot> {
        let mut state = self.inner.state();
        if let Some(snapshot) = state.snapshots.get(project).filter(|snapshot| snapshot.version == state.version) {
            return snapshot.clone();
        }
        let project: Arc<str> = Arc::from(project);
        let snapshot = Arc::new(state.snapshot_of(&project, &self.inner.root));
        state.snapshots.insert(project, snapshot.clone());
        snapshot
    }

    /// All rows of a table of a project as they are now, on their way.
    pub fn rows(&self, project: &str, table: Table) -> Rows {
        reader::stream(self.snapshot(project), table)
    }

    /// Sizes and health.
    pub fn status(&self) -> LakeStatus {
        self.inner.state().status()
    }

    /// Joins files until none is worth joining. For `footfall compact` and for tests.
    pub async fn compact(&self) -> Result<u64, StoreError> {
        let inner = self.inner.clone();
        blocking(move || super::compact::run_until_idle(&inner)).await
    }

    /// Does something while nothing is published, and all rows are in files.
    async fn while_still<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gate = Gate::close(&self.inner);
        self.flush().await?;
        let inner = self.inner.clone();
        let run = move || {
            let done = work(&inner);
            drop(gate);
            done
        };
        blocking(run).await
    }

    /// Puts the files of the lake at this moment into the folder `into`, as a lake of their own; they stay whatever becomes
    /// of the lake's. Rows that are not in files yet are in the log, from the checkpoint on.
    pub fn hold(&self, into: &Path) -> Result<HeldLake, StoreError> {
        self.inner.steady(|manifest| super::hold::hold(&self.inner.root, manifest, into))
    }

    /// Ends the background threads, after a flush of what they were told to flush.
    pub fn close(&self) {
        self.inner.state().closing = true;
        self.inner.wake.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the lake ended by a panic");
            }
        }
    }
}

impl Drop for Lake {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    /// The state. A panic while it was held cannot have left it half changed: changes are made by single assignments.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the manifest while no commit happens.
    pub fn steady<T>(&self, work: impl FnOnce(Manifest) -> T) -> T {
        let _one_at_a_time = self.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let manifest = self.state().manifest.clone();
        work(manifest)
    }

    /// Held while files are replaced.
    pub fn rewriting(&self) -> MutexGuard<'_, ()> {
        self.rewriting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asked to be forgotten. Not to be held while the state is.
    pub fn erasures(&self) -> MutexGuard<'_, ErasureFile> {
        self.erasures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the manifest by what `edit` makes of it, durably, and then the state by what `install` makes of it, so
    /// that a reader sees both or neither.
    pub fn commit(
        &self,
        edit: impl FnOnce(&mut Manifest, &mut KeyRuns),
        install: impl FnOnce(&mut State),
    ) -> Result<(), StoreError> {
        let _one_at_a_time = self.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, mut runs, pending) = {
            let state = self.state();
            let pending: Vec<RemovedFile> = state.removed.iter().map(|removed| removed.file.clone()).collect();
            (state.manifest.clone(), state.runs.clone(), pending)
        };
        let mut manifest = before.clone();
        edit(&mut manifest, &mut runs);
        manifest.version += 1;
        manifest.key_runs = runs.files();
        let removed = removed_between(&before, &manifest, self.clock.now());
        manifest.removed = pending.into_iter().chain(removed.iter().map(|removed| removed.file.clone())).collect();
        manifest.save(&self.root)?;
        self.delta.publish(&manifest, self.clock.now());
        let mut state = self.state();
        state.manifest = manifest;
        state.runs = runs;
        state.removed.extend(removed);
        state.snapshots.clear();
        install(&mut state);
        Ok(())
    }
}

impl State {
    fn snapshot_of(&self, project: &Arc<str>, root: &Path) -> ProjectSnapshot {
        let none = TableFiles::new();
        let files = self.manifest.projects.get(project).unwrap_or(&none);
        let view = |table: &Table| {
            let key = (project.clone(), *table);
            let generations = self.sealed.as_deref().into_iter().chain([&self.fresh]);
            TableView {
                files: files.get(table).cloned().unwrap_or_default(),
                fresh: generations.filter_map(|generation| generation.rows.get(&key)).flatten().cloned().collect(),
            }
        };
        ProjectSnapshot {
            root: root.to_owned(),
            version: self.version,
            tables: Table::ALL.iter().map(view).collect(),
            overrides: self.overrides.get(project).cloned().unwrap_or_default(),
            erasures: self.erasures.count_of(project),
            lineage: self.lineage.clone(),
            remote: None,
        }
    }

    fn status(&self) -> LakeStatus {
        let mut tables = BTreeMap::new();
        for (&table, files) in self.manifest.projects.values().flatten() {
            let (count, bytes) = tables.entry(table).or_insert((0, 0));
            *count += files.len() as u64;
            *bytes += files.iter().map(|file| file.bytes).sum::<u64>();
        }
        let generations = || self.sealed.as_deref().into_iter().chain([&self.fresh]);
        let (message_keys, filter_bytes) = self.runs.size();
        LakeStatus {
            tables,
            fresh_activities: generations().map(|generation| generation.activities).sum(),
            fresh_bytes: generations().map(|generation| generation.bytes).sum(),
            message_keys,
            filter_bytes,
            manifest_version: self.manifest.version,
            compactions: self.compactions,
            failing: self.failing.clone(),
        }
    }

    /// Closes the collecting generation and starts a new one. Does nothing while one is being written.
    pub fn seal(&mut self) {
        if self.sealed.is_some() || self.fresh.is_empty() {
            return;
        }
        let next = Generation { checkpoint: self.fresh.checkpoint.clone(), ..Generation::default() };
        let mut sealed = std::mem::replace(&mut self.fresh, next);
        for project in &sealed.overrides_changed {
            let now = self.overrides.get(project).cloned().unwrap_or_default();
            sealed.overrides.insert(project.clone(), now);
        }
        self.sealed = Some(Arc::new(sealed));
    }

    fn publish(&mut self, publication: Publication, now: Timestamp) -> Result<(), StoreError> {
        for (project, rows) in &publication.rows {
            if rows.person_changes.is_empty() {
                continue;
            }
            let overrides = Arc::make_mut(self.overrides.entry(project.clone()).or_default());
            for &(own, canonical) in &rows.person_changes {
                match own == canonical {
                    true => overrides.remove(&own),
                    false => overrides.insert(own, canonical),
                };
            }
        }
        self.visible.merge(&publication.checkpoint);
        self.version += 1;
        self.fresh.add(publication, now)
    }
}

#[async_trait]
impl Store for Lake {
    fn durable_checkpoint(&self) -> Checkpoint {
        self.inner.state().manifest.checkpoint.clone()
    }

    fn visible_checkpoint(&self) -> Checkpoint {
        self.inner.state().visible.clone()
    }

    fn is_new(&self, keys: &[u128]) -> Result<Vec<bool>, StoreError> {
        let mut seen = super::key_index::KeySet::with_capacity_and_hasher(keys.len(), Default::default());
        let mut new: Vec<bool> = keys.iter().map(|&key| seen.insert(key)).collect();
        let runs = {
            let state = self.inner.state();
            let fresh = |key: &u128| {
                state.fresh.keys.contains(key) || state.sealed.as_ref().is_some_and(|sealed| sealed.keys.contains(key))
            };
            new.iter_mut().zip(keys).for_each(|(new, key)| *new = *new && !fresh(key));
            state.runs.clone()
        };
        let (places, asked): (Vec<usize>, Vec<u128>) =
            keys.iter().enumerate().filter(|(place, _)| new[*place]).map(|(place, &key)| (place, key)).unzip();
        for (place, found) in places.into_iter().zip(runs.contain(&asked)?) {
            new[place] = !found;
        }
        Ok(new)
    }

    async fn publish(&self, publication: Publication) -> Result<(), StoreError> {
        let mut publication = Some(publication);
        loop {
            let flushed = self.inner.flushed.notified();
            {
                let mut state = self.inner.state();
                let full = state.fresh.activities >= self.inner.options.flush_rows
                    || state.fresh.bytes >= self.inner.options.flush_bytes;
                if full {
                    state.seal();
                    self.inner.wake.notify_all();
                }
                let outdated = |publication: &Publication| publication.erasures != state.erasures.version();
                if publication.as_ref().is_some_and(outdated) {
                    return Err(StoreError::Outdated);
                }
                if state.erasing == 0 && (state.fresh.is_empty() || !full) {
                    return match publication.take() {
                        Some(publication) => state.publish(publication, self.inner.clock.now()),
                        None => Ok(()),
                    };
                }
            }
            flushed.await;
        }
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let target = self.visible_checkpoint();
        loop {
            let flushed = self.inner.flushed.notified();
            {
                let mut state = self.inner.state();
                let durable = state.fresh.is_empty() && state.sealed.is_none();
                if durable || (state.sealed.is_none() && state.manifest.checkpoint.covers(&target)) {
                    return Ok(());
                }
                if let Some(reason) = state.failing.clone().filter(|_| state.flush_wanted) {
                    state.flush_wanted = false;
                    return Err(StoreError::Task(reason));
                }
                state.flush_wanted = true;
                self.inner.wake.notify_all();
            }
            flushed.await;
        }
    }

    async fn read_all(&self, project: &str, table: Table) -> Result<Vec<RecordBatch>, StoreError> {
        let snapshot = self.snapshot(project);
        blocking(move || reader::read_table(&snapshot, table)).await
    }

    async fn erase(&self, erasure: Erasure) -> Result<ErasureRecord, StoreError> {
        self.while_still(move |inner| erase::run(inner, erasure)).await
    }

    async fn learn_erasures(&self, records: Vec<ErasureRecord>) -> Result<(), StoreError> {
        self.while_still(move |inner| erase::learn(inner, records)).await
    }

    fn erasures(&self) -> Arc<Erasures> {
        self.inner.state().erasures.clone()
    }

    fn erasure_records(&self) -> Vec<ErasureRecord> {
        self.inner.erasures().records().to_vec()
    }

    async fn note_log_erased(&self, id: Uuid) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let note = move || {
            let mut file = inner.erasures();
            let Some(mut record) = file.record(id).cloned() else { return Ok(()) };
            record.log_at = Some(inner.clock.now());
            file.note(record)
        };
        blocking(note).await
    }

    fn projects(&self) -> Vec<Arc<str>> {
        let state = self.inner.state();
        let fresh = state.fresh.rows.keys().map(|(project, _)| project);
        let sealed = state.sealed.iter().flat_map(|sealed| sealed.rows.keys()).map(|(project, _)| project);
        let mut all: Vec<Arc<str>> = state.manifest.projects.keys().chain(fresh).chain(sealed).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Files and runs that `before` has and `after` has not.
fn removed_between(before: &Manifest, after: &Manifest, now: Timestamp) -> Vec<Removed> {
    let kept: HashSet<&str> = after.paths().collect();
    let removed = |path: &str, holder: Option<Arc<DataFile>>| Removed {
        file: RemovedFile { path: path.to_owned(), removed_at: now },
        holder,
    };
    let files = before.projects.values().flat_map(|tables| tables.values().flatten());
    let files = files.filter(|file| !kept.contains(file.path.as_str()));
    let runs = before.key_runs.iter().filter(|run| !kept.contains(run.path.as_str()));
    let files = files.map(|file| removed(&file.path, Some(file.clone())));
    files.chain(runs.map(|run| removed(&run.path, None))).collect()
}
