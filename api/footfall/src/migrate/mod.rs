//! `footfall migrate`: an installation moves onto other backends, and back (docs/operations.md); `live.rs` while it runs.
//!
//! First the source is brought to rest: the job reads the log up to its end, so that everything is in the tables. Then the tables
//! go over, batch by batch with their place in the target's checkpoint; the database in one transaction; the secrets as files. Last,
//! both sides are counted and summed. The target's log begins anew: nothing is in the source's that is not in the tables.

mod compare;
mod lease;
mod live;
mod route;
mod tail;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::Database;
use footfall_ingest_activity::{Checkpoint, Clock};
use footfall_ingest_log::ActivityLog;
use footfall_pipelines_jobs::{CopyOptions, copy_tables, is_begun, is_complete};
use footfall_pipelines_store::{Backend, StoreError};

pub use self::compare::rows as compare_rows;
pub use self::live::refuse_moved;
pub use self::route::add;
pub use self::tail::copy_of;
use crate::config::{Config, Given, Settings};
use crate::console::{grouped, note, say};
use crate::error::AppError;
use crate::operator::Presence;
use crate::wiring::{self, Stack};

/// Rows that the target gets at a time.
const BATCH_ROWS: usize = 16_384;
/// How long the job may take to come to the end of the log.
const PATIENCE: Duration = Duration::from_secs(3600);
/// What seals the database and what browsers hold: the same on both sides.
pub const SECRETS: [&str; 2] = ["vault.key", "http.key"];

/// From where, and where to.
#[derive(Debug, clap::Args)]
pub struct MigrateArgs {
    /// Settings of the installation as it is; the environment does not count
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Settings of the installation as it shall be
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Why an installation is not moved.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("{0} runs: stop it first; only from files onto Kafka is an installation moved while it runs")]
    Running(String),
    #[error("both settings name the same {0}: {1}")]
    Same(&'static str, &'static str),
    #[error("{0} holds something already; an installation is moved onto places that are new")]
    NotNew(&'static str),
    #[error(
        "the tables of {0} are unfinished, and this store gives its rows in no fixed order: empty the target and start again"
    )]
    Unfinished(&'static str),
    #[error("the job did not come to the end of the log; the source has to be well before it is moved")]
    NotAtRest,
    #[error("after the copy, {what} differs: {from} there, {to} here; the source is as it was")]
    Differs { what: String, from: String, to: String },
    #[error("the log of the source does not go on at {1} in its partition {0}: empty the target and start again")]
    TailLost(u32, u64),
    #[error("{0} is not running any more: start it again, or empty the target and move it while it stands still")]
    Gone(PathBuf),
    #[error("this installation was moved onto other backends; remove {0} to start it all the same")]
    Moved(PathBuf),
    #[error("{0} of the target differs from the source's; both have to be the same file")]
    OtherSecret(PathBuf),
    #[error(
        "the tables are a copy that did not come to its end: let `footfall migrate` or `footfall restore` end it first"
    )]
    Half,
}

fn settings_of(file: &Path) -> Result<Settings, AppError> {
    let given = Given { file: Some(file.to_owned()), ..Given::default() };
    Ok(Config::load(&given)?.settings)
}

/// Runs the command.
pub async fn run(arguments: MigrateArgs, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let (from, to) = (settings_of(&arguments.from)?, settings_of(&arguments.to)?);
    differ(&from, &to)?;
    if !live::is_begun(&to) {
        // A command that was killed in its last step has nothing left to do; what it has moved must not be taken for something in the way.
        refuse_moved(&from)?;
    }
    let source = Presence::find(&from.data_dir).await;
    if live::is_begun(&to) || (source.is_some() && live::is_possible(&from, &to)) {
        return live::run(&from, &to, &arguments.to, clock).await;
    }
    if let Some(server) = source.or(Presence::find(&to.data_dir).await) {
        return Err(MigrateError::Running(server.base().to_owned()).into());
    }
    still(&from, &to, clock).await?;
    say(format!("moved; start it with --config {}", arguments.to.display()));
    Ok(())
}

/// Moves what stands still. Where its log ends.
pub async fn still(from: &Settings, to: &Settings, clock: Arc<dyn Clock>) -> Result<Checkpoint, AppError> {
    let at_rest = rest(from, clock.clone()).await?;
    secrets(from, to)?;
    let log = wiring::open_log(to, clock.clone()).await?;
    let end = empty_end(&*log).await?;
    log.close().await;
    let (source, target) = open_both(from, to, clock.clone()).await?;
    let moved = tables(&source, &target, end, from, clock.clone()).await;
    let moved = match moved {
        Ok(()) => compare::tables(&source, &target, from, to).await.and_then(|()| compare::erasures(&source, &target)),
        Err(error) => Err(error),
    };
    tokio::task::spawn_blocking(move || [source, target].iter().for_each(Backend::close))
        .await
        .map_err(|error| AppError::Internal(error.to_string()))?;
    moved?;
    database(from, to, clock).await?;
    Ok(at_rest)
}

