//! `POST /v1/sql`: a question in SQL, answered as it is worked out, in the format that the asker prefers.

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use footfall_pipelines_store::query::{QueryError, Question, encode};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use crate::{Api, Problem, Reader};

mod accept;

/// The body of a question. Its content type does not matter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sql: String,
    #[serde(default)]
    params: Value,
}

pub(crate) async fn answer(
    State(api): State<Api>,
    Extension(reader): Extension<Reader>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let format = accept::choose(&headers)?;
    let question = question(&body.map_err(unread)?)?;
    let answer = api.engine.query(&reader.project, question).await.map_err(problem)?;
    let pieces = encode(answer, format).await.map_err(problem)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn question(body: &[u8]) -> Result<Question, Problem> {
    let Asked { sql, params } = serde_json::from_slice(body).map_err(|error| {
        let detail = format!("The body has to be {{\"sql\": \"…\", \"params\": {{…}}}}: {error}.");
        Problem::bad_request("body_invalid", detail)
    })?;
    match params {
        Value::Null | Value::Object(_) | Value::Array(_) => Ok(Question::new(sql).with_params(params)),
        _ => Err(Problem::bad_request("params_invalid", "params is an object for $name or an array for $1, $2 ….")),
    }
}

fn unread(rejection: BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").detail("The body is larger than 1 MB.")
        }
        _ => Problem::bad_request("body_unreadable", "The body broke off."),
    }
}

/// Every error of a question as an answer. 400: ask differently; 422: the data or the limits do not allow it.
fn problem(error: QueryError) -> Problem {
    use QueryError as E;
    let code = error.code();
    let status = match &error {
        E::Internal => return Problem::internal(),
        E::Busy { .. } => return Problem::unavailable(code, sentence(&error), 1),
        E::InvalidValue { .. } | E::TimeLimit { .. } | E::MemoryLimit | E::RowLimit { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        _ => StatusCode::BAD_REQUEST,
    };
    let problem = Problem::new(status, code).detail(sentence(&error));
    match error.position() {
        Some(place) => problem.position(place.line, place.column),
        None => problem,
    }
}

/// The error's text as a sentence.
fn sentence(error: &QueryError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_body_is_sql_and_params() {
        assert!(question(br#"{"sql": "SELECT 1"}"#).is_ok());
        assert!(question(br#"{"sql": "SELECT $1", "params": [1]}"#).is_ok());
        assert!(question(br#"{"sql": "SELECT $a", "params": {"a": 1}}"#).is_ok());
        assert_eq!(question(br#"{"sql": "SELECT 1", "params": 3}"#).unwrap_err().code(), "params_invalid");
        assert_eq!(question(br#"{"sql": "SELECT 1", "limit": 3}"#).unwrap_err().code(), "body_invalid");
        assert_eq!(question(b"SELECT 1").unwrap_err().code(), "body_invalid");
    }
}
