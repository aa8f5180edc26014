//! Restoring up to a moment: the newest backup before it, and the log of all backups of its timeline together, cut at the moment.
//!
//! Each backup holds the segments of the log that were kept then. A segment grows, and gets shorter when somebody's records are taken
//! out of it: of those of one name, the one that reaches furthest has all of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use footfall_ingest_activity::Timestamp;

use super::error::BackupError;
use super::history::History;
use super::manifest::{Backup, Item};
use super::place::{Place, private_folder};
use crate::console::note;
use crate::error::AppError;

/// The log's segments of this and all later backups of a timeline: of each name the one that reaches furthest, and of equal ones the
/// latest.
pub fn log_of_all(place: &Place, of: &History, first: &Backup) -> BTreeMap<String, Item> {
    let mut segments: BTreeMap<String, Item> = BTreeMap::new();
    for backup in of.backups.iter().filter(|backup| backup.held_at >= first.held_at) {
        for item in backup.items.iter().filter(|item| is_segment(&item.path)) {
            match segments.get(&item.path) {
                Some(known) if known.sha256 == item.sha256 || end_of(place, known) > end_of(place, item) => {}
                _ => drop(segments.insert(item.path.clone(), item.clone())),
            }
        }
    }
    segments
}

/// One that is missing or cannot be read reaches nowhere: it is said later, if there is no other.
fn end_of(place: &Place, segment: &Item) -> u64 {
    footfall_ingest_log::segment_end(&place.object(&segment.sha256)).unwrap_or(0)
}

fn is_segment(path: &str) -> bool {
    path.starts_with("log/p") && path.ends_with(".log")
}

/// Adds the segments of a log that outlived its machine, where they reach further than those of the backups, or are otherwise.
pub fn add_log(from: &Path, to: &Path) -> Result<(), AppError> {
    let list = |folder: &Path| fs::read_dir(folder).map(|all| all.flatten().map(|entry| entry.path()).collect());
    let partitions: Vec<PathBuf> = list(from).map_err(BackupError::file(from))?;
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    for partition in partitions.iter().filter(|path| path.is_dir()) {
        let segments: Vec<PathBuf> = list(partition).map_err(BackupError::file(partition))?;
        for segment in segments.iter().filter(|path| path.extension().is_some_and(|kind| kind == "log")) {
            let Ok(below) = segment.strip_prefix(from) else { continue };
            let copy = to.join(below);
            if copy.exists() {
                let (there, here) =
                    (footfall_ingest_log::segment_end(segment)?, footfall_ingest_log::segment_end(&copy)?);
                if there < here || there == here && bytes(segment) == bytes(&copy) {
                    continue;
                }
            }
            let folder = copy.parent().unwrap_or(to);
            private_folder(folder)?;
            fs::copy(segment, &copy).map_err(BackupError::file(segment))?;
            for synced in [&*copy, folder] {
                File::open(synced).and_then(|file| file.sync_all()).map_err(BackupError::file(synced))?;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use footfall_ingest_activity::Record;
    use footfall_ingest_log::{ActivityLog, LogOptions};

    use super::*;
    use crate::backup::held::id_at;
    use crate::backup::manifest::{FORMAT_OF_FILES, Places};

    const SEGMENT: &str = "p00000/00000000000000000000.log";

    async fn open(folder: &Path) -> Arc<dyn ActivityLog> {
        let options = LogOptions { partitions: 1, disk_reserve_bytes: 0, ..LogOptions::default() };
        footfall_ingest_log::open(&format!("file:{}", folder.display()), options).await.unwrap()
    }

    fn record(kind: u8, bytes: u32) -> Record {
        let payload = (0..bytes).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        Record { kind, partition_key: 0, payload }
    }

    /// A log, and a copy of it from before somebody's large records were taken out of it and small ones were added.
    async fn shortened(root: &Path) -> (PathBuf, PathBuf) {
        let (log, copy) = (root.join("log"), root.join("copy"));
        let open_log = open(&log).await;
        for _ in 0..10 {
            open_log.append(vec![record(1, 1_000)]).await.unwrap();
        }
        open_log.close().await;
        fs::create_dir_all(copy.join("p00000")).unwrap();
        for name in ["meta.json", SEGMENT] {
            fs::copy(log.join(name), copy.join(name)).unwrap();
        }
        let open_log = open(&log).await;
        for _ in 0..5 {
            open_log.append(vec![record(2, 10)]).await.unwrap();
        }
        assert_eq!(open_log.erase(Arc::new(|kind: u8, _: &[u8]| kind == 1)).await.unwrap(), 10);
        open_log.close().await;
        let bytes = |folder: &Path| fs::metadata(folder.join(SEGMENT)).unwrap().len();
        assert!(bytes(&log) < bytes(&copy), "it has more, and is shorter");
        (log, copy)
    }

    fn backup(held_at: i64, items: Vec<Item>) -> Backup {
        let held_at = Timestamp::from_millis(held_at);
        Backup {
            format: FORMAT_OF_FILES,
            id: id_at(held_at),
            held_at,
            program: "1".into(),
            places: Places { log: "".into(), store: "".into(), database: "".into(), usual: true },
            checkpoint: Default::default(),
            rows: Default::default(),
            items,
            services: None,
        }
    }

    #[tokio::test]
    async fn a_log_that_outlived_its_machine_is_taken_where_it_reaches_further() {
        let root = tempfile::tempdir().unwrap();
        let (log, copy) = shortened(root.path()).await;
        assert!(settle(&copy, &backup(1, Vec::new()), None).await.is_ok());
        add_log(&log, &copy).unwrap();
        settle(&copy, &backup(1, Vec::new()), None).await.unwrap();
        let copy = open(&copy).await;
        assert_eq!(copy.end().next_offset(0), 15);
        copy.close().await;
    }

    #[tokio::test]
    async fn of_a_segment_in_all_backups_the_one_counts_that_reaches_furthest() {
        let root = tempfile::tempdir().unwrap();
        let (log, copy) = shortened(root.path()).await;
        let place = Place::open(&root.path().join("place")).unwrap();
        let mut backups = Vec::new();
        for (held_at, folder) in [(1_000, &copy), (2_000, &log)] {
            let file = folder.join(SEGMENT);
            let bytes = fs::metadata(&file).unwrap().len();
            let sha256 = place.put(&file, bytes).unwrap().0;
            let backup = backup(held_at, vec![Item { path: format!("log/{SEGMENT}"), bytes, sha256 }]);
            place.finish(&backup).unwrap();
            backups.push(backup);
        }
        let all = log_of_all(&place, &History::of(&place, None, None).unwrap(), &backups[0]);
        let chosen: Vec<&str> = all.values().map(|item| item.sha256.as_str()).collect();
        assert_eq!(chosen, [&*backups[1].items[0].sha256]);
    }
}
