//! `footfall backup` and `footfall restore`: everything an installation keeps, copied while it runs (docs/operations.md). Here are
//! installations in files; `services` is for those on Kafka, ClickHouse and PostgreSQL.

mod error;
mod held;
mod history;
mod later;
mod manifest;
mod place;
mod restore;
mod route;
mod services;
mod until;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::Clock;

pub use error::BackupError;
pub use held::usual;
pub use place::private_file;
pub use restore::{RestoreArgs, refuse_unfinished, restore};
pub use route::add;

use self::held::Held;
use self::manifest::Backup;
use self::place::Place;
use self::restore::Beyond;
use crate::client::{Call, Client};
use crate::config::Settings;
use crate::console::{Progress, grouped, note, say};
use crate::error::AppError;
use crate::operator::Presence;
use crate::role::is_shared;
use crate::wiring::Stack;

/// What to back up, and where to.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// Folder that holds the backups; made if it is missing
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Afterwards keep so many backups, and remove older ones
    #[arg(long, value_name = "NUMBER")]
    keep: Option<usize>,
    /// List the backups that are there, and make none
    #[arg(long, conflicts_with = "keep")]
    list: bool,
    /// Read every file of every backup that is there, compare its checksum, and make none
    #[arg(long, conflicts_with_all = ["keep", "list"])]
    check: bool,
}

/// Removes what an earlier process held for a backup.
pub fn clear_held(settings: &Settings) {
    held::clear(settings);
}

/// `footfall backup`
pub async fn run(arguments: BackupArgs, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    if arguments.list || arguments.check {
        let place = Place::existing(&arguments.to)?;
        return blocking(move || if arguments.check { check(&place) } else { list(&place) }).await;
    }
    if is_shared(&settings) {
        let place = Place::open(&arguments.to)?;
        return tell(services::make(&settings, clock, place, arguments.keep).await?);
    }
    held::places(&settings)?;
    if !settings.data_dir.exists() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(AppError::File(settings.data_dir, missing));
    }
    // Whoever cannot write there should not make the server hold anything.
    let place = Place::open(&arguments.to)?;
    tell(match Presence::find(&settings.data_dir).await {
        Some(server) => from_server(&server, &settings, place, arguments.keep).await?,
        None => from_folder(&settings, clock, place, arguments.keep).await?,
    })
}

fn tell(made: Made) -> Result<(), AppError> {
    let Made { backup, copied, files, removed } = made;
    say(format!(
        "backup {}: {} files, {} bytes, {} activities in the tables, the rest in the log",
        backup.id,
        grouped(backup.items.len() as u64),
        grouped(backup.bytes()),
        grouped(backup.activities())
    ));
    say(format!("copied {} files, {} bytes; all else was there", grouped(files), grouped(copied)));
    if let Some((backups, files)) = removed {
        say(format!("removed {backups} older backups, {files} files"));
    }
    Ok(())
}

/// Makes of the running server one that stands still: its backup, restored where `into` says.
pub async fn copy_running(
    server: &Client,
    settings: &Settings,
    place: &std::path::Path,
    into: Settings,
    clock: &dyn Clock,
) -> Result<(), AppError> {
    let made = from_server(server, settings, Place::open(place)?, Some(1)).await?;
    note(format!("{} files, {} bytes", grouped(made.files), grouped(made.copied)));
    restore::files(Place::existing(place)?, made.backup, Beyond::default(), &[], &into, clock).await
}

async fn from_server(
    server: &Client,
    settings: &Settings,
    place: Place,
    keep: Option<usize>,
) -> Result<Made, AppError> {
    let held: Held = server.json(&Call::post("/v1/operator/held", "", "")).await?;
    let folder = held::place(settings, &held.id);
    let made = blocking(move || make(&place, &folder, keep)).await;
    let path = format!("/v1/operator/held/{}", held.id);
    let let_go = server.text(&Call { method: hyper::Method::DELETE, ..Call::get(&path) }).await;
    let made = made?;
    let_go.map(|_| made)
}

