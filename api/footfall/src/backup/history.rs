//! The backups of one timeline: those of a log, and of what it was restored from, each up to the moment that it was restored to.
//!
//! Whoever restores an earlier moment and goes on leaves behind what had come after it. There are two logs from then on, with other
//! records under the same offsets and in segments of the same names. What is restored up to a moment must be of one of them.

use std::path::{Path, PathBuf};

use footfall_ingest_activity::Timestamp;
use footfall_ingest_log::Timeline;

use super::error::BackupError;
use super::manifest::Backup;
use super::place::{Place, damaged};
use crate::console::note;
use crate::error::AppError;

/// Where the log of a backup says what timeline it is of.
const META: &str = "log/meta.json";

/// A timeline, and which backups are of it.
pub struct History {
    pub timeline: Timeline,
    /// Those of files, the oldest first.
    pub backups: Vec<Backup>,
    /// The log that it is the timeline of, if that is none of a backup.
    log: Option<PathBuf>,
}

impl History {
    /// That of a log that outlived its machine, if there is one; else that of the named backup, or of the newest.
    pub fn of(place: &Place, log: Option<&Path>, named: Option<&str>) -> Result<History, AppError> {
        let told = match log {
            Some(log) => footfall_ingest_log::timeline_of(&log.join("meta.json"))?,
            None => None,
        };
        let timeline = match told {
            Some(timeline) => timeline,
            None => timeline_of(place, &place.backup(named)?)?,
        };
        let mut backups = Vec::new();
        for backup in place.all()?.into_iter().filter(|backup| backup.services.is_none()) {
            match timeline_of(place, &backup) {
                Ok(its) if timeline.includes(&its, backup.held_at) => backups.push(backup),
                Ok(_) => {}
                // Nothing can be restored of it, but of the others.
                Err(error) => note(error.to_string()),
            }
        }
        Ok(History { timeline, backups, log: log.map(Path::to_owned) })
    }

    /// The newest that holds nothing later than `until`; without a moment the named one, or the newest.
    pub fn choose(&self, named: Option<&str>, until: Option<Timestamp>) -> Result<Backup, BackupError> {
        if let Some(until) = until {
            return self.newest_before(until);
        }
        let is_wanted = |backup: &&Backup| named.is_none_or(|named| backup.id == named);
        let log = || self.log.clone().unwrap_or_default();
        let wanted = || named.map_or_else(|| "every backup".to_owned(), |named| format!("the backup {named}"));
        let chosen = self.backups.iter().rev().find(is_wanted).cloned();
        chosen.ok_or_else(|| BackupError::OtherTimeline(wanted(), log()))
    }

    fn newest_before(&self, until: Timestamp) -> Result<Backup, BackupError> {
        if let Some(restored) = self.timeline.gap(until) {
            note(format!(
                "the log was restored at {} as it had been at {}: what was received between is of another timeline; name a backup of \
                 that with --backup to get it",
                restored.at.to_rfc3339(),
                restored.until.to_rfc3339()
            ));
        }
        let newest = self.backups.iter().rev().find(|backup| backup.held_at <= until).cloned();
        newest.ok_or_else(|| BackupError::Until {
            until: until.to_rfc3339(),
            why: "every backup was made later".to_owned(),
        })
    }
}

/// The timeline of a backup's log.
pub fn timeline_of(place: &Place, backup: &Backup) -> Result<Timeline, BackupError> {
    let Some(meta) = backup.items.iter().find(|item| item.path == META) else { return Ok(Timeline::default()) };
    match footfall_ingest_log::timeline_of(&place.object(&meta.sha256)) {
        Ok(Some(timeline)) => Ok(timeline),
        Ok(None) | Err(_) => Err(damaged(backup, META)),
    }
}
