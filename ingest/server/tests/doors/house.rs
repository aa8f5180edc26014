//! A router over an in-memory log, and the means to send to it and to look into the log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use footfall_ingest_activity::{Activity, Checkpoint, Entry, FixedClock, Quarantined, Record, Timestamp};
use footfall_ingest_log::{ActivityLog, Batch, LogError, LogStatus};
use footfall_ingest_server::{Caller, Doors, DoorsConfig, WriteKeys, router, settings_router};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub const NOW: &str = "2026-11-23T12:00:00.000Z";
pub const KEY: &str = "ffw_test";
pub const OPERATOR: &str = "ffo_operator";

/// Keeps what is appended, or refuses it with the error that it is told to.
#[derive(Default)]
pub struct MemoryLog {
    records: Mutex<Vec<Record>>,
    refusal: Mutex<Option<LogError>>,
}

#[async_trait::async_trait]
impl ActivityLog for MemoryLog {
    async fn append(&self, records: Vec<Record>) -> Result<Checkpoint, LogError> {
        if let Some(refusal) = self.refusal.lock().unwrap().clone() {
            return Err(refusal);
        }
        self.records.lock().unwrap().extend(records);
        Ok(self.end())
    }

    async fn read(&self, from: &Checkpoint, _: usize, _: Duration) -> Result<Batch, LogError> {
        Ok(Batch { next: from.clone(), ..Batch::default() })
    }

    fn end(&self) -> Checkpoint {
        Checkpoint::from_iter([(0, self.records.lock().unwrap().len() as u64)])
    }

    fn release(&self, _: &str, _: &Checkpoint) {}

    fn status(&self) -> LogStatus {
        LogStatus::default()
    }

    async fn close(&self) {}
}

struct Keys;

impl WriteKeys for Keys {
    fn resolve(&self, key: &str) -> Option<Caller> {
        let caller = |project: &str, operator| Some(Caller { project: project.into(), operator, environment: None });
        match key {
            KEY | "phc_test" => caller("p1", false),
            "ffw_other" => caller("p2", false),
            OPERATOR => caller("p1", true),
            _ => None,
        }
    }
}

pub struct House {
    pub log: Arc<MemoryLog>,
    router: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl House {
    pub fn new() -> House {
        House::with(DoorsConfig::default())
    }

    pub fn with(config: DoorsConfig) -> House {
        let log = Arc::new(MemoryLog::default());
        let clock = Arc::new(FixedClock::at(Timestamp::parse(NOW).unwrap()));
        let router = router(Doors::new(log.clone(), Arc::new(Keys), clock, config));
        House { log, router }
    }

    /// A process that has the one door alone.
    pub fn of_settings() -> House {
        House { log: Arc::default(), router: settings_router(Arc::new(Keys)) }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn post(&self, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let request = headers.iter().fold(Request::post(uri), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(body.into()).unwrap()).await
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).unwrap()).await
    }

    /// Posts with the test key as Segment's clients do.
    pub async fn segment(&self, uri: &str, body: impl Into<Body>) -> Answer {
        self.post(uri, &[("authorization", &basic(KEY)), ("content-type", "application/json")], body).await
    }

    /// Posts with the test key to the native door.
    pub async fn native(&self, query: &str, body: impl Into<Body>) -> Answer {
        self.post(&format!("/v1/activity{query}"), &[("authorization", &format!("Bearer {KEY}"))], body).await
    }

    pub fn refuse_appends(&self, refusal: Option<LogError>) {
        *self.log.refusal.lock().unwrap() = refusal;
    }

    pub fn records(&self) -> Vec<Record> {
        self.log.records.lock().unwrap().clone()
    }

    /// The activities in the log, as JSON.
    pub fn activities(&self) -> Vec<Value> {
        let records = self.records();
        let entries = records.iter().map(|record| Entry::decode(record.kind, &record.payload).unwrap());
        let activities = entries.filter_map(|entry| match entry {
            Entry::Activity(activity) => Some(serde_json::to_value::<Activity>(*activity).unwrap()),
            _ => None,
        });
        activities.collect()
    }

    /// The one activity in the log.
    pub fn activity(&self) -> Value {
        let mut activities = self.activities();
        assert_eq!(activities.len(), 1, "{activities:?}");
        activities.remove(0)
    }

    /// The quarantined items in the log, as JSON.
    pub fn quarantined(&self) -> Vec<Value> {
        let records = self.records();
        let entries = records.iter().map(|record| Entry::decode(record.kind, &record.payload).unwrap());
        let items = entries.filter_map(|entry| match entry {
            Entry::Quarantined(item) => Some(serde_json::to_value::<Quarantined>(item).unwrap()),
            _ => None,
        });
        items.collect()
    }

    pub fn quarantine_reasons(&self) -> Vec<String> {
        self.quarantined().iter().map(|item| item["reason"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn basic(key: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{key}:")))
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}
