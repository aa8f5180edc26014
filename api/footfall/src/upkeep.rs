//! What the operator can ask for: of the running server over HTTP, else of the data folder itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use footfall_api_bus::Bus;
use footfall_api_server::{Account, Check, Health, Lag, OperationError, Operations};
use footfall_ingest_activity::Clock;
use footfall_pipelines_jobs::ImportAccount;

use crate::client::Call;
use crate::config::Settings;
use crate::console::say;
use crate::error::AppError;
use crate::news;
use crate::operator::Presence;
use crate::part::log_check;
use crate::wiring::Stack;

/// The running program's parts, for the routes.
pub struct Upkeep {
    pub stack: Arc<Stack>,
    pub bus: Arc<dyn Bus>,
    /// Other processes fill the tables, and nothing that they tell arrives here.
    pub hears_nobody: bool,
    /// Mails are written into files here.
    pub writes_mails: bool,
}

/// What `/readyz` and the live page say of the bus then.
const HEARS_NOBODY: &str = "there is no bus.url: the live stream of this process stays empty. Everything else comes from the tables \
                            and the database, and is the same in every process";

/// What they say of mails that go nowhere. Where the files are, the start of the program and its settings say.
const WRITES_MAILS: &str = "written into files and not sent: set mail.url to send them";

fn failed(error: impl ToString) -> OperationError {
    OperationError::Failed(error.to_string())
}

#[async_trait]
impl Operations for Upkeep {
    async fn import_account(&self, id: &str) -> Result<Account, OperationError> {
        // Asked first, so that "caught up" never runs ahead of the account.
        let caught_up = self.stack.is_caught_up();
        let ImportAccount { stored, duplicate, quarantined, erased } = self.stack.imports.get(id);
        Ok(Account { stored, duplicate, quarantined, erased, caught_up })
    }

    async fn flush(&self) -> Result<(), OperationError> {
        self.stack.store.flush().await.map_err(failed)
    }

    async fn compact(&self) -> Result<(), OperationError> {
        self.stack.store.flush().await.map_err(failed)?;
        self.stack.compact().await.map(drop).map_err(failed)
    }
}

impl Health for Upkeep {
    fn checks(&self) -> Vec<Check> {
        let of = |name, fault: Option<String>| Check { name, ok: fault.is_none(), detail: fault };
        let mut checks = vec![log_check(&*self.stack.doors), of("store", self.stack.store_status().failing)];
        if let Some(job) = self.stack.job_check() {
            // Who answers questions as well is not ready before the answers have what was acknowledged, whoever reads it.
            let is_awaited = self.stack.answers() || self.stack.leads();
            let replaying = job.ok && is_awaited && !self.stack.has_replayed();
            checks.push(match replaying {
                true => of("jobs", Some("reading what was in the log at the start".to_owned())),
                false => job,
            });
        }
        let bus = news::check(&*self.bus);
        let detail = bus.detail.or_else(|| self.hears_nobody.then(|| HEARS_NOBODY.to_owned()));
        checks.push(Check { detail, ..bus });
        let detail = self.writes_mails.then(|| WRITES_MAILS.to_owned());
        checks.push(Check { name: "mails", ok: true, detail });
        checks
    }

    fn lag(&self) -> Option<Lag> {
        Some(self.stack.lag())
    }
}

/// `footfall compact`
pub async fn compact(settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    if let Some(server) = Presence::find(&settings.data_dir).await {
        server.text(&Call::post("/v1/operator/compact", "", "")).await?;
        say("compacted by the running server");
        return Ok(());
    }
    let stack = Stack::open(&settings, clock).await?;
    stack.catch_up(Duration::from_secs(600)).await;
    stack.store.flush().await?;
    let joined = stack.compact().await;
    let files: u64 = stack.store_status().tables.values().map(|(files, _)| files).sum();
    stack.close(Duration::from_secs(60)).await?;
    say(format!("compacted {} times, {files} files", joined?));
    Ok(())
}
