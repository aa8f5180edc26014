//! Error answers: problem details (RFC 9457) with a stable `code`. Text of 5xx answers says nothing of the inside.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

/// One error answer.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The code says what went wrong; the type stays the generic one.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    /// Stable, for programs.
    code: &'static str,
    /// What is wrong this time, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Box<str>>,
    /// Where in the SQL, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem with its status and stable code.
    pub fn new(status: StatusCode, code: &'static str) -> Problem {
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            code,
            detail: None,
            line: None,
            column: None,
            headers: Vec::new(),
        }
    }

    /// 400 with a sentence.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, code).detail(detail)
    }

    /// 500: the cause is for the operator's tracing alone.
    pub fn internal() -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal").detail(
            "Something went wrong here. The server's tracing has the cause under the request id of this answer.",
        )
    }

    /// 503 with the seconds after which another try makes sense.
    pub fn unavailable(code: &'static str, detail: impl Into<String>, retry_after_seconds: u32) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code)
            .detail(detail)
            .header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
    }

    /// The sentence on this very case.
    pub fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = Some(detail.into().into_boxed_str());
        self
    }

    /// Where in the SQL, from 1.
    pub fn position(mut self, line: u64, column: u64) -> Problem {
        self.line = u32::try_from(line).ok();
        self.column = u32::try_from(column).ok();
        self
    }

    /// A header that goes with the answer.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let headers = std::mem::take(&mut self.headers);
        let mut response = (self.status, Json(self)).into_response();
        response.headers_mut().extend(headers);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
