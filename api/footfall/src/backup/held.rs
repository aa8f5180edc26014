//! What a backup is copied from: `held/<id>` in the data folder, links to files and copies of what changes in place.
//!
//! The order is what makes it whole. The log is told to keep what the lake may still need. Then come the lake, the database, and
//! the log last: so what the database says was sent is in the log, and the log reaches from the lake's checkpoint to beyond every
//! activity that was acknowledged before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use footfall_api_access::Database;
use footfall_ingest_activity::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::BackupError;
use super::manifest::{Backup, FORMAT_OF_FILES, Item, Places};
use super::place::private_folder;
use crate::config::Settings;
use crate::error::AppError;
use crate::wiring::Stack;

/// What is held is let go after this time, if whoever asked for it has died.
const HELD_MAX: Duration = Duration::from_secs(24 * 3600);
/// What lies in the data folder beside the files that are kept: mails that wait to be read, if they are written to files.
const FOLDERS: &[&str] = &["mails"];

/// What is held; it lies in the data folder, by the place that whoever asks knows it by.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Held {
    pub id: String,
}

fn folder_of(settings: &Settings) -> PathBuf {
    settings.data_dir.join("held")
}

/// The folder of what is held under this name.
pub fn place(settings: &Settings, id: &str) -> PathBuf {
    folder_of(settings).join(id)
}

/// Nobody waits for what an earlier process held.
pub fn clear(settings: &Settings) {
    drop(fs::remove_dir_all(folder_of(settings)));
}

/// Holds everything as it is now. Its list is in `held.json`.
pub async fn hold(stack: &Stack, settings: &Settings) -> Result<Held, AppError> {
    let places = places(settings)?;
    let begun = stack.clock.now();
    remove_old(settings, begun);
    private_folder(&folder_of(settings))?;
    let id = format!("{}-{}", begun.to_rfc3339().replace(['-', ':', '.'], ""), std::process::id());
    let folder = place(settings, &id);
    fs::create_dir(&folder).map_err(AppError::file(&folder))?;
    let reader = format!("backup {id}");
    stack.log.release(&reader, &stack.store.durable_checkpoint());
    let backup = hold_all(stack, settings, &folder, places).await;
    stack.log.forget(&reader);
    let written = backup.and_then(|backup| write(&folder, &backup));
    match written {
        Ok(()) => Ok(Held { id }),
        Err(error) => {
            drop(fs::remove_dir_all(&folder));
            Err(error)
        }
    }
}

async fn hold_all(stack: &Stack, settings: &Settings, folder: &Path, places: Places) -> Result<Backup, AppError> {
    let elsewhere =
        |part, url: &str| BackupError::Elsewhere { part, url: url.split("://").next().unwrap_or_default().to_owned() };
    let lake = stack.hold_tables(folder.join("lake")).await?;
    let lake = lake.ok_or_else(|| elsewhere("the store", &settings.store.url))?;
    let database = Database::open(&settings.database.url).await?;
    private_folder(&folder.join("database"))?;
    let copied = database.copy_into(&folder.join("database/footfall.db")).await;
    database.close().await;
    if !copied? {
        return Err(elsewhere("the database", "postgres://…").into());
    }
    let small = hold_folder(settings, folder)?;
    let log = stack.log.hold(&folder.join("log")).await?.ok_or_else(|| elsewhere("the log", &settings.log.url))?;
    let held_at = stack.clock.now();

    let mut rows = BTreeMap::new();
    for file in &lake.data {
        *rows.entry(format!("{}/{}", file.project, file.table.name())).or_insert(0) += file.rows;
    }
    let mut items = vec![item(folder, "database/footfall.db".to_owned())?];
    for path in lake.data.iter().map(|file| &file.path).chain(&lake.others) {
        items.push(item(folder, format!("lake/{path}"))?);
    }
    for path in small {
        items.push(item(folder, format!("folder/{path}"))?);
    }
    let log = log.into_iter().map(|file| (format!("log/{}", file.path), file.bytes));
    items.extend(log.map(|(path, bytes)| Item { path, bytes, sha256: String::new() }));
    Ok(Backup {
        format: FORMAT_OF_FILES,
        id: id_at(held_at),
        held_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        places,
        checkpoint: lake.checkpoint,
        rows,
        items,
        services: None,
    })
}

/// Backups are named by their time, as `20261128T094500.123Z`.
pub fn id_at(time: Timestamp) -> String {
    time.to_rfc3339().replace(['-', ':'], "")
}

