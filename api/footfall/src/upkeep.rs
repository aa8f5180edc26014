//! What the operator can ask for: of the running server over HTTP, else of the data folder itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use footfall_api_server::{Account, Check, Health, OperationError, Operations};
use footfall_ingest_activity::Clock;

use crate::client::Call;
use crate::config::Settings;
use crate::console::say;
use crate::error::AppError;
use crate::operator::Presence;
use crate::part::log_check;
use crate::wiring::Stack;

/// The running program's parts, for the routes.
pub struct Upkeep(pub Arc<Stack>);

fn failed(error: impl ToString) -> OperationError {
    OperationError::Failed(error.to_string())
}

#[async_trait]
impl Operations for Upkeep {
    async fn import_account(&self, id: &str) -> Result<Account, OperationError> {
        // Asked first, so that "caught up" never runs ahead of the account.
        let caught_up = self.0.is_caught_up();
        let account = self.0.imports.get(id);
        let (stored, duplicate, quarantined) = (account.stored, account.duplicate, account.quarantined);
        Ok(Account { stored, duplicate, quarantined, caught_up })
    }

    async fn flush(&self) -> Result<(), OperationError> {
        self.0.store.flush().await.map_err(failed)
    }

    async fn compact(&self) -> Result<(), OperationError> {
        self.0.store.flush().await.map_err(failed)?;
        self.0.compact().await.map(drop).map_err(failed)
    }
}

impl Health for Upkeep {
    fn checks(&self) -> Vec<Check> {
        let of = |name, fault: Option<String>| Check { name, ok: fault.is_none(), detail: fault };
        let mut checks = vec![log_check(&*self.0.log), of("store", self.0.store_status().failing)];
        if let Some(job) = self.0.job_check() {
            let replaying = job.ok && self.0.leads() && !self.0.has_replayed();
            checks.push(match replaying {
                true => of("jobs", Some("reading what was in the log at the start".to_owned())),
                false => job,
            });
        }
        checks
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
