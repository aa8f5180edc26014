//! The only place that reads the environment and names backends: settings in, the parts of the program out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use footfall_api_bus::Opened;
use footfall_api_server::{Check, Lag};
use footfall_ingest_activity::{Checkpoint, Clock, Limits};
use footfall_ingest_log::{ActivityLog, KafkaAccess, LogOptions, SpillOptions};
use footfall_ingest_server::{Backlog, DoorsConfig};
use footfall_pipelines_insights_feed::{Insights, InsightsOptions};
use footfall_pipelines_jobs::{ImportAccounts, LiveFeed, Pace};
use footfall_pipelines_store::census::PropertyCensus;
use footfall_pipelines_store::clickhouse::{self, ClickHouseOptions};
use footfall_pipelines_store::lake::{HeldLake, LakeOptions, LakeReport};
use footfall_pipelines_store::query::{Engine, EngineConfig};
use footfall_pipelines_store::{Backend, Store, StoreOptions, StoreStatus};
use tokio::task::spawn_blocking;

use crate::config::{LogSettings, Settings};
use crate::error::AppError;
use crate::job::Job;
use crate::lag::Waiting;
use crate::role::Role;

/// How often the files of the TLS certificate are looked at.
pub const CERTIFICATE_LOOK: Duration = Duration::from_secs(60);
/// How long a start waits for what the log's partitions hold.
const END_KNOWN_WITHIN: Duration = Duration::from_secs(5);
/// How long the job of what is of no use may take to finish its turn.
const CLOSED_WITHIN: Duration = Duration::from_secs(60);

/// Variables of the environment that concern us.
pub fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(text).filter(|(name, _)| name.starts_with("FOOTFALL_")).collect()
}

/// One variable that is no setting.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Limits on one activity.
pub fn limits(settings: &Settings) -> Limits {
    let doors = &settings.doors;
    Limits {
        item_bytes_max: doors.item_bytes.bytes(),
        depth_max: doors.depth,
        future_millis_max: doors.future.millis(),
        ..Limits::default()
    }
}

/// Bounds of the doors.
pub fn doors(settings: &Settings) -> DoorsConfig {
    let doors = &settings.doors;
    DoorsConfig {
        limits: limits(settings),
        segment_body_bytes_max: doors.segment_bytes.bytes(),
        posthog_event_bytes_max: doors.posthog_event_bytes.bytes(),
        posthog_batch_bytes_max: doors.posthog_batch_bytes.bytes(),
        native_body_bytes_max: doors.native_bytes.bytes(),
        items_max: doors.items,
        body_timeout: doors.body_timeout.0,
        hold_max: doors.hold_max.0,
        in_flight_bytes_max: doors.in_flight_bytes.bytes(),
        ..DoorsConfig::default()
    }
}

/// How we sign in to the brokers of Kafka, and know them.
fn kafka_access(log: &LogSettings) -> Result<KafkaAccess, AppError> {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let file = |text: &str| said(text).map(PathBuf::from);
    let password = match file(&log.kafka_password_file) {
        Some(path) => Some(std::fs::read_to_string(&path).map_err(AppError::file(&path))?.trim_end().into()),
        None => None,
    };
    Ok(KafkaAccess {
        user: said(&log.kafka_user),
        password,
        mechanism: log.kafka_mechanism,
        tls: log.kafka_tls,
        ca_file: file(&log.kafka_ca_file),
        certificate_file: file(&log.kafka_certificate_file),
        key_file: file(&log.kafka_key_file),
    })
}

fn log_options(settings: &Settings, clock: Arc<dyn Clock>) -> Result<LogOptions, AppError> {
    let log = &settings.log;
    let age = log.retention_age.millis();
    Ok(LogOptions {
        kafka: kafka_access(log)?,
        partitions: log.partitions,
        segment_bytes_max: log.segment_bytes.0,
        waiting_bytes_max: log.waiting_bytes.bytes(),
        retention_age_millis: (age > 0).then_some(age),
        retention_bytes: (log.retention_bytes.0 > 0).then_some(log.retention_bytes.0),
        disk_reserve_bytes: log.disk_reserve.0,
        clock,
        ..LogOptions::default()
    })
}

