//! With `FOOTFALL_TEST_STORE=services` a server of a test is an installation: two processes that take activity in, two that fill the
//! tables, two that answer, on a Kafka, a ClickHouse, a PostgreSQL and a Redis of this test program, and a balancer before them.
//!
//! Whoever asks with a key or a session is always answered by the same process: another one may be a moment behind.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::kafka::Broker;
use crate::scaleout::{is_ready, service};
use crate::server::{DEADLINE, Server};
use crate::store;

/// What the operator's tokens begin with: only the process that wrote one down knows it.
const OF_OPERATOR: &str = "Bearer ffo_";

/// What sessions are of: a token of one process is none of another that has another name.
const PUBLIC_URL: &str = "FOOTFALL_SERVER_PUBLIC_URL";
/// Settings of one process alone.
const OF_ONE: [&str; 2] = ["FOOTFALL_POSTGRES_LISTEN", "FOOTFALL_FLIGHT_LISTEN"];

/// What all installations of this program share, each with a topic, databases and news of its own; they go with this process.
static SERVICES: LazyLock<Services> = LazyLock::new(|| {
    let redis = service("redis", "services").expect("Redis is installed");
    Services {
        broker: Broker::start("services").expect("Kafka is installed"),
        postgres: service("postgres", "services").expect("PostgreSQL is installed"),
        redis: redis.split(' ').next().expect("an address").to_owned(),
    }
});

struct Services {
    broker: Broker,
    postgres: String,
    redis: String,
}

/// Settings of the installation of a data folder; none without services.
pub fn settings(data: &Path) -> Option<Vec<(String, String)>> {
    if !store::is_services() {
        return None;
    }
    static NAMES: LazyLock<Mutex<HashMap<std::path::PathBuf, usize>>> = LazyLock::new(Mutex::default);
    let (name, is_new) = {
        let mut names = NAMES.lock().unwrap();
        let (known, next) = (names.get(data).copied(), names.len());
        let number = known.unwrap_or_else(|| *names.entry(data.to_owned()).or_insert(next));
        (format!("it_{}_{number}", std::process::id()), known.is_none())
    };
    let Services { broker, postgres, redis } = &*SERVICES;
    if is_new {
        let sql = format!("CREATE DATABASE {name}");
        let made = Command::new("psql").args(["--no-psqlrc", "-q", "-d", postgres, "-c", &sql]).output();
        let made = made.expect("psql is installed");
        assert!(made.status.success(), "{sql}: {}", String::from_utf8_lossy(&made.stderr));
    }
    let set = |name: &str, value: String| (format!("FOOTFALL_{name}"), value);
    Some(vec![
        set("LOG_URL", format!("kafka://{}/{name}?timeout_ms=5000", broker.address)),
        set("LOG_PARTITIONS", "3".to_owned()),
        set("STORE_URL", store::database("it", data)),
        set("DATABASE_URL", postgres.replace("/postgres?", &format!("/{name}?"))),
        set("BUS_URL", redis.clone()),
        set("BUS_INSTALLATION", name.clone()),
        set("SECRETS_DIR", data.with_extension("secrets").display().to_string()),
    ])
}

/// The processes beside the first that answers, and the balancer.
pub struct Fleet {
    parts: Vec<Server>,
    port: u16,
    /// Until the balancer begins.
    listener: Option<std::net::TcpListener>,
    /// The balancer ends with it.
    _balancer: Option<oneshot::Sender<()>>,
}

