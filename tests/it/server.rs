//! A real `footfall` process on a free port with a data folder of its own: start, ask, kill, start again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fleet::{self, Fleet};
use crate::http::{Answer, Http};
use crate::store;

/// How long anything may take before the test gives up on it: a machine that does something else as well is no fault.
pub const DEADLINE: Duration = Duration::from_secs(240);

/// A running (or killed) server. Dropping it kills the process and removes the data.
pub struct Server {
    child: Option<Child>,
    port: u16,
    data: PathBuf,
    settings: Vec<(String, String)>,
    /// What it serves; everything where it is empty.
    role: &'static str,
    /// Processes beside this one, with which it is an installation, and the balancer before them.
    fleet: Option<Fleet>,
    /// Another network namespace than the test's, and the address of this machine there.
    elsewhere: Option<(String, String)>,
    write_key: String,
    read_key: String,
    pub http: Http,
    _folder: Option<TempDir>,
}

/// The program under test, beside this test's own executable.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("this executable has a path");
    let profile = own.parent().and_then(Path::parent).expect("target/PROFILE/deps/it-…");
    let binary = profile.join("footfall");
    assert!(binary.exists(), "{} is not built: run `cargo build -p footfall` first", binary.display());
    binary
}

impl Server {
    /// Starts with defaults in a new folder, and makes a key of each kind.
    pub async fn start() -> Server {
        Server::start_with(&[]).await
    }

    /// Starts with settings (environment variables) in a new folder.
    pub async fn start_with(settings: &[(&str, &str)]) -> Server {
        let folder = TempDir::with_prefix("footfall-test-").expect("a temporary folder");
        let data = folder.path().join("data");
        let mut server = Server::prepare(data, settings);
        server._folder = Some(folder);
        server.make_keys();
        server.restart().await;
        server
    }

    /// A server that is not started yet, on a data folder that may exist.
    pub fn prepare(data: PathBuf, settings: &[(&str, &str)]) -> Server {
        let mut server = Server::single(data, settings);
        if let Some(mut shared) = fleet::settings(&server.data) {
            shared.append(&mut server.settings);
            server.fleet = Some(Fleet::beside(&server.data, &mut shared));
            (server.settings, server.role) = (shared, "api");
        }
        server
    }

    fn single(data: PathBuf, settings: &[(&str, &str)]) -> Server {
        let given = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = store::setting(&data).into_iter().chain(given).collect();
        Server {
            child: None,
            port: free_port(),
            data,
            settings,
            role: "",
            fleet: None,
            elsewhere: None,
            write_key: String::new(),
            read_key: String::new(),
            http: Http::new(),
            _folder: None,
        }
    }

    /// A process of an installation of several, not started yet.
    pub fn part(role: &'static str, data: PathBuf, settings: &[(&str, &str)]) -> Server {
        let mut server = Server::single(data, settings);
        server.role = role;
        server
    }

    /// Has it run in another network namespace, where this is its address.
    pub fn runs_in(&mut self, namespace: &str, address: &str) {
        self.elsewhere = Some((namespace.to_owned(), address.to_owned()));
    }

    /// Uses keys that another process of the installation has made.
    pub fn with_keys_of(&mut self, other: &Server) {
        self.write_key.clone_from(&other.write_key);
        self.read_key.clone_from(&other.read_key);
    }

    /// Makes the keys that [`Server::post`] and [`Server::sql`] use.
    pub fn make_keys(&mut self) {
        self.write_key = self.key("write");
        self.read_key = self.key("read");
    }

    /// Asks with the keys of another server, whose database this one has.
    pub fn use_keys_of(&mut self, other: &Server) {
        self.write_key.clone_from(&other.write_key);
        self.read_key.clone_from(&other.read_key);
    }

    /// A new key, which every process that runs knows.
    pub fn key(&self, kind: &str) -> String {
        let key = self.new_key(kind);
        if self.fleet.is_some() && self.child.is_some() {
            // Keys made later are not known before it.
            self.knows(&self.new_key("read"), &self.new_key("write"));
        }
        key
    }

    /// Waits until every process that runs knows a key that reads and one that writes: where there are several, not all do at once.
    pub fn knows(&self, read: &str, write: &str) {
        if let Some(fleet) = &self.fleet {
            fleet.knows(&self.own_url(), read, write);
        }
    }