fn item(folder: &Path, path: String) -> Result<Item, AppError> {
    let file = folder.join(&path);
    let bytes = fs::metadata(&file).map_err(AppError::file(&file))?.len();
    Ok(Item { path, bytes, sha256: String::new() })
}

/// Where the parts are; all of them have to be files.
pub fn places(settings: &Settings) -> Result<Places, AppError> {
    let part = |part, url: &str, scheme: &str| {
        let shown = url.split_once("://").map_or(url, |(scheme, _)| scheme).to_owned();
        if url.starts_with(scheme) { Ok(()) } else { Err(BackupError::Elsewhere { part, url: shown }) }
    };
    part("the log", &settings.log.url, "file:")?;
    part("the store", &settings.store.url, "file:")?;
    part("the database", &settings.database.url, "sqlite:")?;
    let usual = usual(&settings.data_dir);
    let (log, store, database) = (settings.log.url.clone(), settings.store.url.clone(), settings.database.url.clone());
    Ok(Places { usual: [&log, &store, &database].into_iter().eq(&usual), log, store, database })
}

/// The addresses of log, store and database when nothing is set.
pub fn usual(data_dir: &Path) -> [String; 3] {
    let data = data_dir.display();
    [format!("file:{data}/log"), format!("file:{data}/lake"), format!("sqlite:{data}/footfall.db")]
}

/// Copies the files of the data folder that are no part of log, store or database: keys, secrets, settings.
fn hold_folder(settings: &Settings, folder: &Path) -> Result<Vec<String>, AppError> {
    let into = folder.join("folder");
    private_folder(&into)?;
    let database = database_file(settings);
    let mut kept = Vec::new();
    for inner in [""].iter().chain(FOLDERS) {
        let from = settings.data_dir.join(inner);
        let Ok(entries) = fs::read_dir(&from) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let is_database = database.as_deref().is_some_and(|database| is_of_database(&path, database));
            let Ok(below) = path.strip_prefix(&settings.data_dir) else { continue };
            // A file that is being replaced has another name for a moment.
            let is_draft = path.extension().is_some_and(|extension| extension == "next");
            if !is_file || is_database || is_draft {
                continue;
            }
            let to = into.join(below);
            to.parent().map_or(Ok(()), private_folder)?;
            fs::copy(&path, &to).map_err(AppError::file(&path))?;
            kept.push(below.to_string_lossy().into_owned());
        }
    }
    Ok(kept)
}

/// The file of the database, however the settings spell the way to it.
fn database_file(settings: &Settings) -> Option<PathBuf> {
    let path = settings.database.url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    fs::canonicalize(path.split('?').next()?).ok()
}

/// The database and what SQLite keeps beside it: copied file by file they would not fit together.
fn is_of_database(path: &Path, database: &Path) -> bool {
    let beside = ["", "-wal", "-shm", "-journal"];
    let (Ok(path), Some(name)) = (fs::canonicalize(path), database.file_name()) else { return false };
    beside.iter().any(|end| {
        let mut name = name.to_owned();
        name.push(end);
        path == database.with_file_name(name)
    })
}

fn write(folder: &Path, backup: &Backup) -> Result<(), AppError> {
    let path = folder.join("held.json");
    let text = serde_json::to_vec(backup).map_err(|error| AppError::Internal(error.to_string()))?;
    fs::write(&path, text).map_err(AppError::file(path))
}

/// What is held, by its list.
pub fn read(folder: &Path) -> Result<Backup, AppError> {
    let text = fs::read(folder.join("held.json")).map_err(|_| BackupError::TakenBack)?;
    serde_json::from_slice(&text).map_err(|error| AppError::Internal(error.to_string()))
}

/// Removes what is held.
pub fn let_go(settings: &Settings, id: &str) -> Result<(), AppError> {
    let folder = place(settings, id);
    fs::remove_dir_all(&folder).map_err(AppError::file(folder))
}

/// Removes what has been held for too long.
fn remove_old(settings: &Settings, now: Timestamp) {
    let Ok(entries) = fs::read_dir(folder_of(settings)) else { return };
    let limit = std::time::UNIX_EPOCH + Duration::from_millis(now.millis().unsigned_abs()) - HELD_MAX;
    for entry in entries.flatten() {
        if entry.metadata().and_then(|meta| meta.modified()).is_ok_and(|modified| modified < limit) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
