//! The table of routes: path, method, who may call, what it is for. The router, the tests and the documents come from it.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::{Method, StatusCode};

use crate::access::{Access, authorise};
use crate::{Api, Problem, health, live, operator, page, request, sql, tables, telemetry};

/// One route. A path has one row.
pub struct Route {
    pub method: Method,
    /// In axum's notation.
    pub path: &'static str,
    pub access: Access,
    /// One sentence for the documents.
    pub about: &'static str,
    handler: fn() -> MethodRouter<Api>,
}

const fn route(
    method: Method,
    path: &'static str,
    access: Access,
    handler: fn() -> MethodRouter<Api>,
    about: &'static str,
) -> Route {
    Route { method, path, access, about, handler }
}

use Access::{Metrics, Operator, Public, ReadKey};

/// Every route of this crate.
pub static ROUTES: &[Route] = &[
    route(Method::GET, "/", Public, || get(page::index), "The first page."),
    route(Method::GET, "/assets/{name}", Public, || get(page::asset), "Scripts and styles of the page."),
    route(Method::GET, "/healthz", Public, || get(health::alive), "200 while the process answers."),
    route(
        Method::GET,
        "/readyz",
        Public,
        || get(health::ready),
        "200 when it can do its work, else 503 with the reasons.",
    ),
    route(Method::GET, "/metrics", Metrics, || get(telemetry::metrics), "Metrics in Prometheus' text format."),
    route(
        Method::POST,
        "/v1/sql",
        ReadKey,
        || post(sql::answer),
        "Answers a question in SQL, in the format of Accept.",
    ),
    route(Method::GET, "/v1/tables", ReadKey, || get(tables::describe), "The tables and their columns in words."),
    route(Method::GET, "/v1/live", ReadKey, || get(live::listen), "Activity as it arrives: server-sent events."),
    route(
        Method::GET,
        "/v1/operator/imports/{id}",
        Operator,
        || get(operator::import_account),
        "What became of the activities of an import.",
    ),
    route(Method::POST, "/v1/operator/flush", Operator, || post(operator::flush), "Makes everything visible durable."),
    route(Method::POST, "/v1/operator/compact", Operator, || post(operator::compact), "Joins the lake's small files."),
];

/// All routes with their access, limits, request ids and tracing. It has a fallback: merge only routers without one.
pub fn router(api: Api) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        let guard = middleware::from_fn_with_state((api.clone(), route.access), authorise);
        router.route(route.path, (route.handler)().route_layer(guard))
    });
    let (clock, body_bytes_max) = (api.clock.clone(), api.settings.body_bytes_max);
    let routes = routes
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .with_state(api);
    request::around(routes, clock)
}

async fn unknown(request: Request) -> Problem {
    let detail = format!("Nothing is at {} {}.", request.method(), request.uri().path());
    Problem::new(StatusCode::NOT_FOUND, "route_unknown").detail(detail)
}

async fn wrong_method(request: Request) -> Response {
    let detail = format!("{} does not go with {}.", request.method(), request.uri().path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").detail(detail).into_response()
}