/// Nothing may be moved onto itself.
fn differ(from: &Settings, to: &Settings) -> Result<(), MigrateError> {
    let why = "name other places for all three, in the file given by --to";
    let pairs = [
        ("log.url", &from.log.url, &to.log.url),
        ("store.url", &from.store.url, &to.store.url),
        ("database.url", &from.database.url, &to.database.url),
    ];
    match pairs.into_iter().find(|(_, from, to)| from == to) {
        Some((name, ..)) => Err(MigrateError::Same(name, why)),
        None => Ok(()),
    }
}

/// Lets the job read the log to its end, and everything become files. Where that end is.
async fn rest(from: &Settings, clock: Arc<dyn Clock>) -> Result<Checkpoint, AppError> {
    note("bringing the source to rest");
    let stack = Stack::open(from, clock.clone()).await?;
    // It was acknowledged, and nobody starts this installation again who would bring it there.
    match wiring::drain_spilled(from, stack.log.clone(), clock).await? {
        0 => {}
        records => say(format!("log: {} records that waited on this disk for the brokers", grouped(records))),
    }
    let end = stack.log.whole_end().await?;
    let at_rest = stack.catch_up(PATIENCE).await;
    stack.close(PATIENCE).await?;
    if at_rest { Ok(end) } else { Err(MigrateError::NotAtRest.into()) }
}

/// Where the target's log begins; it must hold nothing.
async fn empty_end(log: &dyn ActivityLog) -> Result<Checkpoint, AppError> {
    let end = log.whole_end().await?;
    let is_empty = log.status().partitions.iter().all(|part| part.first_offset == part.end_offset);
    if is_empty { Ok(end) } else { Err(MigrateError::NotNew("the log of the target").into()) }
}

