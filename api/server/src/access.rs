//! Who may call a route: one layer in front of every handler, chosen by the table of routes.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{Api, Problem};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever holds a read key; sees the key's project alone.
    ReadKey,
    /// The operator of this installation.
    Operator,
    /// Everybody, or the operator alone where the settings say so.
    Metrics,
}

/// Whom a read key belongs to. Handlers get it as an `Extension`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    pub project: Arc<str>,
}

/// Knows the read keys.
pub trait ReadKeys: Send + Sync + 'static {
    /// The reader that holds `key`; `None` when the key is unknown or revoked.
    fn reader(&self, key: &str) -> Option<Reader>;
}

/// The operator's token. Its text is neither printed nor compared byte by byte until the first difference.
#[derive(Clone)]
pub struct OperatorToken(Arc<str>);

impl OperatorToken {
    /// A token; `None` when `token` is shorter than 16 bytes and so could be guessed.
    pub fn new(token: &str) -> Option<OperatorToken> {
        (token.len() >= 16).then(|| OperatorToken(token.into()))
    }

    /// True when `presented` is the token. Takes the same time wherever they differ.
    pub fn matches(&self, presented: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), presented.as_bytes());
        let differing = own
            .iter()
            .enumerate()
            .fold(0u8, |differing, (at, byte)| differing | (byte ^ other.get(at).copied().unwrap_or(!byte)));
        std::hint::black_box(differing) == 0 && own.len() == other.len()
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

/// The layer: lets a request through or answers 401.
pub(crate) async fn authorise(
    State((api, access)): State<(Api, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    let allowed = match access {
        Access::Public => Ok(()),
        Access::Metrics if !api.settings.metrics_need_operator => Ok(()),
        Access::ReadKey => reader(&api, request.headers()).map(|reader| {
            request.extensions_mut().insert(reader);
        }),
        Access::Operator | Access::Metrics => operator(&api, request.headers()),
    };
    match allowed {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn reader(api: &Api, headers: &HeaderMap) -> Result<Reader, Problem> {
    const HOW: &str =
        "Create a read key with `footfall keys create --kind read` and send it as `Authorization: Bearer ffr_…`.";
    let key =
        bearer(headers).ok_or_else(|| unauthorised("key_missing", format!("This needs a read key. {HOW}"), ""))?;
    if key.starts_with("ffw_") {
        return Err(refused("key_kind", format!("This is a write key: it sends activity and reads nothing. {HOW}")));
    }
    api.read_keys
        .reader(key)
        .ok_or_else(|| refused("key_refused", format!("This read key is unknown or revoked. {HOW}")))
}

fn operator(api: &Api, headers: &HeaderMap) -> Result<(), Problem> {
    const HOW: &str = "Send the operator token of this installation as `Authorization: Bearer …`.";
    let Some(token) = bearer(headers) else {
        return Err(unauthorised("operator_token_missing", format!("This is for the operator. {HOW}"), ""));
    };
    match &api.operator {
        Some(own) if own.matches(token) => Ok(()),
        _ => Err(refused("operator_token_refused", format!("This is not the operator token. {HOW}"))),
    }
}

fn refused(code: &'static str, detail: String) -> Problem {
    unauthorised(code, detail, ", error=\"invalid_token\"")
}

fn unauthorised(code: &'static str, detail: String, error: &'static str) -> Problem {
    let challenge = HeaderValue::from_str(&format!("Bearer realm=\"footfall\"{error}"));
    let problem = Problem::new(StatusCode::UNAUTHORIZED, code).detail(detail);
    match challenge {
        Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
        Err(_) => problem,
    }
}

/// The token of `Authorization: Bearer`; the scheme's case does not matter.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
