//! Who was forgotten after a backup was made: what is restored of it must not know them again.
//!
//! Every backup has the list of who was forgotten until then. So the later ones in the same folder know who was forgotten after this
//! one; who was forgotten after all of them is in lists that were kept elsewhere (`footfall erasures`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use footfall_ingest_activity::Timestamp;
use footfall_pipelines_store::ErasureRecord;
use uuid::Uuid;

use super::error::BackupError;
use super::manifest::Backup;
use super::place::{Place, copy, damaged};
use crate::console::{grouped, note, say};
use crate::error::AppError;

/// Where the list lies in a backup of services.
pub const OF_SERVICES: &str = "tables/erasures.ndjson";
const OF_FILES: &str = "lake/erasures.ndjson";

/// Who a restored backup is to forget.
pub struct Later {
    /// The oldest first.
    pub records: Vec<ErasureRecord>,
    /// Up to when the backups know who was forgotten.
    until: Timestamp,
    /// Lists were given besides.
    is_given: bool,
}

/// Those whom the backup does not know, of the later backups in the folder and of the files that are given.
pub fn than(place: &Place, backup: &Backup, given: &[PathBuf]) -> Result<Later, AppError> {
    let known: BTreeSet<Uuid> = of(place, backup)?.into_iter().map(|record| record.erasure.id).collect();
    let (mut all, mut until) = (Vec::new(), backup.held_at);
    // They are named by their time.
    for id in place.ids()?.into_iter().filter(|id| *id > backup.id) {
        match place.backup(Some(&id)).and_then(|later| Ok((of(place, &later)?, later.held_at))) {
            Ok((records, held_at)) => {
                all.extend(records);
                until = until.max(held_at);
            }
            // It may be the reason why an older one is restored.
            Err(error) => note(format!("who was forgotten until the backup {id} cannot be read: {error}")),
        }
    }
    for path in given {
        let text = fs::read_to_string(path).map_err(AppError::file(path))?;
        let read = ErasureRecord::of_lines(&text);
        all.extend(read.map_err(|error| AppError::Input(path.display().to_string(), error))?);
    }
    let new = all.into_iter().filter(|record| !known.contains(&record.erasure.id));
    let by_id: BTreeMap<Uuid, ErasureRecord> = new.map(|record| (record.erasure.id, record)).collect();
    let mut records: Vec<ErasureRecord> = by_id.into_values().collect();
    records.sort_by_key(|record| (record.erasure.at, record.erasure.id));
    Ok(Later { records, until, is_given: !given.is_empty() })
}

/// Who was forgotten when the backup was made.
pub fn of(place: &Place, backup: &Backup) -> Result<Vec<ErasureRecord>, BackupError> {
    let Some(item) = backup.items.iter().find(|item| [OF_FILES, OF_SERVICES].contains(&item.path.as_str())) else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::new();
    let is_whole = place.has(&item.sha256, item.bytes)
        && copy(&place.object(&item.sha256), item.bytes, &mut bytes)? == item.sha256;
    let read = String::from_utf8(bytes).ok().filter(|_| is_whole).map(|text| ErasureRecord::of_lines(&text));
    match read {
        Some(Ok(records)) => Ok(records),
        Some(Err(error)) => {
            Err(BackupError::Damaged { id: backup.id.clone(), what: format!("{}: {error}", item.path) })
        }
        None => Err(damaged(backup, &item.path)),
    }
}

impl Later {
    /// Says what was done, and what is left to whoever restores.
    pub fn tell(&self) {
        if !self.records.is_empty() {
            let count = grouped(self.records.len() as u64);
            say(format!("erasures: {count} that were asked for after the backup are done again"));
        }
        if !self.is_given {
            say(format!(
                "who was forgotten after {} is known in none of the backups: restore with --erasures FILE, as `footfall erasures` \
                 writes it, or forget them again",
                self.until.to_rfc3339()
            ));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use footfall_ingest_activity::Erasure;

    use super::*;
    use crate::backup::manifest::{FORMAT_OF_FILES, Item, Places};

    fn record(id: u128) -> ErasureRecord {
        let (project, at) = ("p".into(), Timestamp::from_millis(id as i64));
        let persons = [Uuid::from_u128(9)].into();
        ErasureRecord::new(Erasure { id: Uuid::from_u128(id), project, person: Uuid::nil(), persons, at })
    }

    fn backup(place: &Place, at: i64, path: &str, known: &[u128]) -> Backup {
        let records: Vec<ErasureRecord> = known.iter().map(|id| record(*id)).collect();
        let mut file = place.incoming().unwrap();
        file.write_all(ErasureRecord::to_lines(&records).unwrap().as_bytes()).unwrap();
        let items: Vec<Item> = vec![file.keep(path.into()).unwrap().0];
        let places = Places { log: "".into(), store: "".into(), database: "".into(), usual: true };
        let held_at = Timestamp::from_millis(at);
        let (id, program) = (crate::backup::held::id_at(held_at), "1".into());
        let (checkpoint, rows) = (Default::default(), Default::default());
        let backup =
            Backup { format: FORMAT_OF_FILES, id, held_at, program, places, checkpoint, rows, items, services: None };
        place.finish(&backup).unwrap();
        backup
    }

    fn ids(later: &Later) -> Vec<u128> {
        later.records.iter().map(|record| record.erasure.id.as_u128()).collect()
    }

    #[test]
    fn later_backups_and_given_files_know_more() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(&folder.path().join("place")).unwrap();
        let first = backup(&place, 1_000, OF_FILES, &[1]);
        assert!(ids(&than(&place, &first, &[]).unwrap()).is_empty());
        let last = backup(&place, 2_000, OF_SERVICES, &[1, 2]);
        let later = than(&place, &first, &[]).unwrap();
        assert_eq!((ids(&later), later.until, later.is_given), (vec![2], last.held_at, false));
        let given = folder.path().join("erasures.ndjson");
        fs::write(&given, ErasureRecord::to_lines(&[record(3), record(2), record(1)]).unwrap()).unwrap();
        assert_eq!(ids(&than(&place, &first, std::slice::from_ref(&given)).unwrap()), [2, 3]);
        assert_eq!(ids(&than(&place, &last, std::slice::from_ref(&given)).unwrap()), [3]);
        fs::write(&given, "who?\n").unwrap();
        let error = than(&place, &last, &[given]).err().unwrap().to_string();
        assert!(error.contains("line 1"), "{error}");

        // A later one that is damaged is no reason to restore nothing; the one that is restored has to be whole.
        let object = place.object(&last.items[0].sha256);
        fs::write(&object, fs::read_to_string(&object).unwrap().replace('2', "4")).unwrap();
        let later = than(&place, &first, &[]).unwrap();
        assert_eq!((ids(&later), later.until), (vec![], first.held_at));
        assert!(than(&place, &last, &[]).is_err());
    }
}
