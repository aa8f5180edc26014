//! An answer that can be given again.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};

/// Status, the headers that belong to the answer itself, and the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

/// No cookies, and nothing that belongs to one request alone.
const KEPT: [HeaderName; 5] =
    [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CACHE_CONTROL, header::LINK];
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const BODY_BYTES_MAX: usize = 1 << 20;

impl Recorded {
    /// Splits an answer into its record and itself. A body over a megabyte is an error: such a route takes no keys.
    pub(super) async fn of(response: Response) -> Result<(Recorded, Response), axum::Error> {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await?;
        let headers = KEPT.iter().filter_map(|name| Some((name.clone(), parts.headers.get(name)?.clone())));
        let recorded = Recorded { status: parts.status, headers: headers.collect(), body: body.clone() };
        Ok((recorded, Response::from_parts(parts, Body::from(body))))
    }

    /// False for answers after which another try makes sense.
    pub(super) fn is_final(status: StatusCode) -> bool {
        !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::REQUEST_TIMEOUT
    }

    pub(super) fn replay(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}
