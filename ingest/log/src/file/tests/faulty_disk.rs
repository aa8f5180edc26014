//! A disk that fails when told to: out of space, short writes, failing fdatasync, or a power cut that loses
//! what was not synced. It forgets nothing else and needs no time to sync.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};

use crate::file::context::hold;
use crate::file::disk::{Disk, OpenFile, RealDisk};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The operation fails with ENOSPC and does nothing.
    NoSpace,
    /// A write stops half-way with ENOSPC.
    ShortWrite,
    /// The operation fails with EIO.
    Broken,
    /// The power goes: of each file's unsynced bytes only this many 255ths are left, and nothing works any more.
    Crash { kept: u8 },
}

#[derive(Default)]
struct Model {
    operations: usize,
    faults: HashMap<usize, Fault>,
    /// Every operation that needs room fails until this is cleared.
    full: bool,
    /// Every sync fails until this is cleared.
    sync_broken: bool,
    /// Every sync of a folder fails until this is cleared.
    folders_broken: bool,
    dead: bool,
    free_bytes: Option<u64>,
    files: HashMap<PathBuf, Lengths>,
    /// Syncs begun.
    syncs: usize,
    syncs_held: bool,
}

#[derive(Clone, Copy, Default)]
struct Lengths {
    bytes: u64,
    synced: u64,
    /// The folder was synced since the file was made.
    named: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct FaultyDisk {
    model: Mutex<Model>,
    released: Condvar,
}

impl FaultyDisk {
    /// Fails at the operations with these numbers, counted from 0.
    pub fn failing_at(faults: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        let disk = FaultyDisk::default();
        hold(&disk.model).faults = faults.into_iter().collect();
        disk
    }

    pub fn set_full(&self, full: bool) {
        hold(&self.model).full = full;
    }

    pub fn set_sync_broken(&self, broken: bool) {
        hold(&self.model).sync_broken = broken;
    }

    pub fn set_folders_broken(&self, broken: bool) {
        hold(&self.model).folders_broken = broken;
    }

    pub fn set_free_bytes(&self, bytes: u64) {
        hold(&self.model).free_bytes = Some(bytes);
    }

    /// While held, no sync of a file comes to an end.
    pub fn hold_syncs(&self, held: bool) {
        hold(&self.model).syncs_held = held;
        self.released.notify_all();
    }

    pub fn syncs(&self) -> usize {
        hold(&self.model).syncs
    }

    fn next(&self, model: &mut Model) -> io::Result<Option<Fault>> {
        if model.dead {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let fault = model.faults.get(&model.operations).copied();
        model.operations += 1;
        match fault {
            Some(Fault::NoSpace) => Err(ErrorKind::StorageFull.into()),
            Some(Fault::Broken) => Err(io::Error::from_raw_os_error(5)),
            other => Ok(other),
        }
    }

    fn crash(&self, model: &mut Model, kept: u8) -> io::Error {
        model.dead = true;
        for (path, file) in &model.files {
            let left = file.synced + (file.bytes - file.synced) * u64::from(kept) / 255;
            if kept == 0 && !file.named {
                std::fs::remove_file(path).unwrap();
            } else if let Ok(file) = std::fs::OpenOptions::new().write(true).open(path) {
                file.set_len(left).unwrap();
            }
        }
        ErrorKind::BrokenPipe.into()
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<OpenFile> {
        let mut model = hold(&self.model);
        let fault = self.next(&mut model)?;
        if model.full {
            return Err(ErrorKind::StorageFull.into());
        }
        let file = RealDisk.create(path)?;
        model.files.insert(path.to_owned(), Lengths::default());
        match fault {
            Some(Fault::Crash { kept }) => Err(self.crash(&mut model, kept)),
            _ => Ok(file),
        }
    }

    fn open(&self, path: &Path) -> io::Result<OpenFile> {
        let file = RealDisk.open(path)?;
        let bytes = file.file.metadata()?.len();
        hold(&self.model).files.insert(path.to_owned(), Lengths { bytes, synced: bytes, named: true });
        Ok(file)
    }

    fn write(&self, file: &OpenFile, bytes: &[u8], place: u64) -> io::Result<()> {
        let mut model = hold(&self.model);
        let fault = self.next(&mut model)?;
        let full = model.full || fault == Some(Fault::ShortWrite);
        let part = if full { bytes.len() / 2 } else { bytes.len() };
        RealDisk.write(file, &bytes[..part], place)?;
        if let Some(file) = model.files.get_mut(&file.path) {
            file.bytes = file.bytes.max(place + part as u64);
            file.synced = file.synced.min(place);
        }
        match fault {
            Some(Fault::Crash { kept }) => Err(self.crash(&mut model, kept)),
            _ if full => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn sync(&self, file: &OpenFile) -> io::Result<()> {
        let mut model = hold(&self.model);
        if let Some(Fault::Crash { kept }) = self.next(&mut model)? {
            return Err(self.crash(&mut model, kept));
        }
        model.syncs += 1;
        while model.syncs_held {
            model = self.released.wait(model).unwrap();
        }
        if model.sync_broken {
            return Err(io::Error::from_raw_os_error(5));
        }
        if let Some(file) = model.files.get_mut(&file.path) {
            file.synced = file.bytes;
        }
        Ok(())
    }

    fn truncate(&self, file: &OpenFile, bytes: u64) -> io::Result<()> {
        let mut model = hold(&self.model);
        let fault = self.next(&mut model)?;
        RealDisk.truncate(file, bytes)?;
        if let Some(file) = model.files.get_mut(&file.path) {
            file.bytes = bytes;
            file.synced = file.synced.min(bytes);
        }
        match fault {
            Some(Fault::Crash { kept }) => Err(self.crash(&mut model, kept)),
            _ => Ok(()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut model = hold(&self.model);
        let fault = self.next(&mut model)?;
        RealDisk.rename(from, to)?;
        if let Some(file) = model.files.remove(from) {
            model.files.insert(to.to_owned(), file);
        }
        match fault {
            Some(Fault::Crash { kept }) => Err(self.crash(&mut model, kept)),
            _ => Ok(()),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut model = hold(&self.model);
        let fault = self.next(&mut model)?;
        RealDisk.remove(path)?;
        model.files.remove(path);
        match fault {
            Some(Fault::Crash { kept }) => Err(self.crash(&mut model, kept)),
            _ => Ok(()),
        }
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut model = hold(&self.model);
        match self.next(&mut model)? {
            Some(Fault::Crash { kept }) => Err(self.crash(&mut model, kept)),
            _ if model.folders_broken => Err(io::Error::from_raw_os_error(5)),
            _ => {
                model.files.values_mut().for_each(|file| file.named = true);
                Ok(())
            }
        }
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(hold(&self.model).free_bytes.unwrap_or(u64::MAX))
    }
}
