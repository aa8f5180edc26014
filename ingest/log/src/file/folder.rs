//! The log's folder: its lock, what `meta.json` says of it, and where things lie.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::format::{FORMAT_VERSION, first_offset_of};
use crate::{LogError, Timeline};

const META: &str = "meta.json";

/// What a log is: format and partitions are fixed for its life.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    pub format: u32,
    pub partitions: u32,
    #[serde(flatten)]
    pub timeline: Timeline,
}

/// Locks the folder for this process; it is free again when the file is dropped.
pub(super) fn lock(folder: &Path) -> Result<File, LogError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(write_error(&path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LogError::InUse { path: folder.to_owned() }),
        Err(error) => Err(write_error(&path)(error.into())),
    }
}

/// Reads `meta.json`; `None` when the log is new.
pub(super) fn read_meta(folder: &Path) -> Result<Option<Meta>, LogError> {
    read_meta_at(&folder.join(META))
}

/// The same of a copy of `meta.json`, whatever its name.
pub(super) fn read_meta_at(path: &Path) -> Result<Option<Meta>, LogError> {
    let folder = path.parent().unwrap_or(path);
    let incompatible = |detail: String| LogError::Incompatible { path: folder.to_owned(), detail };
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(path)(error)),
    };
    let meta: Meta = serde_json::from_slice(&text).map_err(|error| {
        incompatible(format!("meta.json cannot be read ({error}); it should be like {{\"format\":1,\"partitions\":1}}"))
    })?;
    if meta.format != FORMAT_VERSION {
        return Err(incompatible(format!("it has format {}, this program reads format {FORMAT_VERSION}", meta.format)));
    }
    Ok(Some(meta))
}

/// Checks that the log has `partitions` partitions, or makes a new one that has.
pub(super) fn agree_on_meta(folder: &Path, partitions: u32) -> Result<(), LogError> {
    match read_meta(folder)? {
        Some(meta) if meta.partitions == partitions => Ok(()),
        Some(meta) => Err(LogError::Incompatible {
            path: folder.to_owned(),
            detail: format!(
                "it was made with {} partitions and is asked for with {partitions}; the number cannot change, \
                 as it decides where a person's records are",
                meta.partitions
            ),
        }),
        None => write_meta(folder, &Meta { format: FORMAT_VERSION, partitions, timeline: Timeline::begin() })
            .map_err(write_error(&folder.join(META))),
    }
}

/// Writes down what timeline the log in `folder` is of, which is not open.
pub(super) fn set_timeline(folder: &Path, timeline: Timeline) -> Result<(), LogError> {
    let Some(meta) = read_meta(folder)? else {
        return Err(LogError::Incompatible { path: folder.to_owned(), detail: "there is no log here".to_owned() });
    };
    let _lock = lock(folder)?;
    write_meta(folder, &Meta { timeline, ..meta }).map_err(write_error(&folder.join(META)))
}

fn write_meta(folder: &Path, meta: &Meta) -> io::Result<()> {
    let (draft, path) = (folder.join("meta.json.new"), folder.join(META));
    let mut file = File::create(&draft)?;
    serde_json::to_writer(&mut file, meta)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(folder)?.sync_all()
}

/// The folder of one partition.
pub(super) fn partition_folder(folder: &Path, partition: u32) -> PathBuf {
    folder.join(format!("p{partition:05}"))
}

/// First offsets of the segments in a partition's folder, in order.
pub(super) fn segments_in(folder: &Path) -> io::Result<Vec<u64>> {
    let mut offsets = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Some(first_offset) = entry?.file_name().to_str().and_then(first_offset_of) {
            offsets.push(first_offset);
        }
    }
    offsets.sort_unstable();
    Ok(offsets)
}

pub(super) fn read_error(path: &Path) -> impl Fn(io::Error) -> LogError + '_ {
    move |error| LogError::Read { path: path.to_owned(), source: Arc::new(error) }
}

/// Names a failed write; a full disk or quota has a name of its own.
pub(super) fn write_error(path: &Path) -> impl Fn(io::Error) -> LogError + '_ {
    move |error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LogError::DiskFull,
        _ => LogError::Write { path: path.to_owned(), source: Arc::new(error) },
    }
}
