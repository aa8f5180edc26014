//! Asks the example's router as a client would.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use footfall_api_http::limit::Quotas;
use footfall_api_http::{Peer, Settings, Undeclared};
use footfall_ingest_activity::{FixedClock, Timestamp};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::site;

pub struct Desk {
    pub router: Router,
    pub clock: Arc<FixedClock>,
    pub document: Value,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert_eq!(body["type"], format!("/problems/{}", body["code"].as_str().unwrap()));
        body["code"].as_str().unwrap().to_owned()
    }

    pub fn pointers(&self) -> Vec<String> {
        self.json()["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|fault| fault["pointer"].as_str().unwrap().into())
            .collect()
    }
}

pub fn settings() -> Settings {
    let quotas = Quotas { address: None, account: None, key: None };
    Settings { undeclared: Undeclared::Refuse, quotas, ..Settings::default() }
}

pub fn desk_with(settings: Settings) -> Desk {
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_764_000_000_000)));
    let built = site::build(settings, clock.clone()).expect("the table is clear");
    let document = built.document.written().expect("the table is clear");
    Desk { router: built.router, clock, document }
}

pub fn desk() -> Desk {
    desk_with(settings())
}

impl Desk {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// `who` is a token; empty for nobody. A body that is not null is sent as JSON.
    pub async fn ask(&self, who: &str, method: &str, uri: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        request = request.extension(Peer { address: [198, 51, 100, 7].into(), is_tls: false });
        if !who.is_empty() {
            request = request.header("authorization", format!("Bearer {who}"));
        }
        if !body.is_null() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, who: &str, uri: &str) -> Answer {
        self.ask(who, "GET", uri, &[], Value::Null).await
    }

    /// Writes a note of Ada's and gives its path.
    pub async fn write(&self, title: &str) -> String {
        let answer = self.ask("ada", "POST", "/v1/notes", &[], note(title)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.header("location").to_owned()
    }
}

pub fn note(title: &str) -> Value {
    json!({"title": title, "text": "some", "mood": "calm", "tags": ["a"]})
}