async fn from_folder(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    place: Place,
    keep: Option<usize>,
) -> Result<Made, AppError> {
    let stack = Stack::open(settings, clock).await?;
    let held = held::hold(&stack, settings).await;
    stack.close(Duration::from_secs(600)).await?;
    let held = held?;
    let folder = held::place(settings, &held.id);
    let made = blocking(move || make(&place, &folder, keep)).await;
    held::let_go(settings, &held.id)?;
    made
}

/// A backup that was made, and what it took.
struct Made {
    backup: Backup,
    copied: u64,
    files: u64,
    /// Older backups and files.
    removed: Option<(usize, usize)>,
}

/// Copies what is held into the place.
fn make(place: &Place, folder: &std::path::Path, keep: Option<usize>) -> Result<Made, AppError> {
    let mut backup = held::read(folder)?;
    let before = known(place)?;
    let mut progress = Progress::new("backed up", backup.bytes());
    let (mut copied, mut files) = (0, 0);
    for item in &mut backup.items {
        let same = before.get(&item.path).filter(|(bytes, sha256)| *bytes == item.bytes && place.has(sha256, *bytes));
        if let Some((_, sha256)) = same {
            item.sha256.clone_from(sha256);
        } else {
            let from = folder.join(&item.path);
            let (sha256, is_new) = place.put(&from, item.bytes).map_err(|error| match folder.exists() {
                true => error,
                false => BackupError::TakenBack,
            })?;
            item.sha256 = sha256;
            copied += if is_new { item.bytes } else { 0 };
            files += u64::from(is_new);
        }
        progress.add(item.bytes);
    }
    place.finish(&backup)?;
    progress.end();
    let removed = keep.map(|keep| place.thin(keep)).transpose()?;
    Ok(Made { backup, copied, files, removed })
}

/// Files of earlier backups whose names are given out once: what has such a name and size need not be read again.
fn known(place: &Place) -> Result<BTreeMap<String, (u64, String)>, BackupError> {
    let is_unique = |path: &str| path.starts_with("lake/") && (path.ends_with(".parquet") || path.ends_with(".keys"));
    let mut known = BTreeMap::new();
    if place.ids()?.is_empty() {
        return Ok(known);
    }
    // A backup that is damaged spares no reading, and is no reason to make no other.
    let Ok(last) = place.backup(None) else { return Ok(known) };
    for item in last.items.into_iter().filter(|item| is_unique(&item.path)) {
        known.insert(item.path, (item.bytes, item.sha256));
    }
    Ok(known)
}

fn list(place: &Place) -> Result<(), AppError> {
    for id in place.ids()? {
        match place.backup(Some(&id)) {
            Ok(backup) => say(format!(
                "{id}  {} files  {} bytes  {} activities  version {}  of {}",
                grouped(backup.items.len() as u64),
                grouped(backup.bytes()),
                grouped(backup.activities()),
                backup.program,
                if backup.services.is_some() { "services" } else { "files" }
            )),
            Err(error) => say(format!("{id}  {error}")),
        }
    }
    Ok(())
}

fn check(place: &Place) -> Result<(), AppError> {
    let mut known = BTreeMap::new();
    let mut faults = 0;
    let ids = place.ids()?;
    for id in &ids {
        match place.backup(Some(id)).and_then(|backup| place.verify(&backup, &mut known)) {
            Ok(()) => say(format!("{id}  whole")),
            Err(error) => {
                faults += 1;
                say(format!("{id}  DAMAGED {error}"));
            }
        }
    }
    if ids.is_empty() {
        return Err(BackupError::None(place.root().to_owned()).into());
    }
    if faults > 0 { Err(AppError::Damaged) } else { Ok(()) }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AppError::Internal(error.to_string()))?
}
