//! `footfall audit …`: whether the chain of records is whole, and the records themselves.

use std::sync::Arc;

use clap::Subcommand;
use footfall_ingest_activity::Clock;

use crate::app;
use crate::config::Settings;
use crate::console::say;
use crate::error::AppError;

/// Records read at a time.
const PAGE: i64 = 1_000;

/// `footfall audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the whole chain; a changed, removed or reordered record is named
    Verify,
    /// Print every record as a line of JSON, oldest first
    Export,
}

/// Runs the command.
pub async fn run(command: AuditCommand, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let access = app::open_for_command(&settings, clock).await?;
    match command {
        AuditCommand::Verify => {
            let report = access.verify_audit().await?;
            for fault in &report.faults {
                say(fault.to_string());
            }
            say(format!("{} records, {} faults", report.records, report.faults.len()));
            if report.faults.is_empty() { Ok(()) } else { Err(AppError::Damaged) }
        }
        AuditCommand::Export => {
            let mut after = i64::MIN;
            loop {
                let page = access.audit_after(None, after, PAGE).await?;
                let Some(last) = page.last().map(|record| record.sequence) else { return Ok(()) };
                for record in &page {
                    let line = serde_json::to_string(record).map_err(|error| AppError::Internal(error.to_string()))?;
                    say(line);
                }
                after = last;
            }
        }
    }
}