fn store_options(settings: &Settings) -> StoreOptions {
    let store = &settings.store;
    let clickhouse = ClickHouseOptions {
        // The job takes over when its turn has come.
        role: clickhouse::Role::Reader,
        dedupe_window_millis: store.dedupe_window.millis(),
        read_timeout: settings.sql.time_max.0,
        ..ClickHouseOptions::default()
    };
    let lake = LakeOptions {
        flush_age_millis: store.flush_age.millis().unsigned_abs(),
        flush_rows: store.flush_rows,
        flush_bytes: store.flush_bytes.bytes(),
        compact: store.compact,
        dedupe_window_millis: store.dedupe_window.millis(),
        removed_grace_millis: store.removed_grace.millis(),
        ..LakeOptions::default()
    };
    StoreOptions { lake, clickhouse }
}

pub fn engine_config(settings: &Settings) -> EngineConfig {
    let sql = &settings.sql;
    EngineConfig {
        memory_bytes: sql.memory.bytes(),
        query_memory_bytes_max: sql.query_memory.bytes(),
        time_limit: sql.time_max.0,
        rows_max: sql.rows_max,
        queries_concurrent: sql.concurrent,
        spill_bytes_max: sql.spill_bytes.0,
        ..EngineConfig::new(settings.data_dir.join("spill"))
    }
}

fn insights_options(settings: &Settings) -> InsightsOptions {
    let insights = &settings.insights;
    InsightsOptions {
        questions_concurrent: insights.concurrent,
        questions_concurrent_of_project: insights.concurrent_of_project,
        questions_waiting: insights.waiting,
        threads: insights.threads,
        cache_bytes: insights.cache_bytes.bytes(),
        dictionary_bytes_max: insights.dictionary_bytes.bytes(),
        heavy: insights.heavy.0,
        parts_after: insights.parts_after.0,
        question_bytes_max: insights.question_memory.bytes(),
        spill_folder: settings.data_dir.join("insights-spill"),
        spill_bytes_max: insights.spill_bytes.0,
        questions_bytes_max: insights.memory.bytes(),
        idle_max: insights.idle.0,
        memory_bytes_max: insights.kept_memory.bytes(),
        disk_bytes_max: insights.kept_disk.0,
        ..InsightsOptions::new(settings.data_dir.join("insights"))
    }
}

/// How far the tables are behind the log, for the doors.
struct TablesBehind {
    log: Arc<dyn ActivityLog>,
    store: Arc<dyn Store>,
    pace: Arc<Pace>,
    goal: Duration,
}

#[async_trait]
impl Backlog for TablesBehind {
    fn items_behind(&self) -> u64 {
        let visible = self.store.visible_checkpoint();
        let behind = |(partition, end): (u32, u64)| end.saturating_sub(visible.next_offset(partition));
        self.log.end().iter().map(behind).sum()
    }

    fn items_behind_max(&self) -> Option<u64> {
        self.pace.records_in(self.goal)
    }

    async fn changed(&self) {
        self.pace.moved().await;
    }
}

