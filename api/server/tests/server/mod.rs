//! The whole router over an engine without rows.
#![allow(dead_code)] // each test binary uses a part of it

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use footfall_api_server::{
    Account, Api, Check, Health, Live, LiveSettings, OperationError, Operations, OperatorToken, ReadKeys, Reader,
    Settings, Telemetry, router,
};
use footfall_ingest_activity::{FixedClock, Timestamp};
use footfall_pipelines_store::lake::ProjectSnapshot;
use footfall_pipelines_store::query::{Engine, EngineConfig, Snapshots};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tower::ServiceExt;

pub const READ_KEY: &str = "ffr_one";
/// Makes the key ring panic.
pub const PANIC_KEY: &str = "ffr_panic";
pub const OPERATOR: &str = "operator-token-of-a-test";

pub struct Server {
    pub router: Router,
    pub live: Arc<Live>,
    ready: Arc<AtomicBool>,
    _folder: TempDir,
}

struct Nothing;

impl Snapshots for Nothing {
    fn snapshot(&self, _: &str) -> Option<Arc<ProjectSnapshot>> {
        None
    }
}

struct Keys;

impl ReadKeys for Keys {
    fn reader(&self, key: &str) -> Option<Reader> {
        assert_ne!(key, PANIC_KEY, "an inside that nobody may see");
        (key == READ_KEY).then(|| Reader { project: "one".into() })
    }
}

struct Inside(Arc<AtomicBool>);

impl Health for Inside {
    fn checks(&self) -> Vec<Check> {
        let ok = self.0.load(Ordering::SeqCst);
        vec![Check { name: "jobs", ok, detail: (!ok).then(|| "replaying".to_owned()) }]
    }
}

#[async_trait]
impl Operations for Inside {
    async fn import_account(&self, _: &str) -> Result<Account, OperationError> {
        Ok(Account { stored: 7, duplicate: 2, quarantined: 1, caught_up: true })
    }

    async fn flush(&self) -> Result<(), OperationError> {
        Ok(())
    }

    async fn compact(&self) -> Result<(), OperationError> {
        Err(OperationError::Busy("It runs already.".into()))
    }
}

impl Server {
    pub fn start() -> Server {
        Server::with(Settings::default(), LiveSettings::default())
    }

    pub fn with_private_metrics() -> Server {
        Server::with(Settings { metrics_need_operator: true, ..Settings::default() }, LiveSettings::default())
    }

    pub fn with(settings: Settings, live: LiveSettings) -> Server {
        let folder = TempDir::new().unwrap();
        let engine = Engine::new(Arc::new(Nothing), EngineConfig::new(folder.path().join("spill"))).unwrap();
        let (live, ready) = (Arc::new(Live::new(live)), Arc::new(AtomicBool::new(true)));
        let inside = Arc::new(Inside(ready.clone()));
        let api = Api {
            engine: Arc::new(engine),
            read_keys: Arc::new(Keys),
            operator: OperatorToken::new(OPERATOR),
            live: live.clone(),
            operations: inside.clone(),
            health: inside,
            telemetry: Telemetry::recorder().unwrap().1,
            clock: Arc::new(FixedClock::at(Timestamp::from_millis(1_700_000_000_000))),
            settings,
        };
        Server { router: router(api), live, ready, _folder: folder }
    }

    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::SeqCst);
    }

    pub async fn call(&self, method: Method, path: &str, token: Option<&str>, body: &str) -> Answer {
        self.send(request(method, path, token).body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Sends a request and reads the whole answer, but for the live stream, which has no end.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let endless = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let body = if endless { Bytes::new() } else { body.collect().await.unwrap().to_bytes() };
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

pub fn request(method: Method, path: &str, token: Option<&str>) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
