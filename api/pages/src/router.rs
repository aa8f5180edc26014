//! The routes of the pages.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;

use crate::answer::{Keep, asset_unknown, built, file, framed};
use crate::application;
use crate::files::{ACCOUNT_PAGE, LIVE_PAGE, Page, VERSION, asset};

/// All pages and their files. To be merged with the routers of the APIs that the pages ask.
pub fn router() -> Router {
    Router::new()
        .route("/", page(&LIVE_PAGE))
        .route("/account", page(&ACCOUNT_PAGE))
        .route("/account/", page(&ACCOUNT_PAGE))
        .route("/account/{*place}", page(&ACCOUNT_PAGE))
        .route("/app", get(application_page))
        .route("/app/", get(application_page))
        .route("/app/{*place}", get(application_page))
        .route("/shared", get(application_page))
        .route("/assets/app/{name}", get(application_file))
        .route("/assets/{*path}", get(asset_of))
}

fn page(page: &'static Page) -> axum::routing::MethodRouter {
    let show = move |headers: HeaderMap| async move {
        file(&headers, "text/html; charset=utf-8", page.text(), Keep::WhileSame)
    };
    get(show)
}

async fn asset_of(Path(path): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let Some((asset, text)) = asset(&path) else { return asset_unknown() };
    let is_current = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(VERSION.as_str());
    file(&headers, asset.content_type, text, if is_current { Keep::ForEver } else { Keep::WhileSame })
}

async fn application_page(headers: HeaderMap) -> Response {
    application::page().map_or_else(asset_unknown, |page| built(&headers, page, Keep::WhileSame))
}

/// The application's page for a frame. `ancestors`: whose pages may hold it, separated by spaces; `None`: nobody's.
pub fn embedded(headers: &HeaderMap, ancestors: Option<&str>) -> Response {
    let page = application::page().map_or_else(asset_unknown, |page| built(headers, page, Keep::WhileSame));
    framed(page, ancestors)
}

async fn application_file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    application::built(&name).map_or_else(asset_unknown, |file| built(&headers, file, Keep::ForEver))
}
