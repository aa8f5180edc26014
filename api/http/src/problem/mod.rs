//! Error answers: problem details (RFC 9457) whose stable `code` comes from a [`Kind`] that the document lists.
//!
//! What must hold for every answer holds by construction: 5xx text says nothing of the inside, 401 carries a challenge,
//! 429 and 503 carry `Retry-After`, nothing is cached.

pub mod kinds;

use std::fmt;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// One way in which requests can fail. A `static`: the document, the page of the problem and the answers share it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable, lower case with underscores; programs compare it.
    pub code: &'static str,
    pub status: StatusCode,
    /// The same for every answer of this kind.
    pub title: &'static str,
}

impl Kind {
    pub const fn new(status: StatusCode, code: &'static str, title: &'static str) -> Kind {
        Kind { code, status, title }
    }

    /// The `type` of the problem: a path of this server, which explains it.
    pub fn path(&self) -> String {
        format!("/problems/{}", self.code)
    }
}

/// Which part of the request a fault lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    Body,
    Query,
    Path,
    Header,
}

/// One thing to fix in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    #[serde(rename = "in")]
    pub place: Place,
    /// JSON pointer (RFC 6901) into the body; `/name` for a parameter or a header.
    pub pointer: String,
    pub detail: String,
}

impl Fault {
    pub fn new(place: Place, pointer: impl Into<String>, detail: impl Into<String>) -> Fault {
        Fault { place, pointer: pointer.into(), detail: detail.into() }
    }
}

/// One error answer.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: &'static Kind,
    detail: Option<Box<str>>,
    faults: Vec<Fault>,
    members: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// More faults than this are not listed.
const FAULTS_MAX: usize = 32;

impl Problem {
    pub fn new(kind: &'static Kind) -> Problem {
        Problem { kind, detail: None, faults: Vec::new(), members: Vec::new(), headers: Vec::new() }
    }

    /// 500. The cause goes to the operator's tracing and nowhere else.
    pub fn internal(cause: impl fmt::Display) -> Problem {
        tracing::error!(%cause, "a request failed");
        Problem::new(&kinds::INTERNAL)
    }

    /// A problem that passes: another try makes sense after `wait`.
    pub fn retry(kind: &'static Kind, wait: Duration) -> Problem {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Problem::new(kind).header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// What is wrong this time and how to mend it: a sentence. Answers of status 500 keep their general text.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = Some(detail.into().into_boxed_str());
        self
    }

    /// What to fix, place by place.
    #[must_use]
    pub fn faults(mut self, faults: Vec<Fault>) -> Problem {
        self.faults = faults;
        self.faults.truncate(FAULTS_MAX);
        self
    }

    /// A further member, as `line` of a question in SQL.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Problem {
        self.members.push((name, value.into()));
        self
    }

    /// A header that goes with the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    pub fn status(&self) -> StatusCode {
        self.kind.status
    }

    pub fn code(&self) -> &'static str {
        self.kind.code
    }

    pub fn faults_listed(&self) -> &[Fault] {
        &self.faults
    }

    fn text(&self) -> Option<&str> {
        match self.kind.status {
            StatusCode::INTERNAL_SERVER_ERROR => Some(
                "Something went wrong here. The server's tracing has the cause under the request id of this answer.",
            ),
            _ => self.detail.as_deref(),
        }
    }

    /// The body, with the id of the request where it is known.
    pub(crate) fn body(&self, request_id: Option<&str>) -> Vec<u8> {
        let mut body = Map::new();
        for (name, value) in &self.members {
            body.insert((*name).to_owned(), value.clone());
        }
        body.insert("type".into(), json!(self.kind.path()));
        body.insert("title".into(), json!(self.kind.title));
        body.insert("status".into(), json!(self.kind.status.as_u16()));
        body.insert("code".into(), json!(self.kind.code));
        let optional = [("detail", self.text().map(Value::from)), ("request_id", request_id.map(Value::from))];
        body.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        if !self.faults.is_empty() {
            body.insert("errors".into(), json!(self.faults));
        }
        Value::Object(body).to_string().into_bytes()
    }

    fn headers_due(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = self.headers.clone();
        let mut due = |name: HeaderName, value: &'static str| {
            if !headers.iter().any(|(given, _)| *given == name) {
                headers.push((name, HeaderValue::from_static(value)));
            }
        };
        match self.kind.status {
            StatusCode::UNAUTHORIZED => due(header::WWW_AUTHENTICATE, "Bearer realm=\"footfall\""),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => due(header::RETRY_AFTER, "1"),
            _ => {}
        }
        due(header::CACHE_CONTROL, "no-store");
        headers
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind.status.as_u16(), self.kind.code, self.kind.title)
    }
}

impl std::error::Error for Problem {}

/// Media type of every problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

impl IntoResponse for Problem {
    /// The answer without a request id; the outermost layer finds the problem in the extensions and adds it.
    fn into_response(self) -> Response {
        let mut response = (self.kind.status, self.body(None)).into_response();
        response.headers_mut().extend(self.headers_due());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests;
