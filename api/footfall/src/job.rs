//! The job on a thread and runtime of its own: among the requests it would wait for its turn again and again, and the tables fall
//! behind just when there is much to do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use footfall_api_access::Database;
use footfall_api_server::Check;
use footfall_ingest_activity::Clock;
use footfall_ingest_log::ActivityLog;
use footfall_pipelines_jobs::{
    Alone, ImportAccounts, JobsConfig, Leadership, LiveFeed, Pace, Runner, Standing, Term, is_half,
};
use footfall_pipelines_store::Store;
use tokio::sync::{OnceCell, oneshot, watch};

use crate::config::Settings;
use crate::error::AppError;
use crate::migrate::MigrateError;
use crate::role::is_shared;

/// Before the database is tried again.
const AWAY: Duration = Duration::from_secs(1);

/// A job at work, or standing by.
pub struct Job {
    pub imports: Arc<ImportAccounts>,
    pub live: LiveFeed,
    pub pace: Arc<Pace>,
    standing: Arc<Standing>,
    thread: std::thread::JoinHandle<()>,
    stop: watch::Sender<bool>,
    ended: tokio::sync::Mutex<oneshot::Receiver<()>>,
}

impl Job {
    /// Starts one that takes `log` to `store` while it leads.
    pub fn start(
        settings: &Settings,
        log: Arc<dyn ActivityLog>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Job, AppError> {
        if is_half(&*store) {
            return Err(MigrateError::Half.into());
        }
        let config = JobsConfig {
            turn_bytes_max: settings.jobs.turn_bytes.bytes(),
            turn_interval_min: settings.jobs.turn_interval.0,
            ..JobsConfig::default()
        };
        let runner = Runner::new(log, store, clock, config).under(leadership(settings));
        let (imports, live, pace) = (runner.imports(), runner.live(), runner.pace());
        let standing = runner.standing();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| AppError::Internal(error.to_string()))?;
        let (stop, stopping) = watch::channel(false);
        let (ending, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("jobs".to_owned()).spawn(move || {
            runtime.block_on(async {
                runner.run(stopping).await;
                // Lets whoever held the lead for it give it away in order.
                tokio::time::sleep(Duration::from_millis(20)).await;
            });
            // Nobody may wait for it.
            let _ = ending.send(());
        });
        let thread = thread.map_err(|error| AppError::Internal(error.to_string()))?;
        let ended = tokio::sync::Mutex::new(ended);
        Ok(Job { imports, live, pace, standing, thread, stop, ended })
    }

    /// False once it has broken down.
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// True while it fills the tables; false while another process does.
    pub fn leads(&self) -> bool {
        self.standing.leads()
    }

    /// For `/readyz`.
    pub fn check(&self) -> Check {
        let standing_by = (!self.leads()).then(|| "stands by: another process fills the tables".to_owned());
        match self.is_running() {
            true => Check { name: "jobs", ok: true, detail: standing_by },
            false => {
                Check { name: "jobs", ok: false, detail: Some("the job that fills the tables has ended".to_owned()) }
            }
        }
    }

    /// Has it finish its turn and end.
    pub async fn stop(&self, patience: Duration) {
        self.stop.send_replace(true);
        drop(tokio::time::timeout(patience, &mut *self.ended.lock().await).await);
    }
}

fn leadership(settings: &Settings) -> Arc<dyn Leadership> {
    match is_shared(settings) {
        true => Arc::new(InDatabase { url: settings.database.url.clone(), database: OnceCell::new() }),
        false => Arc::new(Alone),
    }
}

/// The lead among all processes that share a database.
struct InDatabase {
    url: String,
    /// On the job's own runtime, whatever becomes of that of the requests.
    database: OnceCell<Database>,
}

#[async_trait]
impl Leadership for InDatabase {
    async fn lead(&self) -> Term {
        let database = loop {
            match self.database.get_or_try_init(|| Database::open(&self.url)).await {
                Ok(database) => break database,
                Err(error) => {
                    tracing::warn!(%error, "the job cannot ask for the lead");
                    tokio::time::sleep(AWAY).await;
                }
            }
        };
        let lead = database.lead("jobs").await;
        Term::new(lead.watch(), lead)
    }

    fn has_others(&self) -> bool {
        true
    }
}
