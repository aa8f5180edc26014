//! What a request shows of itself: a bearer token, or the session cookie of a browser with its defence against CSRF.
//!
//! The defence, after OWASP's cheat sheet: a cookie counts for a changing request only when the browser itself says that
//! the page is ours (`Sec-Fetch-Site: same-origin`). Where the browser says nothing, or another origin of ours is meant
//! (`origins`), `Origin` has to be ours *and* the token bound to the session has to come in `X-CSRF-Token`, which no
//! foreign page can read. Besides, the cookie is `SameSite=Lax`, and JSON bodies need a content type that no form sends.
//! A bearer token needs none of this: no browser adds it by itself.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::authority::Credential;
use crate::cookie::{cookie, set_cookie};
use crate::problem::{Problem, kinds};
use crate::secret::Secret;
use crate::stack::Client;

const CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const PURPOSE: &str = "csrf";

/// Cookie mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// The cookie's name; under TLS `__Host-` goes before it.
    pub cookie_name: &'static str,
    /// Further origins whose pages may act with the cookie and the CSRF token, as `https://app.example.org`.
    pub origins: Vec<String>,
}

impl Default for SessionSettings {
    fn default() -> SessionSettings {
        SessionSettings { cookie_name: "footfall_session", origins: Vec::new() }
    }
}

impl SessionSettings {
    /// `Set-Cookie` of a session; `None` for a value that is no plain token.
    pub fn cookie(&self, session: &str, max_age: Duration, client: &Client) -> Option<HeaderValue> {
        set_cookie(client, self.cookie_name, session, max_age)
    }

    /// `Set-Cookie` that removes the session's cookie.
    pub fn removal(&self, client: &Client) -> Option<HeaderValue> {
        set_cookie(client, self.cookie_name, "", Duration::ZERO)
    }
}

/// The token that goes with a session. Give it to the page in the answer of signing in.
pub fn csrf_token(secret: &Secret, session: &str) -> String {
    URL_SAFE_NO_PAD.encode(secret.sign(PURPOSE, &[session.as_bytes()]))
}

/// The credential of a request, defended.
pub(crate) fn read(
    parts: &Parts,
    settings: &SessionSettings,
    secret: &Secret,
    client: &Client,
) -> Result<Credential, Problem> {
    let headers = &parts.headers;
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(authorization) = authorizations.next() {
        if authorizations.next().is_some() {
            return Err(Problem::new(&kinds::CREDENTIALS_AMBIGUOUS).detail("Send one Authorization header."));
        }
        return bearer(authorization).map(Credential::Bearer).ok_or_else(missing);
    }
    let session = cookie(headers, client, settings.cookie_name).ok_or_else(missing)?;
    check_forgery(&parts.method, headers, settings, secret, client, session)?;
    Ok(Credential::Session(session.to_owned()))
}

fn missing() -> Problem {
    Problem::new(&kinds::CREDENTIALS_MISSING).detail("Send `Authorization: Bearer …` with a token or key, or sign in.")
}

fn bearer(authorization: &HeaderValue) -> Option<String> {
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && is_plain).then(|| token.to_owned())
}

