//! A project with its API and doors, asked in process.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use footfall_api_access::{
    Access, AccessSettings, Caller, KeyKind, MailRoute, NewAccount, NewKey, Origin, PasswordCost, PermissionSet, Scope,
    Vault,
};
use footfall_api_app::{App, AppSettings};
use footfall_api_experiments::{DoorSettings, Experiments, Facts, SeatLimits, add, doors};
use footfall_api_http::limit::{Limits, MemoryBuckets, Quota, Quotas};
use footfall_api_http::{Built, Peer, Secret, Settings, Undeclared};
use footfall_ingest_activity::Clock;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::stage::Stage;

pub const PROJECT: &str = "shop";
const BASE: &str = "/v1/projects/shop";

pub struct House {
    pub access: Access,
    pub experiments: Experiments,
    pub router: Router,
    pub document: Value,
    pub token: String,
    pub owner: Caller,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn good(self) -> Answer {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self
    }

    /// The status, the code of the problem, and the pointers of its faults.
    pub fn refusal(&self) -> (u16, String, Vec<String>) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text);
        let body = self.json();
        let pointers = body["errors"].as_array().into_iter().flatten();
        let pointers = pointers.map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect();
        (self.status.as_u16(), body["code"].as_str().unwrap().to_owned(), pointers)
    }
}

pub async fn house(stage: &Stage) -> House {
    house_with(stage, None).await
}

pub async fn house_with(stage: &Stage, facts: Option<Arc<dyn Facts>>) -> House {
    house_limited(stage, facts, None).await
}

/// With so many questions a minute to the doors from one address.
pub async fn house_limited(stage: &Stage, facts: Option<Arc<dyn Facts>>, requests: Option<u32>) -> House {
    let limits = requests.map(|requests| {
        let quotas = Quotas { address: Some(Quota::new(requests, Duration::from_secs(60))), account: None, key: None };
        Limits::new(quotas, Arc::new(MemoryBuckets::default()), stage.clock.clone())
    });
    house_of(stage, facts, limits, SeatLimits::default()).await
}

/// With so many places for listeners.
pub async fn house_of(
    stage: &Stage,
    facts: Option<Arc<dyn Facts>>,
    limits: Option<Limits>,
    seats: SeatLimits,
) -> House {
    let mails = stage.folder.path().join("mails");
    let settings = AccessSettings {
        password_cost: PasswordCost { memory_kib: 64, passes: 1, lanes: 1 },
        mail_route: MailRoute::Folder(mails.clone()),
        // The clock is moved on by hours.
        access_token_millis: 90 * 24 * 3_600_000,
        ..AccessSettings::new("https://footfall.example", mails)
    };
    let vault = Vault::open(stage.folder.path()).expect("a vault");
    let clock: Arc<dyn Clock> = stage.clock.clone();
    let access = Access::open(stage.open().await, vault, settings, clock.clone()).await.expect("opened");
    let link = access.first_owner_link().await.expect("asked").expect("a link");
    let new = NewAccount { name: "Olga".into(), password: "mein Rad hat drei Räder".into() };
    let secret = link.rsplit('#').next().unwrap();
    let origin = Origin::default();
    let made = access.finish_first_owner(secret, "owner@example.org", &new, "Example", PROJECT, &origin);
    let token = made.await.expect("an owner").access;
    let owner = access.authenticate(&token).await.expect("signed in");
    let experiments = Experiments::open(access.clone(), clock.clone(), facts).await.expect("opened");
    let quotas = Quotas { address: None, account: None, key: None };
    let http = Settings { undeclared: Undeclared::Refuse, quotas, ..Settings::default() };
    let app = AppSettings { http, ..AppSettings::new(Secret::new([42; 32])) };
    let built = App::build_with(app, access.clone(), clock, |site, _| add(site, &experiments)).expect("a clear table");
    let Built { router, document, .. } = built;
    let document = document.written().expect("a clear table");
    let settings = DoorSettings { ping: Duration::from_millis(50), seats, ..DoorSettings::default() };
    let doors = doors(&experiments, settings, limits);
    House { access, experiments, router: doors.fallback_service(router), document, token, owner }
}

impl House {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes).unwrap() }
    }

    /// Asks the API below the project, as the owner unless `headers` say otherwise.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let uri = if path.starts_with("/v1/") { path.to_owned() } else { format!("{BASE}/{path}") };
        self.raw(
            method,
            &uri,
            &[&[("authorization", format!("Bearer {}", self.token).as_str())], headers].concat(),
            body,
        )
        .await
    }

    /// Asks a door.
    pub async fn raw(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        request = request.extension(Peer { address: [198, 51, 100, 7].into(), is_tls: true });
        if !body.is_null() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, &[("if-match", "*")], body).await
    }

    /// Makes a definition.
    pub async fn make(&self, collection: &str, key: &str, definition: Value) {
        self.post(collection, json!({"key": key, "definition": definition})).await.good();
    }

    /// Changes a definition, whatever its revision.
    pub async fn patch(&self, path: &str, definition: Value) -> Answer {
        self.ask("PATCH", path, &[("if-match", "*")], json!({"definition": definition})).await
    }

    /// A key of the project: its id and its text.
    pub async fn key(&self, kind: KeyKind) -> (String, String) {
        let organisation = self.access.organisation_of(PROJECT).unwrap();
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let wanted = NewKey { kind, name: "app".into(), scopes: PermissionSet::NONE, expires_at: None };
        self.access.create_key(&self.owner, scope, &wanted, &Origin::default()).await.expect("a key")
    }

    /// A conversion metric, a boolean feature `checkout` and an experiment `exp` that it runs, not started.
    pub async fn experiment(&self, more: Value) {
        let conversion = json!({"measure": {"conversion": {"source": {"event": "bought"}}}});
        self.make("metrics", "bought", conversion).await;
        let mut definition = json!({
            "hypothesis": "A shorter checkout sells more.", "owner": "olga", "goals": ["bought"],
            "variations": [{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}],
        });
        footfall_api_http::merge(&mut definition, more);
        self.make("experiments", "exp", definition).await;
        let rule = json!({"id": "r1", "serve": {"experiment": {"experiment": "exp", "values": [
            {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}});
        self.make("features", "checkout", json!({"value_type": "boolean", "default_value": false, "rules": [rule]}))
            .await;
    }
}
