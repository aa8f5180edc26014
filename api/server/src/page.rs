//! The first page: files of `dashboards/live`, part of the executable. Nothing is loaded from elsewhere.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        Asset {
            name: $name,
            content_type: $content_type,
            text: include_str!(concat!("../../../dashboards/live/assets/", $name)),
        }
    };
}

const ASSETS: &[Asset] = &[
    asset!("app.js", "text/javascript; charset=utf-8"),
    asset!("ask.js", "text/javascript; charset=utf-8"),
    asset!("chart.js", "text/javascript; charset=utf-8"),
    asset!("dom.js", "text/javascript; charset=utf-8"),
    asset!("live.js", "text/javascript; charset=utf-8"),
    asset!("sql.js", "text/javascript; charset=utf-8"),
    asset!("style.css", "text/css; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
];

/// One version for all files: the scripts import each other by it.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    INDEX.hash(&mut hasher);
    ASSETS.iter().for_each(|asset| asset.text.hash(&mut hasher));
    format!("{:016x}", hasher.finish())
});

const INDEX: &str = include_str!("../../../dashboards/live/index.html");

/// `?v=1` in the files stands for the version, so that a browser may keep what it has for ever.
fn versioned(text: &str) -> String {
    text.replace("?v=1", &format!("?v={}", *VERSION))
}

/// The page's routes: files that everybody may have.
pub fn pages() -> Router {
    Router::new().route("/", get(index)).route("/assets/{name}", get(asset))
}

async fn index(headers: HeaderMap) -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| versioned(INDEX));
    file(&headers, "text/html; charset=utf-8", &PAGE, false)
}

async fn asset(Path(name): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    static FILES: LazyLock<Vec<String>> = LazyLock::new(|| ASSETS.iter().map(|asset| versioned(asset.text)).collect());
    let Some((asset, text)) = ASSETS.iter().zip(FILES.iter()).find(|(asset, _)| asset.name == name) else {
        return footfall_api_http::Problem::new(&footfall_api_http::kinds::ROUTE_UNKNOWN)
            .detail("The page has no such file.")
            .into_response();
    };
    let current = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(VERSION.as_str());
    file(&headers, asset.content_type, text, current)
}

fn file(request: &HeaderMap, content_type: &'static str, text: &'static str, keep: bool) -> Response {
    static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
        HeaderValue::from_str(&format!("\"{}\"", *VERSION)).unwrap_or(HeaderValue::from_static("\"0\""))
    });
    let caching = if keep { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::ETAG, TAG.clone()),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ];
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let tag = TAG.to_str().unwrap_or_default();
    if known.flat_map(|tags| tags.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, text).into_response()
}