fn check_forgery(
    method: &Method,
    headers: &HeaderMap,
    settings: &SessionSettings,
    secret: &Secret,
    client: &Client,
    session: &str,
) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(&kinds::CSRF_REFUSED).detail(detail));
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text(&FETCH_SITE);
    if site == Some("same-origin") {
        return Ok(());
    }
    let is_ours = |origin: &str| {
        settings.origins.iter().any(|own| own == origin)
            || (site.is_none() && client.origin().as_deref() == Some(origin))
    };
    match text(&header::ORIGIN) {
        Some(origin) if is_ours(origin) => {}
        Some(_) => return refused("The page that sent this is not one of ours."),
        None => return refused("A request with a cookie has to say where it comes from: Sec-Fetch-Site or Origin."),
    }
    let token = text(&CSRF_TOKEN).and_then(|token| URL_SAFE_NO_PAD.decode(token).ok()).unwrap_or_default();
    match secret.verify(PURPOSE, &[session.as_bytes()], &token) {
        true => Ok(()),
        false => refused("Send the CSRF token of the session as X-CSRF-Token."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use http::Request;

    const COOKIE: (&str, &str) = ("cookie", "a=b; footfall_session=s3ss1on; c=d");

    fn read_with(method: &str, headers: &[(&str, &str)]) -> Result<Credential, &'static str> {
        let mut request = Request::builder().method(method).uri("/v1/notes");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let client = Client { host: Some("footfall.example".into()), ..Client::default() };
        let settings = SessionSettings { origins: vec!["https://app.example".into()], ..SessionSettings::default() };
        read(&parts, &settings, &Secret::new([1; 32]), &client).map_err(|problem| problem.code())
    }

    fn token() -> String {
        csrf_token(&Secret::new([1; 32]), "s3ss1on")
    }

    #[test]
    fn a_bearer_token_is_read_and_goes_first() {
        let bearer = Ok(Credential::Bearer("t0ken".into()));
        assert_eq!(read_with("POST", &[("authorization", "bearer  t0ken")]), bearer);
        assert_eq!(read_with("POST", &[("authorization", "Bearer t0ken"), COOKIE]), bearer);
        for wrong in ["Bearer", "Bearer ", "Basic t0ken", "t0ken", "Bearer a b"] {
            assert_eq!(read_with("GET", &[("authorization", wrong), COOKIE]), Err("credentials_missing"), "{wrong}");
        }
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
        assert_eq!(read_with("GET", &twice), Err("credentials_ambiguous"));
        assert_eq!(read_with("GET", &[]), Err("credentials_missing"));
    }

    #[test]
    fn a_cookie_counts_for_reading_wherever_from() {
        let session = Ok(Credential::Session("s3ss1on".into()));
        assert_eq!(read_with("GET", &[COOKIE, ("sec-fetch-site", "cross-site")]), session);
        let twice = [COOKIE, ("cookie", "footfall_session=other")];
        assert_eq!(read_with("GET", &twice), Err("credentials_missing"));
    }

    #[test]
    fn a_cookie_counts_for_changes_from_our_pages_alone() {
        let token = token();
        let session = Ok(Credential::Session("s3ss1on".into()));
        let refused = Err("csrf_refused");
        let post = |headers: &[(&str, &str)]| read_with("POST", &[&[COOKIE], headers].concat());
        let (own, app, evil) = (
            ("origin", "http://footfall.example"),
            ("origin", "https://app.example"),
            ("origin", "https://evil.example"),
        );
        let csrf = ("x-csrf-token", token.as_str());
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), session);
        assert_eq!(post(&[own, csrf]), session);
        assert_eq!(post(&[app, csrf, ("sec-fetch-site", "cross-site")]), session);
        assert_eq!(post(&[]), refused);
        assert_eq!(post(&[csrf]), refused);
        assert_eq!(post(&[own]), refused, "no token");
        assert_eq!(post(&[app, ("sec-fetch-site", "cross-site")]), refused, "no token");
        for site in ["same-site", "cross-site", "none", "Same-Origin"] {
            assert_eq!(post(&[evil, csrf, ("sec-fetch-site", site)]), refused, "{site}");
            assert_eq!(post(&[own, csrf, ("sec-fetch-site", site)]), refused, "{site}: the origin may be rebound");
        }
        assert_eq!(post(&[("origin", "null"), csrf]), refused);
        assert_eq!(post(&[own, ("x-csrf-token", &csrf_token(&Secret::new([1; 32]), "other"))]), refused);
        assert_eq!(post(&[own, ("x-csrf-token", &csrf_token(&Secret::new([2; 32]), "s3ss1on"))]), refused);
    }
}
