//! Cuts copies of segments at a moment: what was appended later is gone, as if the log had ended then.

use std::fs::File;
use std::path::Path;

use footfall_ingest_activity::{Checkpoint, Timestamp};

use super::folder::{lock, partition_folder, read_error, read_meta, segments_in, write_error};
use super::format::{SEGMENT_HEADER_BYTES, segment_name};
use super::scan::{Scan, Step};
use crate::LogError;

/// Cuts the log in `folder` behind what was appended at `until` or before; the offsets at which it ends now.
pub(super) fn cut(folder: &Path, until: Timestamp) -> Result<Checkpoint, LogError> {
    let Some(meta) = read_meta(folder)? else {
        return Err(LogError::Incompatible { path: folder.to_owned(), detail: "there is no log here".to_owned() });
    };
    let _lock = lock(folder)?;
    let ends = (0..meta.partitions).map(|partition| {
        let folder = partition_folder(folder, partition);
        let end = if folder.exists() { cut_partition(&folder, until)? } else { 0 };
        Ok((partition, end))
    });
    ends.collect()
}

/// Cuts the partition in `folder` behind the last frame that was appended at `until` or before.
/// Returns the offset at which it ends now.
fn cut_partition(folder: &Path, until: Timestamp) -> Result<u64, LogError> {
    let offsets = segments_in(folder).map_err(read_error(folder))?;
    for (place, &first_offset) in offsets.iter().enumerate() {
        let path = folder.join(segment_name(first_offset));
        let next = offsets.get(place + 1).copied();
        let Some((bytes, offset)) = first_later(&path, first_offset, next, until)? else {
            continue;
        };
        // From the back, so that an interrupted cut leaves no hole in the middle.
        for later in offsets.iter().skip(place + 1).rev() {
            let path = folder.join(segment_name(*later));
            std::fs::remove_file(&path).map_err(write_error(&path))?;
        }
        let file = File::options().write(true).open(&path).map_err(write_error(&path))?;
        file.set_len(bytes).and_then(|()| file.sync_all()).map_err(write_error(&path))?;
        return Ok(offset);
    }
    match offsets.last() {
        Some(&last) => end_of(&folder.join(segment_name(last)), last),
        None => Ok(0),
    }
}

/// Where the first frame lies that was appended after `until`, and its offset.
fn first_later(
    path: &Path,
    first_offset: u64,
    next: Option<u64>,
    until: Timestamp,
) -> Result<Option<(u64, u64)>, LogError> {
    let mut scan = open(path, first_offset, next)?;
    loop {
        match scan.step().map_err(read_error(path))? {
            Step::Frame { header, position, .. } if header.appended_at > until => {
                return Ok(Some((position, header.first_offset)));
            }
            Step::Frame { .. } | Step::Damaged(_) | Step::Torn { .. } => {}
            Step::End => return Ok(None),
        }
    }
}

/// The offset after the last record of a segment that nobody writes to, or of a copy, whatever its name; 0 if it has none.
pub(super) fn segment_end(path: &Path) -> Result<u64, LogError> {
    // Where it begins is told by its first frame.
    end_of(path, 0)
}

fn end_of(path: &Path, first_offset: u64) -> Result<u64, LogError> {
    let mut scan = open(path, first_offset, None)?;
    while !matches!(scan.step().map_err(read_error(path))?, Step::End) {}
    Ok(scan.expected)
}

fn open(path: &Path, first_offset: u64, next: Option<u64>) -> Result<Scan, LogError> {
    let file = File::open(path).map_err(read_error(path))?;
    let bytes = file.metadata().map_err(read_error(path))?.len();
    Ok(Scan::new(file, bytes.max(SEGMENT_HEADER_BYTES as u64), first_offset, next.unwrap_or(u64::MAX)))
}
