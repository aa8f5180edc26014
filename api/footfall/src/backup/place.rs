//! The folder that backups are kept in: files by their checksum, so that each is there once, and a manifest for each backup.
//!
//! ```text
//! footfall-backup          says what the folder is
//! objects/ab/abcd…         files, named by the SHA-256 of what is in them
//! backups/<id>.json        what a backup consists of
//! unfinished.json          what one that did not come to its end has copied of tables
//! work/                    files of one that is being made
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use super::error::BackupError;
use super::manifest::{Backup, Item, hex};

const MARK: &str = "footfall-backup";
const BLOCK_BYTES: usize = 1 << 20;

/// A folder of backups that is open.
pub struct Place {
    root: PathBuf,
    /// Held while something is written or removed.
    _lock: File,
}

impl Place {
    /// Opens or makes the place in `root`.
    pub fn open(root: &Path) -> Result<Place, BackupError> {
        if !root.join(MARK).exists() {
            if fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(BackupError::NotOurs(root.to_owned()));
            }
            private_folder(root)?;
            fs::write(root.join(MARK), "Backups of Footfall. `footfall backup --list` tells which.\n")
                .map_err(BackupError::file(root))?;
        }
        private_folder(&root.join("objects"))?;
        private_folder(&root.join("backups"))?;
        Place::existing(root)
    }

    /// Opens a place that must be there.
    pub fn existing(root: &Path) -> Result<Place, BackupError> {
        let mark = root.join(MARK);
        let lock = File::open(&mark).map_err(|_| BackupError::None(root.to_owned()))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Place { root: root.to_owned(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(BackupError::Busy(root.to_owned())),
            Err(error) => Err(BackupError::File(mark, error.into())),
        }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Ids of the backups, the oldest first.
    pub fn ids(&self) -> Result<Vec<String>, BackupError> {
        let folder = self.root.join("backups");
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(BackupError::file(&folder))?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(BackupError::file(&folder))?.file_name().to_string_lossy().into_owned();
            ids.extend(name.strip_suffix(".json").map(str::to_owned));
        }
        ids.sort();
        Ok(ids)
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.root.join("backups").join(format!("{id}.json"))
    }

    /// The backup `id`, or the newest one.
    pub fn backup(&self, id: Option<&str>) -> Result<Backup, BackupError> {
        let ids = self.ids()?;
        let id = match id {
            None => ids.last().ok_or_else(|| BackupError::None(self.root.clone()))?,
            Some(id) => ids.iter().find(|known| *known == id).ok_or_else(|| BackupError::Unknown {
                wanted: id.to_owned(),
                folder: self.root.clone(),
                known: ids.join(", "),
            })?,
        };
        Backup::load(&self.path_of(id))
    }

    /// Every backup, the oldest first.
    pub fn all(&self) -> Result<Vec<Backup>, BackupError> {
        self.ids()?.iter().map(|id| Backup::load(&self.path_of(id))).collect()
    }

    /// Where the file with this checksum is.
    pub fn object(&self, sha256: &str) -> PathBuf {
        self.root.join("objects").join(sha256.get(..2).unwrap_or("00")).join(sha256)
    }

    /// True when a file with this checksum and size is there.
    pub fn has(&self, sha256: &str, bytes: u64) -> bool {
        fs::metadata(self.object(sha256)).is_ok_and(|found| found.len() == bytes)
    }

    /// Takes in the first `bytes` of a file; its checksum, and whether it had to be copied.
    pub fn put(&self, from: &Path, bytes: u64) -> Result<(String, bool), BackupError> {
        let sha256 = copy(from, bytes, &mut io::sink())?;
        if self.has(&sha256, bytes) {
            return Ok((sha256, false));
        }
        let next = self.root.join("objects/next");
        let mut file = private_file(&next).map_err(BackupError::file(&next))?;
        // Read once more, and named by what was written: it is of a file that may still grow.
        let sha256 = copy(from, bytes, &mut file)?;
        file.sync_all().map_err(BackupError::file(&next))?;
        let to = self.object(&sha256);
        let folder = to.parent().unwrap_or(&self.root);
        private_folder(folder)?;
        fs::rename(&next, &to).map_err(BackupError::file(&to))?;
        Ok((sha256, true))
    }

    /// A file that is written here, and gets its name when it is whole.
    pub fn incoming(&self) -> Result<Incoming<'_>, BackupError> {
        let path = self.root.join("objects/next");
        let file = private_file(&path).map_err(BackupError::file(&path))?;
        Ok(Incoming { place: self, path, file, digest: Sha256::new(), bytes: 0 })
    }

    /// An empty folder for what is made on the way; [`Place::tidy`] takes it away.
    pub fn work(&self) -> Result<PathBuf, BackupError> {
        self.tidy();
        let folder = self.root.join("work");
        private_folder(&folder)?;
        Ok(folder)
    }

    /// Takes away what was made on the way.
    pub fn tidy(&self) {
        drop(fs::remove_dir_all(self.root.join("work")));
    }

    /// Where a backup notes what it has copied of tables until it is whole.
    pub fn unfinished(&self) -> PathBuf {
        self.root.join("unfinished.json")
    }

    /// Makes a backup of files that are all here.
    pub fn finish(&self, backup: &Backup) -> Result<(), BackupError> {
        let sync =
            |folder: &Path| File::open(folder).and_then(|file| file.sync_all()).map_err(BackupError::file(folder));
        let folders: BTreeSet<PathBuf> =
            backup.items.iter().filter_map(|item| Some(self.object(&item.sha256).parent()?.to_owned())).collect();
        folders.iter().try_for_each(|folder| sync(folder))?;
        sync(&self.root.join("objects"))?;
        let path = self.path_of(&backup.id);
        if path.exists() {
            return Err(BackupError::Busy(self.root.clone()));
        }
        backup.save(&path)
    }

    /// Removes all but the newest `keep` backups, and the files that none of those has; how many of each.
    pub fn thin(&self, keep: usize) -> Result<(usize, usize), BackupError> {
        let ids = self.ids()?;
        let gone = &ids[..ids.len().saturating_sub(keep.max(1))];
        // Read first: a backup that cannot be read must not cost the files of the others.
        let kept: Vec<Backup> =
            ids[gone.len()..].iter().map(|id| Backup::load(&self.path_of(id))).collect::<Result<_, _>>()?;
        let named: BTreeSet<&str> =
            kept.iter().flat_map(|backup| &backup.items).map(|item| item.sha256.as_str()).collect();
        for id in gone {
            let path = self.path_of(id);
            fs::remove_file(&path).map_err(BackupError::file(&path))?;
        }
        let mut removed = 0;
        for path in self.objects()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !named.contains(name.as_str()) {
                fs::remove_file(&path).map_err(BackupError::file(&path))?;
                removed += 1;
            }
        }
        Ok((gone.len(), removed))
    }

    fn objects(&self) -> Result<Vec<PathBuf>, BackupError> {
        let root = self.root.join("objects");
        let list = |folder: &Path| -> io::Result<Vec<PathBuf>> {
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
        };
        let mut found = Vec::new();
        for folder in list(&root).map_err(BackupError::file(&root))? {
            match folder.is_dir() {
                true => found.extend(list(&folder).map_err(BackupError::file(&folder))?),
                false => found.push(folder),
            }
        }
        Ok(found)
    }

    /// Copies the files of `items` that have not been copied since to `known` (checksum by checksum); for a check.
    pub fn verify(&self, backup: &Backup, known: &mut BTreeMap<String, bool>) -> Result<(), BackupError> {
        for item in &backup.items {
            if !known.contains_key(&item.sha256) {
                let path = self.object(&item.sha256);
                let whole =
                    self.has(&item.sha256, item.bytes) && copy(&path, item.bytes, &mut io::sink())? == item.sha256;
                known.insert(item.sha256.clone(), whole);
            }
            if known.get(&item.sha256) != Some(&true) {
                return Err(damaged(backup, &item.path));
            }
        }
        Ok(())
    }
}

