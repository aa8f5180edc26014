//! Import with the server stopped: this process opens the data folder and does the server's work.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_data::{ImportLedger, TrackingPlans};
use footfall_ingest_activity::Clock;
use footfall_ingest_server::{BodyKind, ParsedRequest, Plans, Setting, parse_body};
use futures::StreamExt;
use futures::stream;
use tokio::task::spawn_blocking;

use super::source::{Chunk, Chunks};
use super::{Account, Progress, Sent, ledger};
use crate::app;
use crate::config::Settings;
use crate::console::note;
use crate::error::AppError;
use crate::role::is_shared;
use crate::wiring::{self, Stack};

/// How long the job may stand still before the account is given as it is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what other processes have written down.
const LOOK: Duration = Duration::from_millis(50);

/// Imports all chunks, and returns when they are in the tables and on disk.
pub async fn import(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    import: &str,
    chunks: Chunks,
    progress: &Progress,
) -> Result<Account, AppError> {
    let access = app::open_for_command(settings, clock.clone()).await?;
    let plans = app::open_plans(&access, clock.clone()).await?;
    let ledger = match is_shared(settings) {
        true => Some(ledger::open(&access, clock.clone()).await?),
        false => None,
    };
    let stack = Stack::open_to_append(settings, clock).await?;
    let sent = append(&stack, settings, &plans, import, chunks, progress).await;
    let account = match &sent {
        Ok(sent) => settle(&stack, ledger.as_ref(), import, *sent).await,
        Err(_) => Ok(Account::default()),
    };
    stack.close(PATIENCE).await?;
    let sent = sent?;
    Ok(Account { rejected: sent.rejected, ..account? })
}

async fn append(
    stack: &Stack,
    settings: &Settings,
    plans: &TrackingPlans,
    import: &str,
    chunks: Chunks,
    progress: &Progress,
) -> Result<Sent, AppError> {
    let (limits, project) = (Arc::new(wiring::limits(settings)), Arc::<str>::from(&*settings.project));
    let import: Arc<str> = import.into();
    let parsing =
        stream::unfold(chunks, |mut chunks| async move { Some((chunks.next().await?, chunks)) }).map(|chunk| {
            let (limits, project, import) = (limits.clone(), project.clone(), import.clone());
            let (received_at, plan) = (stack.clock.now(), plans.plan(&project));
            async move {
                let chunk = chunk?;
                let work = move || {
                    let setting = Setting {
                        import: Some(&import),
                        plan: plan.as_deref(),
                        ..Setting::new(&project, received_at, &limits)
                    };
                    read(&chunk, &setting)
                };
                spawn_blocking(work).await.map_err(|error| AppError::Internal(error.to_string()))
            }
        });
    let mut parsed = std::pin::pin!(parsing.buffered(4).ready_chunks(4));
    let mut sent = Sent::default();
    while let Some(ready) = parsed.next().await {
        let (mut records, mut violated) = (Vec::new(), Vec::new());
        for request in ready {
            let request = request?;
            sent.kept += (request.accepted + request.quarantined) as u64;
            sent.rejected += request.rejected as u64;
            progress.add_items(request.received() as u64);
            records.extend(request.records);
            violated.extend(request.violated);
        }
        stack.log.append(records).await?;
        plans.violated(&settings.project, violated);
    }
    plans.flush().await.map_err(|error| AppError::Internal(error.to_string()))?;
    Ok(sent)
}

fn read(chunk: &Chunk, setting: &Setting<'_>) -> ParsedRequest {
    let rejected = |items| ParsedRequest { rejected: items, ..ParsedRequest::default() };
    let mut parsed = match chunk.items {
        0 => ParsedRequest::default(),
        items => {
            parse_body(BodyKind::ImportLines, &chunk.text, setting, usize::MAX).unwrap_or_else(|_| rejected(items))
        }
    };
    parsed.rejected += chunk.rejected;
    parsed
}

/// Waits until the job that fills the tables has accounted for everything, in this process or another one.
async fn settle(stack: &Stack, ledger: Option<&ImportLedger>, import: &str, sent: Sent) -> Result<Account, AppError> {
    let mut last = (0, stack.clock.now());
    loop {
        let got = ledger::sum(ledger, stack.imports.get(import), import).await?;
        let now = stack.clock.now();
        if got.total() != last.0 {
            last = (got.total(), now);
        }
        let stuck = now.millis_since(last.1) > i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX);
        if got.total() >= sent.kept || stuck {
            if got.total() < sent.kept {
                note("not all of it is accounted for: another process that fills the tables may have ended meanwhile");
            }
            return Ok(Account {
                accepted: got.stored,
                quarantined: got.quarantined,
                duplicate: got.duplicate,
                erased: got.erased,
                ..Account::default()
            });
        }
        tokio::time::sleep(if ledger.is_some() { LOOK } else { Duration::from_millis(5) }).await;
    }
}

/// Limits of the parser, for tests.
#[cfg(test)]
pub fn read_for_test(chunk: &Chunk, limits: &footfall_ingest_activity::Limits) -> ParsedRequest {
    read(chunk, &Setting::new("default", footfall_ingest_activity::Timestamp::from_millis(1_800_000_000_000), limits))
}
