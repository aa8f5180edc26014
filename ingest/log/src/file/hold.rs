//! Copies of an open log without copying: hard links to its segments, and how much of each is durable.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::context::hold;
use super::folder::{partition_folder, read_error, write_error};
use super::format::segment_name;
use super::partition::Partition;
use crate::{HeldFile, LogError};

/// Puts every segment of the log in `folder` below `into`, laid out as the log itself.
pub(super) fn hold_now(folder: &Path, partitions: &[Arc<Partition>], into: &Path) -> Result<Vec<HeldFile>, LogError> {
    fs::create_dir_all(into).map_err(write_error(into))?;
    let kept = into.join("meta.json");
    fs::copy(folder.join("meta.json"), &kept).map_err(write_error(&kept))?;
    let bytes = fs::metadata(&kept).map_err(read_error(&kept))?.len();
    let mut held = vec![HeldFile { path: "meta.json".to_owned(), bytes }];
    for partition in partitions {
        hold_partition(partition, into, &mut held)?;
    }
    Ok(held)
}

fn hold_partition(partition: &Partition, into: &Path, held: &mut Vec<HeldFile>) -> Result<(), LogError> {
    let folder = partition_folder(into, partition.index);
    fs::create_dir_all(&folder).map_err(write_error(&folder))?;
    // Nobody puts a shorter segment in the place of one while its length is known and it is not linked yet.
    let _no_rename = partition.files.read().unwrap_or_else(PoisonError::into_inner);
    let segments = hold(&partition.state).segments.clone();
    for segment in segments {
        let name = segment_name(segment.first_offset);
        let (from, to) = (partition.path_of(segment.first_offset), folder.join(&name));
        match link(&from, &to) {
            Ok(()) => {}
            // Retention was faster; what a reader needs it does not touch.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(write_error(&to)(error)),
        }
        held.push(HeldFile { path: format!("p{:05}/{name}", partition.index), bytes: segment.bytes });
    }
    Ok(())
}

/// A hard link, or a copy where the file system has none or another one lies between.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => fs::copy(from, to).map(drop),
        linked => linked,
    }
}
