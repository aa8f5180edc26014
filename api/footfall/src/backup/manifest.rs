//! What a backup consists of: `backups/<id>.json`, written last. Without it there is no backup.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use footfall_ingest_activity::{Checkpoint, Timestamp};
use footfall_pipelines_store::tables::Table;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::error::BackupError;

/// Version of the layout that this program knows.
pub const FORMAT: u32 = 2;
/// That of a backup of files, which programs know that know of no other.
pub const FORMAT_OF_FILES: u32 = 1;

/// Where the parts of the installation were when it was backed up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Places {
    pub log: String,
    pub store: String,
    pub database: String,
    /// All of them lie in the data folder under their usual names.
    pub usual: bool,
}

/// A file of a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    /// `log/…`, `lake/…` or `tables/…`, `database/footfall.db`, `folder/…`.
    pub path: String,
    pub bytes: u64,
    /// Empty until it is copied.
    #[serde(default)]
    pub sha256: String,
}

/// One backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backup {
    pub format: u32,
    pub id: String,
    /// Everything that was acknowledged before is in it.
    pub held_at: Timestamp,
    /// Version of the program.
    pub program: String,
    pub places: Places,
    /// The log below this is in the files of the tables; what is above comes again from the log's.
    pub checkpoint: Checkpoint,
    /// Rows in files by project and table, `default/activity`.
    pub rows: BTreeMap<String, u64>,
    pub items: Vec<Item>,
    /// Of an installation on Kafka, ClickHouse and PostgreSQL; without it, of one in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
}

/// What is said of a backup of Kafka, ClickHouse and PostgreSQL alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Services {
    /// The tables are as they were at the end of this publication.
    pub publication: u64,
    /// The records of the log that are in it end here.
    pub log_end: Checkpoint,
    /// How many there are.
    pub records: u64,
    pub tables: Vec<TableCopy>,
}

/// A table of a project, copied up to a publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCopy {
    pub project: String,
    pub table: Table,
    pub publication: u64,
    /// The seal of the rows up to there: as long as they have it, they are those in the files.
    pub rows: u64,
    pub sum: u64,
    /// Paths of items.
    pub files: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    sha256: String,
    #[serde(borrow)]
    backup: &'a RawValue,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// SHA-256 in hexadecimal.
pub fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Backup {
    /// Reads a manifest and checks that it is whole.
    pub fn load(path: &Path) -> Result<Backup, BackupError> {
        let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let damaged = |what: String| BackupError::Damaged { id: id.clone(), what };
        let text = fs::read_to_string(path).map_err(BackupError::file(path))?;
        let envelope: Envelope = serde_json::from_str(&text).map_err(|error| damaged(format!("its list: {error}")))?;
        if hex(Sha256::digest(envelope.backup.get())) != envelope.sha256 {
            return Err(damaged("the checksum of its list is wrong".to_owned()));
        }
        let found = serde_json::from_str::<Format>(envelope.backup.get()).map_or(0, |format| format.format);
        if found > FORMAT {
            return Err(BackupError::Newer { found, known: FORMAT });
        }
        serde_json::from_str(envelope.backup.get()).map_err(|error| damaged(format!("its list: {error}")))
    }

    /// Puts the manifest in its place: after the return the backup exists, and survives a power cut.
    pub fn save(&self, path: &Path) -> Result<(), BackupError> {
        let encode = || -> serde_json::Result<Vec<u8>> {
            let backup = serde_json::value::to_raw_value(self)?;
            serde_json::to_vec(&Envelope { sha256: hex(Sha256::digest(backup.get())), backup: &backup })
        };
        let write = || -> std::io::Result<()> {
            let next = path.with_extension("next");
            let mut file = File::create(&next)?;
            file.write_all(&encode().map_err(std::io::Error::other)?)?;
            file.sync_all()?;
            fs::rename(&next, path)?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        write().map_err(BackupError::file(path))
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.bytes).sum()
    }

    /// Activities in the files of the tables, over all projects.
    pub fn activities(&self) -> u64 {
        self.rows.iter().filter(|(table, _)| table.ends_with("/activity")).map(|(_, rows)| rows).sum()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn example() -> Backup {
        let places =
            Places { log: "file:log".into(), store: "file:lake".into(), database: "sqlite:db".into(), usual: true };
        Backup {
            format: FORMAT,
            id: "a".into(),
            held_at: Timestamp::from_millis(5),
            program: "1".into(),
            places,
            checkpoint: [(0, 17)].into_iter().collect(),
            rows: [("p/activity".to_owned(), 7), ("p/identities".to_owned(), 2)].into(),
            items: vec![Item { path: "log/meta.json".into(), bytes: 3, sha256: "00".into() }],
            services: None,
        }
    }

    #[test]
    fn one_of_services_says_how_far_its_tables_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let table = TableCopy {
            project: "p".into(),
            table: Table::Activity,
            publication: u64::MAX,
            rows: 7,
            sum: u64::MAX - 1,
            files: vec!["tables/project=p/activity/0-9.0.parquet".into()],
        };
        let services = Services {
            publication: 9,
            log_end: [(0, 20)].into_iter().collect(),
            records: 3,
            tables: vec![table.clone()],
        };
        Backup { services: Some(services), ..example() }.save(&path).unwrap();
        let back = Backup::load(&path).unwrap().services.unwrap();
        assert_eq!((back.publication, back.records, back.log_end.next_offset(0)), (9, 3, 20));
        assert_eq!(back.tables, [table]);
        // One of files reads as before there were others.
        example().save(&path).unwrap();
        assert!(!fs::read_to_string(&path).unwrap().contains("services"));
        assert!(Backup::load(&path).unwrap().services.is_none());
    }

    #[test]
    fn comes_back_as_it_was_and_shows_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        example().save(&path).unwrap();
        let back = Backup::load(&path).unwrap();
        assert_eq!((back.activities(), back.bytes(), back.checkpoint), (7, 3, example().checkpoint));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"bytes\":3", "\"bytes\":4")).unwrap();
        assert!(matches!(Backup::load(&path), Err(BackupError::Damaged { .. })));
        fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(matches!(Backup::load(&path), Err(BackupError::Damaged { .. })));
        Backup { format: FORMAT + 1, ..example() }.save(&path).unwrap();
        assert!(matches!(Backup::load(&path), Err(BackupError::Newer { .. })));
    }
}