/// Opens the log that the settings name.
pub async fn open_log(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Arc<dyn ActivityLog>, AppError> {
    Ok(footfall_ingest_log::open(&settings.log.url, log_options(settings, clock)?).await?)
}

/// Where doors keep what the brokers of the log do not take.
fn spill_folder(settings: &Settings) -> PathBuf {
    settings.data_dir.join("log-spill")
}

/// Brings to the log what doors of this data folder had to keep on its disk; how many records.
pub async fn drain_spilled(
    settings: &Settings,
    log: Arc<dyn ActivityLog>,
    clock: Arc<dyn Clock>,
) -> Result<u64, AppError> {
    let folder = spill_folder(settings);
    if !footfall_ingest_log::is_spilled(&folder) {
        return Ok(0);
    }
    Ok(footfall_ingest_log::drain_spilled(log, folder, clock).await?)
}

/// The log as doors have it: with a place on this disk for what its brokers do not take, where the settings want one or an earlier
/// run has left something.
pub async fn doors_log(
    settings: &Settings,
    log: Arc<dyn ActivityLog>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn ActivityLog>, AppError> {
    let (folder, bytes_max) = (spill_folder(settings), settings.log.spill_bytes.0);
    if !settings.log.url.starts_with("kafka:") || (bytes_max == 0 && !footfall_ingest_log::is_spilled(&folder)) {
        return Ok(log);
    }
    let options = SpillOptions { bytes_max, disk_reserve_bytes: settings.log.disk_reserve.0, clock };
    Ok(footfall_ingest_log::spilling(log, folder, options).await?)
}

/// Opens the tables that the settings name. Whether this process may fill them is decided later.
pub async fn open_tables(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Backend, AppError> {
    Ok(footfall_pipelines_store::open(&settings.store.url, store_options(settings), clock).await?)
}

/// Opens the tables as they are now, for somebody who reads all of them and changes nothing.
pub async fn open_still(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Backend, AppError> {
    let mut options = store_options(settings);
    options.clickhouse.role = clickhouse::Role::Still;
    // A question about everything may take its time until its first row.
    options.clickhouse.read_timeout = Duration::from_secs(24 * 3600);
    Ok(footfall_pipelines_store::open(&settings.store.url, options, clock).await?)
}

/// Opens the bus that the settings name. Nobody has to answer on it.
pub fn open_bus(settings: &Settings) -> Result<Opened, AppError> {
    let bus = &settings.bus;
    footfall_api_bus::open(&bus.url, &bus.installation).map_err(|error| AppError::Usage(error.to_string()))
}

/// Log, job, store and engine, open and at work.
pub struct Stack {
    pub log: Arc<dyn ActivityLog>,
    /// The same, as doors append to it.
    pub doors: Arc<dyn ActivityLog>,
    pub store: Arc<dyn Store>,
    pub engine: Arc<Engine>,
    pub insights: Arc<Insights>,
    pub census: PropertyCensus,
    pub imports: Arc<ImportAccounts>,
    pub live: LiveFeed,
    pub clock: Arc<dyn Clock>,
    tables: Backend,
    end_at_start: Checkpoint,
    role: Role,
    waiting: Waiting,
    /// None where other processes fill the tables.
    job: Option<Job>,
}

/// What has to be in the tables before this process says that it is ready. A partition that nobody answers for is not waited for long:
/// the others must not wait for it.
async fn end_at_start(log: &dyn ActivityLog) -> Checkpoint {
    match tokio::time::timeout(END_KNOWN_WITHIN, log.whole_end()).await {
        Ok(Ok(end)) => end,
        Ok(Err(error)) => {
            tracing::warn!(%error, "ready without a part of the log");
            log.end()
        }
        Err(_) => {
            tracing::warn!("ready without a part of the log: the brokers do not say where it ends");
            log.end()
        }
    }
}

impl Stack {
    /// Opens everything, with the job. It fails when another process has what is of one process alone.
    pub async fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Stack, AppError> {
        crate::backup::refuse_unfinished(settings)?;
        std::fs::create_dir_all(&settings.data_dir).map_err(AppError::file(&settings.data_dir))?;
        let log = open_log(settings, clock.clone()).await?;
        let tables = open_tables(settings, clock.clone()).await?;
        Stack::of(Role::All, settings, log, tables, clock).await
    }

    /// The same for somebody who appends: not to a log that was read to its end for a move, for nobody reads on in it.
    pub async fn open_to_append(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Stack, AppError> {
        let stack = Stack::open(settings, clock).await?;
        // Only now that the log is ours: whoever reads it to its end leaves the mark before it lets go of it.
        if let Err(moved) = crate::migrate::refuse_moved(settings) {
            stack.close(CLOSED_WITHIN).await?;
            return Err(moved.into());
        }
        Ok(stack)
    }

    /// Puts the parts together, with the job where the role has one.
    pub async fn of(
        role: Role,
        settings: &Settings,
        log: Arc<dyn ActivityLog>,
        tables: Backend,
        clock: Arc<dyn Clock>,
    ) -> Result<Stack, AppError> {
        let store = tables.store();
        // Before anything is appended: the log must know where its reader is.
        log.release("jobs", &store.durable_checkpoint());
        let end_at_start = end_at_start(&*log).await;
        // A killed process leaves what it spilled.
        drop(std::fs::remove_dir_all(settings.data_dir.join("spill")));
        crate::backup::clear_held(settings);
        let engine = Arc::new(Engine::new(tables.snapshots(), engine_config(settings))?);
        let census = PropertyCensus::new(tables.snapshots(), settings.data_dir.join("census"));
        let insights = Arc::new(Insights::new(tables.snapshots(), clock.clone(), insights_options(settings))?);
        let job = match role.has_job() {
            true => Some(Job::start(settings, log.clone(), store.clone(), clock.clone())?),
            false => None,
        };
        Ok(Stack {
            imports: job.as_ref().map(|job| job.imports.clone()).unwrap_or_default(),
            live: job.as_ref().map(|job| job.live.clone()).unwrap_or_default(),
            job,
            store,
            doors: log.clone(),
            log,
            engine,
            insights,
            census,
            clock,
            tables,
            end_at_start,
            role,
            waiting: Waiting::default(),
        })
    }

    /// The same with another log for the doors, which stands before this one's.
    #[must_use]
    pub fn with_doors(self, doors: Arc<dyn ActivityLog>) -> Stack {
        Stack { doors, ..self }
    }

    /// True for a process that answers questions and does all the rest as well.
    pub fn answers(&self) -> bool {
        self.role == Role::All
    }

    /// True when queries see everything that was in the log when it was opened: what a crash left is read.
    pub fn has_replayed(&self) -> bool {
        self.store.visible_checkpoint().covers(&self.end_at_start)
    }

    /// How far the tables are behind, for doors that let in what is seen within `goal`; `None` when that is zero.
    pub fn backlog(&self, goal: Duration) -> Option<Arc<dyn Backlog>> {
        let (log, store, pace) = (self.log.clone(), self.store.clone(), self.job.as_ref()?.pace.clone());
        (!goal.is_zero()).then(|| Arc::new(TablesBehind { log, store, pace, goal }) as Arc<dyn Backlog>)
    }

    /// How far answers are behind the log; looked at again and again, so that it knows since when.
    pub fn lag(&self) -> Lag {
        let visible = self.store.visible_checkpoint();
        self.waiting.look(self.clock.now(), self.log.end(), &visible)
    }

    /// True when queries see everything that is in the log now.
    pub fn is_caught_up(&self) -> bool {
        self.store.visible_checkpoint().covers(&self.log.end())
    }

    /// Waits until queries see everything that is there now; false when that takes longer than `patience`.
    pub async fn catch_up(&self, patience: Duration) -> bool {
        let end = self.log.end();
        let wait = async {
            while !self.store.visible_checkpoint().covers(&end) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(patience, wait).await.is_ok()
    }

    /// Joins files until none is worth joining; how many times it did.
    pub async fn compact(&self) -> Result<u64, AppError> {
        Ok(self.tables.compact().await?)
    }

    /// Puts the files of the tables into the folder `into`, as they are now; `None` where they lie in a database.
    pub async fn hold_tables(&self, into: PathBuf) -> Result<Option<HeldLake>, AppError> {
        Ok(self.tables.hold(into).await?)
    }

    /// Projects that have tables.
    pub fn projects(&self) -> Vec<Arc<str>> {
        self.store.projects()
    }

    /// Sizes and health of the tables.
    pub fn store_status(&self) -> StoreStatus {
        self.tables.status()
    }

    /// How the job does; `None` where other processes have it.
    pub fn job_check(&self) -> Option<Check> {
        self.job.as_ref().map(Job::check)
    }

    /// True while this process fills the tables.
    pub fn leads(&self) -> bool {
        self.job.as_ref().is_some_and(Job::leads)
    }

    /// Ends in order: nothing more into the log, all of it into the tables, the tables to disk. What other processes have to do is
    /// not waited for.
    pub async fn close(&self, patience: Duration) -> Result<(), AppError> {
        self.doors.close().await;
        if self.leads() && !self.catch_up(patience).await {
            tracing::warn!("the tables are behind the log; the rest follows at the next start");
        }
        if let Some(job) = &self.job {
            job.stop(patience).await;
        }
        self.store.flush().await?;
        let tables = self.tables.clone();
        blocking(move || tables.close()).await
    }
}

/// The folder of the lake; `None` where the tables lie in a database.
pub fn lake_folder(settings: &Settings) -> Option<PathBuf> {
    settings.store.url.strip_prefix("file:").map(PathBuf::from)
}

/// Reads every file of the lake that the settings name and compares it with the manifest. It must not be open.
/// `None` for a store that checks its files itself.
pub async fn verify_lake(settings: &Settings) -> Result<Option<LakeReport>, AppError> {
    let Some(root) = lake_folder(settings) else { return Ok(None) };
    Ok(Some(blocking(move || footfall_pipelines_store::lake::verify(&root)).await??))
}

pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
    spawn_blocking(work).await.map_err(|error| AppError::Internal(error.to_string()))
}
