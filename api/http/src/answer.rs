//! What handlers answer with. The type says status, headers and body to the document.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::revision::Revision;
use crate::table::{Answer, Operation};

const JSON: &str = "application/json";
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// 200 with a resource and its revision as `ETag`. A reader that has this revision gets 304 instead.
#[derive(Debug, Clone)]
pub struct Shown<T>(pub Revision, pub T);

impl<T: Serialize> IntoResponse for Shown<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        response.headers_mut().insert(header::ETAG, self.0.tag());
        response.headers_mut().insert(header::CACHE_CONTROL, PRIVATE);
        response
    }
}

impl<T: Serialize + JsonSchema> Answer for Shown<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.answer_schema::<T>();
        operation.replies(StatusCode::OK, "The resource as it is now.", &["ETag"], vec![(JSON, schema)]);
    }
}

/// The same for a resource that is told with numbers of the moment, which change without a revision: it is told anew each time.
#[derive(Debug, Clone)]
pub struct ShownAnew<T>(pub Revision, pub T);

impl<T: Serialize> IntoResponse for ShownAnew<T> {
    fn into_response(self) -> Response {
        let mut response = Told(self.1).into_response();
        response.headers_mut().insert(header::ETAG, self.0.tag());
        response
    }
}

impl<T: Serialize + JsonSchema> Answer for ShownAnew<T> {
    fn describe(operation: &mut Operation<'_>) {
        Shown::<T>::describe(operation);
    }
}

/// 200 with a value that has no revision.
#[derive(Debug, Clone)]
pub struct Told<T>(pub T);

impl<T: Serialize> IntoResponse for Told<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.0).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl<T: Serialize + JsonSchema> Answer for Told<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.answer_schema::<T>();
        operation.replies(StatusCode::OK, "The answer.", &[], vec![(JSON, schema)]);
    }
}

/// 201 with the new resource, its revision as `ETag` and its path as `Location`.
#[derive(Debug, Clone)]
pub struct Created<T> {
    location: HeaderValue,
    revision: Revision,
    value: T,
}

impl<T> Created<T> {
    /// `segments` of the path are encoded, so that nothing in them can reach beyond their place.
    pub fn new(segments: &[&str], revision: Revision, value: T) -> Created<T> {
        Created { location: crate::path(segments), revision, value }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, Json(self.value)).into_response();
        response.headers_mut().insert(header::LOCATION, self.location);
        response.headers_mut().insert(header::ETAG, self.revision.tag());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl<T: Serialize + JsonSchema> Answer for Created<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.answer_schema::<T>();
        operation.replies(StatusCode::CREATED, "The new resource.", &["Location", "ETag"], vec![(JSON, schema)]);
    }
}

/// 204: done, and there is nothing to say.
#[derive(Debug, Clone, Copy)]
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Answer for Done {
    fn describe(operation: &mut Operation<'_>) {
        operation.replies(StatusCode::NO_CONTENT, "Done.", &[], Vec::new());
    }
}
