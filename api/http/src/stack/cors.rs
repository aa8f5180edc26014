//! Which foreign pages may read answers (Fetch, section 3.2). By default none.

use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const SENT: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, x-csrf-token, x-request-id";
const READ: &str = "etag, idempotency-replayed, link, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";

/// Origins of foreign pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Exactly these, as `https://app.example.org`.
    These(Vec<String>),
    /// Every one. Never with cookies.
    Any,
}

/// What foreign pages may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    pub origins: AllowedOrigins,
    /// With cookies. Such origins have to stand in the session's settings as well.
    pub credentials: bool,
    /// How long a browser keeps the answer to its preflight.
    pub max_age: Duration,
}

impl Default for Cors {
    fn default() -> Cors {
        Cors { origins: AllowedOrigins::These(Vec::new()), credentials: false, max_age: Duration::from_secs(3600) }
    }
}

impl Cors {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match &self.origins {
            AllowedOrigins::Any if self.credentials => Err("CORS: every origin and cookies do not go together"),
            AllowedOrigins::These(origins) if !origins.iter().all(|origin| is_origin(origin)) => {
                Err("CORS: an origin is scheme://host[:port] and nothing behind")
            }
            _ => Ok(()),
        }
    }

    /// The origin that asks, if there is one.
    pub(super) fn asked(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        headers.get(header::ORIGIN).cloned()
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            AllowedOrigins::Any => true,
            AllowedOrigins::These(origins) => origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()),
        }
    }

    /// The answer to a preflight of an origin that is allowed; everything else goes its way.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let origin = request.headers().get(header::ORIGIN).filter(|origin| self.allows(origin));
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || origin.is_none() {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(SENT));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age.as_secs()));
        Some(response)
    }

    /// Lets the page of an allowed origin read the answer.
    pub(super) fn allow(&self, asked: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.origins == AllowedOrigins::These(Vec::new()) {
            return;
        }
        let is_any = self.origins == AllowedOrigins::Any;
        if !is_any {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = asked.filter(|origin| self.allows(origin)) else { return };
        let allowed = if is_any { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READ));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.origin().is_tuple() && url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn cors(origins: &[&str], credentials: bool) -> Cors {
        let origins = AllowedOrigins::These(origins.iter().map(|origin| (*origin).to_owned()).collect());
        Cors { origins, credentials, ..Cors::default() }
    }

    fn allowed(cors: &Cors, origin: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        cors.allow(Some(&HeaderValue::from_static(origin)), &mut headers);
        headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|origin| origin.to_str().unwrap().to_owned())
    }

    #[test]
    fn only_listed_origins_may_read() {
        let app = cors(&["https://app.example"], true);
        assert_eq!(allowed(&app, "https://app.example").as_deref(), Some("https://app.example"));
        for other in
            ["https://app.example.evil", "http://app.example", "null", "https://app.example:444", "https://evil"]
        {
            assert_eq!(allowed(&app, other), None, "{other}");
        }
        assert_eq!(allowed(&Cors::default(), "https://app.example"), None);
        let any = Cors { origins: AllowedOrigins::Any, ..Cors::default() };
        assert_eq!(allowed(&any, "https://evil.example").as_deref(), Some("*"));
    }

    #[test]
    fn unsafe_and_misspelt_settings_are_refused() {
        assert!(Cors { origins: AllowedOrigins::Any, credentials: true, ..Cors::default() }.check().is_err());
        assert!(cors(&["https://app.example"], true).check().is_ok());
        for wrong in ["https://app.example/", "app.example", "*", "https://APP.example", "https://app.example:443", ""]
        {
            assert!(cors(&[wrong], false).check().is_err(), "{wrong}");
        }
    }
}