    fn new_key(&self, kind: &str) -> String {
        let output = self.run(&["keys", "create", "--kind", kind]);
        let text = String::from_utf8(output.stdout).expect("a key is ASCII");
        assert!(output.status.success(), "keys create: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(text.trim().lines().count(), 1, "keys create prints one key and nothing else: {text:?}");
        text.trim().to_owned()
    }

    pub fn write_key(&self) -> &str {
        &self.write_key
    }

    pub fn read_key(&self) -> &str {
        &self.read_key
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn url(&self) -> String {
        self.fleet.as_ref().map_or_else(|| self.own_url(), Fleet::url)
    }

    /// That of this process, whoever is beside it.
    fn own_url(&self) -> String {
        format!("http://{}", self.address())
    }

    fn address(&self) -> String {
        let host = self.elsewhere.as_ref().map_or("127.0.0.1", |(_, address)| address);
        format!("{host}:{}", self.port)
    }

    /// Changes a setting for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self.fleet.iter_mut().flat_map(Fleet::parts_mut).for_each(|part| part.set(name, value));
    }

    /// What a setting was set to, if it was.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All that was set, by the names of the variables.
    pub fn settings(&self) -> Value {
        self.settings.iter().cloned().collect()
    }

    fn command(&self) -> Command {
        let mut command = match &self.elsewhere {
            None => Command::new(binary()),
            Some((namespace, _)) => {
                // It becomes the program: signals and its end are the program's.
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(binary());
                command
            }
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FOOTFALL_")) {
            command.env_remove(name);
        }
        command
            .env("FOOTFALL_DATA_DIR", &self.data)
            .env("FOOTFALL_LISTEN", self.address())
            // Tests ask more often than people.
            .envs(["ADDRESS", "FLAGS", "ACCOUNT", "KEY"].map(|name| (format!("FOOTFALL_LIMITS_{name}"), "0")))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs `footfall ARGUMENTS` on the same data and waits for its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().expect("footfall runs")
    }

    /// Starts `footfall ARGUMENTS` on the same data, without waiting for its end.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("footfall starts")
    }

    /// The same, with what it says kept for whoever waits for its end.
    pub fn spawn_heard(&self, arguments: &[&str]) -> Child {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("footfall starts")
    }

