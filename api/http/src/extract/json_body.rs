//! A body in JSON.

use axum::extract::{FromRequest, Request};
use http::header::{self, HeaderMap};
use http::{HeaderValue, request::Parts};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{facts, shape};
use crate::problem::{Place, Problem, kinds};
use crate::table::{Describe, Operation};
use crate::{body, json};

/// The body as `T`, checked against the schema of `T`.
#[derive(Debug, Clone)]
pub struct JsonBody<T>(pub T);

const MEDIA_TYPES: &[&str] = &["application/json"];

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema + 'static> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<JsonBody<T>, Problem> {
        let (parts, body) = request.into_parts();
        read_json(&parts, body, MEDIA_TYPES).await.map(JsonBody)
    }
}

impl<T: JsonSchema + 'static> Describe for JsonBody<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<T>(MEDIA_TYPES);
    }
}

/// Reads a JSON body of one of `media_types`.
pub(crate) async fn read_json<T: DeserializeOwned + 'static>(
    parts: &Parts,
    body: axum::body::Body,
    media_types: &[&'static str],
) -> Result<T, Problem> {
    let given = media_type(&parts.headers);
    if !given.as_deref().is_some_and(|given| media_types.contains(&given)) {
        return Err(unsupported(given.as_deref(), media_types));
    }
    let facts = facts(parts)?;
    let bytes = body::collect(body).await?;
    json::read(&bytes, shape::<T>(&facts, Place::Body)?)
}

/// The media type without its parameters, in lower case; `None` unless it is there exactly once.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let (only, None) = (all.next()?, all.next()) else { return None };
    Some(only.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase())
}

fn unsupported(given: Option<&str>, media_types: &[&'static str]) -> Problem {
    let given = given.map_or("none".to_owned(), |given| format!("{given:?}"));
    let wanted = media_types.join(" or ");
    let problem = Problem::new(&kinds::MEDIA_TYPE_UNSUPPORTED)
        .detail(format!("Content-Type has to be {wanted}, and is {given}."));
    match HeaderValue::from_str(&media_types.join(", ")) {
        Ok(accept) => problem.header(header::ACCEPT, accept),
        Err(_) => problem,
    }
}
