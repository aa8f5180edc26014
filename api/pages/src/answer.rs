//! How a file is answered: with the policy that binds it, and so that browsers ask as seldom as possible.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::application::Built;
use crate::files::VERSION;

/// Own files and nothing inline. The pages build elements and never text of HTML, so trusted types can be refused altogether.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), \
     publickey-credentials-get=(self), publickey-credentials-create=(self)";

static ALWAYS: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
];

/// How long a browser may keep a file.
#[derive(Clone, Copy)]
pub(crate) enum Keep {
    /// It was asked for by its version.
    ForEver,
    /// As long as the `ETag` says that it is the same.
    WhileSame,
}

pub(crate) fn file(request: &HeaderMap, content_type: &'static str, text: &'static str, keep: Keep) -> Response {
    static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
        HeaderValue::from_str(&format!("\"{}\"", *VERSION)).unwrap_or(HeaderValue::from_static("\"0\""))
    });
    whole(request, TAG.clone(), keep, || ([(header::CONTENT_TYPE, content_type)], text).into_response())
}

/// A file of the application, compressed for whoever takes that.
pub(crate) fn built(request: &HeaderMap, built: &'static Built, keep: Keep) -> Response {
    let tag = HeaderValue::from_str(&built.tag).unwrap_or(HeaderValue::from_static("\"0\""));
    let takes = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_packed = !built.gzip.is_empty() && takes.split(',').any(|coding| coding.trim() == "gzip");
    let mut response = whole(request, tag, keep, || {
        let content_type = (header::CONTENT_TYPE, built.content_type);
        match is_packed {
            true => ([content_type, (header::CONTENT_ENCODING, "gzip")], built.gzip.as_slice()).into_response(),
            false => ([content_type], built.text).into_response(),
        }
    });
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// The answer, or 304 where the browser has it.
fn whole(request: &HeaderMap, tag: HeaderValue, keep: Keep, content: impl FnOnce() -> Response) -> Response {
    let caching = match keep {
        Keep::ForEver => "public, max-age=31536000, immutable",
        Keep::WhileSame => "no-cache",
    };
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let own = tag.to_str().unwrap_or_default();
    let is_known = known.flat_map(|tags| tags.split(',')).any(|known| known.trim().trim_start_matches("W/") == own);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => content(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response.headers_mut().insert(header::ETAG, tag);
    secured(response)
}

/// 404 as a problem (RFC 9457), like those of the API.
pub(crate) fn asset_unknown() -> Response {
    const BODY: &str = r#"{"type":"/problems/asset_unknown","title":"The pages have no such file.","status":404,"code":"asset_unknown"}"#;
    let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
    secured((StatusCode::NOT_FOUND, headers, BODY).into_response())
}

/// The same page where others may hold it in a frame; only routes of embedded dashboards ask for this.
pub(crate) fn framed(mut page: Response, ancestors: Option<&str>) -> Response {
    let policy =
        ancestors.map(|ancestors| POLICY.replace("frame-ancestors 'none'", &format!("frame-ancestors {ancestors}")));
    if let Some(policy) = policy.and_then(|policy| HeaderValue::from_str(&policy).ok()) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        // It knows no list of origins; browsers that know `frame-ancestors` go by that.
        page.headers_mut().remove(header::X_FRAME_OPTIONS);
    }
    // Who may hold it changes with the share, and the file does not.
    page.headers_mut().remove(header::ETAG);
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}

fn secured(mut response: Response) -> Response {
    response.headers_mut().extend(ALWAYS.iter().cloned());
    response
}
