//! Write and read keys: made and revoked from the command line, kept as hashes in `keys.json`, checked by the doors.
//!
//! A key carries 32 random bytes, so that a plain SHA-256 of it cannot be guessed back. The running program looks at the
//! file a few times a second while it is asked: a revoked key is refused within that.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use clap::ValueEnum;
use footfall_api_server::{ReadKeys, Reader};
use footfall_ingest_activity::{Clock, Timestamp};
use footfall_ingest_server::{Caller, WriteKeys};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::token::{TokenError, random_token, same_text};

/// The file is looked at no more often than this, in milliseconds.
const LOOK_MILLIS: i64 = 300;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Sends activity and reads nothing; it may be public.
    Write,
    /// Reads its project and sends nothing.
    Read,
}

impl KeyKind {
    const fn prefix(self) -> &'static str {
        match self {
            KeyKind::Write => "ffw_",
            KeyKind::Read => "ffr_",
        }
    }
}

/// A key as the file keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyRecord {
    pub id: String,
    pub kind: KeyKind,
    pub project: String,
    #[serde(default)]
    pub name: String,
    /// SHA-256 of the key, in hexadecimal.
    pub hash: String,
    /// Its last four characters.
    pub hint: String,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// What can go wrong with the key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{action} {path}: {source}")]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{path} is damaged: {detail}")]
    Damaged { path: PathBuf, detail: String },
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("there is no key {0:?}; `footfall keys list` shows them")]
    Unknown(String),
}

/// The key file of a data folder.
pub struct KeyFile {
    path: PathBuf,
    lock: PathBuf,
}

impl KeyFile {
    /// The key file in `folder`; it need not exist yet.
    pub fn in_folder(folder: &Path) -> KeyFile {
        KeyFile { path: folder.join("keys.json"), lock: folder.join("keys.lock") }
    }

    /// All keys, revoked ones too.
    pub fn list(&self) -> Result<Vec<KeyRecord>, KeyError> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| KeyError::Damaged { path: self.path.clone(), detail: error.to_string() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(KeyError::File { action: "reading", path: self.path.clone(), source }),
        }
    }

    /// Makes a key and returns it; only its hash is kept.
    pub fn create(&self, kind: KeyKind, project: &str, name: &str, clock: &dyn Clock) -> Result<String, KeyError> {
        let key = random_token(kind.prefix())?;
        self.change(|keys| {
            keys.push(KeyRecord {
                id: uuid::Uuid::now_v7().simple().to_string(),
                kind,
                project: project.to_owned(),
                name: name.to_owned(),
                hash: hash(&key),
                hint: key[key.len() - 4..].to_owned(),
                created_at: clock.now(),
                revoked_at: None,
            });
            Ok(())
        })?;
        Ok(key)
    }

    /// Revokes the key with this id.
    pub fn revoke(&self, id: &str, clock: &dyn Clock) -> Result<(), KeyError> {
        self.change(|keys| {
            let key = keys.iter_mut().find(|key| key.id == id).ok_or_else(|| KeyError::Unknown(id.to_owned()))?;
            key.revoked_at.get_or_insert(clock.now());
            Ok(())
        })
    }

    /// Changes the file under a lock, so that two commands at once lose nothing.
    fn change(&self, edit: impl FnOnce(&mut Vec<KeyRecord>) -> Result<(), KeyError>) -> Result<(), KeyError> {
        let fail = |action, path: &Path| {
            let path = path.to_owned();
            move |source| KeyError::File { action, path, source }
        };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(fail("creating", folder))?;
        }
        let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(&self.lock);
        let lock = lock.map_err(fail("opening", &self.lock))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| fail("locking", &self.lock)(error.into()))?;
        let mut keys = self.list()?;
        edit(&mut keys)?;
        let bytes = serde_json::to_vec_pretty(&keys)
            .map_err(|error| KeyError::Damaged { path: self.path.clone(), detail: error.to_string() })?;
        write_private(&self.path, &bytes).map_err(fail("writing", &self.path))
    }

    /// Something that changes whenever the file does.
    fn fingerprint(&self) -> Option<(u64, i64, i64, u64)> {
        let meta = fs::metadata(&self.path).ok()?;
        Some((meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len()))
    }
}