    /// Runs `footfall ARGUMENTS` with `input` at its stdin; what it printed. Fails the test when it fails.
    pub fn run_with_input(&self, arguments: &[&str], input: Vec<u8>) -> String {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("footfall starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let writing = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &input));
        let output = child.wait_with_output().expect("it ends");
        writing.join().expect("no panic").expect("it reads its stdin");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts the process (again), and does not wait for it.
    pub fn begin(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let own = self.own_url();
        if let Some(fleet) = &mut self.fleet {
            fleet.begin(own);
        }
        let tracing = std::fs::File::options().create(true).append(true).open(self.tracing_file()).expect("a file");
        let mut command = self.command();
        if !self.role.is_empty() {
            command.arg(self.role);
        }
        let child = command.stdout(tracing.try_clone().expect("a handle")).stderr(tracing).spawn();
        self.child = Some(child.expect("footfall starts"));
    }

    /// Starts the process (again) and waits until it is ready. Returns how long that took.
    pub async fn restart(&mut self) -> Duration {
        let started = Instant::now();
        self.begin();
        loop {
            let exited = self.child.as_mut().and_then(|child| child.try_wait().expect("a state"));
            assert!(exited.is_none(), "footfall ended: {exited:?}\n{}", self.tracing());
            if self.is_ready().await {
                return started.elapsed();
            }
            assert!(started.elapsed() < DEADLINE, "not ready in {DEADLINE:?}\n{}", self.tracing());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let url = format!("{}/readyz", self.own_url());
        let is_ready = self.http.send(Method::GET, &url, &[], "").await.is_ok_and(|answer| answer.status == 200);
        match &self.fleet {
            Some(fleet) => is_ready && fleet.is_ready().await,
            None => is_ready,
        }
    }

    fn tracing_file(&self) -> PathBuf {
        // Processes of one installation have folders that differ in their extensions.
        let mut name = self.data.clone().into_os_string();
        name.push(".tracing");
        name.into()
    }

    /// This process, and those beside it that have the API too.
    pub fn with_api(&self) -> Vec<&Server> {
        let beside = self.fleet.iter().flat_map(Fleet::parts).filter(|part| part.role == "api");
        std::iter::once(self).chain(beside).collect()
    }

    /// The addresses of those that have the API, past the balancer.
    pub fn answering(&self) -> Vec<String> {
        self.with_api().into_iter().map(Server::own_url).collect()
    }

    /// The data folders of all processes.
    pub fn folders(&self) -> Vec<&Path> {
        std::iter::once(self).chain(self.fleet.iter().flat_map(Fleet::parts)).map(Server::data).collect()
    }

    /// All that this process has written, whoever is beside it.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.tracing_file()).unwrap_or_default()
    }

    /// What the process has written, its last 4,000 characters.
    pub fn tracing(&self) -> String {
        let text = std::fs::read_to_string(self.tracing_file()).unwrap_or_default();
        let from = text.char_indices().rev().nth(4_000).map_or(0, |(index, _)| index);
        let beside = self.fleet.iter().flat_map(Fleet::parts).map(Server::tracing);
        beside.fold(text[from..].to_owned(), |text, more| format!("{text}\n---\n{more}"))
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.fleet.iter_mut().flat_map(Fleet::parts_mut).for_each(Server::kill);
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(self.child.as_ref().expect("it runs"));
        rustix::process::kill_process(pid, signal).expect("a signal");
        self.fleet.iter().flat_map(Fleet::parts).for_each(|part| part.signal(signal));
    }

    /// SIGTERM; the process must end by itself and report success.
    pub async fn stop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
        self.ends().await;
        for part in self.fleet.iter_mut().flat_map(Fleet::parts_mut) {
            part.ends().await;
        }
    }

    async fn ends(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let asked = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("a state") {
                assert!(status.success(), "after SIGTERM: {status}\n{}", self.tracing());
                return;
            }
            if asked.elapsed() > DEADLINE {
                let _ = child.kill();
                panic!("still running {DEADLINE:?} after SIGTERM\n{}", self.tracing());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.url());
        self.http.send(Method::GET, &url, &[], "").await.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// Posts JSON with the write key to the native door.
    pub async fn post(&self, items: &Value) -> Answer {
        self.send("/v1/activity", &[("content-type", "application/json")], items.to_string()).await
    }

    /// Posts a body with the write key.
    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: impl Into<bytes::Bytes>) -> Answer {
        let bearer = format!("Bearer {}", self.write_key);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        let url = format!("{}{path}", self.url());
        self.http.send(Method::POST, &url, &all, body).await.unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// Asks SQL; rows as JSON values. Fails the test on an error answer.
    pub async fn sql(&self, sql: &str) -> Vec<Vec<Value>> {
        self.sql_at(&self.url(), sql).await
    }

    async fn sql_at(&self, url: &str, sql: &str) -> Vec<Vec<Value>> {
        let answer = self.try_sql_at(url, sql).await;
        let tracing = if answer.status >= 500 { self.tracing() } else { String::new() };
        assert_eq!(answer.status, 200, "{sql}: {}\n{tracing}", answer.text());
        let rows = answer.json()["rows"].as_array().cloned().unwrap_or_else(|| panic!("no rows: {}", answer.text()));
        rows.into_iter().map(|row| row.as_array().cloned().expect("a row is an array")).collect()
    }

    pub async fn try_sql(&self, sql: &str) -> Answer {
        self.try_sql_at(&self.url(), sql).await
    }

    async fn try_sql_at(&self, url: &str, sql: &str) -> Answer {
        let bearer = format!("Bearer {}", self.read_key);
        let headers =
            [("authorization", bearer.as_str()), ("content-type", "application/json"), ("accept", "application/json")];
        let url = format!("{url}/v1/sql");
        let body = json!({ "sql": sql }).to_string();
        self.http.send(Method::POST, &url, &headers, body).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Asks SQL for one number.
    pub async fn number(&self, sql: &str) -> i64 {
        self.number_at(&self.url(), sql).await
    }

    async fn number_at(&self, url: &str, sql: &str) -> i64 {
        let rows = self.sql_at(url, sql).await;
        rows.first().and_then(|row| row.first()).and_then(Value::as_i64).unwrap_or_else(|| panic!("{sql}: {rows:?}"))
    }

    /// Asks SQL for a text and a number per row.
    pub async fn counts(&self, sql: &str) -> std::collections::BTreeMap<String, i64> {
        let rows = self.sql(sql).await.into_iter();
        rows.map(|row| (row[0].as_str().unwrap_or("").to_owned(), row[1].as_i64().expect("a number"))).collect()
    }

    /// Waits until the number is at least `least`, and returns it. Of several processes that answer all have to say so: who asks next may
    /// be answered by another one.
    pub async fn until(&self, sql: &str, least: i64) -> i64 {
        let started = Instant::now();
        loop {
            let mut number = i64::MAX;
            for url in self.answering() {
                number = number.min(self.number_at(&url, sql).await);
            }
            if number >= least {
                return number;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{sql}: {number} after {DEADLINE:?}, expected {least}\n{}",
                self.tracing()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it is so.
    pub async fn eventually<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let started = Instant::now();
        while !is_so().await {
            assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}\n{}", self.tracing());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The sum of a metric over all its labels that contain `label`.
    pub async fn metric(&self, name: &str, label: &str) -> f64 {
        let mut sum = 0.0;
        for server in std::iter::once(self).chain(self.fleet.iter().flat_map(Fleet::parts)) {
            let url = format!("{}/metrics", server.own_url());
            let answer =
                server.http.send(Method::GET, &url, &[], "").await.unwrap_or_else(|error| panic!("{url}: {error}"));
            let text = answer.text();
            let lines = text.lines().filter(|line| {
                line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
            });
            sum += lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>();
        }
        sum
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on, given once, below those that the system gives to clients: it is still free after the server was killed.
pub fn free_port() -> u16 {
    const LOWEST: u32 = 18_000;
    const MANY: u32 = 14_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(101).wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(LOWEST + number % MANY).expect("a port");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
