//! `footfall dashboards` and `footfall questions`: dashboards and saved questions as files, to and from a server, byte for byte.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use footfall_ingest_activity::Clock;
use hyper::{Method, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Call, Client};
use crate::config::Settings;
use crate::console::{note, say};
use crate::difference::difference;
use crate::error::AppError;
use crate::operator::Presence;
use crate::wiring;

/// Folders within folders.
const DEPTH_MAX: usize = 16;

/// What to do with dashboards, or with saved questions.
#[derive(Debug, Subcommand)]
pub enum FileCommand {
    /// Make each file's dashboard or question what the file says; the key is the file's name without its ending
    Apply {
        /// Files, and folders of files (*.yaml, *.yml), with those within them
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Server; else the one that runs on the data folder
        #[arg(long = "to", value_name = "URL")]
        server: Option<String>,
        #[command(flatten)]
        key: KeyFile,
        /// Say what would change, line by line, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write dashboards or questions into files, KEY.yaml each, exactly as they were applied
    Export {
        /// All of the project, those that are built in as well, if none is named
        #[arg(value_name = "KEY")]
        keys: Vec<String>,
        /// Folder of the files
        #[arg(long, default_value = ".", value_name = "FOLDER")]
        to: PathBuf,
        /// Server; else the one that runs on the data folder
        #[arg(long = "from", value_name = "URL")]
        server: Option<String>,
        #[command(flatten)]
        key: KeyFile,
    },
    /// List those of the project
    List {
        /// Server; else the one that runs on the data folder
        #[arg(long = "from", value_name = "URL")]
        server: Option<String>,
        #[command(flatten)]
        key: KeyFile,
    },
}

/// Where the key of another server is: a key in the command line would be seen by everybody on the machine.
#[derive(Debug, Args)]
pub struct KeyFile {
    /// File that holds a service key or personal token of that server and nothing else (or FOOTFALL_KEY)
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// Tiles name questions: these come first.
    Question,
    Dashboard,
}

impl FileKind {
    const fn collection(self) -> &'static str {
        match self {
            FileKind::Question => "questions",
            FileKind::Dashboard => "dashboards",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            FileKind::Question => "question",
            FileKind::Dashboard => "dashboard",
        }
    }

    /// As the file says it; one that says nothing is of the command's kind.
    fn of(text: &str, usual: FileKind) -> FileKind {
        let format = text.lines().find_map(|line| line.strip_prefix("footfall:"));
        match format.map(|format| format.trim_start().trim_start_matches(['"', '\''])) {
            Some(format) if format.starts_with("question/") => FileKind::Question,
            Some(format) if format.starts_with("dashboard/") => FileKind::Dashboard,
            _ => usual,
        }
    }
}

/// A file that is to be applied.
struct Wanted {
    path: PathBuf,
    kind: FileKind,
    key: String,
    text: String,
}

/// What is kept, with its file.
#[derive(Deserialize)]
struct Kept {
    revision: i64,
    text: String,
}

#[derive(Deserialize)]
struct Line {
    key: String,
    #[serde(default)]
    title: String,
    /// Of questions.
    #[serde(default)]
    content: Value,
    #[serde(default)]
    is_built_in: bool,
}

#[derive(Deserialize)]
struct Lines {
    items: Vec<Line>,
    next_cursor: Option<String>,
}

