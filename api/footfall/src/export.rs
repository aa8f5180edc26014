//! `footfall export`: a table or an answer to SQL as a file, from the running server or from the data folder.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use footfall_ingest_activity::Clock;
use footfall_pipelines_store::query::{Format, Question, encode};
use futures::stream::{BoxStream, StreamExt};
use http_body_util::BodyDataStream;

use crate::client::Call;
use crate::config::Settings;
use crate::console::note;
use crate::error::AppError;
use crate::operator::Presence;
use crate::wiring::Stack;

/// What to export.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The table
    #[arg(long, default_value = "activity", conflicts_with = "sql")]
    table: String,
    /// A question instead of a table
    #[arg(long)]
    sql: Option<String>,
    #[arg(long, value_enum, default_value = "ndjson")]
    format: ExportFormat,
    /// File to write; else stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Ndjson,
    Csv,
    Parquet,
}

impl ExportFormat {
    fn format(self) -> Format {
        match self {
            ExportFormat::Ndjson => Format::Ndjson,
            ExportFormat::Csv => Format::Csv,
            ExportFormat::Parquet => Format::Parquet,
        }
    }
}

/// An answer as bytes; close it when they are read.
pub struct Exported {
    pub stream: BoxStream<'static, Result<Bytes, AppError>>,
    stack: Option<Stack>,
}

impl Exported {
    /// Lets go of what was opened for it.
    pub async fn close(self) -> Result<(), AppError> {
        drop(self.stream);
        match self.stack {
            Some(stack) => stack.close(Duration::from_secs(60)).await,
            None => Ok(()),
        }
    }
}

/// Asks the running server, else the data folder. No limit of rows or time holds in the latter case.
pub async fn answer(
    sql: &str,
    format: ExportFormat,
    settings: &Settings,
    clock: Arc<dyn Clock>,
) -> Result<Exported, AppError> {
    if let Some(server) = Presence::find(&settings.data_dir).await {
        let body = serde_json::json!({ "sql": sql }).to_string();
        let call = Call { accept: format.format().content_type(), ..Call::post("/v1/sql", "application/json", body) };
        let body = server.for_project(&settings.project).send(&call).await?.into_body();
        let base = server.base().to_owned();
        let failed = move |error: hyper::Error| AppError::Server(base.clone(), error.to_string());
        let stream = BodyDataStream::new(body).map(move |part| part.map_err(&failed)).boxed();
        return Ok(Exported { stream, stack: None });
    }
    let mut settings = settings.clone();
    settings.sql.rows_max = u64::MAX;
    settings.sql.time_max.0 = Duration::from_secs(7 * 86_400);
    let stack = Stack::open(&settings, clock).await?;
    stack.catch_up(Duration::from_secs(600)).await;
    let answer = stack.engine.query(&settings.project, Question::new(sql)).await?;
    let stream = encode(answer, format.format()).await?.map(|part| part.map_err(AppError::from)).boxed();
    Ok(Exported { stream, stack: Some(stack) })
}

/// Runs the command.
pub async fn run(arguments: ExportArgs, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let sql = arguments.sql.unwrap_or_else(|| format!("SELECT * FROM \"{}\"", arguments.table.replace('"', "\"\"")));
    let mut exported = answer(&sql, arguments.format, &settings, clock).await?;
    let mut bytes = 0;
    let written = async {
        let mut out: Box<dyn Write> = match &arguments.output {
            Some(path) => Box::new(BufWriter::new(File::create(path).map_err(AppError::file(path))?)),
            None => Box::new(io::stdout()),
        };
        while let Some(part) = exported.stream.next().await {
            let part = part?;
            bytes += part.len();
            out.write_all(&part)?;
        }
        out.flush().map_err(AppError::from)
    }
    .await;
    exported.close().await?;
    written?;
    if let Some(path) = &arguments.output {
        note(format!("wrote {bytes} bytes to {}", path.display()));
    }
    Ok(())
}
