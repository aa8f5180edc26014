//! Restoring up to a moment: the newest backup before it, and the log of all backups together, cut at the moment.
//!
//! Each backup holds the segments of the log that were kept then. A segment only grows, so the largest one of a name has all of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use footfall_ingest_activity::Timestamp;

use super::error::BackupError;
use super::manifest::{Backup, Item};
use super::place::{Place, private_folder};
use crate::console::note;
use crate::error::AppError;

/// The newest backup that holds nothing later than `until`.
pub fn newest_before(place: &Place, until: Timestamp) -> Result<Backup, BackupError> {
    let mut newest = None;
    for id in place.ids()?.into_iter().rev() {
        let backup = place.backup(Some(&id))?;
        if backup.services.is_none() && backup.held_at <= until {
            newest = Some(backup);
            break;
        }
    }
    newest
        .ok_or_else(|| BackupError::Until { until: until.to_rfc3339(), why: "every backup was made later".to_owned() })
}

/// The log's segments of this and all later backups: of each name the largest.
pub fn log_of_all(place: &Place, first: &Backup) -> Result<BTreeMap<String, Item>, BackupError> {
    let mut segments: BTreeMap<String, Item> = BTreeMap::new();
    let is_later = |backup: &Backup| backup.services.is_none() && backup.held_at >= first.held_at;
    for backup in place.all()?.into_iter().filter(is_later) {
        for item in backup.items.into_iter().filter(|item| is_segment(&item.path)) {
            match segments.get(&item.path) {
                Some(known) if known.bytes >= item.bytes => {}
                _ => drop(segments.insert(item.path.clone(), item)),
            }
        }
    }
    Ok(segments)
}

fn is_segment(path: &str) -> bool {
    path.starts_with("log/p") && path.ends_with(".log")
}

/// Adds the segments of a log that outlived its machine, where they are larger than those of the backups.
pub fn add_log(from: &Path, to: &Path) -> Result<(), BackupError> {
    let list = |folder: &Path| fs::read_dir(folder).map(|all| all.flatten().map(|entry| entry.path()).collect());
    let partitions: Vec<PathBuf> = list(from).map_err(BackupError::file(from))?;
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    for partition in partitions.iter().filter(|path| path.is_dir()) {
        let segments: Vec<PathBuf> = list(partition).map_err(BackupError::file(partition))?;
        for segment in segments.iter().filter(|path| path.extension().is_some_and(|kind| kind == "log")) {
            let Ok(below) = segment.strip_prefix(from) else { continue };
            let copy = to.join(below);
            if bytes(segment) > bytes(&copy) {
                copy.parent().map_or(Ok(()), private_folder)?;
                fs::copy(segment, &copy).map_err(BackupError::file(segment))?;
            }
        }
    }
    Ok(())
}

/// Looks whether the log has everything from the lake's checkpoint on, and cuts it at the moment, if there is one.
pub async fn settle(log: &Path, backup: &Backup, until: Option<Timestamp>) -> Result<(), AppError> {
    let report = footfall_ingest_log::verify(&format!("file:{}", log.display())).await?;
    let failed = |why: String| {
        let until = until.map_or_else(|| "what came after the backup".to_owned(), Timestamp::to_rfc3339);
        AppError::from(BackupError::Until { until, why })
    };
    let needed = |partition: u32, to: u64| to > backup.checkpoint.next_offset(partition);
    if let Some(hole) = report.damages.iter().find(|damage| needed(damage.partition, damage.to_offset)) {
        return Err(failed(format!(
            "the log has a hole (partition {}, offsets {} to {}: {}); back up more often than log.retention_age and \
             log.retention_bytes delete it",
            hole.partition, hole.from_offset, hole.to_offset, hole.detail
        )));
    }
    let late = report.partitions.iter().find(|part| part.first_offset > backup.checkpoint.next_offset(part.partition));
    if let Some(part) = late {
        return Err(failed(format!(
            "the log of partition {} begins at offset {} only",
            part.partition, part.first_offset
        )));
    }
    let Some(until) = until else { return Ok(()) };
    let before: u64 = report.partitions.iter().map(|part| part.end_offset).sum();
    let end = footfall_ingest_log::cut(log.to_owned(), until).await?;
    let after: u64 = end.iter().map(|(_, offset)| offset).sum();
    if before == after {
        note("nothing that is known was received after that moment: this is all there is");
    }
    Ok(())
}
