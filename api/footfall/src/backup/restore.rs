//! `footfall restore`: a backup becomes an installation, every file checked on the way. Here are backups of files that become a data
//! folder; the others are in `services`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footfall_ingest_activity::{Clock, Timestamp};
use footfall_ingest_log::{Timeline, set_timeline};
use footfall_pipelines_store::ErasureRecord;
use footfall_pipelines_store::lake::add_erasures;

use super::error::BackupError;
use super::held::{self, usual};
use super::history::{self, History};
use super::manifest::{Backup, Item};
use super::place::{Place, copy, damaged, private_file, private_folder};
use super::{blocking, later, services, until};
use crate::config::Settings;
use crate::console::{Progress, grouped, note, say};
use crate::error::AppError;

#[cfg(test)]
mod tests;

/// Lies in the data folder until everything is there.
pub const UNFINISHED: &str = "restore-unfinished";
/// Settings that name other places than those that the backup is restored to.
const SETTINGS: &str = "footfall.toml";

/// What to restore, and up to when.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// Folder that holds the backups
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// Which backup, as in `footfall backup --list`; else the newest. With --until, the timeline of which backup
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// Only what had been received by then, as 2026-11-28T09:30:00Z; from the newest backup before, and the log of all backups of
    /// the timeline
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Folder of a log that outlived its machine, to restore what is in none of the backups yet
    #[arg(long, value_name = "FOLDER")]
    log: Option<PathBuf>,
    /// Also forget whom this list has, as `footfall erasures` writes it; later backups in the folder are asked anyway
    #[arg(long, value_name = "FILE")]
    erasures: Vec<PathBuf>,
}

/// What is restored beyond a backup and its own log.
#[derive(Default)]
pub struct Beyond {
    /// The log ends at this moment, and is that of all backups of the history together.
    pub until: Option<Timestamp>,
    /// A log that outlived its machine.
    pub lost: Option<PathBuf>,
    /// What the log is of, where it is not the backup's own.
    pub history: Option<History>,
}

impl Beyond {
    /// The timeline of the log that is restored now.
    fn timeline(&self, place: &Place, backup: &Backup, now: Timestamp) -> Result<Timeline, BackupError> {
        match &self.history {
            None => Ok(history::timeline_of(place, backup)?.then(backup.held_at, now)),
            Some(history) => Ok(history.timeline.clone().restored_to(self.until.unwrap_or(now), now)),
        }
    }
}

/// Where a file of a backup goes.
struct Target {
    data: PathBuf,
    log: PathBuf,
    lake: PathBuf,
    database: PathBuf,
    /// Whether the settings of the backup name the places that it is restored to.
    settings: &'static str,
}

impl Target {
    fn of(settings: &Settings, backup: &Backup) -> Result<Target, BackupError> {
        let file = |part, url: &str, scheme: &str| {
            let path = url.strip_prefix(scheme).map(|path| path.strip_prefix("//").unwrap_or(path));
            let path = path.map(|path| PathBuf::from(path.split('?').next().unwrap_or(path)));
            path.ok_or_else(|| BackupError::Elsewhere { part, url: url.split("://").next().unwrap_or(url).to_owned() })
        };
        let now = [&settings.log.url, &settings.store.url, &settings.database.url];
        let is_usual = now.into_iter().eq(&usual(&settings.data_dir));
        Ok(Target {
            data: settings.data_dir.clone(),
            log: file("the log", &settings.log.url, "file:")?,
            lake: file("the store", &settings.store.url, "file:")?,
            database: file("the database", &settings.database.url, "sqlite:")?,
            settings: if is_usual && backup.places.usual { SETTINGS } else { "footfall.toml.restored" },
        })
    }

    fn path_of(&self, path: &str) -> PathBuf {
        match path.split_once('/') {
            Some(("log", rest)) => self.log.join(rest),
            Some(("lake", rest)) => self.lake.join(rest),
            Some(("database", _)) => self.database.clone(),
            Some(("folder", SETTINGS)) => self.data.join(self.settings),
            Some(("folder", rest)) => self.data.join(rest),
            _ => self.data.join("unknown").join(path),
        }
    }

    fn must_be_empty(&self) -> Result<(), BackupError> {
        if self.data.join(UNFINISHED).exists() {
            return Err(BackupError::Unfinished(self.data.clone()));
        }
        for folder in [&self.data, &self.log, &self.lake] {
            if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(BackupError::NotEmpty(folder.clone()));
            }
        }
        if self.database.exists() { Err(BackupError::NotEmpty(self.database.clone())) } else { Ok(()) }
    }
}

/// A data folder that was not restored to its end must not be started on.
pub fn refuse_unfinished(settings: &Settings) -> Result<(), BackupError> {
    match settings.data_dir.join(UNFINISHED).exists() {
        true => Err(BackupError::Unfinished(settings.data_dir.clone())),
        false => Ok(()),
    }
}

