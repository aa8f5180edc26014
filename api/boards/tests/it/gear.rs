//! A project with its API, asked in process. The engines behind it give back what they were asked: whether their answers are
//! right is shown with the real ones in `tests/sdk/boards_pages.sh`.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use footfall_api_access::{
    Access, AccessSettings, MailRoute, NewAccount, Origin, PasswordCost, Vault, View, WebhookSettings,
};
use footfall_api_app::{App, AppSettings};
use footfall_api_boards::{Answers, Boards, InsightAnswer, Listened, SqlAsked, Unanswered, add};
use footfall_api_http::limit::{Buckets, MemoryBuckets, Quotas};
use footfall_api_http::{Built, Known, Part, Peer, Secret, Settings, Undeclared};
use footfall_ingest_activity::Clock;
use footfall_pipelines_insights::definition::Question;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::stage::{NOON, Stage};

pub const PROJECT: &str = "shop";
const BASE: &str = "/v1/projects/shop";

/// Notes what is asked; answers with the numbers it was given.
#[derive(Default)]
pub struct Echo {
    pub asked: Mutex<Vec<Value>>,
    pub numbers: Mutex<Vec<f64>>,
    /// The next question waits for it.
    pub holds: Mutex<Option<Arc<Notify>>>,
}

#[async_trait]
impl Answers for Echo {
    async fn sql(&self, _: &str, asked: SqlAsked, _: &View) -> Result<Vec<u8>, Unanswered> {
        self.asked.lock().unwrap().push(json!({"sql": asked.sql, "params": asked.params}));
        let held = self.holds.lock().unwrap().take();
        if let Some(go_on) = held {
            go_on.notified().await;
        }
        if asked.sql.contains("no_such_column") {
            let detail = "there is no column no_such_column".to_owned();
            return Err(Unanswered::Refused { code: "unknown_column".to_owned(), detail, position: Some((1, 8)) });
        }
        if asked.sql.contains("later") {
            return Err(Unanswered::Later { detail: "the engine is busy".to_owned() });
        }
        let rows: Vec<Value> = self.numbers.lock().unwrap().iter().map(|number| json!(["a", number])).collect();
        let columns = json!([{"name": "name", "type": "string"}, {"name": "number", "type": "float"}]);
        Ok(serde_json::to_vec(&json!({"columns": columns, "rows": rows})).unwrap())
    }

    async fn insight(&self, _: &str, question: &Question, _: &View) -> Result<InsightAnswer, Unanswered> {
        self.asked.lock().unwrap().push(serde_json::to_value(question).unwrap());
        let values = self.numbers.lock().unwrap().clone();
        // Days, of which the last is over.
        let buckets: Vec<i64> = (0..values.len() as i64).map(|day| day * 86_400_000).collect();
        let answer = json!({"buckets": buckets, "lines": [{"series": 0, "label": "everything", "measures": [values]}]});
        Ok(InsightAnswer { answer, as_of: NOON, took_ms: 1.0 })
    }

    async fn listened(&self, project: &str, question: &Question, view: &View) -> Result<Arc<dyn Listened>, Unanswered> {
        let whole = self.insight(project, question, view).await?;
        Ok(Arc::new(Heard { whole, told: Notify::new() }))
    }
}

/// An answer that comes when a quarter was told.
struct Heard {
    whole: InsightAnswer,
    told: Notify,
}

#[async_trait]
impl Listened for Heard {
    async fn answer(&self) -> Result<InsightAnswer, Unanswered> {
        self.told.notified().await;
        match self.whole.answer["lines"][0]["measures"][0].as_array().map_or(0, Vec::len) {
            0 => Err(Unanswered::Later { detail: "later".to_owned() }),
            _ => Ok(self.whole.clone()),
        }
    }

    fn known(&self, share: f64) -> Known<Value> {
        let progress = Some(json!({"state": "asking", "segments_done": 1, "segments_all": 4}));
        if share < 0.25 {
            let part = Part { answer: json!({"buckets": [], "lines": []}), share: 0.25, as_of: NOON.into() };
            return Known { progress, part: Some(part) };
        }
        self.told.notify_one();
        Known { progress, part: None }
    }
}

pub struct House {
    pub access: Access,
    pub boards: Boards,
    pub echo: Arc<Echo>,
    pub router: Router,
    pub document: Value,
    pub token: String,
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

    pub fn good(self) -> Answer {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self
    }

