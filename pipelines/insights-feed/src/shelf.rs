//! What of a project's projection lies on disk, so that a start need not read the lake again: runs, the texts of
//! dictionaries, and a manifest that says which of them together stand for which files of the lake.
//!
//! The manifest is replaced as a whole, after everything that it names is synced. What it does not name is of a save that
//! did not end, and is removed. A manifest that is damaged, or names what is damaged or of other files, is as none.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use footfall_pipelines_insights::projection::{ColumnKind, Dictionaries, Dictionary};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::runs::{RunFile, RunFiles, Sealed};
use crate::texts::{Extent, TextFile};

/// Of the files on disk; another is read as none.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";

/// What a projection has to be given again after a start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    /// Hot columns and whether they are numbers, in their order.
    pub columns: Vec<(String, bool)>,
    /// Of these the ones that questions have asked for, the last one last.
    pub asked: Vec<(String, bool)>,
    pub full: HashSet<String>,
    /// Files of the lake that the runs stand for together, and the rows of each.
    pub covered: BTreeMap<String, u64>,
    /// Persons of the project who were forgotten before.
    #[serde(default)]
    pub erasures: u64,
    /// Rows of the first person lie under the second.
    pub applied: Vec<(u32, u32)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    project: String,
    content: Content,
    /// Names of runs, and their rows.
    runs: Vec<(String, u64)>,
    /// Persons, activities, and each column.
    texts: Vec<Extent>,
}

/// A project's folder.
pub(crate) struct Shelf {
    folder: PathBuf,
    project: String,
    pub files: Arc<RunFiles>,
    on_disk: Arc<Mutex<OnDisk>>,
    /// Saves that were begun.
    saves: u64,
}

/// What the folder says.
#[derive(Default)]
struct OnDisk {
    texts: Vec<TextFile>,
    /// Named by the manifest.
    named: Vec<Arc<RunFile>>,
    has_manifest: bool,
    /// Of saves up to this one it is the last, or they came to nothing.
    saves: u64,
}

/// What makes disk say what was in memory when it was made. It waits for the disk, so nothing else should for it.
pub(crate) struct Save {
    folder: PathBuf,
    project: String,
    on_disk: Arc<Mutex<OnDisk>>,
    number: u64,
    content: Content,
    dictionaries: Arc<Dictionaries>,
    sealed: Vec<Sealed>,
}

/// What was found on disk.
pub(crate) struct Restored {
    pub content: Content,
    pub dictionaries: Arc<Dictionaries>,
    pub sealed: Vec<Sealed>,
}

/// As the content of a manifest has it.
pub(crate) fn is_number((name, kind): &(String, ColumnKind)) -> (String, bool) {
    (name.clone(), *kind == ColumnKind::Numbers)
}

/// … and back.
pub(crate) fn kind_of((name, is_number): &(String, bool)) -> (String, ColumnKind) {
    (name.clone(), if *is_number { ColumnKind::Numbers } else { ColumnKind::Words })
}

impl Shelf {
    /// The folder of a project, made if it is not there. What no manifest names is removed.
    pub fn open(folder: &Path, project: &str) -> io::Result<Shelf> {
        fs::create_dir_all(folder)?;
        let manifest = read(folder, project);
        let has =
            |name: &str| manifest.as_ref().is_some_and(|manifest| manifest.runs.iter().any(|(run, _)| run == name));
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".next") || (name.ends_with(".run") && !has(&name)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Shelf {
            folder: folder.to_owned(),
            project: project.to_owned(),
            files: Arc::new(RunFiles::new(folder)),
            on_disk: Arc::new(Mutex::new(OnDisk { has_manifest: manifest.is_some(), ..OnDisk::default() })),
            saves: 0,
        })
    }

    fn on_disk(&self) -> MutexGuard<'_, OnDisk> {
        self.on_disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the manifest names, if all of it is sound.
    pub fn restore(&mut self) -> Option<Restored> {
        if !self.on_disk().has_manifest {
            return None;
        }
        let found = read(&self.folder, &self.project).and_then(|manifest| self.take(manifest));
        if found.is_none() {
            tracing::warn!(project = %self.project, "what was kept of a projection is damaged: it is made again");
        }
        found
    }

    fn take(&mut self, manifest: Manifest) -> Option<Restored> {
        let columns: Vec<(String, ColumnKind)> = manifest.content.columns.iter().map(kind_of).collect();
        let columns: Vec<(&str, ColumnKind)> = columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let dictionaries = Dictionaries::new(&columns);
        let places = places(&dictionaries);
        if places.len() != manifest.texts.len() {
            return None;
        }
        let (folder, files) = (&self.folder, &self.files);
        // Reading is mostly checksums: two threads, as questions have.
        let (texts, sealed) = thread::scope(|scope| {
            let texts = scope.spawn(|| {
                let load = |((name, dictionary), extent): (&(String, &Dictionary), &Extent)| {
                    TextFile::load(&folder.join(name), *extent, dictionary)
                };
                places.iter().zip(&manifest.texts).map(load).collect::<Option<Vec<_>>>()
            });
            let open = |(name, rows): &(String, u64)| match files.open(name) {
                Ok(sealed) => (sealed.run.rows() == *rows).then_some(sealed),
                Err(error) => {
                    tracing::warn!(%error, "a run that was kept");
                    None
                }
            };
            let sealed = manifest.runs.iter().map(open).collect::<Option<Vec<_>>>();
            (texts.join().ok().flatten(), sealed)
        });
        let (texts, sealed) = (texts?, sealed?);
        let rows: u64 = manifest.runs.iter().map(|(_, rows)| rows).sum();
        if rows != manifest.content.covered.values().sum::<u64>() {
            return None;
        }
        let mut on_disk = self.on_disk();
        on_disk.texts = texts;
        on_disk.named = sealed.iter().map(|sealed| sealed.file.clone()).collect();
        drop(on_disk);
        Some(Restored { content: manifest.content, dictionaries, sealed })
    }

    /// What is to be saved; see [`Save::run_or_tell`].
    pub fn save(&mut self, content: Content, dictionaries: Arc<Dictionaries>, sealed: Vec<Sealed>) -> Save {
        self.saves += 1;
        let (folder, project, on_disk) = (self.folder.clone(), self.project.clone(), self.on_disk.clone());
        Save { folder, project, on_disk, number: self.saves, content, dictionaries, sealed }
    }

    /// Nothing that lies there counts any more, nor what is still to be saved.
    pub fn clear(&mut self) -> io::Result<()> {
        let mut on_disk = self.on_disk();
        on_disk.saves = self.saves;
        if on_disk.has_manifest {
            let runs = read(&self.folder, &self.project).map_or(Vec::new(), |manifest| manifest.runs);
            let texts =
                fs::read_dir(&self.folder)?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
            let texts: Vec<String> = texts.filter(|name| name.ends_with(".texts")).collect();
            fs::remove_file(self.folder.join(MANIFEST))?;
            sync(&self.folder)?;
            on_disk.has_manifest = false;
            for name in runs.into_iter().map(|(name, _)| name).chain(texts) {
                // Best effort: what stays is removed when the folder is opened.
                let _ = fs::remove_file(self.folder.join(name));
            }
        }
        on_disk.named.drain(..).for_each(|file| file.keep(false));
        on_disk.texts.clear();
        Ok(())
    }
}