impl Fleet {
    /// They share `settings` with the first, and are known by the balancer's address: what one signs, others take.
    pub fn beside(data: &Path, settings: &mut Vec<(String, String)>) -> Fleet {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        if !settings.iter().any(|(name, _)| name == PUBLIC_URL) {
            settings.push((PUBLIC_URL.to_owned(), format!("http://localhost:{port}")));
        }
        // A port is of one process, that which a test asks by itself.
        let given = settings.iter().filter(|(name, _)| !OF_ONE.contains(&name.as_str()));
        let given: Vec<(&str, &str)> = given.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let part = |role, number| Server::part(role, data.with_extension(format!("{role}-{number}")), &given);
        let parts = vec![part("ingest", 1), part("ingest", 2), part("jobs", 1), part("jobs", 2), part("api", 2)];
        Fleet { parts, port, listener: Some(listener), _balancer: None }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn parts(&self) -> &[Server] {
        &self.parts
    }

    pub fn parts_mut(&mut self) -> &mut [Server] {
        &mut self.parts
    }

    /// Starts all of them; `first` is the process that they stand beside.
    pub fn begin(&mut self, first: String) {
        if let Some(listener) = self.listener.take() {
            let [one, other, .., last] = &self.parts[..] else { unreachable!("five") };
            let front = Front {
                doors: [one.url(), other.url()],
                answers: [first, last.url()],
                turns: AtomicUsize::new(0),
                client: Client::builder(TokioExecutor::new()).build_http(),
            };
            self._balancer = Some(balance(listener, front));
        }
        self.parts.iter_mut().for_each(Server::begin);
    }

    /// Waits until all processes know the keys, `first` among them.
    pub fn knows(&self, first: &str, read: &str, write: &str) {
        let begun = Instant::now();
        let [ingest @ .., _, _, last] = &self.parts[..] else { unreachable!("five") };
        let asked = |url: &str, path: &str, key: &str, body: &str| {
            let status = Command::new("curl")
                .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", &format!("Authorization: Bearer {key}")])
                .args(["-H", "Content-Type: application/json", "-d", body, &format!("{url}{path}")])
                .output()
                .expect("curl is installed");
            String::from_utf8_lossy(&status.stdout).into_owned()
        };
        let doors = ingest.iter().map(|part| (part.url(), "/v1/activity", write, "[]"));
        let answers = [first.to_owned(), last.url()].map(|url| (url, "/v1/sql", read, r#"{"sql": "SELECT 1"}"#));
        for (url, path, key, body) in doors.chain(answers) {
            while asked(&url, path, key, body) == "401" {
                assert!(begun.elapsed() < DEADLINE, "{url} does not learn of a key");
            }
        }
    }

    pub async fn is_ready(&self) -> bool {
        for part in &self.parts {
            if !is_ready(part).await {
                return false;
            }
        }
        true
    }
}

/// Passes requests on.
struct Front {
    doors: [String; 2],
    answers: [String; 2],
    turns: AtomicUsize,
    client: Client<HttpConnector, Incoming>,
}

/// Passes on what comes until the sender is gone. It has a thread of its own: a test may wait for a command that comes this way.
fn balance(listener: std::net::TcpListener, front: Front) -> oneshot::Sender<()> {
    let (balancer, gone) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a socket");
            tokio::select! {
                () = accept(listener, Arc::new(front)) => {}
                _ = gone => {}
            }
        });
    });
    balancer
}

async fn accept(listener: TcpListener, front: Arc<Front>) {
    while let Ok((stream, _)) = listener.accept().await {
        let front = front.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| pass(front.clone(), request));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// An error ends the connection, as that of a process that is gone.
async fn pass(front: Arc<Front>, mut request: Request<Incoming>) -> Result<Response<Incoming>, String> {
    let path = request.uri().path();
    let upstream = match is_door(path) {
        true => &front.doors[front.turns.fetch_add(1, Ordering::SeqCst) % 2],
        false => &front.answers[asker(&request)],
    };
    let uri = format!("{upstream}{}", request.uri()).parse::<hyper::Uri>();
    *request.uri_mut() = uri.map_err(|error| error.to_string())?;
    let mut answer = front.client.request(request).await.map_err(|error| format!("{error:?}"))?;
    answer.headers_mut().remove(header::TRANSFER_ENCODING);
    Ok(answer)
}

/// Whether the balancer sends this to those that take activity in.
pub fn is_door(path: &str) -> bool {
    const CALLS: &[&str] = &[
        "activity", "track", "identify", "page", "screen", "group", "alias", "merge", "t", "i", "p", "s", "g", "a",
        "batch", "import", "b", "m",
    ];
    const ELSEWHERE: &[&str] =
        &["/pixel/", "/beacon/", "/sourceConfig", "/i/", "/e", "/capture", "/track", "/engage", "/batch", "/array/"];
    let call = path.strip_prefix("/v1/").is_some_and(|call| CALLS.contains(&call));
    let settings = path.starts_with("/v1/projects/") && path.ends_with("/settings") && path.split('/').count() == 5;
    let begins =
        |door: &str| path.strip_prefix(door).is_some_and(|rest| door.ends_with('/') || rest.is_empty() || rest == "/");
    call || settings || ELSEWHERE.iter().any(|door| begins(door))
}

/// Which of those that answer: always the same for a key or a session.
fn asker(request: &Request<Incoming>) -> usize {
    let of = |name| request.headers().get(name).map(|value| value.as_bytes().to_vec());
    let authorization = of(header::AUTHORIZATION);
    if authorization.as_ref().is_some_and(|value| value.starts_with(OF_OPERATOR.as_bytes())) {
        return 0;
    }
    let Some(who) = authorization.or_else(|| of(header::COOKIE)) else { return 0 };
    let mut hasher = DefaultHasher::new();
    who.hash(&mut hasher);
    usize::from(hasher.finish() % 2 == 1)
}
