//! A backup into topics and databases that are new; and one of services into files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::Database;
use footfall_ingest_activity::{Checkpoint, Clock};
use footfall_ingest_log::ActivityLog;
use footfall_pipelines_jobs::{CopyOptions, copy_tables, places_in_log};
use footfall_pipelines_store::{Backend, ErasureRecord};

use super::records;
use super::tables::Copied;
use super::{sqlite, taken_over};
use crate::backup::error::BackupError;
use crate::backup::manifest::{Backup, Item, Services};
use crate::backup::place::{Place, copy, damaged, private_file, private_folder};
use crate::backup::restore::{Beyond, UNFINISHED, files};
use crate::backup::usual;
use crate::config::Settings;
use crate::console::{grouped, note, say};
use crate::error::AppError;
use crate::migrate::{self, SECRETS};
use crate::wiring;

/// Rows that the target gets at a time.
const BATCH_ROWS: usize = 16_384;
/// Everything is read once more at the end.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Log, tables and database that were opened, and hold nothing.
struct Empty {
    log: Arc<dyn ActivityLog>,
    /// Where the log ended when it was looked at. What a process takes in that was started too early comes after it, so that it is read.
    begin: Checkpoint,
    tables: Backend,
    database: Database,
}

impl Empty {
    /// Opens what the settings name.
    ///
    /// # Errors
    /// The part that is not empty.
    async fn open(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Empty, AppError> {
        let not_empty = |part, url: &str| -> AppError {
            let url = url.split(':').next().unwrap_or_default().to_owned();
            BackupError::PartNotEmpty { part, url }.into()
        };
        let database = migrate::prepared_at(&settings.database.url, clock).await?;
        if !migrate::is_new(&database).await? {
            return Err(not_empty("the database", &settings.database.url));
        }
        let log = wiring::open_log(settings, clock.clone()).await?;
        let begin = log.whole_end().await?;
        if log.status().partitions.iter().any(|part| part.end_offset > part.first_offset) {
            log.close().await;
            return Err(not_empty("the log", &settings.log.url));
        }
        // The order of rows is that of the backup until they are compared.
        let mut still = settings.clone();
        still.store.compact = false;
        still.sql.time_max.0 = PATIENCE;
        let tables = wiring::open_tables(&still, clock.clone()).await?;
        let empty = Empty { log, begin, tables, database };
        let store = empty.tables.store();
        if store.projects().is_empty() && store.durable_checkpoint().iter().next().is_none() {
            return Ok(empty);
        }
        empty.close().await?;
        Err(not_empty("the store", &settings.store.url))
    }

    async fn close(self) -> Result<(), AppError> {
        self.log.close().await;
        self.database.close().await;
        wiring::blocking(move || self.tables.close()).await
    }
}

/// Restores a backup of services into what the settings name.
pub async fn restore(
    place: &Place,
    backup: &Backup,
    services: &Services,
    gone: &[ErasureRecord],
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<(), AppError> {
    // Everything is read before anything is written.
    place.verify(backup, &mut Default::default())?;
    let empty = Empty::open(settings, clock).await?;
    let begun = Begun::new(&settings.data_dir)?;
    let mut filled = fill(&empty, place, backup, services, settings, clock).await;
    if filled.is_ok() {
        filled = empty.tables.store().learn_erasures(gone.to_vec()).await.map_err(AppError::from);
    }
    empty.close().await?;
    begun.end(filled)?;
    say(format!(
        "restored backup {} of {}: {} activities in the tables, equal; the next start reads {} records from the log",
        backup.id,
        backup.held_at.to_rfc3339(),
        grouped(backup.activities()),
        grouped(services.records)
    ));
    Ok(())
}

/// The mark in the data folder that nothing starts on, and a folder for what is needed on the way.
struct Begun {
    mark: PathBuf,
    work: PathBuf,
}

impl Begun {
    fn new(data: &Path) -> Result<Begun, AppError> {
        let begun = Begun { mark: data.join(UNFINISHED), work: work_of(data) };
        drop(fs::remove_dir_all(&begun.work));
        private_folder(&begun.work)?;
        File::create(&begun.mark).and_then(|file| file.sync_all()).map_err(AppError::file(&begun.mark))?;
        Ok(begun)
    }

    /// Takes both away, the mark only if everything is there.
    fn end(self, filled: Result<(), AppError>) -> Result<(), AppError> {
        drop(fs::remove_dir_all(&self.work));
        filled
            .inspect_err(|_| note("what was written until then is of no use: empty those places before another try"))?;
        fs::remove_file(&self.mark).map_err(AppError::file(self.mark))
    }
}

fn work_of(data: &Path) -> PathBuf {
    data.join("restoring")
}

/// The tables last: as long as they are not all there, they say so to every process.
async fn fill(
    empty: &Empty,
    place: &Place,
    backup: &Backup,
    services: &Services,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<(), AppError> {
    let Empty { log, begin, tables, database } = empty;
    for item in &backup.items {
        if let Some(name) = item.path.strip_prefix("folder/").filter(|name| SECRETS.contains(name)) {
            secret(place, backup, item, &settings.secrets_dir.join(name))?;
        }
    }
    tables.store().lead().await?;
    let item = backup.items.iter().find(|item| item.path.starts_with("database/"));
    let item = item.ok_or_else(|| damaged(backup, "database/"))?;
    let source = work_of(&settings.data_dir).join("footfall.db");
    write(place, backup, item, &source)?;
    let source = migrate::prepared_at(&sqlite(&source), clock).await?;
    let rows = taken_over(database, &source).await?;
    source.close().await;
    say(format!("database: {} rows, equal", grouped(rows)));

    let mut count = 0;
    for item in backup.items.iter().filter(|item| item.path.starts_with("log/")) {
        count += records::append(&place.object(&item.sha256), &**log).await?;
    }
    say(format!("log: {} records", grouped(count)));

    let source = Copied::of(place, backup, services).await?;
    let known_from = clock.now().plus_millis(-settings.store.dedupe_window.millis());
    let options = CopyOptions { checkpoint: places_in_log(begin), known_from, batch_rows: BATCH_ROWS };
    let (mut rows, mut shown) = (0, 0);
    let copied = copy_tables(&source, tables, &options, |more| {
        rows += more;
        if rows >= shown + 250_000 {
            shown = rows;
            note(format!("{} rows of tables", grouped(rows)));
        }
    });
    copied.await?;
    migrate::compare_rows(&source, tables).await
}

/// A file of the backup, checked on its way.
fn write(place: &Place, backup: &Backup, item: &Item, to: &Path) -> Result<(), AppError> {
    let mut file = private_file(to).map_err(AppError::file(to))?;
    if copy(&place.object(&item.sha256), item.bytes, &mut file)? != item.sha256 {
        return Err(damaged(backup, &item.path).into());
    }
    file.sync_all().map_err(AppError::file(to))
}

fn secret(place: &Place, backup: &Backup, item: &Item, to: &Path) -> Result<(), AppError> {
    let object = place.object(&item.sha256);
    let wanted = fs::read(&object).map_err(AppError::file(&object))?;
    match fs::read(to) {
        Ok(there) if there == wanted => Ok(()),
        Ok(_) => Err(BackupError::OtherSecret(to.to_owned()).into()),
        Err(_) => {
            to.parent().map_or(Ok(()), private_folder)?;
            write(place, backup, item, to)
        }
    }
}

/// Restores a backup of files into topics and databases: into files first, which are moved as an installation that stands still.
pub async fn by_way_of_files(
    place: Place,
    backup: Backup,
    gone: &[ErasureRecord],
    settings: &Settings,
    clock: Arc<dyn Clock>,
) -> Result<(), AppError> {
    Empty::open(settings, &clock).await?.close().await?;
    let folder = work_of(&settings.data_dir);
    drop(fs::remove_dir_all(&folder));
    let [log, store, database] = usual(&folder);
    let mut on_files = Settings { data_dir: folder.clone(), secrets_dir: folder.clone(), ..settings.clone() };
    (on_files.log.url, on_files.store.url, on_files.database.url) = (log, store, database);
    files(place, backup, Beyond::default(), gone, &on_files, &*clock).await?;
    on_files.log.partitions = partitions_of(&folder.join("log"))?;
    migrate::still(&on_files, settings, clock).await?;
    fs::remove_dir_all(&folder).map_err(AppError::file(folder))
}

/// As the log in a folder says.
fn partitions_of(log: &Path) -> Result<u32, AppError> {
    #[derive(serde::Deserialize)]
    struct Meta {
        partitions: u32,
    }
    let file = log.join("meta.json");
    let text = fs::read(&file).map_err(AppError::file(&file))?;
    let meta: Meta = serde_json::from_slice(&text)
        .map_err(|error| AppError::Input(file.display().to_string(), error.to_string()))?;
    Ok(meta.partitions)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use footfall_ingest_activity::{Record, SystemClock};

    use super::*;
    use crate::config::{Config, Given};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_comes_in_while_it_is_restored_is_read_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = ("FOOTFALL_DATA_DIR".to_owned(), folder.path().display().to_string());
        let settings = Config::load(&Given { environment: vec![data_dir], ..Given::default() }).unwrap().settings;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let empty = Empty::open(&settings, &clock).await.unwrap();
        let record = Record { kind: 1, partition_key: 0, payload: b"{}".to_vec() };
        let covering = empty.log.append(vec![record]).await.unwrap();
        assert!(!empty.begin.covers(&covering), "the tables begin before it");
        empty.close().await.unwrap();
    }
}