/// Runs the command; `kind` is what it is about.
pub async fn run(command: FileCommand, kind: FileKind, settings: Settings, _: Arc<dyn Clock>) -> Result<(), AppError> {
    match command {
        FileCommand::Apply { paths, server, key, dry_run } => {
            let wanted = read(&paths, kind)?;
            let desk = Desk::open(server, key, &settings).await?;
            desk.apply_all(&wanted, dry_run).await
        }
        FileCommand::Export { keys, to, server, key } => {
            Desk::open(server, key, &settings).await?.export(kind, keys, &to).await
        }
        FileCommand::List { server, key } => {
            for line in Desk::open(server, key, &settings).await?.lines(kind).await? {
                let place = if line.is_built_in { "built in" } else { "kept" };
                let title = line.content["title"].as_str().unwrap_or(&line.title);
                say(format!("{}\t{place}\t{title}", line.key));
            }
            Ok(())
        }
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// All files, questions first, each kind by key.
fn read(paths: &[PathBuf], usual: FileKind) -> Result<Vec<Wanted>, AppError> {
    let mut files = BTreeSet::new();
    for path in paths {
        let about = std::fs::metadata(path).map_err(AppError::file(path))?;
        match about.is_dir() {
            true => walk(path, 0, &mut files)?,
            false => drop(files.insert(path.clone())),
        }
    }
    let mut wanted = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(AppError::file(&path))?;
        let key = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        wanted.push(Wanted { kind: FileKind::of(&text, usual), path, key, text });
    }
    if wanted.is_empty() {
        return Err(AppError::Usage("there is no *.yaml in these folders".to_owned()));
    }
    wanted.sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
    for pair in wanted.windows(2) {
        if let [a, b] = pair
            && (a.kind, &a.key) == (b.kind, &b.key)
        {
            let (kind, first, second) = (a.kind.name(), a.path.display(), b.path.display());
            return Err(AppError::Usage(format!("{first} and {second} are both the {kind} {:?}", a.key)));
        }
    }
    Ok(wanted)
}

fn walk(folder: &Path, depth: usize, files: &mut BTreeSet<PathBuf>) -> Result<(), AppError> {
    for entry in std::fs::read_dir(folder).map_err(AppError::file(folder))? {
        let path = entry.map_err(AppError::file(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // `.git` and its like.
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth < DEPTH_MAX {
                walk(&path, depth + 1, files)?;
            }
        } else if matches!(path.extension().and_then(|ending| ending.to_str()), Some("yaml" | "yml")) {
            files.insert(path);
        }
    }
    Ok(())
}

/// A refusal of one file, which others need not share.
fn is_of_file(detail: &str) -> bool {
    // 400: a name or a file that is longer than any may be.
    ["400", "403", "404", "409", "412", "413", "422"]
        .iter()
        .any(|status| detail.strip_prefix("answered ").is_some_and(|rest| rest.starts_with(status)))
}

struct Desk {
    server: Client,
    project: String,
}

/// What applying a file comes to.
enum Change {
    None,
    Make,
    Replace(Kept),
}

impl Desk {
    async fn open(server: Option<String>, key: KeyFile, settings: &Settings) -> Result<Desk, AppError> {
        let project = encoded(&settings.project);
        if let Some(url) = server {
            return Ok(Desk { server: Client::new(&secured(&url)?, &key.secret()?)?, project });
        }
        if key.key_file.is_some() {
            return Err(AppError::Usage("--key-file is for another server: name it as well".to_owned()));
        }
        let server = Presence::find(&settings.data_dir).await;
        let missing =
            || AppError::Usage("dashboards are kept by the server: start it first, or name another".to_owned());
        Ok(Desk { server: server.ok_or_else(missing)?, project })
    }

    fn collection(&self, kind: FileKind) -> String {
        format!("/v1/projects/{}/{}", self.project, kind.collection())
    }

    async fn find(&self, kind: FileKind, key: &str) -> Result<Option<Kept>, AppError> {
        let path = format!("{}/{}", self.collection(kind), encoded(key));
        let Some(found) = self.server.find(&Call::get(&path)).await? else { return Ok(None) };
        serde_json::from_slice(&found).map(Some).map_err(|error| AppError::Internal(error.to_string()))
    }

    /// All that can be applied is; what is refused is said, file by file, and makes the command fail.
    async fn apply_all(&self, wanted: &[Wanted], dry_run: bool) -> Result<(), AppError> {
        // Whoever may not read them at all is told so once.
        let first = format!("{}?limit=1", self.collection(FileKind::Dashboard));
        self.server.text(&Call::get(&first)).await?;
        let (mut refusals, mut counts) = (Vec::new(), [0_usize; 3]);
        for file in wanted {
            match self.apply(file, dry_run).await {
                Ok(which) => counts[which] += 1,
                Err(AppError::Input(file, why)) => refusals.push(AppError::Input(file, why)),
                Err(other) => {
                    // What was refused before is told as well.
                    refusals.into_iter().for_each(|refusal| note(format!("footfall: {refusal}")));
                    return Err(other);
                }
            }
        }
        if dry_run {
            let [unchanged, made, changed] = counts;
            say(format!("{made} to make, {changed} to change, {unchanged} unchanged"));
        }
        let last = refusals.pop();
        refusals.into_iter().for_each(|refusal| note(format!("footfall: {refusal}")));
        last.map_or(Ok(()), Err)
    }

    /// 0: there was nothing to do; 1: it is made; 2: it is changed.
    async fn apply(&self, file: &Wanted, dry_run: bool) -> Result<usize, AppError> {
        let at_fault = |error: AppError| match error {
            AppError::Server(_, detail) if is_of_file(&detail) => {
                AppError::Input(file.path.display().to_string(), detail)
            }
            other => other,
        };
        let known = self.find(file.kind, &file.key).await.map_err(at_fault)?;
        let change = match known {
            Some(known) if known.text == file.text => Change::None,
            Some(known) => Change::Replace(known),
            None => Change::Make,
        };
        let (number, done, planned) = match &change {
            Change::None => (0, "unchanged", "unchanged"),
            Change::Make => (1, "made", "would be made"),
            Change::Replace(_) => (2, "changed", "would be changed"),
        };
        let named = match file.kind {
            FileKind::Dashboard => file.key.clone(),
            FileKind::Question => format!("question {}", file.key),
        };
        if dry_run {
            say(format!("{named}: {planned}"));
            let before = if let Change::Replace(known) = &change { known.text.as_str() } else { "" };
            if number > 0 {
                difference(before, &file.text).iter().for_each(|line| say(format!("  {line}")));
            }
            return Ok(number);
        }
        let collection = self.collection(file.kind);
        let one = format!("{collection}/{}", encoded(&file.key));
        let call = match &change {
            Change::None => None,
            Change::Make => {
                let body = json!({"key": file.key, "text": file.text}).to_string();
                Some(Call::post(&collection, "application/json", body))
            }
            Change::Replace(known) => {
                let body = json!({"text": file.text}).to_string();
                let mut call = Call::post(&one, "application/json", body);
                (call.method, call.if_match) = (Method::PUT, Some(format!("\"r{}\"", known.revision)));
                Some(call)
            }
        };
        if let Some(call) = call {
            self.server.text(&call).await.map_err(at_fault)?;
        }
        say(format!("{named}: {done}"));
        Ok(number)
    }

    async fn lines(&self, kind: FileKind) -> Result<Vec<Line>, AppError> {
        let (mut lines, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let path = format!("{}?limit=200{after}", self.collection(kind));
            let page: Lines = self.server.json(&Call::get(&path)).await?;
            lines.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(lines);
            }
        }
    }

    async fn export(&self, kind: FileKind, keys: Vec<String>, to: &Path) -> Result<(), AppError> {
        let keys = match keys.is_empty() {
            true => self.lines(kind).await?.into_iter().map(|line| line.key).collect(),
            false => keys,
        };
        std::fs::create_dir_all(to).map_err(AppError::file(to))?;
        for key in keys {
            let known = self.find(kind, &key).await?;
            let known =
                known.ok_or_else(|| AppError::Input(key.clone(), format!("there is no such {}", kind.name())))?;
            // Keys are plain, so none leads out of the folder.
            let file = to.join(format!("{key}.yaml"));
            std::fs::write(&file, known.text).map_err(AppError::file(&file))?;
            say(format!("{}", file.display()));
        }
        Ok(())
    }
}

impl KeyFile {
    fn secret(&self) -> Result<String, AppError> {
        let secret = match &self.key_file {
            Some(path) => std::fs::read_to_string(path).map_err(AppError::file(path))?,
            None => wiring::variable("FOOTFALL_KEY").unwrap_or_default(),
        };
        let secret = secret.trim();
        let is_key = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic());
        let place = self.key_file.as_ref().map_or("FOOTFALL_KEY".to_owned(), |path| path.display().to_string());
        match is_key {
            true => Ok(secret.to_owned()),
            false if self.key_file.is_none() && secret.is_empty() => Err(AppError::Usage(
                "another server wants a service key or personal token: --key-file FILE (or FOOTFALL_KEY)".to_owned(),
            )),
            false => Err(AppError::Usage(format!("{place} does not hold one key and nothing else"))),
        }
    }
}

