//! Paths and handlers: which request is sent which way, and answered in which words.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use http::request::Parts;
use serde_json::json;

use crate::dialect::Dialect;
use crate::doors::{Doors, count_refused};
use crate::fault::Fault;
use crate::head::Head;
use crate::wire::Wire;
use crate::{answer, cors, posthog_v1, rudder, segment, starting};

/// Every door, as one router to be merged with others.
pub fn router(state: Doors) -> Router {
    let routes = Router::new().merge(segment_routes()).merge(rudder_routes()).merge(posthog_routes());
    let routes = routes.route("/v1/activity", post(native));
    routes.route_layer(from_fn(cors::open)).layer(axum::extract::DefaultBodyLimit::disable()).with_state(state)
}

fn segment_routes() -> Router<Doors> {
    let mut routes = Router::new();
    for call in ["track", "identify", "page", "screen", "group", "alias", "merge", "t", "i", "p", "s", "g", "a"] {
        routes = routes.route(&format!("/v1/{call}"), post(segment_call));
    }
    for batch in ["batch", "import", "b"] {
        routes = routes.route(&format!("/v1/{batch}"), post(segment_batch));
    }
    routes.route("/v1/m", post(client_metrics)).route("/v1/projects/{key}/settings", get(starting::segment_settings))
}

fn rudder_routes() -> Router<Doors> {
    Router::new()
        .route("/pixel/v1/track", get(rudder_pixel))
        .route("/pixel/v1/page", get(rudder_pixel))
        .route("/beacon/v1/batch", post(rudder_beacon))
        .route("/sourceConfig", get(starting::rudder_source_config))
        .route("/sourceConfig/", get(starting::rudder_source_config))
}

fn posthog_routes() -> Router<Doors> {
    let mut routes = Router::new();
    for path in ["/i/v0/e", "/e", "/capture", "/track", "/engage"] {
        let door = get(posthog_event).post(posthog_event);
        routes = routes.route(path, door.clone()).route(&format!("{path}/"), door);
    }
    for path in ["/batch", "/batch/"] {
        routes = routes.route(path, get(posthog_batch).post(posthog_batch));
    }
    for path in ["/i/v1/analytics/events", "/i/v1/events/analytics", "/i/v1/e"] {
        routes = routes.route(path, post(posthog_v1)).route(&format!("{path}/"), post(posthog_v1));
    }
    routes
        .route("/array/{token}/config", get(starting::posthog_config))
        .route("/array/{token}/config.js", get(starting::posthog_config_script))
}

async fn segment_call(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let call = segment::call_of(parts.uri.path().rsplit('/').next().unwrap_or_default()).unwrap_or("track");
    answer::segment(doors.accept(Wire::SegmentCall(call), head_of(&parts), body).await)
}

async fn segment_batch(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    answer::segment(doors.accept(Wire::SegmentBatch, head_of(&parts), body).await)
}

/// The browser client's own measurements of itself: taken and dropped.
async fn client_metrics() -> Response {
    answer::json(200, &json!({"success": true}))
}

async fn rudder_pixel(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let call = if parts.uri.path().ends_with("page") { "page" } else { "track" };
    let body = rudder::pixel_body(parts.uri.query().unwrap_or_default(), call);
    answer::pixel(doors.accept(Wire::RudderPixel(call), head_of(&parts), Body::from(body)).await)
}

async fn rudder_beacon(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    answer::rudder(doors.accept(Wire::RudderBeacon, head_of(&parts), body).await)
}

async fn posthog_event(State(doors): State<Doors>, request: Request) -> Response {
    posthog_v0(doors, request, |base64| Wire::PosthogEvent { base64 }).await
}

async fn posthog_batch(State(doors): State<Doors>, request: Request) -> Response {
    posthog_v0(doors, request, |base64| Wire::PosthogBatch { base64 }).await
}

async fn posthog_v0(doors: Doors, request: Request, wire: fn(bool) -> Wire) -> Response {
    let (parts, body) = request.into_parts();
    let head = head_of(&parts);
    // A GET has its event in `?data=`; the query is a form like any other.
    let body = match (&parts.method, parts.uri.query()) {
        (&Method::GET, Some(query)) => Body::from(query.to_owned()),
        _ => body,
    };
    answer::posthog_v0(doors.accept(wire(head.base64), head, body).await)
}

async fn posthog_v1(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_json = header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    let stamp = match posthog_v1::Stamp::read(header) {
        _ if !is_json => Err(Fault::MediaType),
        stamp => stamp.map_err(Fault::Body),
    };
    let taken = match stamp {
        Ok(stamp) => doors.accept(Wire::PosthogV1(stamp), head_of(&parts), body).await,
        Err(fault) => {
            count_refused(Dialect::Posthog.as_str(), &fault);
            Err(fault)
        }
    };
    let mut response = answer::posthog_v1(taken);
    if let Some(request_id) = parts.headers.get("posthog-request-id") {
        response.headers_mut().insert("posthog-request-id", request_id.clone());
    }
    response
}

async fn native(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let head = head_of(&parts);
    let verbose = head.verbose;
    answer::native(doors.accept(Wire::Native, head, body).await, verbose)
}

fn head_of(parts: &Parts) -> Head {
    Head::of(&parts.headers, &parts.uri)
}
