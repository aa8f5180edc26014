//! Diagnostics: text for people, one JSON object a line for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{TracingFormat, TracingSettings};
use crate::error::AppError;

/// Starts tracing to stderr for the whole process. `quiet` shows warnings alone, for commands that are no server.
pub fn start(settings: &TracingSettings, quiet: bool) -> Result<(), AppError> {
    let level = if quiet && settings.level == "info" { "warn" } else { &settings.level };
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|error| AppError::Usage(format!("tracing.level {level:?}: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.format {
        TracingFormat::Json => builder.json().flatten_event(true).try_init(),
        TracingFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
    started.map_err(|error| AppError::Internal(error.to_string()))
}
