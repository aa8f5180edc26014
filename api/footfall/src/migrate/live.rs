//! An installation moves while it runs (docs/operations.md): a copy of it as it was at one moment is moved as one that stands still,
//! then its log is read on into the target's, until the source is stopped for good.
//!
//! Everything has one place in the source's log: below the end of the copy's log it goes over in tables, above it as records.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::{Checkpoint, Clock};
use footfall_ingest_log::{ActivityLog, LogError, LogRecord};

use super::route::{LogFrom, LogStretch, places_of};
use super::tail::{Tail, sync_folder_of};
use super::{MigrateError, prepared, still};
use crate::backup;
use crate::client::{Call, Client};
use crate::config::Settings;
use crate::console::{grouped, note, say};
use crate::error::AppError;
use crate::forgotten::Forgetting;
use crate::operator::Presence;
use crate::wiring;

/// Payload bytes that are read at once when the source is stopped.
const BYTES_MAX: usize = 8 << 20;
/// Between two looks at a source that does not answer.
const LOOK: Duration = Duration::from_millis(100);
/// Between two requests that only say that somebody is there; far below the time after which nobody is.
const READ_AGAIN: Duration = Duration::from_secs(300);
/// Lies in the data folder of a source whose log was read to its end.
const MOVED: &str = "moved";

fn folder_of(to: &Settings) -> PathBuf {
    to.data_dir.join("moving")
}

fn tail_of(to: &Settings) -> PathBuf {
    folder_of(to).join("tail.json")
}

/// True when an earlier run has moved the copy, and only the tail is left.
pub fn is_begun(to: &Settings) -> bool {
    tail_of(to).exists()
}

/// True when everything of the source is in files, and the target's log takes records from several processes.
pub fn is_possible(from: &Settings, to: &Settings) -> bool {
    let is_embedded = from.log.url.starts_with("file:")
        && from.store.url.starts_with("file:")
        && from.database.url.starts_with("sqlite:");
    is_embedded && to.log.url.starts_with("kafka:")
}

/// An installation that was moved while it ran must not take in any more.
pub fn refuse_moved(settings: &Settings) -> Result<(), MigrateError> {
    let mark = settings.data_dir.join(MOVED);
    if mark.exists() { Err(MigrateError::Moved(mark)) } else { Ok(()) }
}

/// Moves what runs as `from`. `target` is the file that the new one is started with.
pub async fn run(from: &Settings, to: &Settings, target: &Path, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let mut tail = match Tail::resume(tail_of(to))? {
        Some(tail) => tail,
        None => bulk(from, to, clock.clone()).await?,
    };
    let log = wiring::open_log(to, clock.clone()).await?;
    say(format!(
        "what was there is moved: start it with --config {}, send there, then stop {}; until then its log is read on",
        target.display(),
        from.data_dir.display()
    ));
    let mut forgetting = Forgetting::since(&copied(from, to), from, to, clock.clone()).await?;
    let followed = follow(&mut tail, from, &*log, &mut forgetting, &clock).await;
    log.close().await;
    followed?;
    if forgetting.told() > 0 {
        say(format!("erasures: {} that were asked for after the copy are done here too", grouped(forgetting.told())));
    }
    changed(from, to, clock).await?;
    // First, so that a command that is killed here is not started again with a part of the copy.
    fs::remove_file(tail_of(to)).map_err(AppError::file(tail_of(to)))?;
    let folder = folder_of(to);
    fs::remove_dir_all(&folder).map_err(AppError::file(folder))?;
    say(format!("moved; {} records came after the copy", grouped(tail.records())));
    Ok(())
}

/// The source as it was when the copy was made.
fn copied(from: &Settings, to: &Settings) -> Settings {
    let folder = folder_of(to).join("source");
    let [log, store, database] = backup::usual(&folder);
    let mut copied = Settings { data_dir: folder, ..from.clone() };
    (copied.log.url, copied.store.url, copied.database.url) = (log, store, database);
    copied
}

