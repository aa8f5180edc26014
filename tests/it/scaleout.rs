//! An installation of several processes on a real Kafka, ClickHouse and PostgreSQL: two that take activity in, two that fill the
//! tables, two that answer. Each is killed under load, and each is restarted in order.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hyper::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::crash::{Known, compare};
use crate::gear::{root, say, skip};
use crate::kafka::Broker;
use crate::scaleout_load::{Load, Retry, insist};
use crate::seed::Seed;
use crate::server::Server;
use crate::stores::{QUESTIONS, csv, insight, insights};

/// How soon another process fills the tables when the one that did is gone.
const TAKEN_OVER: Duration = Duration::from_secs(120);

pub struct Installation {
    pub ingest: [Server; 2],
    pub jobs: [Server; 2],
    pub api: [Server; 2],
    pub broker: Broker,
    /// Addresses of the database and of the tables' server.
    pub database: String,
    pub store: String,
    _folder: TempDir,
}

/// The address of a service of this test's own; `None`, said, where it cannot be had.
pub fn service(name: &str, test: &str) -> Option<String> {
    let script = root().join("dev/services").join(name);
    let output = Command::new(script).args(["up", &std::process::id().to_string()]).output().expect("the script runs");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.code() == Some(69) {
        skip(test, &said(&output.stderr));
        return None;
    }
    assert!(output.status.success(), "{name}: {}", said(&output.stderr));
    Some(said(&output.stdout))
}

fn clickhouse(test: &str) -> Option<String> {
    let given = std::env::var("CLICKHOUSE_URL").ok().filter(|url| !url.is_empty());
    let url = given.or_else(|| service("clickhouse", test))?;
    let server = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    Some(format!("clickhouse://{server}/scaleout_{test}_{}", std::process::id()))
}

/// Shows what the processes without an API have said, where the test fails.
struct Tells<'a>(&'a Installation);

impl Drop for Tells<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for server in self.0.jobs.iter().chain(&self.0.ingest) {
                eprintln!("---\n{}", server.tracing());
            }
        }
    }
}

impl Installation {
    /// Six processes at work, with keys.
    pub async fn start(test: &str) -> Option<Installation> {
        Installation::start_with(test, &[]).await
    }

    /// The same with more settings.
    pub async fn start_with(test: &str, more: &[(&str, &str)]) -> Option<Installation> {
        Installation::start_on(Broker::start(test)?, test, more).await
    }

    /// The same on a broker.
    pub async fn start_on(broker: Broker, test: &str, more: &[(&str, &str)]) -> Option<Installation> {
        Installation::start_apart(broker, test, more, None).await
    }

    /// The same; the second of each kind runs in a network namespace of its own. What settings say of `{part}` is each process's own.
    pub async fn start_apart(
        broker: Broker,
        test: &str,
        more: &[(&str, &str)],
        second: Option<(&str, &str)>,
    ) -> Option<Installation> {
        let (store, database) = (clickhouse(test)?, service("postgres", test)?);
        let folder = TempDir::with_prefix("footfall-scaleout-").expect("a temporary folder");
        let log = format!("kafka://{}/activity?timeout_ms=3000", broker.address);
        let secrets = folder.path().join("secrets").display().to_string();
        let settings = [
            ("FOOTFALL_LOG_URL", log.as_str()),
            ("FOOTFALL_LOG_PARTITIONS", "3"),
            ("FOOTFALL_STORE_URL", store.as_str()),
            ("FOOTFALL_DATABASE_URL", database.as_str()),
            ("FOOTFALL_SECRETS_DIR", secrets.as_str()),
            ("FOOTFALL_SERVER_DRAIN", "500ms"),
            ("FOOTFALL_SQL_ROWS_MAX", "100000000"),
        ];
        let settings = [&settings, more].concat();
        let part = |role, number| {
            let name = format!("{role}-{number}");
            let own: Vec<(&str, String)> =
                settings.iter().map(|(name_of, value)| (*name_of, value.replace("{part}", &name))).collect();
            let own: Vec<(&str, &str)> = own.iter().map(|(name_of, value)| (*name_of, value.as_str())).collect();
            let mut server = Server::part(role, folder.path().join(&name), &own);
            if let (2, Some((namespace, address))) = (number, second) {
                server.runs_in(namespace, address);
            }
            server
        };
        let pair = |role| [part(role, 1), part(role, 2)];
        let (mut ingest, mut jobs, mut api) = (pair("ingest"), pair("jobs"), pair("api"));
        // All at once: they find an empty topic and empty databases.
        for server in ingest.iter_mut().chain(&mut jobs).chain(&mut api) {
            server.begin();
        }
        for server in ingest.iter().chain(&jobs).chain(&api) {
            server.eventually("it is ready", || is_ready(server)).await;
        }
        api[0].make_keys();
        let [first, second] = &mut api;
        second.with_keys_of(first);
        ingest.iter_mut().chain(&mut jobs).for_each(|server| server.with_keys_of(first));
        // What one process has made, the others know a moment later.
        for server in &ingest {
            server.eventually("it knows the key", || knows(server, "/v1/activity", server.write_key(), "[]")).await;
        }
        for server in &api {
            let sql = r#"{"sql": "SELECT 1"}"#;
            server.eventually("it knows the key", || knows(server, "/v1/sql", server.read_key(), sql)).await;
        }
        Some(Installation { ingest, jobs, api, broker, database, store, _folder: folder })
    }

