//! `footfall backup` and `footfall restore` of an installation on Kafka, ClickHouse and PostgreSQL, while its processes run
//! (docs/decisions/028).
//!
//! The order is what makes it whole, and is that of files: tables at one publication, then the database at one moment, and the log last,
//! from that publication's checkpoint to behind everything that was acknowledged meanwhile. What the topic may delete soon is read at once.
//! Nothing is asked of the processes, and nothing of theirs is changed.

mod records;
mod restore;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use footfall_api_access::{Database, TableSum};
use footfall_ingest_activity::Clock;
use footfall_pipelines_jobs::{is_begun, places_in_log};
use footfall_pipelines_store::Backend;

use self::records::Records;
pub use self::restore::{by_way_of_files, restore};
use super::Made;
use super::error::BackupError;
use super::held::id_at;
use super::manifest::{Backup, FORMAT, Item, Places, Services};
use super::place::{Incoming, Place};
use crate::config::Settings;
use crate::console::{grouped, note};
use crate::error::AppError;
use crate::migrate::{self, SECRETS};
use crate::wiring;

/// What a backup consists of so far.
#[derive(Default)]
struct Taken {
    items: Vec<Item>,
    /// Bytes and files that were not there before.
    copied: u64,
    files: u64,
}

impl Taken {
    /// Keeps a file that is whole.
    fn keep(&mut self, file: Incoming<'_>, path: String) -> Result<(), AppError> {
        let item = self.count(file, path)?;
        self.items.push(item);
        Ok(())
    }

    /// Keeps a file that is whole, for somebody who lists it later.
    fn count(&mut self, file: Incoming<'_>, path: String) -> Result<Item, AppError> {
        let (item, is_new) = file.keep(path)?;
        self.note(&item, is_new);
        Ok(item)
    }

    /// Puts a file of this machine into the place.
    fn put(&mut self, place: &Place, from: &Path, path: String) -> Result<(), AppError> {
        let bytes = fs::metadata(from).map_err(AppError::file(from))?.len();
        let (sha256, is_new) = place.put(from, bytes)?;
        let item = Item { path, bytes, sha256 };
        self.note(&item, is_new);
        self.items.push(item);
        Ok(())
    }

    fn note(&mut self, item: &Item, is_new: bool) {
        self.copied += if is_new { item.bytes } else { 0 };
        self.files += u64::from(is_new);
    }
}

/// Makes a backup of what the settings name.
pub async fn make(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    place: Place,
    keep: Option<usize>,
) -> Result<Made, AppError> {
    let tables = wiring::open_still(settings, clock.clone()).await?;
    let made = whole(&tables, settings, clock, &place).await;
    place.tidy();
    wiring::blocking(move || tables.close()).await?;
    let (backup, taken) = made?;
    place.finish(&backup)?;
    // What it noted on its way is in its list now.
    drop(fs::remove_file(place.unfinished()));
    let removed = keep.map(|keep| place.thin(keep)).transpose()?;
    Ok(Made { backup, copied: taken.copied, files: taken.files, removed })
}

async fn whole(
    tables: &Backend,
    settings: &Settings,
    clock: Arc<dyn Clock>,
    place: &Place,
) -> Result<(Backup, Taken), AppError> {
    if is_begun(tables) {
        return Err(BackupError::Half.into());
    }
    let (mut taken, work) = (Taken::default(), place.work()?);
    let checkpoint = places_in_log(&tables.store().durable_checkpoint());
    let mut records = Records::after(checkpoint.clone());
    records.take(settings, clock.clone(), place, &mut taken).await?;
    let services = tables::take(tables, place, &mut taken).await?;
    let database = database(settings, &clock, &work).await?;
    taken.put(place, &database, "database/footfall.db".to_owned())?;
    secrets(settings, place, &mut taken)?;
    // Last, so that it reaches behind all else; where it ends is asked after this moment.
    let held_at = clock.now();
    records.take(settings, clock, place, &mut taken).await?;
    note(format!("log: {} records behind the tables", grouped(records.count)));
    let mut rows = BTreeMap::new();
    for copy in &services.tables {
        rows.insert(format!("{}/{}", copy.project, copy.table.name()), copy.rows);
    }
    let backup = Backup {
        format: FORMAT,
        id: id_at(held_at),
        held_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        // Not where exactly: there may be a password in it.
        places: Places { log: "kafka".into(), store: "clickhouse".into(), database: "postgres".into(), usual: false },
        checkpoint,
        rows,
        items: std::mem::take(&mut taken.items),
        services: Some(Services { log_end: records.next, records: records.count, ..services }),
    };
    Ok((backup, taken))
}

/// The database as a file, as it is at one moment.
async fn database(settings: &Settings, clock: &Arc<dyn Clock>, work: &Path) -> Result<std::path::PathBuf, AppError> {
    let source = Database::open(&settings.database.url).await?;
    let copy = migrate::prepared_at(&sqlite(&work.join("taken.db")), clock).await?;
    let (there, here) = (source.versions().await?, copy.versions().await?);
    // An area that nobody has used yet is in none.
    if there.iter().any(|(area, version)| here.get(area) != Some(version)) {
        let shown = |versions: &BTreeMap<String, i64>| format!("{versions:?}");
        return Err(BackupError::OtherVersion { here: shown(&here), there: shown(&there) }.into());
    }
    let rows = taken_over(&copy, &source).await?;
    note(format!("database: {} rows", grouped(rows)));
    let whole = work.join("footfall.db");
    copy.copy_into(&whole).await?;
    copy.close().await;
    source.close().await;
    Ok(whole)
}

fn sqlite(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

/// Copies a database into one that is new, and compares; how many rows it has.
async fn taken_over(target: &Database, source: &Database) -> Result<u64, AppError> {
    let wanted = target.take_over(source).await?;
    let there = target.sums().await?;
    for (table, sum) in &wanted {
        if there.get(table) != Some(sum) {
            let shown = |sum: Option<&TableSum>| format!("{} rows", grouped(sum.map_or(0, |sum| sum.rows)));
            let what = format!("the table {table} of the database");
            let (wanted, found) = (shown(Some(sum)), shown(there.get(table)));
            return Err(BackupError::Differs { what, wanted, found }.into());
        }
    }
    Ok(wanted.values().map(|sum| sum.rows).sum())
}

/// What seals the database, where it is on this machine.
fn secrets(settings: &Settings, place: &Place, taken: &mut Taken) -> Result<(), AppError> {
    for name in SECRETS {
        let file = settings.secrets_dir.join(name);
        match file.exists() {
            true => taken.put(place, &file, format!("folder/{name}"))?,
            false => {
                note(format!("there is no {}: it is not in the backup, and nothing works without it", file.display()))
            }
        }
    }
    Ok(())
}
