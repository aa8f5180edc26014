//! `footfall dashboards`: dashboards as files, to and from the running server, byte for byte.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use footfall_ingest_activity::Clock;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::client::{Call, Client};
use crate::config::Settings;
use crate::console::say;
use crate::error::AppError;
use crate::operator::Presence;

/// What to do with dashboards.
#[derive(Debug, Subcommand)]
pub enum DashboardCommand {
    /// Make each file's dashboard what the file says; the key is the file's name without its ending
    Apply {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Write dashboards into files, KEY.yaml each, exactly as they were applied
    Export {
        /// All of the project, those that are built in as well, if none is named
        #[arg(value_name = "KEY")]
        keys: Vec<String>,
        /// Folder of the files
        #[arg(long, default_value = ".", value_name = "FOLDER")]
        to: PathBuf,
    },
    /// List the dashboards of the project
    List,
}

#[derive(Deserialize)]
struct Dashboard {
    revision: i64,
    text: String,
}

#[derive(Deserialize)]
struct Line {
    key: String,
    title: String,
    is_built_in: bool,
}

#[derive(Deserialize)]
struct Lines {
    items: Vec<Line>,
    next_cursor: Option<String>,
}

/// Runs the command.
pub async fn run(command: DashboardCommand, settings: Settings, _: Arc<dyn Clock>) -> Result<(), AppError> {
    let server = Presence::find(&settings.data_dir).await;
    let server =
        server.ok_or_else(|| AppError::Usage("dashboards are kept by the server: start it first".to_owned()))?;
    let desk = Desk { server, collection: format!("/v1/projects/{}/dashboards", encoded(&settings.project)) };
    match command {
        DashboardCommand::Apply { files } => {
            for file in files {
                desk.apply(&file).await?;
            }
            Ok(())
        }
        DashboardCommand::Export { keys, to } => desk.export(keys, &to).await,
        DashboardCommand::List => {
            for line in desk.lines().await? {
                let kind = if line.is_built_in { "built in" } else { "kept" };
                say(format!("{}\t{kind}\t{}", line.key, line.title));
            }
            Ok(())
        }
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

struct Desk {
    server: Client,
    collection: String,
}

impl Desk {
    async fn find(&self, key: &str) -> Result<Option<Dashboard>, AppError> {
        let path = format!("{}/{}", self.collection, encoded(key));
        let Some(found) = self.server.find(&Call::get(&path)).await? else { return Ok(None) };
        serde_json::from_slice(&found).map(Some).map_err(|error| AppError::Internal(error.to_string()))
    }

    async fn apply(&self, file: &std::path::Path) -> Result<(), AppError> {
        let text = std::fs::read_to_string(file).map_err(AppError::file(file))?;
        let key = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let at_fault = |error: AppError| match error {
            AppError::Server(_, detail) => AppError::Input(file.display().to_string(), detail),
            other => other,
        };
        let (path, call_body, if_match, done);
        match self.find(&key).await? {
            Some(known) if known.text == text => {
                say(format!("{key}: unchanged"));
                return Ok(());
            }
            Some(known) => {
                path = format!("{}/{}", self.collection, encoded(&key));
                call_body = json!({"text": text});
                if_match = Some(format!("\"r{}\"", known.revision));
                done = "changed";
            }
            None => {
                path = self.collection.clone();
                call_body = json!({"key": key, "text": text});
                if_match = None;
                done = "made";
            }
        }
        let mut call = Call::post(&path, "application/json", call_body.to_string());
        if if_match.is_some() {
            call.method = Method::PUT;
        }
        call.if_match = if_match;
        self.server.text(&call).await.map_err(at_fault)?;
        say(format!("{key}: {done}"));
        Ok(())
    }

    async fn lines(&self) -> Result<Vec<Line>, AppError> {
        let (mut lines, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let path = format!("{}?limit=200{after}", self.collection);
            let page: Lines = self.server.json(&Call::get(&path)).await?;
            lines.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(lines);
            }
        }
    }

    async fn export(&self, keys: Vec<String>, to: &std::path::Path) -> Result<(), AppError> {
        let keys = if keys.is_empty() { self.lines().await?.into_iter().map(|line| line.key).collect() } else { keys };
        std::fs::create_dir_all(to).map_err(AppError::file(to))?;
        for key in keys {
            let known = self.find(&key).await?;
            let known = known.ok_or_else(|| AppError::Input(key.clone(), "there is no such dashboard".to_owned()))?;
            // Keys are plain, so none leads out of the folder.
            let file = to.join(format!("{key}.yaml"));
            std::fs::write(&file, known.text).map_err(AppError::file(&file))?;
            say(format!("{}", file.display()));
        }
        Ok(())
    }
}