async fn open_both(from: &Settings, to: &Settings, clock: Arc<dyn Clock>) -> Result<(Backend, Backend), AppError> {
    // The order of files is that of the copy.
    let mut still = from.clone();
    still.store.compact = false;
    let mut tries = 100;
    let source = loop {
        match wiring::open_tables(&still, clock.clone()).await {
            // What came to rest a moment ago lets go of its folder when its last question has ended.
            Err(AppError::Store(StoreError::InUse { .. })) if tries > 0 => tries -= 1,
            opened => break opened?,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let target = wiring::open_tables(to, clock).await?;
    target.store().lead().await?;
    Ok((source, target))
}

async fn tables(
    source: &Backend,
    target: &Backend,
    end: Checkpoint,
    from: &Settings,
    clock: Arc<dyn Clock>,
) -> Result<(), AppError> {
    if is_complete(target) {
        note("the tables are there from an earlier run");
        return Ok(target.store().learn_erasures(source.store().erasure_records()).await?);
    }
    if is_begun(target) && matches!(source, Backend::ClickHouse(_)) {
        return Err(MigrateError::Unfinished("the target").into());
    }
    // A copy that was killed in its first publication has left names of projects, and no rows that anybody sees.
    if !is_begun(target) && target.store().durable_checkpoint().iter().next().is_some() {
        return Err(MigrateError::NotNew("the store of the target").into());
    }
    let known_from = clock.now().plus_millis(-from.store.dedupe_window.millis());
    let options = CopyOptions { checkpoint: end, known_from, batch_rows: BATCH_ROWS };
    let (mut rows, mut shown) = (0, 0);
    let counts = copy_tables(source, target, &options, |more| {
        rows += more;
        if rows >= shown + 250_000 {
            shown = rows;
            note(format!("{} rows of tables", grouped(rows)));
        }
    });
    for (table, rows) in counts.await? {
        say(format!("{table}: {} rows", grouped(rows)));
    }
    Ok(())
}

async fn database(from: &Settings, to: &Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let source = prepared(from, &clock).await?;
    let target = prepared(to, &clock).await?;
    let wanted = source.sums().await?;
    if target.sums().await? != wanted {
        if !is_new(&target).await? {
            return Err(MigrateError::NotNew("the database of the target").into());
        }
        target.take_over(&source).await?;
    }
    let there = target.sums().await?;
    let rows: u64 = wanted.values().map(|sum| sum.rows).sum();
    for (table, sum) in &wanted {
        if there.get(table) != Some(sum) {
            let shown = |sum: Option<&footfall_api_access::TableSum>| format!("{:?}", sum.map(|sum| sum.rows));
            let (from, to) = (shown(Some(sum)), shown(there.get(table)));
            return Err(MigrateError::Differs { what: format!("the table {table} of the database"), from, to }.into());
        }
    }
    source.close().await;
    target.close().await;
    say(format!("database: {} tables, {} rows, equal", wanted.len(), grouped(rows)));
    Ok(())
}

/// True when a database holds nothing but what migrations put there.
pub async fn is_new(database: &Database) -> Result<bool, AppError> {
    Ok(database.sums().await?.iter().all(|(table, sum)| sum.rows == 0 || table.ends_with("_head")))
}

async fn prepared(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Database, AppError> {
    prepared_at(&settings.database.url, clock).await
}

/// The database with the tables of all areas.
pub async fn prepared_at(url: &str, clock: &Arc<dyn Clock>) -> Result<Database, AppError> {
    let database = Database::open(url).await?;
    database.migrate(footfall_api_access::MIGRATIONS, &**clock).await?;
    for (area, migrations) in [
        (footfall_api_experiments::AREA, footfall_api_experiments::MIGRATIONS),
        (footfall_api_data::AREA, footfall_api_data::MIGRATIONS),
        (footfall_api_boards::AREA, footfall_api_boards::MIGRATIONS),
        (footfall_api_insights::AREA, footfall_api_insights::MIGRATIONS),
    ] {
        database.migrate_area(area, migrations, &**clock).await?;
    }
    Ok(database)
}

/// The database is of no use without what seals it.
fn secrets(from: &Settings, to: &Settings) -> Result<(), AppError> {
    fs::create_dir_all(&to.secrets_dir).map_err(AppError::file(&to.secrets_dir))?;
    for name in SECRETS {
        let (source, target) = (from.secrets_dir.join(name), to.secrets_dir.join(name));
        let Ok(wanted) = fs::read(&source) else { continue };
        match fs::read(&target) {
            Ok(there) if there == wanted => {}
            Ok(_) => return Err(MigrateError::OtherSecret(target).into()),
            // Copies the mode as well: it is its owner's alone.
            Err(_) => drop(fs::copy(&source, &target).map_err(AppError::file(&target))?),
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use footfall_ingest_activity::{Record, SystemClock};
    use footfall_ingest_log::{SpillOptions, spilling};

    use super::*;
    use crate::away::Away;

    fn settings(folder: &Path) -> Settings {
        let data_dir = ("FOOTFALL_DATA_DIR".to_owned(), folder.display().to_string());
        Config::load(&Given { environment: vec![data_dir], ..Given::default() }).unwrap().settings
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_appended_to_a_log_that_was_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("moved"), b"").unwrap();
        let refused = Stack::open_to_append(&settings(folder.path()), Arc::new(SystemClock)).await.err();
        assert!(matches!(refused, Some(AppError::Migrate(MigrateError::Moved(_)))), "{refused:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_moved_is_not_moved_again() {
        let folder = tempfile::tempdir().unwrap();
        let settings_file = |name: &str| {
            let (file, data) = (folder.path().join(format!("{name}.toml")), folder.path().join(name));
            fs::create_dir(&data).unwrap();
            fs::write(&file, format!("data_dir = {:?}\n", data.display().to_string())).unwrap();
            file
        };
        let arguments = MigrateArgs { from: settings_file("from"), to: settings_file("to") };
        fs::write(folder.path().join("from/moved"), b"").unwrap();
        let refused = run(arguments, Arc::new(SystemClock)).await.err();
        assert!(matches!(refused, Some(AppError::Migrate(MigrateError::Moved(_)))), "{refused:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_waits_on_the_disk_of_the_doors_is_moved_too() {
        let folder = tempfile::tempdir().unwrap();
        let (settings, clock) = (settings(folder.path()), Arc::new(SystemClock));
        let options = SpillOptions { bytes_max: 1 << 20, disk_reserve_bytes: 0, clock: clock.clone() };
        let doors = spilling(Arc::new(Away::of(|_| true)), folder.path().join("log-spill"), options).await.unwrap();
        let kept = |number: u64| Record { kind: 9, partition_key: number, payload: b"{}".to_vec() };
        doors.append((0..3).map(kept).collect()).await.unwrap();
        doors.close().await;
        let end = rest(&settings, clock).await.unwrap();
        assert_eq!(end.iter().map(|(_, offset)| offset).sum::<u64>(), 3);
    }
}