/// Puts a file in place at once, readable by its owner alone.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let next = path.with_extension("next");
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, path)
}

fn hash(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

type Fingerprint = Option<(u64, i64, i64, u64)>;

#[derive(Default)]
struct Known {
    seen: Fingerprint,
    /// By hash, those that are not revoked.
    keys: HashMap<String, (KeyKind, Arc<str>)>,
}

/// The keys that are in force now, and the operator's token.
pub struct KeyRing {
    file: KeyFile,
    known: RwLock<Known>,
    looked_at: AtomicI64,
    operator: String,
    project: Arc<str>,
    clock: Arc<dyn Clock>,
}

impl KeyRing {
    /// Reads the file of `folder`. The holder of `operator` writes and reads every project; `project` when none is named.
    pub fn open(folder: &Path, operator: &str, project: &str, clock: Arc<dyn Clock>) -> Result<KeyRing, KeyError> {
        let ring = KeyRing {
            file: KeyFile::in_folder(folder),
            known: RwLock::default(),
            looked_at: AtomicI64::new(clock.now().millis()),
            operator: operator.to_owned(),
            project: project.into(),
            clock,
        };
        ring.reload(ring.file.fingerprint())?;
        Ok(ring)
    }

    fn reload(&self, seen: Fingerprint) -> Result<(), KeyError> {
        let in_force = self.file.list()?.into_iter().filter(|key| key.revoked_at.is_none());
        let keys = in_force.map(|key| (key.hash, (key.kind, Arc::from(key.project)))).collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { seen, keys };
        Ok(())
    }

    /// Looks at the file now and then, so that a revoked key is refused soon.
    fn look(&self) {
        let (now, before) = (self.clock.now().millis(), self.looked_at.load(Ordering::Relaxed));
        let due = now.abs_diff(before) >= LOOK_MILLIS.unsigned_abs();
        if due && self.looked_at.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.refresh();
        }
    }

    /// Reads the file again if it has changed; true when it had. A file that cannot be read leaves the keys as they were.
    fn refresh(&self) -> bool {
        let seen = self.file.fingerprint();
        if seen == self.known.read().unwrap_or_else(PoisonError::into_inner).seen {
            return false;
        }
        match self.reload(seen) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the keys cannot be read; those known before stay in force");
                false
            }
        }
    }

    /// A key that is not known may have been made a moment ago: the file is asked before it is refused.
    fn project_of(&self, key: &str, kind: KeyKind) -> Option<Arc<str>> {
        self.look();
        if !key.starts_with(kind.prefix()) {
            return None;
        }
        let hash = hash(key);
        self.known_project(&hash, kind).or_else(|| self.refresh().then(|| self.known_project(&hash, kind)).flatten())
    }

    fn known_project(&self, hash: &str, kind: KeyKind) -> Option<Arc<str>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.keys.get(hash).filter(|(found, _)| *found == kind).map(|(_, project)| project.clone())
    }
}

impl KeyRing {
    /// The project that the operator names behind an `@`, or the usual one; `None` for everybody else.
    fn operator_project(&self, key: &str) -> Option<Arc<str>> {
        let (token, project) = match key.split_once('@') {
            Some((token, project)) => (token, Arc::from(project)),
            None => (key, self.project.clone()),
        };
        same_text(token, &self.operator).then_some(project)
    }
}

impl WriteKeys for KeyRing {
    fn resolve(&self, key: &str) -> Option<Caller> {
        if let Some(project) = self.operator_project(key) {
            return Some(Caller { project, operator: true });
        }
        self.project_of(key, KeyKind::Write).map(|project| Caller { project, operator: false })
    }
}

impl ReadKeys for KeyRing {
    fn reader(&self, key: &str) -> Option<Reader> {
        let project = self.operator_project(key).or_else(|| self.project_of(key, KeyKind::Read));
        project.map(|project| Reader { project })
    }
}

#[cfg(test)]
mod tests;
