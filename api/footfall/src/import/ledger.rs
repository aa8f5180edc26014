//! What became of an import, told between the process that fills the tables and the one that imports.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::Access;
use footfall_api_data::{ImportCounts, ImportLedger};
use footfall_ingest_activity::Clock;
use footfall_pipelines_jobs::{ImportAccount, ImportAccounts};
use uuid::Uuid;

use crate::error::AppError;

/// How soon what was counted is written down.
const BEAT: Duration = Duration::from_millis(100);

/// The accounts that processes of one installation share, as this run writes and reads them.
pub async fn open(access: &Access, clock: Arc<dyn Clock>) -> Result<ImportLedger, AppError> {
    let opened = ImportLedger::open(access.clone(), clock, Uuid::now_v7().to_string()).await;
    opened.map_err(|error| AppError::Internal(error.to_string()))
}

/// Writes down what the job of this process counts, until `stopped` and once more.
pub async fn tell(ledger: Arc<ImportLedger>, imports: Arc<ImportAccounts>, stopped: impl Future<Output = ()>) {
    let mut stopped = std::pin::pin!(stopped);
    let mut is_over = false;
    while !is_over {
        is_over = tokio::select! {
            () = tokio::time::sleep(BEAT) => false,
            () = &mut stopped => true,
        };
        note(&ledger, &imports).await;
    }
}

/// Writes down what has been counted since the last time.
pub async fn note(ledger: &ImportLedger, imports: &ImportAccounts) {
    let grown = imports.take_grown();
    if grown.is_empty() {
        return;
    }
    let counted: Vec<_> = grown.iter().map(|(import, account)| (import.clone(), counts(account))).collect();
    if let Err(error) = ledger.note(&counted).await {
        tracing::warn!(%error, "what became of an import is not written down yet");
        imports.give_back(grown.into_iter().map(|(import, _)| import));
    }
}

fn counts(account: &ImportAccount) -> ImportCounts {
    let ImportAccount { stored, duplicate, quarantined, erased } = *account;
    ImportCounts { stored, duplicate, quarantined, erased }
}

/// What this process and all others have counted.
pub async fn sum(ledger: Option<&ImportLedger>, own: ImportAccount, import: &str) -> Result<ImportAccount, AppError> {
    let Some(ledger) = ledger else { return Ok(own) };
    let others = ledger.of_others(import).await.map_err(|error| AppError::Internal(error.to_string()))?;
    Ok(ImportAccount {
        stored: own.stored + others.stored,
        duplicate: own.duplicate + others.duplicate,
        quarantined: own.quarantined + others.quarantined,
        erased: own.erased + others.erased,
    })
}
