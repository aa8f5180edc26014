//! The program under measurement: started on a folder of its own, stopped by its pid, and its folder removed.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::error::BenchError;
use crate::options::Options;
use crate::scrape::Metrics;
use crate::{http, process};

/// A data folder with keys; the program may be running on it.
pub struct Server {
    binary: PathBuf,
    folder: PathBuf,
    pub address: SocketAddr,
    pub write_key: String,
    pub read_key: String,
    /// The app's database, where it is not the embedded one.
    database: Option<String>,
    settings: Vec<(String, String)>,
    /// What it serves; everything where it is empty.
    role: &'static str,
    child: Option<Child>,
}

/// How long after exec it answered.
#[derive(Debug, Clone, Copy)]
pub struct Started {
    pub alive: Duration,
    pub ready: Duration,
}

impl Server {
    /// An empty folder with a key of each kind.
    pub fn new(options: &Options, name: &str) -> Result<Server, BenchError> {
        Server::on_database(options, name, None)
    }

    /// The same, with the app's data in another database.
    pub fn on_database(options: &Options, name: &str, database: Option<&str>) -> Result<Server, BenchError> {
        let mut server = Server::part(options, name, "", &[])?;
        server.database = database.map(str::to_owned);
        server.create_keys()?;
        Ok(server)
    }

    /// A process of an installation of several, without keys.
    pub fn part(
        options: &Options,
        name: &str,
        role: &'static str,
        settings: &[(String, String)],
    ) -> Result<Server, BenchError> {
        let folder = options.scratch.join(format!("bench-{}-{name}", std::process::id()));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (binary, settings) = (options.binary(), settings.to_vec());
        let (write_key, read_key) = (String::new(), String::new());
        Ok(Server { binary, folder, address, write_key, read_key, database: None, settings, role, child: None })
    }

    /// Makes the keys that it is asked with.
    pub fn create_keys(&mut self) -> Result<(), BenchError> {
        self.write_key = self.create_key("write")?;
        self.read_key = self.create_key("read")?;
        Ok(())
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("FOOTFALL_DATA_DIR", self.data()).env("FOOTFALL_LISTEN", self.address.to_string());
        // A load generator asks more often than people.
        let limits = ["ADDRESS", "FLAGS", "ACCOUNT", "KEY", "FLAG_STREAMS", "FLAG_STREAMS_KEY", "FLAG_STREAMS_ADDRESS"];
        command.envs(limits.map(|name| (format!("FOOTFALL_LIMITS_{name}"), "0")));
        // Ten thousand may listen to flags, and somebody has to change one.
        command.env("FOOTFALL_SERVER_CONNECTIONS", "20000");
        command.stdin(Stdio::null());
        // What the program says can be asked for with its own setting.
        if std::env::var_os("FOOTFALL_TRACING_LEVEL").is_none() {
            command.env("FOOTFALL_TRACING_LEVEL", "warn");
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let Some(url) = &self.database {
            command.env("FOOTFALL_DATABASE_URL", url);
        }
        command
    }

    /// A setting (an environment variable) from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    fn program_error(&self, source: std::io::Error) -> BenchError {
        BenchError::Program { program: self.binary.display().to_string(), source }
    }

    fn create_key(&self, kind: &str) -> Result<String, BenchError> {
        self.run(&["keys", "create", "--kind", kind])
    }

    /// Runs a command of the program on the data folder; what it printed.
    pub fn run(&self, words: &[&str]) -> Result<String, BenchError> {
        let output = self.command().args(words).output();
        let output = output.map_err(|error| self.program_error(error))?;
        if !output.status.success() {
            let words = words.first().map_or_else(String::new, |word| (*word).to_owned());
            return Err(BenchError::Command(words, String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) -> Result<Started, BenchError> {
        let words = File::options().create(true).append(true).open(self.folder.join("words"))?;
        let begun = Instant::now();
        let mut command = self.command();
        if !self.role.is_empty() {
            command.arg(self.role);
        }
        let spawned = command.stdout(words.try_clone()?).stderr(words).spawn();
        self.child = Some(spawned.map_err(|error| self.program_error(error))?);
        let alive = self.wait_for("/healthz", begun).await?;
        Ok(Started { alive, ready: self.wait_for("/readyz", begun).await? })
    }

    async fn wait_for(&mut self, path: &'static str, begun: Instant) -> Result<Duration, BenchError> {
        let limit = Duration::from_secs(120);
        loop {
            if let Ok((200, _)) = http::get(self.address, path).await {
                return Ok(begun.elapsed());
            }
            if let Some(ended) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                return Err(BenchError::Ended(ended.to_string(), self.folder.join("words").display().to_string()));
            }
            if begun.elapsed() > limit {
                return Err(BenchError::Slow("starting", limit.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The secret of the link that makes the first owner, as it was printed at the start.
    pub fn first_owner_secret(&self) -> Result<String, BenchError> {
        let words = std::fs::read_to_string(self.folder.join("words"))?;
        let rest = words.rsplit_once("first-owner#").ok_or(BenchError::Shape("the words at the start"))?.1;
        Ok(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect())
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    pub fn cpu(&self) -> Duration {
        process::cpu(self.pid())
    }

    pub fn memory(&self) -> process::Memory {
        process::memory(self.pid())
    }

    pub async fn metrics(&self) -> Result<Metrics, BenchError> {
        Metrics::read(self.address).await
    }

    /// Waits until everything in the log is visible; says how long that took.
    pub async fn catch_up(&self, limit: Duration) -> Result<Duration, BenchError> {
        let begun = Instant::now();
        while self.metrics().await?.lag() > 0.0 {
            if begun.elapsed() > limit {
                return Err(BenchError::Slow("catching up", limit.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(begun.elapsed())
    }

    /// The first cell of an answer to SQL.
    pub async fn ask(&self, sql: &str) -> Result<Value, BenchError> {
        let body = serde_json::json!({"sql": sql}).to_string();
        let answer = http::post(self.address, "/v1/sql", &self.read_key, &body).await?;
        let answer: Value = serde_json::from_str(&answer).map_err(|_| BenchError::Shape("an answer to SQL"))?;
        answer.pointer("/rows/0/0").cloned().ok_or(BenchError::Shape("an answer to SQL"))
    }

    /// Stops it in order; says how long that took.
    pub async fn stop(&mut self) -> Result<Duration, BenchError> {
        self.end(Signal::TERM).await
    }

    /// Ends it as a failing machine would.
    pub async fn kill(&mut self) -> Result<Duration, BenchError> {
        self.end(Signal::KILL).await
    }

    async fn end(&mut self, signal: Signal) -> Result<Duration, BenchError> {
        let Some(mut child) = self.child.take() else { return Ok(Duration::ZERO) };
        let (begun, limit) = (Instant::now(), Duration::from_secs(60));
        if let Some(pid) = Pid::from_raw(child.id() as i32) {
            kill_process(pid, signal).map_err(std::io::Error::from)?;
        }
        while child.try_wait()?.is_none() {
            if begun.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                return Err(BenchError::Slow("stopping", limit.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(begun.elapsed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Bytes and files below a folder.
pub fn size_of(folder: &Path) -> (u64, u64) {
    let Ok(entries) = std::fs::read_dir(folder) else { return (0, 0) };
    entries.flatten().fold((0, 0), |(bytes, files), entry| match entry.metadata() {
        Ok(data) if data.is_dir() => {
            let (below, count) = size_of(&entry.path());
            (bytes + below, files + count)
        }
        Ok(data) => (bytes + data.len(), files + 1),
        Err(_) => (bytes, files),
    })
}