/// The address, if a key may be sent there: over TLS, or within this machine.
fn secured(url: &str) -> Result<String, AppError> {
    let wrong = || AppError::Usage(format!("{url:?} is no address of a server, as https://footfall.example.org"));
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']);
    if uri.path() != "/" || uri.query().is_some() || uri.authority().is_some_and(|place| place.as_str().contains('@')) {
        return Err(wrong());
    }
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(url.to_owned()),
        Some("http") if is_here => Ok(url.to_owned()),
        Some("http") => Err(AppError::Usage(format!("{url:?} would send the key without TLS: https:// is needed"))),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_key_is_sent_over_tls_or_within_the_machine() {
        for url in [
            "https://footfall.example.org",
            "https://footfall.example.org:8443/",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost:8080",
        ] {
            assert!(secured(url).is_ok(), "{url}");
        }
        for url in [
            "http://footfall.example.org",
            "http://10.0.0.7:8080",
            "ftp://localhost",
            "footfall.example.org",
            "https://a@b",
            "https://b/app?x=1",
            "",
        ] {
            assert!(matches!(secured(url), Err(AppError::Usage(_))), "{url}");
        }
    }

    #[test]
    fn a_file_that_is_refused_does_not_keep_others() {
        for refusal in ["answered 422 document_invalid: x", "answered 400 request_invalid: x", "answered 403: x"] {
            assert!(is_of_file(refusal), "{refusal}");
        }
        for trouble in ["answered 401: x", "answered 503: x", "400"] {
            assert!(!is_of_file(trouble), "{trouble}");
        }
    }

    #[test]
    fn files_say_what_they_are_and_questions_come_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("sales.yaml", "# ours\nfootfall: dashboard/1\ntitle: x\n");
        write("questions/sales.yml", "footfall: 'question/1'\ntitle: x\n");
        write("questions/a.yaml", "title: x\n");
        write("read me.md", "footfall: dashboard/1\n");
        write(".git/x.yaml", "footfall: dashboard/1\n");
        let found = |usual| {
            let wanted = read(&[folder.path().to_owned()], usual).expect("files");
            wanted.into_iter().map(|file| (file.kind, file.key)).collect::<Vec<_>>()
        };
        let (question, dashboard) = (FileKind::Question, FileKind::Dashboard);
        let named = |kind, key: &str| (kind, key.to_owned());
        assert_eq!(found(dashboard), [named(question, "sales"), named(dashboard, "a"), named(dashboard, "sales")]);
        assert_eq!(found(question), [named(question, "a"), named(question, "sales"), named(dashboard, "sales")]);
        write("more/sales.yaml", "footfall: dashboard/1\n");
        assert!(matches!(read(&[folder.path().to_owned()], dashboard), Err(AppError::Usage(_))));
        assert!(matches!(read(&[folder.path().join("none.yaml")], dashboard), Err(AppError::File(..))));
    }
}
