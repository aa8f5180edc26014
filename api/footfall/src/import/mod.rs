//! `footfall import`: files of several formats become lines of JSON, which go through the same parser as every request.

mod csv_rows;
mod document;
mod format;
pub(crate) mod ledger;
mod lines;
mod local;
mod parquet_rows;
mod progress;
mod remote;
mod row;
mod source;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use footfall_ingest_activity::Clock;
use uuid::Uuid;

use crate::config::{Settings, is_project};
use crate::console::say;
use crate::error::AppError;
use crate::operator::Presence;
use crate::role::is_shared;

pub use format::FileFormat;
pub use progress::Progress;
pub use source::Chunks;

/// What to import.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Files; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[arg(long, value_enum, default_value = "auto")]
    format: FileFormat,
}

/// What became of the items of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
pub struct Account {
    #[serde(rename = "stored")]
    pub accepted: u64,
    pub quarantined: u64,
    #[serde(default)]
    pub rejected: u64,
    pub duplicate: u64,
    /// Activities of persons who are forgotten.
    #[serde(default)]
    pub erased: u64,
    #[serde(default)]
    pub caught_up: bool,
}

/// Items as the parser judged them, on their way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    /// Items that went into the log, accepted or quarantined.
    pub kept: u64,
    pub rejected: u64,
}

impl Account {
    fn covers(&self, sent: Sent) -> bool {
        self.accepted + self.quarantined + self.duplicate + self.erased >= sent.kept
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account { accepted, quarantined, rejected, duplicate, erased, .. } = self;
        write!(f, "accepted {accepted}, quarantined {quarantined}, rejected {rejected}, duplicate {duplicate}")?;
        if *erased > 0 { write!(f, ", forgotten {erased}") } else { Ok(()) }
    }
}

/// Runs the command.
pub async fn run(arguments: ImportArgs, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    if !is_project(&settings.project) {
        return Err(AppError::Usage(format!("{:?} is no name for a project", settings.project)));
    }
    for file in arguments.files.iter().filter(|file| file.as_os_str() != "-") {
        std::fs::File::open(file).map_err(AppError::file(file))?;
    }
    let import = Uuid::now_v7().to_string();
    let progress = Arc::new(Progress::of(&arguments.files, clock.now()));
    let showing = tokio::spawn(progress.clone().show(clock.clone()));
    let chunks = Chunks::read(arguments.files, arguments.format, progress.clone());
    // Where the log is shared, this process may put records into it beside any other.
    let server = if is_shared(&settings) { None } else { Presence::find(&settings.data_dir).await };
    let account = match server {
        Some(server) => remote::import(&server.for_project(&settings.project), &import, chunks, &progress).await,
        None => local::import(&settings, clock.clone(), &import, chunks, &progress).await,
    };
    showing.abort();
    progress.end(clock.now());
    say(account?.to_string());
    Ok(())
}
