//! Paths and handlers: which request is sent which way, and answered in which words.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::Method;
use http::request::Parts;
use serde_json::json;

use crate::dialect::Dialect;
use crate::doors::{Doors, count_refused};
use crate::fault::Fault;
use crate::head::Head;
use crate::keys::WriteKeys;
use crate::wire::Wire;
use crate::{answer, cors, posthog_v1, rudder, segment, starting};

/// What Segment's client for browsers asks for when it starts.
const SETTINGS: &str = "/v1/projects/{key}/settings";

/// The other doors: their paths, and what answers there. Proxies before several processes know them too: `tests/it/deploy.rs` takes every
/// text of this file that begins with a slash for such a path.
fn table() -> [(&'static str, MethodRouter<Doors>); 43] {
    [
        ("/v1/activity", post(native)),
        ("/v1/track", post(segment_call)),
        ("/v1/identify", post(segment_call)),
        ("/v1/page", post(segment_call)),
        ("/v1/screen", post(segment_call)),
        ("/v1/group", post(segment_call)),
        ("/v1/alias", post(segment_call)),
        ("/v1/merge", post(segment_call)),
        ("/v1/t", post(segment_call)),
        ("/v1/i", post(segment_call)),
        ("/v1/p", post(segment_call)),
        ("/v1/s", post(segment_call)),
        ("/v1/g", post(segment_call)),
        ("/v1/a", post(segment_call)),
        ("/v1/batch", post(segment_batch)),
        ("/v1/import", post(segment_batch)),
        ("/v1/b", post(segment_batch)),
        ("/v1/m", post(client_metrics)),
        ("/pixel/v1/track", get(rudder_pixel)),
        ("/pixel/v1/page", get(rudder_pixel)),
        ("/beacon/v1/batch", post(rudder_beacon)),
        ("/sourceConfig", get(starting::rudder_source_config)),
        ("/sourceConfig/", get(starting::rudder_source_config)),
        ("/i/v0/e", get(posthog_event).post(posthog_event)),
        ("/i/v0/e/", get(posthog_event).post(posthog_event)),
        ("/e", get(posthog_event).post(posthog_event)),
        ("/e/", get(posthog_event).post(posthog_event)),
        ("/capture", get(posthog_event).post(posthog_event)),
        ("/capture/", get(posthog_event).post(posthog_event)),
        ("/track", get(posthog_event).post(posthog_event)),
        ("/track/", get(posthog_event).post(posthog_event)),
        ("/engage", get(posthog_event).post(posthog_event)),
        ("/engage/", get(posthog_event).post(posthog_event)),
        ("/batch", get(posthog_batch).post(posthog_batch)),
        ("/batch/", get(posthog_batch).post(posthog_batch)),
        ("/i/v1/analytics/events", post(posthog_v1)),
        ("/i/v1/analytics/events/", post(posthog_v1)),
        ("/i/v1/events/analytics", post(posthog_v1)),
        ("/i/v1/events/analytics/", post(posthog_v1)),
        ("/i/v1/e", post(posthog_v1)),
        ("/i/v1/e/", post(posthog_v1)),
        ("/array/{token}/config", get(starting::posthog_config)),
        ("/array/{token}/config.js", get(starting::posthog_config_script)),
    ]
}

/// Every door, as one router to be merged with others.
pub fn router(state: Doors) -> Router {
    let settings = settings_router(state.inner.keys.clone());
    let routes = table().into_iter().fold(Router::new(), |routes, (path, door)| routes.route(path, door));
    let routes = routes.route_layer(from_fn(cors::open)).layer(axum::extract::DefaultBodyLimit::disable());
    routes.with_state(state).merge(settings)
}

/// The one door whose path lies among those of the API: a proxy that knows only how paths begin sends its requests to whoever answers
/// those.
pub fn settings_router(keys: Arc<dyn WriteKeys>) -> Router {
    let routes = Router::new().route(SETTINGS, get(starting::segment_settings));
    routes.route_layer(from_fn(cors::open)).with_state(keys)
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
