//! Cookie mode: the tokens of a session in two cookies that no script reads, and the defence of the routes that set them.
//!
//! The session cookie holds the access token, the refresh cookie the refresh token. Every route behind the guard has the guard's
//! defence against CSRF; signing in and refreshing stand before it, so they check here that a page of ours asks.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use footfall_api_access::Tokens;
use footfall_api_http::{
    Answer, Client, Operation, Problem, Secret, SessionSettings, Time, cookie, csrf_token, kinds, set_cookie,
};
use footfall_ingest_activity::{Clock, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const REFRESH_COOKIE: &str = "footfall_refresh";

/// How a session's tokens are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In the answer: for programs, which keep them. The default.
    Bearer,
    /// In cookies that no script reads: for pages of this server.
    Cookie,
}

/// A session that has begun or goes on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionGrant {
    account_id: String,
    session_id: String,
    access_expires_at: Time,
    refresh_expires_at: Time,
    /// For `Authorization: Bearer`; not in cookie mode.
    access_token: Option<String>,
    /// Good once, for a refresh; not in cookie mode.
    refresh_token: Option<String>,
    /// In cookie mode, for `X-CSRF-Token` where the browser does not say where a request comes from.
    csrf_token: Option<String>,
}

/// A new access token of a session that goes on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccessGrant {
    access_expires_at: Time,
    access_token: Option<String>,
    csrf_token: Option<String>,
}

/// 200 with `T`, and cookies.
#[derive(Debug)]
pub struct Answered<T> {
    body: T,
    cookies: Vec<HeaderValue>,
}

impl<T> Answered<T> {
    pub(crate) fn plain(body: T) -> Answered<T> {
        Answered { body, cookies: Vec::new() }
    }

    pub(crate) fn with(mut self, cookie: HeaderValue) -> Answered<T> {
        self.cookies.push(cookie);
        self
    }

    pub(crate) fn map<R>(self, change: impl FnOnce(T) -> R) -> Answered<R> {
        Answered { body: change(self.body), cookies: self.cookies }
    }
}

impl<T: Serialize> IntoResponse for Answered<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        set(self.cookies, response)
    }
}

impl<T: Serialize + JsonSchema> Answer for Answered<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.answer_schema::<T>();
        operation.replies(StatusCode::OK, "The answer; cookies as asked for.", &[], vec![("application/json", schema)]);
    }
}

/// 204, and cookies.
#[derive(Debug)]
pub struct DoneWith(pub(crate) Vec<HeaderValue>);

impl IntoResponse for DoneWith {
    fn into_response(self) -> Response {
        set(self.0, StatusCode::NO_CONTENT.into_response())
    }
}

fn set(cookies: Vec<HeaderValue>, mut response: Response) -> Response {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

impl Answer for DoneWith {
    fn describe(operation: &mut Operation<'_>) {
        operation.replies(StatusCode::NO_CONTENT, "Done.", &[], Vec::new());
    }
}

/// Knows the cookies.
pub(crate) struct Browsers {
    settings: SessionSettings,
    secret: Secret,
    /// `https://footfall.example.org`
    origin: String,
    clock: std::sync::Arc<dyn Clock>,
}

impl Browsers {
    pub(crate) fn new(
        settings: SessionSettings,
        secret: Secret,
        public_url: &str,
        clock: std::sync::Arc<dyn Clock>,
    ) -> Browsers {
        // Scheme and authority: what browsers send as `Origin`, without the default port.
        let end = public_url.match_indices('/').nth(2).map_or(public_url.len(), |(at, _)| at);
        let origin = public_url[..end].to_ascii_lowercase();
        let default_port = if origin.starts_with("https:") { ":443" } else { ":80" };
        let origin = origin.strip_suffix(default_port).unwrap_or(&origin).to_owned();
        Browsers { settings, secret, origin, clock }
    }

    /// Refuses to set or take cookies for another's page: else it could sign its visitor in to an account of its own, or use up
    /// the refresh token.
    pub(crate) fn check_page(&self, mode: Option<Mode>, headers: &HeaderMap) -> Result<(), Problem> {
        if mode != Some(Mode::Cookie) {
            return Ok(());
        }
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let origin = text("origin");
        let is_listed = origin.is_some_and(|origin| self.settings.origins.iter().any(|own| own == origin));
        let is_ours = match text("sec-fetch-site") {
            Some("same-origin") => true,
            Some(_) => is_listed,
            None => is_listed || origin == Some(&self.origin),
        };
        if is_ours {
            return Ok(());
        }
        Err(Problem::new(&kinds::CSRF_REFUSED)
            .detail("Cookies are for pages of this server: Sec-Fetch-Site or Origin has to say so."))
    }

    /// The tokens of a session, in the answer or in cookies.
    pub(crate) fn grant(
        &self,
        tokens: Tokens,
        mode: Option<Mode>,
        client: &Client,
    ) -> Result<Answered<SessionGrant>, Problem> {
        let refresh = set_cookie(client, REFRESH_COOKIE, &tokens.refresh, self.age(tokens.refresh_expires_at));
        let renewed = self.renew(tokens.access, tokens.access_expires_at, mode, client)?;
        let is_cookie = mode == Some(Mode::Cookie);
        let AccessGrant { access_expires_at, access_token, csrf_token } = renewed.body;
        let body = SessionGrant {
            account_id: tokens.account,
            session_id: tokens.session,
            access_expires_at,
            refresh_expires_at: tokens.refresh_expires_at.into(),
            access_token,
            refresh_token: (!is_cookie).then_some(tokens.refresh),
            csrf_token,
        };
        let answered = Answered { body, cookies: renewed.cookies };
        Ok(if is_cookie { answered.with(refresh.ok_or_else(unwritable)?) } else { answered })
    }

    /// A new access token of a session, in the answer or in its cookie.
    pub(crate) fn renew(
        &self,
        access: String,
        expires_at: Timestamp,
        mode: Option<Mode>,
        client: &Client,
    ) -> Result<Answered<AccessGrant>, Problem> {
        if mode != Some(Mode::Cookie) {
            let access_token = Some(access);
            return Ok(Answered::plain(AccessGrant {
                access_expires_at: expires_at.into(),
                access_token,
                csrf_token: None,
            }));
        }
        let cookie = self.settings.cookie(&access, self.age(expires_at), client).ok_or_else(unwritable)?;
        let csrf_token = Some(csrf_token(&self.secret, &access));
        let body = AccessGrant { access_expires_at: expires_at.into(), access_token: None, csrf_token };
        Ok(Answered::plain(body).with(cookie))
    }

    /// The refresh token of the cookie.
    pub(crate) fn refresh_token<'a>(&self, headers: &'a HeaderMap, client: &Client) -> Option<&'a str> {
        cookie(headers, client, REFRESH_COOKIE)
    }

    /// Removes both cookies.
    pub(crate) fn removal(&self, client: &Client) -> Vec<HeaderValue> {
        let refresh = set_cookie(client, REFRESH_COOKIE, "", Duration::ZERO);
        [self.settings.removal(client), refresh].into_iter().flatten().collect()
    }

    fn age(&self, until: Timestamp) -> Duration {
        let millis = until.millis_since(self.clock.now()).max(0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

fn unwritable() -> Problem {
    Problem::internal("a token cannot stand in a cookie")
}
