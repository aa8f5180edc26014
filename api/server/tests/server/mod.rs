//! The whole site over an engine without rows, with accounts and keys in a database of its own.
#![allow(dead_code)] // each test binary uses a part of it

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use footfall_api_access::{
    Access, AccessSettings, Caller, Database, KeyKind, NewAccount, NewKey, Origin, PasswordCost, Permission,
    PermissionSet, Scope, Vault,
};
use footfall_api_app::{App, AppSettings, OperatorToken, secret_of};
use footfall_api_http::limit::Quotas;
use footfall_api_http::{Listed, Settings, Undeclared};
use footfall_api_server::{
    Account, Check, Data, Health, Lag, Live, LiveSettings, OperationError, Operations, Probes, Telemetry, add,
};
use footfall_ingest_activity::{Clock, FixedClock, Timestamp};
use footfall_pipelines_store::census::PropertyCensus;
use footfall_pipelines_store::lake::ProjectSnapshot;
use footfall_pipelines_store::query::{Engine, EngineConfig, Snapshots};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tower::ServiceExt;

pub const OPERATOR: &str = "operator-token-of-a-test";
pub const PROJECT: &str = "one";

pub struct Server {
    pub router: Router,
    pub routes: Vec<Listed>,
    pub document: serde_json::Value,
    pub live: Arc<Live>,
    pub access: Access,
    pub organisation: String,
    /// Access token of the owner.
    pub owner: String,
    pub read_key: String,
    pub write_key: String,
    ready: Arc<AtomicBool>,
    _folder: TempDir,
}

struct Nothing;

impl Snapshots for Nothing {
    fn snapshot(&self, project: &str) -> Option<Arc<ProjectSnapshot>> {
        assert_ne!(project, "panic", "an inside that nobody may see");
        None
    }
}

struct Inside(Arc<AtomicBool>);

impl Health for Inside {
    fn checks(&self) -> Vec<Check> {
        let ok = self.0.load(Ordering::SeqCst);
        vec![Check { name: "jobs", ok, detail: (!ok).then(|| "replaying".to_owned()) }]
    }

    fn lag(&self) -> Option<Lag> {
        Some(Lag { records_behind: 3, seconds_behind: 1.5 })
    }
}

#[async_trait]
impl Operations for Inside {
    async fn import_account(&self, id: &str) -> Result<Account, OperationError> {
        assert_ne!(id, "panic", "an inside that nobody may see");
        Ok(Account { stored: 7, duplicate: 2, quarantined: 1, erased: 3, caught_up: true })
    }

    async fn flush(&self) -> Result<(), OperationError> {
        Ok(())
    }

    async fn compact(&self) -> Result<(), OperationError> {
        Err(OperationError::Busy("It runs already.".into()))
    }
}

impl Server {
    pub async fn start() -> Server {
        Server::with(false, LiveSettings::default()).await
    }

    pub async fn with(metrics_private: bool, live: LiveSettings) -> Server {
        let folder = TempDir::new().unwrap();
        let engine = Engine::new(Arc::new(Nothing), EngineConfig::new(folder.path().join("spill"))).unwrap();
        let (live, ready) = (Arc::new(Live::new(live)), Arc::new(AtomicBool::new(true)));
        let inside = Arc::new(Inside(ready.clone()));
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let database = Database::open(&format!("sqlite:{}", folder.path().join("a.db").display())).await.unwrap();
        let settings = AccessSettings {
            password_cost: PasswordCost { memory_kib: 64, passes: 1, lanes: 1 },
            ..AccessSettings::new("http://localhost:8080", folder.path().join("mails"))
        };
        let vault = Vault::open(folder.path()).unwrap();
        let access = Access::open(database, vault, settings, clock.clone()).await.unwrap();
        let (owner, organisation) = owner(&access).await;
        let data = Data {
            functions: Arc::new(|_| Vec::new()),
            census: PropertyCensus::new(Arc::new(Nothing), folder.path().join("census")),
            engine: Arc::new(engine),
            access: access.clone(),
            project: PROJECT.into(),
            live: live.clone(),
            operations: inside.clone(),
            probes: Probes { health: inside, telemetry: Telemetry::recorder().unwrap().1, metrics_private },
        };
        let quotas = Quotas { address: None, account: None, key: None };
        let http = Settings { quotas, undeclared: Undeclared::Refuse, ..Settings::default() };
        let secret = secret_of(folder.path()).unwrap();
        let settings = AppSettings { http, operator: OperatorToken::new(OPERATOR), ..AppSettings::new(secret) };
        let built = App::build_with(settings, access.clone(), clock, |site, _| add(site, &data)).unwrap();
        let read_key = key(&access, &organisation, KeyKind::Read).await;
        let write_key = key(&access, &organisation, KeyKind::Write).await;
        Server {
            router: built.router,
            routes: built.routes,
            document: built.document.written().unwrap(),
            live,
            access,
            organisation,
            owner,
            read_key,
            write_key,
            ready,
            _folder: folder,
        }
    }

    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::SeqCst);
    }

    /// The token of a service key of the organisation with these scopes.
    pub async fn service_key(&self, scopes: &[Permission]) -> String {
        let scope = Scope::Organisation(&self.organisation);
        let new = NewKey {
            kind: KeyKind::Service,
            name: "Robot".into(),
            scopes: PermissionSet::of(scopes),
            expires_at: None,
        };
        self.access.create_key(&Caller::operator(), scope, &new, &Origin::default()).await.unwrap().1
    }

    pub async fn call(&self, method: Method, path: &str, token: Option<&str>, body: &str) -> Answer {
        let request = request(method, path, token).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
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

async fn owner(access: &Access) -> (String, String) {
    let link = access.first_owner_link().await.unwrap().unwrap();
    let secret = link.rsplit('#').next().unwrap();
    let new = NewAccount { name: "Olga".into(), password: "mein Rad hat drei Räder".into() };
    let made =
        access.finish_first_owner(secret, "owner@example.org", &new, "Example", PROJECT, &Origin::default()).await;
    let organisation = access.organisation_of(PROJECT).unwrap();
    (made.unwrap().access, organisation.to_string())
}

async fn key(access: &Access, organisation: &str, kind: KeyKind) -> String {
    let new = NewKey { kind, name: "Key".into(), scopes: PermissionSet::NONE, expires_at: None };
    let scope = Scope::Project { organisation, project: PROJECT };
    access.create_key(&Caller::operator(), scope, &new, &Origin::default()).await.unwrap().1
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

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}
