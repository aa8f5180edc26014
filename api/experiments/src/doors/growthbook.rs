//! GrowthBook's SDK endpoint: payloads, their stream, and evaluation on the server.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::assign::{Assignment, Evaluator, User};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::Doors;
use super::evaluation;
use super::key::{Served, Unserved};
use super::limit::AskedFrom;
use super::stream::{self, Ending};
use crate::payloads::{Compiled, ProjectPayloads};
use crate::storage::Connection;

const CACHE: HeaderValue =
    HeaderValue::from_static("public, max-age=30, stale-while-revalidate=3600, stale-if-error=36000");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const UNRECOVERABLE: HeaderName = HeaderName::from_static("x-unrecoverable");
const SSE_SUPPORT: HeaderName = HeaderName::from_static("x-sse-support");

fn refused(text: &str) -> Response {
    let body = json!({"status": 400, "error": text}).to_string();
    let headers = [
        (header::CONTENT_TYPE, JSON),
        (header::CACHE_CONTROL, NO_STORE),
        (UNRECOVERABLE, HeaderValue::from_static("1")),
    ];
    (StatusCode::BAD_REQUEST, headers, body).into_response()
}

fn unserved(unserved: Unserved) -> Response {
    match unserved {
        Unserved::Refused => refused("Invalid API Key"),
        Unserved::Failed(error) => {
            tracing::error!(%error, "payloads could not be read");
            let body = json!({"status": 500, "error": "The payload cannot be read now."}).to_string();
            let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, NO_STORE)];
            (StatusCode::INTERNAL_SERVER_ERROR, headers, body).into_response()
        }
    }
}

pub(super) async fn features(State(doors): State<Doors>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let served = match doors.served(&key).await {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    if served.connection.is_remote {
        return refused("Remote evaluation required");
    }
    let Some(body) = served.compiled.body_for(&served.connection) else {
        return refused("The encryption key of this connection is damaged");
    };
    let tag = served.compiled.tag_for(&served.connection);
    let etag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    let common = [
        (header::CACHE_CONTROL, CACHE),
        (header::ETAG, etag),
        (SSE_SUPPORT, HeaderValue::from_static("enabled")),
        (header::CONTENT_TYPE, JSON),
    ];
    if knows(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, body).into_response()
}

/// True when `If-None-Match` names the tag, weakly or strongly.
pub(super) fn knows(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

pub(super) async fn subscribe(
    State(doors): State<Doors>,
    Extension(AskedFrom(address)): Extension<AskedFrom>,
    ending: Ending,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    let served = match doors.served(&key).await {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    let seat = match doors.seats.take(&served.key, address) {
        Ok(seat) => seat,
        Err(full) => {
            let told = |status: StatusCode| {
                let body = json!({"status": status.as_u16(), "error": full.sentence()}).to_string();
                (status, [(header::CONTENT_TYPE, JSON)], body).into_response()
            };
            return stream::sent_away(full, told);
        }
    };
    let known = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    stream::stream(&doors, key, served, seat, known, (render, stream::EMPTY_EVENT), ending)
}

fn render(compiled: &Compiled, _: &ProjectPayloads, connection: &Connection) -> Option<Vec<Bytes>> {
    let tag = compiled.tag_for(connection);
    let id = tag.trim_matches('"');
    if connection.is_remote {
        return Some(stream::event(id, "features-updated", Bytes::from_static(b"{}")));
    }
    Some(stream::event(id, "features", compiled.body_for(connection)?))
}

pub(super) async fn evaluate(State(doors): State<Doors>, Path(key): Path<String>, body: Bytes) -> Response {
    let served = match doors.served(&key).await {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    let Ok(context) = serde_json::from_slice::<FlagValue>(&body) else { return refused("The body is not JSON") };
    if context.as_object().is_none() {
        return refused("The body has to be an object");
    }
    let user = User::read(&context);
    let hash_id = match evaluation::hash_id(&doors, &served, &user.attributes).await {
        Ok(hash_id) => hash_id,
        Err(error) => return unserved(Unserved::Failed(error)),
    };
    let answer = evaluated(&served, &user, hash_id).to_string();
    ([(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, NO_STORE)], answer).into_response()
}

/// A payload in which every rule is settled for this user, with what the SDK has to track.
fn evaluated(served: &Served, user: &User, hash_id: Option<String>) -> Value {
    let payload = &served.compiled.payload;
    let known = &served.payloads.catalogue.features;
    let earlier = hash_id.map(|id| User { hash_id: Some(id.into()), ..user.clone() });
    let mut features = serde_json::Map::new();
    for feature in payload.features() {
        let keeps = known.get(&*feature.key).is_some_and(|feature| feature.keeps_at_sign_in);
        let user = earlier.as_ref().filter(|_| keeps).unwrap_or(user);
        let mut evaluator = Evaluator::new(payload, user).with_exposures();
        let evaluation = evaluator.evaluate(&feature.key);
        let value = json!(evaluation.value);
        let tracks: Vec<Value> = evaluator.exposures().iter().map(track).collect();
        let settled = if tracks.is_empty() {
            json!({"defaultValue": value})
        } else {
            json!({"defaultValue": value, "rules": [{"force": value, "tracks": tracks}]})
        };
        features.insert(feature.key.to_string(), settled);
    }
    json!({"status": 200, "features": features, "experiments": pages(served, user)})
}

/// Experiments on pages that this user is in, whatever page they see: the SDK compares addresses and hashes again. For whom they are is not
/// told, nor what other variations do.
fn pages(served: &Served, user: &User) -> Vec<Value> {
    let all = served.compiled.parts.get("experiments").and_then(Value::as_array).map_or([].as_slice(), Vec::as_slice);
    let payload = &served.compiled.payload;
    let of = |whole: &Value| {
        let mut told = whole.as_object()?.clone();
        let addresses = told.remove("urlPatterns");
        let experiment = payload.experiment(&(&Value::Object(told.clone())).into());
        let mut evaluator = Evaluator::new(payload, user);
        let assignment = evaluator.run(&experiment);
        if !assignment.in_experiment {
            return None;
        }
        for name in ["condition", "parentConditions"] {
            told.remove(name);
        }
        if let Some(variations) = told.get_mut("variations").and_then(Value::as_array_mut) {
            let others = variations.iter_mut().enumerate().filter(|(index, _)| *index != assignment.variation);
            // What kind of experiment it is has to be seen; where others are sent has not.
            others.filter_map(|(_, value)| value.get_mut("urlRedirect")).for_each(|address| *address = json!(""));
        }
        told.extend(addresses.map(|addresses| ("urlPatterns".to_owned(), addresses)));
        Some(Value::Object(told))
    };
    all.iter().filter_map(of).collect()
}

/// The experiment is told as far as tracking needs it, and not its targeting.
fn track(assignment: &Assignment<'_>) -> Value {
    let whole = json!(assignment.experiment_value());
    let kept = ["key", "name", "variations", "weights", "meta", "phase", "hashAttribute", "hashVersion", "seed"];
    let kept = kept.into_iter().filter_map(|name| Some((name.to_owned(), whole.get(name)?.clone())));
    json!({"experiment": kept.collect::<serde_json::Map<String, Value>>(), "result": assignment.to_value()})
}
