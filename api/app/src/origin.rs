//! Where a request comes from, for the audit.

use axum::extract::FromRequestParts;
use footfall_api_access::Origin;
use footfall_api_http::{Client, Describe, Operation, Problem, RequestId};
use http::request::Parts;

/// The origin of a request, as handlers take it.
#[derive(Debug, Clone)]
pub struct Whence(pub Origin);

impl<S: Send + Sync> FromRequestParts<S> for Whence {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Whence, Problem> {
        let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
        let request_id = parts.extensions.get::<RequestId>().map_or("", RequestId::as_str);
        Ok(Whence(origin_of(&client, request_id)))
    }
}

impl Describe for Whence {
    fn describe(_: &mut Operation<'_>) {}
}

/// The place is not known: nothing here locates addresses.
pub(crate) fn origin_of(client: &Client, request_id: &str) -> Origin {
    Origin::new(&client.address.to_string(), client.user_agent.as_deref().unwrap_or_default(), "", request_id)
}
