//! `footfall identity`: which ids were joined, and taking a joining back.

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use footfall_ingest_activity::{Clock, Entry, Unmerge};
use futures::StreamExt;

use crate::client::Call;
use crate::config::Settings;
use crate::console::say;
use crate::error::AppError;
use crate::export;
use crate::operator::Presence;
use crate::role::is_shared;
use crate::wiring::Stack;

/// What to do with joined ids.
#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Show every claim that two ids are one person, and what became of it
    List,
    /// Take a joining back; the ids are again the persons that they would be without it
    Undo {
        /// From `footfall identity list`
        merge_id: String,
    },
}

const LIST: &str = "SELECT merge_id, kind, from_distinct_id, into_distinct_id, timestamp, outcome, undone
    FROM person_merges ORDER BY sequence";

/// Runs the command.
pub async fn run(command: IdentityCommand, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    match command {
        IdentityCommand::List => {
            let mut csv = export::answer(LIST, export::ExportFormat::Csv, &settings, clock).await?;
            let mut stdout = std::io::stdout();
            while let Some(part) = csv.stream.next().await {
                std::io::Write::write_all(&mut stdout, &part?)?;
            }
            csv.close().await
        }
        IdentityCommand::Undo { merge_id } => undo(&merge_id, settings, clock).await,
    }
}

async fn undo(merge_id: &str, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    // A log that is shared takes it from anybody; the process beside may have no doors for it.
    let server = match is_shared(&settings) {
        true => None,
        false => Presence::find(&settings.data_dir).await,
    };
    if let Some(server) = server {
        let body = serde_json::json!({"type": "unmerge", "mergeId": merge_id}).to_string();
        let server = server.for_project(&settings.project);
        server.text(&Call::post("/v1/activity", "application/json", body)).await?;
    } else {
        let stack = Stack::open_to_append(&settings, clock.clone()).await?;
        let unmerge =
            Unmerge { project: settings.project.as_str().into(), merge_id: merge_id.into(), requested_at: clock.now() };
        let record = Entry::Unmerge(unmerge).encode().map_err(|error| AppError::Internal(error.to_string()))?;
        let appended = stack.log.append(vec![record]).await;
        stack.close(Duration::from_secs(60)).await?;
        appended?;
    }
    say(format!("taken back: {merge_id}"));
    Ok(())
}