/// A file on its way into a place.
pub struct Incoming<'a> {
    place: &'a Place,
    path: PathBuf,
    file: File,
    digest: Sha256,
    bytes: u64,
}

impl Write for Incoming<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.file.write(block)?;
        self.digest.update(&block[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Incoming<'_> {
    /// Keeps it, known in the backup as `path`; whether it was not here before.
    pub fn keep(self, path: String) -> Result<(Item, bool), BackupError> {
        let sha256 = hex(self.digest.finalize());
        let item = Item { path, bytes: self.bytes, sha256 };
        if self.place.has(&item.sha256, item.bytes) {
            return Ok((item, false));
        }
        self.file.sync_all().map_err(BackupError::file(&self.path))?;
        let to = self.place.object(&item.sha256);
        to.parent().map_or(Ok(()), private_folder)?;
        fs::rename(&self.path, &to).map_err(BackupError::file(&to))?;
        Ok((item, true))
    }
}

/// A file of a backup is not what was put there.
pub fn damaged(backup: &Backup, path: &str) -> BackupError {
    BackupError::Damaged { id: backup.id.clone(), what: format!("{path} is missing or changed") }
}

/// Copies the first `bytes` of a file; their checksum.
pub fn copy(from: &Path, bytes: u64, to: &mut impl Write) -> Result<String, BackupError> {
    let file = File::open(from).map_err(BackupError::file(from))?;
    let (mut reader, mut digest, mut block) = (file.take(bytes), Sha256::new(), vec![0; BLOCK_BYTES]);
    let mut copied = 0;
    loop {
        let read = reader.read(&mut block).map_err(BackupError::file(from))?;
        if read == 0 {
            break;
        }
        digest.update(&block[..read]);
        to.write_all(&block[..read]).map_err(BackupError::file(from))?;
        copied += read as u64;
    }
    if copied < bytes {
        let short = io::Error::new(io::ErrorKind::UnexpectedEof, format!("{copied} bytes of {bytes}"));
        return Err(BackupError::File(from.to_owned(), short));
    }
    Ok(hex(digest.finalize()))
}

/// A new or emptied file for its owner alone: secrets are among what is backed up.
pub fn private_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(true).write(true).mode(0o600).open(path)
}

/// A folder for its owner alone, and those above it.
pub fn private_folder(path: &Path) -> Result<(), BackupError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(BackupError::file(path))
}