    pub fn tag(&self) -> &str {
        self.headers.get("etag").map_or("", |value| value.to_str().unwrap())
    }

    /// The status, the code of the problem, and the pointers of its faults.
    pub fn refusal(&self) -> (u16, String, Vec<String>) {
        let body = self.json();
        let pointers = body["errors"].as_array().into_iter().flatten();
        let pointers = pointers.map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect();
        (self.status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned(), pointers)
    }
}

pub async fn house(stage: &Stage) -> House {
    let mails = stage.folder.path().join("mails");
    let settings = AccessSettings {
        password_cost: PasswordCost { memory_kib: 64, passes: 1, lanes: 1 },
        mail_route: MailRoute::Folder(mails.clone()),
        webhooks: WebhookSettings { private_addresses: true },
        // The clock is moved on by days.
        access_token_millis: 90 * 24 * 3_600_000,
        ..AccessSettings::new("https://footfall.example", mails)
    };
    let vault = Vault::open(stage.folder.path()).expect("a vault");
    let clock: Arc<dyn Clock> = stage.clock.clone();
    let access = Access::open(stage.open().await, vault, settings, clock).await.expect("opened");
    let link = access.first_owner_link().await.expect("asked").expect("a link");
    let new = NewAccount { name: "Olga".into(), password: "mein Rad hat drei Räder".into() };
    let secret = link.rsplit('#').next().unwrap();
    let origin = Origin::default();
    let made = access.finish_first_owner(secret, "owner@example.org", &new, "Example", PROJECT, &origin);
    let token = made.await.expect("an owner").access;
    process(stage, access, token, Arc::new(MemoryBuckets::default())).await
}

/// A process of an installation.
async fn process(stage: &Stage, access: Access, token: String, buckets: Arc<dyn Buckets>) -> House {
    let clock: Arc<dyn Clock> = stage.clock.clone();
    let echo = Arc::new(Echo::default());
    let secret = Secret::new([42; 32]);
    let opened = Boards::open(access.clone(), clock.clone(), echo.clone(), secret.clone(), buckets).await;
    let boards = opened.expect("opened");
    let quotas = Quotas { address: None, account: None, key: None };
    let http = Settings { undeclared: Undeclared::Refuse, quotas, ..Settings::default() };
    let app = AppSettings { http, ..AppSettings::new(secret) };
    let built = App::build_with(app, access.clone(), clock, |site, _| add(site, &boards)).expect("a clear table");
    let Built { router, document, .. } = built;
    let document = document.written().expect("a clear table");
    House { access, boards, echo, router, document, token }
}

impl House {
    /// Another process of the same installation, which counts in `buckets`.
    pub async fn beside(&self, stage: &Stage, buckets: Arc<dyn Buckets>) -> House {
        process(stage, self.access.clone(), self.token.clone(), buckets).await
    }

    /// Asks the API below the project as the owner.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let uri = if path.starts_with("/v1/") { path.to_owned() } else { format!("{BASE}/{path}") };
        let bearer = format!("Bearer {}", self.token);
        self.raw(method, &uri, &[&[("authorization", bearer.as_str())], headers].concat(), body).await
    }

    /// Asks as nobody.
    pub async fn raw(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        request = request.extension(Peer { address: [198, 51, 100, 7].into(), is_tls: true });
        if !body.is_null() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes).unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, &[], body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask("PUT", path, &[("if-match", "*")], body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, &[("if-match", "*")], Value::Null).await
    }

    /// What the engines were asked last.
    pub fn asked(&self) -> Value {
        self.echo.asked.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

/// A dashboard with a comment, odd spaces and everything that can be in one.
pub const SALES: &str = "# Ours.\nfootfall: dashboard/1\ntitle:   Sales   # of the shop\ndays: 7\nzone: Europe/Berlin\nvariables:\n  - {name: plan, label: Plan, options: [free, pro]}\n  - {name: least, type: number, default: 3}\nfilters:\n  - {property: plan, variable: plan}\ntiles:\n  - {id: buyers, title: Buyers, x: 0, y: 0, width: 6, height: 4, ask: {insight: {question: trend, bucket: day, series: [{select: {activities: [buy], condition: {property: {property: secret, test: set}}}, measures: [people]}]}}}\n  - {id: rows, x: 6, y: 0, width: 6, height: 4, show: table, ask: {sql: \"SELECT $plan, $least, $from\"}}\n  - {id: words, x: 0, y: 4, width: 12, height: 1, ask: {text: Hello}}\n\n";