/// `footfall restore`
pub async fn restore(arguments: RestoreArgs, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let until = match &arguments.until {
        Some(text) => Some(Timestamp::parse(text).map_err(|error| AppError::Usage(format!("--until: {error}")))?),
        None => None,
    };
    let place = Place::existing(&arguments.from)?;
    let asked = until.map(|_| "--until").or(arguments.log.as_ref().map(|_| "--log"));
    let is_of_files = place.backup(arguments.backup.as_deref())?.services.is_none();
    if let Some(asked) = asked
        && !(is_of_files && held::places(&settings).is_ok())
    {
        return Err(BackupError::FilesOnly(asked).into());
    }
    let (named, lost) = (arguments.backup.as_deref(), arguments.log.clone());
    let history = asked.map(|_| History::of(&place, lost.as_deref(), named)).transpose()?;
    let backup = match &history {
        None => place.backup(named)?,
        Some(history) => history.choose(named, until)?,
    };
    safe(&backup)?;
    let beyond = Beyond { until, lost, history };
    let later = later::than(&place, &backup, &arguments.erasures)?;
    let gone = &later.records;
    match (backup.services.clone(), held::places(&settings).is_ok()) {
        (None, true) => files(place, backup, beyond, gone, &settings, &*clock).await,
        (None, false) => services::by_way_of_files(place, backup, gone, &settings, clock).await,
        (Some(of), false) => services::restore(&place, &backup, &of, gone, &settings, &clock).await,
        (Some(of), true) => {
            let target = Target::of(&settings, &backup)?;
            target.must_be_empty()?;
            let restored = services::restore(&place, &backup, &of, gone, &settings, &clock).await;
            restored.inspect_err(|_| undo(&target, &target.data.join(UNFINISHED)))
        }
    }?;
    later.tell();
    Ok(())
}

/// Restores a backup of files into files. Who is `gone` is forgotten by whoever opens the tables first.
pub async fn files(
    place: Place,
    backup: Backup,
    beyond: Beyond,
    gone: &[ErasureRecord],
    settings: &Settings,
    clock: &dyn Clock,
) -> Result<(), AppError> {
    let target = Target::of(settings, &backup)?;
    target.must_be_empty()?;
    let timeline = beyond.timeline(&place, &backup, clock.now())?;
    let Beyond { until, lost, history } = beyond;
    // With a moment, the log is that of all backups together; else it is the backup's own.
    let of_all = history.filter(|_| until.is_some()).map(|history| until::log_of_all(&place, &history, &backup));
    let all = of_all.unwrap_or_default();
    let (log, lake) = (target.log.clone(), target.lake.clone());
    let held_at = backup.held_at;
    let (id, activities) = (backup.id.clone(), backup.activities());
    let target = blocking(move || {
        write(&place, &backup, &all, &target)?;
        Ok((target, backup))
    });
    let (target, backup) = target.await?;
    let ended = async {
        if let Some(from) = lost {
            let log = log.clone();
            blocking(move || until::add_log(&from, &log)).await?;
        }
        until::settle(&log, &backup, until).await?;
        // What it gets from now on is not what the log that it was copied from has got since, or will.
        blocking(move || Ok(set_timeline(&log, timeline)?)).await?;
        let gone = gone.to_vec();
        blocking(move || Ok(add_erasures(&lake, &gone)?)).await
    };
    if let Err(error) = ended.await {
        // What is there is of no use, and must not be taken for a restored folder.
        note(format!("{} stays as it is, and nothing starts on it", target.data.display()));
        return Err(error);
    }
    let mark = target.data.join(UNFINISHED);
    fs::remove_file(&mark).map_err(AppError::file(&mark))?;
    say(format!(
        "restored backup {id} of {}: {} activities in the tables; the next start reads the rest from the log",
        held_at.to_rfc3339(),
        grouped(activities)
    ));
    if target.data.join("footfall.toml.restored").exists() {
        say("its settings name other places: they are in footfall.toml.restored, and nothing reads them");
    }
    Ok(())
}

/// The list of a backup must not name files outside.
fn safe(backup: &Backup) -> Result<(), BackupError> {
    let is_safe = |path: &str| {
        let known = ["log/", "lake/", "tables/", "database/", "folder/"].iter().any(|part| path.starts_with(part));
        known && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
    };
    match backup.items.iter().find(|item| !is_safe(&item.path)) {
        Some(item) => Err(BackupError::Damaged { id: backup.id.clone(), what: format!("{:?} is no path", item.path) }),
        None => Ok(()),
    }
}

fn write(place: &Place, backup: &Backup, log_of_all: &BTreeMap<String, Item>, target: &Target) -> Result<(), AppError> {
    private_folder(&target.data)?;
    let mark = target.data.join(UNFINISHED);
    File::create(&mark).and_then(|file| file.sync_all()).map_err(AppError::file(&mark))?;
    let written = write_all(place, backup, log_of_all, target);
    if written.is_err() {
        undo(target, &mark);
    }
    Ok(written?)
}

fn write_all(
    place: &Place,
    backup: &Backup,
    log_of_all: &BTreeMap<String, Item>,
    target: &Target,
) -> Result<(), BackupError> {
    let own = backup.items.iter().filter(|item| log_of_all.is_empty() || !log_of_all.contains_key(&item.path));
    let items: Vec<&Item> = own.chain(log_of_all.values()).collect();
    let mut progress = Progress::new("restored", items.iter().map(|item| item.bytes).sum());
    for item in items {
        let (from, to) = (place.object(&item.sha256), target.path_of(&item.path));
        if !place.has(&item.sha256, item.bytes) {
            return Err(damaged(backup, &item.path));
        }
        to.parent().map_or(Ok(()), private_folder)?;
        let mut file = private_file(&to).map_err(BackupError::file(&to))?;
        if copy(&from, item.bytes, &mut file)? != item.sha256 {
            return Err(damaged(backup, &item.path));
        }
        file.sync_all().map_err(BackupError::file(&to))?;
        progress.add(item.bytes);
    }
    progress.end();
    for folder in [&target.data, &target.log, &target.lake] {
        sync_folders(folder).map_err(BackupError::file(folder))?;
    }
    Ok(())
}

/// Takes away what was written into folders that were empty before; the mark last.
fn undo(target: &Target, mark: &Path) {
    for folder in [&target.log, &target.lake, &target.data] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path == mark {
                continue;
            }
            drop(if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) });
        }
    }
    drop(fs::remove_file(&target.database));
    drop(fs::remove_file(mark));
}

/// Syncs a folder and those in it, so that the names survive a power cut.
fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    File::open(folder)?.sync_all()
}