impl Save {
    pub fn project(&self) -> &str {
        &self.project
    }

    /// A failure costs no more than time at the next start.
    pub fn run_or_tell(self) {
        let project = self.project.clone();
        if let Err(error) = self.run() {
            tracing::warn!(%project, %error, "a projection cannot be kept on disk");
        }
    }

    /// Does it, unless a later one was done or everything was thrown away since.
    fn run(self) -> io::Result<()> {
        let mut on_disk = self.on_disk.lock().unwrap_or_else(PoisonError::into_inner);
        if on_disk.saves >= self.number {
            return Ok(());
        }
        self.sealed.iter().try_for_each(|sealed| sealed.file.sync())?;
        let places = places(&self.dictionaries);
        on_disk.texts.resize_with(places.len(), TextFile::default);
        let append = |((name, dictionary), file): (&(String, &Dictionary), &mut TextFile)| {
            file.append(&self.folder.join(name), dictionary)
        };
        let texts = places.iter().zip(&mut on_disk.texts).map(append).collect::<io::Result<Vec<_>>>()?;
        let runs = self.sealed.iter().map(|sealed| (sealed.file.name().to_owned(), sealed.run.rows())).collect();
        let manifest = Manifest { format: FORMAT, project: self.project, content: self.content, runs, texts };
        let body = serde_json::to_vec(&manifest)?;
        let next = self.folder.join(format!("{MANIFEST}.next"));
        let mut file = File::create(&next)?;
        file.write_all(format!("{:016x}\n", xxh3_64(&body)).as_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        // The runs' names are of this folder too: they are on disk before the manifest's.
        sync(&self.folder)?;
        fs::rename(&next, self.folder.join(MANIFEST))?;
        sync(&self.folder)?;
        (on_disk.has_manifest, on_disk.saves) = (true, self.number);
        self.sealed.iter().for_each(|sealed| sealed.file.keep(true));
        let named: Vec<Arc<RunFile>> = self.sealed.iter().map(|sealed| sealed.file.clone()).collect();
        let before = std::mem::replace(&mut on_disk.named, named);
        before
            .iter()
            .filter(|file| !on_disk.named.iter().any(|now| Arc::ptr_eq(file, now)))
            .for_each(|file| file.keep(false));
        Ok(())
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn read(folder: &Path, project: &str) -> Option<Manifest> {
    let bytes = fs::read(folder.join(MANIFEST)).ok()?;
    let (sum, body) = bytes.split_at_checked(17)?;
    if sum != format!("{:016x}\n", xxh3_64(body)).as_bytes() {
        return None;
    }
    let manifest: Manifest = serde_json::from_slice(body).ok()?;
    (manifest.format == FORMAT && manifest.project == project).then_some(manifest)
}

/// Every dictionary, and the name of its file.
fn places(dictionaries: &Dictionaries) -> Vec<(String, &Dictionary)> {
    let columns = dictionaries.columns.iter().enumerate();
    let columns = columns.map(|(index, column)| (format!("column_{index}.texts"), &column.dictionary));
    let own = [
        ("persons.texts".to_owned(), &dictionaries.persons),
        ("activities.texts".to_owned(), &dictionaries.activities),
    ];
    own.into_iter().chain(columns).collect()
}