/// Moves everything up to one moment; what comes later is the tail.
async fn bulk(from: &Settings, to: &Settings, clock: Arc<dyn Clock>) -> Result<Tail, AppError> {
    let copied = copied(from, to);
    let is_whole = copied.data_dir.join("footfall.db").exists() && backup::refuse_unfinished(&copied).is_ok();
    let begun: Checkpoint = if is_whole {
        let log = wiring::open_log(&copied, clock.clone()).await?;
        let end = log.whole_end().await;
        log.close().await;
        end?
    } else {
        drop(fs::remove_dir_all(&copied.data_dir));
        let running = || MigrateError::Gone(from.data_dir.clone());
        let server = Presence::find(&from.data_dir).await.ok_or_else(running)?;
        // Before the copy: what the copy does not have must still be there when it is asked for.
        let begun: LogStretch = server.json(&asking(None)?).await?;
        let begun = begun.next.iter().map(|place| (place.partition, place.offset)).collect();
        let _reading = Reading::from(from, &begun)?;
        note("copying the source as it is now");
        backup::copy_running(&server, from, &folder_of(to).join("backup"), copied.clone(), &*clock).await?;
        begun
    };
    let _reading = Reading::from(from, &begun)?;
    let end = still(&copied, to, clock).await?;
    Tail::begin(tail_of(to), end)
}

/// Tells a running source now and then that its log is read on from a place, as long as it lives.
struct Reading(tokio::task::JoinHandle<()>);

impl Reading {
    fn from(from: &Settings, next: &Checkpoint) -> Result<Reading, AppError> {
        let (data, next) = (from.data_dir.clone(), next.clone());
        let call = asking(Some(&next))?;
        Ok(Reading(tokio::spawn(async move {
            loop {
                tokio::time::sleep(READ_AGAIN).await;
                if let Some(server) = Presence::find(&data).await {
                    // A source that does not answer now may the next time.
                    drop(server.try_json::<LogStretch>(&call).await);
                }
            }
        })))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn asking(from: Option<&Checkpoint>) -> Result<Call<'static>, AppError> {
    let asked = LogFrom { from: from.map(places_of) };
    let body = serde_json::to_vec(&asked).map_err(|error| AppError::Internal(error.to_string()))?;
    Ok(Call::post("/v1/operator/log", "application/json", body))
}

/// Reads on until the source is stopped and its log at its end.
async fn follow(
    tail: &mut Tail,
    from: &Settings,
    to: &dyn ActivityLog,
    forgetting: &mut Forgetting<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<(), AppError> {
    let mut server: Option<Client> = None;
    loop {
        if server.is_none() {
            server = Presence::find(&from.data_dir).await;
        }
        match &server {
            Some(there) => match there.try_json::<LogStretch>(&asking(Some(tail.next()))?).await? {
                Some(stretch) => {
                    forgetting.look().await?;
                    take(tail, stretch, to).await?;
                }
                None => server = None,
            },
            None if drain(tail, from, to, forgetting, clock.clone()).await? => return Ok(()),
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

async fn take(tail: &mut Tail, stretch: LogStretch, to: &dyn ActivityLog) -> Result<(), AppError> {
    let records = stretch.records.into_iter().map(|line| LogRecord {
        partition: line.partition,
        offset: line.offset,
        kind: line.kind,
        payload: line.payload.into_bytes().into(),
    });
    let next = stretch.next.iter().map(|place| (place.partition, place.offset)).collect();
    tail.take(records.collect(), &next, to).await
}

/// The rest, from a log that nobody else has open; false while somebody has.
async fn drain(
    tail: &mut Tail,
    from: &Settings,
    to: &dyn ActivityLog,
    forgetting: &mut Forgetting<'_>,
    clock: Arc<dyn Clock>,
) -> Result<bool, AppError> {
    let log = match wiring::open_log(from, clock).await {
        Err(AppError::Log(LogError::InUse { .. })) => return Ok(false),
        opened => opened?,
    };
    // While the log is ours: a server that is started again would take in what nobody reads any more.
    let mark = from.data_dir.join(MOVED);
    fs::File::create(&mark).and_then(|file| file.sync_all()).map_err(AppError::file(&mark))?;
    sync_folder_of(&mark)?;
    let read = async {
        let end = log.whole_end().await?;
        forgetting.look().await?;
        while !tail.next().covers(&end) {
            let batch = log.read(tail.next(), BYTES_MAX, Duration::ZERO).await?;
            tail.take(batch.records, &batch.next, to).await?;
        }
        Ok(true)
    };
    let read = read.await;
    log.close().await;
    read
}

/// Says which tables of the database are otherwise than they were when they were copied.
async fn changed(from: &Settings, to: &Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let (source, copy) = (prepared(from, &clock).await?, prepared(&copied(from, to), &clock).await?);
    let (now, then) = (source.sums().await?, copy.sums().await?);
    source.close().await;
    copy.close().await;
    let changed: Vec<_> = now.iter().filter(|(table, sum)| then.get(*table) != Some(sum)).collect();
    for (table, _) in &changed {
        say(format!("database: {table} was changed after the copy; that is not moved"));
    }
    Ok(())
}