    pub fn doors(&self) -> Vec<String> {
        self.ingest.iter().map(Server::url).collect()
    }

    /// Which of the two fills the tables, once one says so.
    pub async fn leader(&self, among: &[usize]) -> usize {
        let begun = Instant::now();
        loop {
            for &number in among {
                if self.jobs[number].metric("footfall_jobs_leading", "").await > 0.0 {
                    return number;
                }
            }
            assert!(begun.elapsed() < TAKEN_OVER, "nobody leads\n{}", self.jobs[among[0]].tracing());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Nothing acknowledged is missing and nothing is there twice; both processes with the API say the same to every question.
    pub async fn account(&self, known: &Known) {
        let _tells = Tells(self);
        compare(&self.api[0], known).await;
        compare(&self.api[1], known).await;
        let [one, other] = &self.api;
        for sql in QUESTIONS {
            assert_eq!(csv(one, sql).await, csv(other, sql).await, "{sql}");
        }
        for (kind, question) in insights() {
            assert_eq!(insight(one, kind, &question).await, insight(other, kind, &question).await, "{kind}");
        }
        let merges = one.number("SELECT count(*) FROM person_merges").await;
        let numbered = one.number("SELECT count(DISTINCT sequence) FROM person_merges").await;
        assert_eq!(merges, numbered, "each claim is decided once");
    }
}

pub async fn is_ready(server: &Server) -> bool {
    let url = format!("{}/readyz", server.url());
    server.http.send(Method::GET, &url, &[], "").await.is_ok_and(|answer| answer.status == 200)
}

async fn knows(server: &Server, path: &str, key: &str, body: &'static str) -> bool {
    let (url, bearer) = (format!("{}{path}", server.url()), format!("Bearer {key}"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    server.http.send(Method::POST, &url, &headers, body).await.is_ok_and(|answer| answer.status != 401)
}

/// Where the tables are by now, as another process sees them.
async fn counted(server: &Server) -> i64 {
    server.number("SELECT count(*) FROM activity").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_any_process_is_killed() {
    let Some(mut all) = Installation::start("killed").await else { return };
    for api in &all.api {
        let checks = api.get("/readyz").await.text();
        assert!(checks.contains("the live stream of this process stays empty"), "without a bus: {checks}");
        let settings = api.get(&format!("/v1/projects/{}/settings", api.write_key())).await;
        assert_eq!(settings.status, 200, "an ingress sends it here: {}", settings.text());
    }
    let mut seed = Seed::announced("scaleout");
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Anything, &mut seed);
    load.grows_by(300, "at first").await;
    let mut takeovers = Vec::new();
    for round in 0..2 {
        all.ingest[round].kill();
        load.grows_by(200, "with one door").await;
        all.ingest[round].restart().await;

        let leader = all.leader(&[0, 1]).await;
        let (before, begun) = (counted(&all.api[round]).await, Instant::now());
        all.jobs[leader].kill();
        all.leader(&[1 - leader]).await;
        takeovers.push(begun.elapsed());
        all.api[round].until("SELECT count(*) FROM activity", before + 200).await;
        all.jobs[leader].restart().await;

        all.api[round].kill();
        load.grows_by(200, "with one that answers").await;
        counted(&all.api[1 - round]).await;
        all.api[round].restart().await;
    }
    // One that hangs is no leader for long, and finds out when it wakes.
    let leader = all.leader(&[0, 1]).await;
    all.jobs[leader].signal(Signal::STOP);
    let begun = Instant::now();
    all.leader(&[1 - leader]).await;
    let hung = begun.elapsed();
    load.grows_by(200, "while one hangs").await;
    all.jobs[leader].signal(Signal::CONT);
    let steps_back = || async { all.jobs[leader].metric("footfall_jobs_leading", "").await == 0.0 };
    all.jobs[leader].eventually("it steps back", steps_back).await;
    // Brokers that are away, also at the start of a process.
    all.ingest[0].stop().await;
    tokio::task::block_in_place(|| all.broker.does("kill"));
    all.ingest[0].begin();
    let says_why = || async {
        let server = &all.ingest[0];
        let asked = server.http.send(Method::GET, &format!("{}/readyz", server.url()), &[], "").await;
        // Until its port is bound nobody answers.
        asked.is_ok_and(|answer| answer.text().contains("the brokers of the log"))
    };
    all.ingest[0].eventually("it says what it waits for", says_why).await;
    tokio::task::block_in_place(|| all.broker.does("start"));
    all.ingest[0].eventually("it is ready", || is_ready(&all.ingest[0])).await;
    load.grows_by(200, "after the broker came back").await;

    let known = load.end().await;
    say(&format!(
        "scaleout: {} acknowledged of {} attempted; the job was taken over {takeovers:.1?} after kill -9, {hung:.1?} after a stop",
        known.acknowledged.len(),
        known.attempted.len(),
    ));
    all.account(&known).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_restarted_one_by_one_without_a_failed_request() {
    let Some(mut all) = Installation::start("rolling").await else { return };
    let mut seed = Seed::announced("scaleout");
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Refused, &mut seed);
    let asking = tokio::spawn({
        let urls: Vec<String> = all.api.iter().map(|api| format!("{}/v1/sql", api.url())).collect();
        let (http, key) = (all.api[0].http.clone(), all.api[0].read_key().to_owned());
        async move {
            let mut answers = 0;
            loop {
                let body = json!({"sql": "SELECT count(*) FROM activity"}).to_string();
                let answer = insist(&http, &urls, answers, Retry::Refused, &key, &body).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                answers += 1;
            }
        }
    });
    load.grows_by(200, "at first").await;
    for number in 0..2 {
        for role in 0..3 {
            let server = &mut [&mut all.ingest, &mut all.jobs, &mut all.api][role][number];
            server.stop().await;
            server.restart().await;
            load.grows_by(100, "after a restart").await;
            assert!(!asking.is_finished(), "a question failed");
        }
    }
    asking.abort();
    let known = load.end().await;
    say(&format!("scaleout: six restarts, {} acknowledged, no request failed", known.acknowledged.len()));
    assert_eq!(known.acknowledged, known.attempted, "every request had its answer");
    all.account(&known).await;
}

/// What the database answers, as text.
fn psql(database: &str, sql: &str) -> String {
    let output =
        Command::new("psql").args(["--no-psqlrc", "-At", "-d", database, "-c", sql]).output().expect("psql runs");
    assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The lead of those that fill the tables, kept by a session that fills none.
struct Lead<'a> {
    database: &'a str,
    session: Child,
}

impl Lead<'_> {
    /// Comes after whoever has it.
    fn ask(database: &str) -> Lead<'_> {
        // The number of `jobs`, as `api/access/src/database/lead.rs` makes it.
        let take = "SELECT pg_advisory_lock(4735831730983038941::bigint # \
                    hashtextextended(coalesce(current_schema()::text, ''), 0))";
        let session = Command::new("psql")
            .args(["--no-psqlrc", "-At", "-d", database, "-c", take, "-c", "SELECT pg_sleep(3600) AS keeps_the_lead"])
            .stdout(Stdio::null())
            .spawn();
        Lead { database, session: session.expect("psql runs") }
    }

    fn is_had(&self) -> bool {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(3600) AS keeps_the_lead%'";
        psql(self.database, sql) == "1"
    }

    fn give_away(mut self) {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE query LIKE 'SELECT pg_sleep(3600) AS keeps_the_lead%'";
        assert_eq!(psql(self.database, sql), "1");
        drop(self.session.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_is_ready_with_what_was_acknowledged_whoever_leads() {
    if Command::new("psql").arg("--version").output().is_err() {
        return skip("readiness of who does not lead", "psql is not installed");
    }
    let Some(broker) = Broker::start("readiness") else { return };
    let Some((store, database)) = clickhouse("readiness").zip(service("postgres", "readiness")) else { return };
    let folder = TempDir::with_prefix("footfall-readiness-").expect("a temporary folder");
    let log = format!("kafka://{}/activity?timeout_ms=3000", broker.address);
    let secrets = folder.path().join("secrets").display().to_string();
    let settings = [
        ("FOOTFALL_LOG_URL", log.as_str()),
        ("FOOTFALL_LOG_PARTITIONS", "3"),
        ("FOOTFALL_STORE_URL", store.as_str()),
        ("FOOTFALL_DATABASE_URL", database.as_str()),
        ("FOOTFALL_SECRETS_DIR", secrets.as_str()),
        // Nobody is held back while nobody fills the tables.
        ("FOOTFALL_DOORS_VISIBLE_GOAL", "0"),
        ("FOOTFALL_SERVER_DRAIN", "100ms"),
    ];
    let [mut one, mut other] = ["one", "other"].map(|name| Server::part("all", folder.path().join(name), &settings));
    one.restart().await;
    one.make_keys();
    other.with_keys_of(&one);
    let sends = async |server: &Server, from: usize| {
        let items: Vec<Value> = (from..from + 20)
            .map(|number| json!({"event": "view", "distinctId": format!("p{number}"), "messageId": format!("m{number}")}))
            .collect();
        let answer = server.post(&json!(items)).await;
        assert_eq!(answer.json()["accepted"], 20, "{}", answer.text());
    };
    sends(&one, 0).await;
    one.until("SELECT count(*) FROM activity", 20).await;

    // From now on nobody fills the tables.
    let lead = Lead::ask(&database);
    one.stop().await;
    one.eventually("nobody leads", async || tokio::task::block_in_place(|| lead.is_had())).await;
    one.restart().await;
    let says = async |server: &Server| {
        let url = format!("{}/readyz", server.url());
        let asked = server.http.send(Method::GET, &url, &[], "").await;
        asked.map_or_else(|_| String::new(), |answer| answer.text())
    };
    assert!(says(&one).await.contains("stands by"), "all that was there when it started is in the tables");
    sends(&one, 20).await;
    other.begin();
    let reads = async || says(&other).await.contains("reading what was in the log at the start");
    other.eventually("it waits for what was acknowledged", reads).await;
    assert!(!is_ready(&other).await && is_ready(&one).await);
    assert_eq!(counted(&one).await, 20, "nobody fills the tables");

    tokio::task::block_in_place(|| lead.give_away());
    other.eventually("it is ready", || is_ready(&other)).await;
    assert_eq!(counted(&other).await, 40, "who is ready answers with what was acknowledged");
    one.until("SELECT count(*) FROM activity", 40).await;
    let leading = async |server: &Server| server.metric("footfall_jobs_leading", "").await;
    assert_eq!(leading(&one).await + leading(&other).await, 1.0, "one of them leads");
    assert!(is_ready(&one).await, "and the other is ready as well");
}

#[test]
fn a_part_refuses_what_one_process_has_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::prepare(folder.path().join("data"), &[("FOOTFALL_DATABASE_URL", "sqlite:unused.db")]);
    for role in ["ingest", "jobs", "api"] {
        let output = server.run(&[role]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{role}: {said}");
        assert!(said.contains("log.url names something that one process has to itself"), "{role}: {said}");
    }
}
